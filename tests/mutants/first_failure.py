"""The default suite, played on a wrong port until the first check that finds it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.checks.kinds import Check, NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.scenario import Scenario

__all__ = ["SEED", "Found", "first_failure", "ordered", "warm_up"]

SEED = 20_110_712
CHUNK = 12
#: What counts as not found.
SILENT = ("pass", "not-claimed", "skipped")
#: Checks that take long, and come last among those of their level.
SLOW = ("long-runs/", "sizes/", "convex/", "fresh/", "relations/")


@dataclass(frozen=True)
class Found:
    """What found a wrong port."""

    level: str
    status: str
    requirement: str
    check: str


@functools.cache
def _library() -> Library:
    return Library.read()


_KNOWN: dict[str, tuple[EventExpectation, ...]] = {}


def _expectations(scenario: Scenario) -> tuple[EventExpectation, ...]:
    if scenario.id not in _KNOWN:
        _KNOWN[scenario.id] = _library().expectations(scenario)
    return _KNOWN[scenario.id]


@functools.cache
def ordered() -> tuple[Check, ...]:
    """All but slow native checks and MAY: MUST first, quick before slow, mixed up."""
    every = checks_of_a_run(_library(), SEED, fresh=6)
    chosen = [c for c in every if not (isinstance(c, NativeCheck) and c.entry.slow)]
    mixed = [check for start in range(17) for check in chosen[start::17]]
    mixed.sort(key=lambda check: (check.level != "MUST", check.id.startswith(SLOW)))
    return tuple(check for check in mixed if check.level != "MAY")


def _verdicts(
    candidate: InProcessClient, identity: Identity, checks: Sequence[Check]
) -> Iterator[Verdict]:
    for start in range(0, len(checks), CHUNK):
        seen = list(observe(candidate, identity, checks[start : start + CHUNK]))
        yield from judge(seen, Terms(identity.claims, _expectations))


def first_failure(
    factory: Callable[[], Adapter], checks: Sequence[Check] | None = None
) -> Found | None:
    """What finds the port first, at MUST if anything there does; None if it passes."""
    candidate = InProcessClient(factory)
    try:
        identity = candidate.start()
        if smoke_test(candidate, identity):
            return Found("MUST", "crash", "smoke-test", "smoke-test")
    except (NotLoaded, TypeError, NameError, AttributeError):
        return Found("MUST", "crash", "loading", "loading")
    chosen = ordered() if checks is None else checks
    for verdict in _verdicts(candidate, identity, chosen):
        if verdict.status not in SILENT:
            first = verdict.requirements[0]
            return Found(verdict.level, verdict.status, first, verdict.scenario)
    return None


def warm_up(factory: Callable[[], Adapter]) -> Found | None:
    """Play the suite on a right port: what is expected is known from then on."""
    return first_failure(factory)
