"""How the zoo is played and judged; the ports themselves stand in the other files."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from unittest import mock

from mutant_kit import BentAdapter

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.dialects import DIALECTS

__all__ = [
    "UNSAID",
    "ZooAdapter",
    "accused",
    "assert_right",
    "default_checks",
    "library",
    "modest",
    "verdicts",
]

SEED = 20_110_712
NOT_JUDGED = ("not-claimed", "skipped", "waived")

#: What an author leaves unsaid who promises the step and its options, and no more.
UNSAID = frozenset(
    [
        *("state", "state-write", "many-steps", "set-option", "groups", "add-group"),
        *("mixed-formats", "refusals", "defaults", "torch", "load-new-process"),
        *("load-same-object", "load-deepcopy"),
    ]
)


class ZooAdapter(BentAdapter):
    """Claims more or less than all, and declares a dialect, as the port says itself."""

    def __init__(self, port):
        super().__init__(port)
        also, without = (
            getattr(port, name, frozenset()) for name in ("also", "without")
        )
        self.claims = (self.claims | also) - without
        if hasattr(port, "dialect"):
            self.own_dialect = port.dialect
            self.dialect = port.dialect.name
        self.constants = getattr(port, "constants", self.constants)

    def reading(self, name, optimizer):
        """What the port shows."""
        shown = super().reading(name, optimizer)
        return shown if "state" in self.claims else _hidden(shown)


def _hidden(shown):
    return Reading(shown.theta, shown.gradient, None, None, shown.storage)


def modest(make):
    """The maker of the same port by an author who leaves `UNSAID` unsaid."""

    def made():
        adapter = make()
        adapter.claims -= UNSAID
        read = adapter.read
        adapter.read = lambda optimizer: {
            name: _hidden(shown) for name, shown in read(optimizer).items()
        }
        return adapter

    return made


@functools.cache
def library():
    """The golden vectors."""
    return Library.read()


@functools.cache
def default_checks():
    """Every check of a run, but those that take many seconds."""
    checks = checks_of_a_run(library(), SEED, fresh=6)
    return [c for c in checks if not (isinstance(c, NativeCheck) and c.entry.slow)]


def verdicts(make, checks=None):
    """Every verdict of the suite on a port in this process.

    A dialect of the port's own is known while it is played.
    """
    checks = default_checks() if checks is None else checks
    with ExitStack() as stack:
        own = getattr(make(), "own_dialect", None)
        if own is not None and own.name not in DIALECTS:
            stack.enter_context(mock.patch.dict(DIALECTS, {own.name: own}))
        result = evaluate_client(
            "zoo", InProcessClient(make), checks, library().expectations, explain=False
        )
    assert result.problem is None, result.problem
    return result.verdicts


def accused(judged, level="MUST"):
    """The checks of a level that did not pass, and why."""
    return {
        v.scenario: (v.status, v.message, v.failure)
        for v in judged
        if v.level == level and v.status not in ("pass", *NOT_JUDGED)
    }


def assert_right(judged, should, least=300):
    """Nothing at MUST; at SHOULD what is known."""
    assert accused(judged) == {}
    assert sum(v.status == "pass" for v in judged if v.level == "MUST") >= least
    assert set(accused(judged, "SHOULD")) == should
