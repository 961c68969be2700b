"""Every mutant is caught, by every requirement that the table names, and right ports
are not.

A requirement catches a mutant by one failed scenario that bears its name.  Scenarios
are judged a few at a time and a mutant is let go once all its catchers have spoken.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re

import pytest
from host_ports import host_kept
from mutant_kit import Bent, adapter
from mutant_table import KINDS, MODULES, MUTANTS, UNCOVERED

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient

SEED = 20_110_712
CHUNK = 24
#: What a right port may answer at MUST instead of passing.
NOT_JUDGED = ("not-claimed", "skipped")
RIGHT = {
    "numpy": numpy_own.NumpyAdapter,
    "bent": lambda: adapter(Bent),
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@functools.cache
def library():
    return Library.read()


@functools.cache
def default_checks():
    checks = checks_of_a_run(library(), SEED, fresh=6)
    return [c for c in checks if not (isinstance(c, NativeCheck) and c.entry.slow)]


def named(requirements):
    """The checks that bear one of these names."""
    wanted = set(requirements)
    return [check for check in default_checks() if wanted & set(check.requirements)]


def verdicts(port, checks):
    """Verdicts of a mutant, a chunk of checks at a time."""
    candidate = InProcessClient(lambda: adapter(port))
    identity = candidate.start()
    left = iter(checks)
    while chunk := list(itertools.islice(left, CHUNK)):
        seen = list(observe(candidate, identity, chunk))
        yield from judge(seen, Terms(identity.claims, library().expectations))


def spread(checks):
    """Every ninth check, then those behind them: neighbours are alike."""
    return [check for start in range(9) for check in checks[start::9]]


@pytest.fixture
def kept():
    with host_kept():
        yield


CAUGHT = [mutant for mutant in MUTANTS if mutant.status != "alive"]


@pytest.mark.parametrize("mutant", CAUGHT, ids=lambda m: m.name)
@pytest.mark.usefixtures("kept")
def test_mutant_is_caught(mutant):
    missing = set(mutant.caught_by)
    for verdict in verdicts(mutant.port, spread(named(mutant.caught_by))):
        if verdict.status == mutant.status:
            level = {r for r in missing if REQUIREMENTS[r].level == verdict.level}
            missing -= level & set(verdict.requirements)
        if not missing:
            return
    pytest.fail(f"not caught by {', '.join(sorted(missing))}")


@pytest.mark.parametrize("name", RIGHT)
def test_right_port_passes_the_same_scenarios(name):
    candidate = InProcessClient(RIGHT[name])
    result = evaluate_client(name, candidate, default_checks(), library().expectations)
    must = [v for v in result.verdicts if v.level == "MUST"]
    assert result.problem is None
    odd = {v.scenario for v in must if v.status not in ("pass", *NOT_JUDGED)}
    assert odd == set()
    assert len(must) > 500


# -- the table itself ------------------------------------------------------------------


def test_every_requirement_has_a_mutant():
    named_by_mutants = {r for mutant in MUTANTS for r in mutant.caught_by}
    assert set(REQUIREMENTS) - named_by_mutants == set(UNCOVERED)


def test_every_named_requirement_exists():
    assert {r for m in MUTANTS for r in m.caught_by} <= set(REQUIREMENTS)


def classes():
    return [
        thing
        for module in MODULES
        for name, thing in vars(module).items()
        if inspect.isclass(thing)
        and thing.__module__ == module.__name__
        and not name.startswith("_")
        and hasattr(thing, "load_state_dict")
    ]


def test_table_lists_every_mutant_once():
    listed = [mutant.port for mutant in MUTANTS]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(classes())


def test_every_mutant_is_caught_or_alive_for_a_reason():
    assert all(mutant.caught_by for mutant in CAUGHT)
    reasons = {k: v for m in MODULES for k, v in getattr(m, "ALIVE", {}).items()}
    assert all(reason.endswith(".") for reason in reasons.values())
    assert len(MUTANTS) == len(CAUGHT) + len(reasons)


def test_every_mutant_has_a_class_of_faults():
    assert {mutant.kind for mutant in MUTANTS} == set(KINDS)


@pytest.mark.parametrize("port", classes(), ids=lambda port: port.__name__)
def test_every_mutant_says_what_is_wrong_and_whom_it_hurts(port):
    said = (port.__dict__.get("__doc__") or "").strip()
    assert said.endswith(".")
    assert len(re.split(r"\.\s+", said)) >= 2
