"""Profiles of ports that have little: right ones pass, wrong ones are caught."""

import numpy as np
import pytest
from legal_ports import LEGAL
from mutant_kit import Bent, adapter
from mutant_table import MUTANTS
from open_port import Open
from profiles import PROFILES, Arena, narrowed, profile_power

from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient

LIBRARY = Library.read()
CHECKS = checks_of_a_run(LIBRARY, 11, 2)
POOR = [name for name in PROFILES if name not in ("groups",)]


def judged(make):
    with np.errstate(all="ignore"):
        return evaluate_client(
            "x", InProcessClient(make), CHECKS, LIBRARY.expectations, whole=True
        )


def _bent():
    return adapter(Bent)


def _open():
    return adapter(Open)


@pytest.mark.parametrize("name", POOR)
@pytest.mark.parametrize("make", [NumpyAdapter, _open], ids=["numpy", "open"])
def test_a_right_port_is_conformant_in_every_profile(name, make):
    result = judged(narrowed(make, PROFILES[name]))
    assert result.problem is None
    assert [f"{v.scenario}: {v.failure}" for v in result.failures] == []
    assert result.conclusion == "CONFORMANT"
    assert sum(v.status.was_judged for v in result.verdicts) > 300


@pytest.mark.parametrize("number", range(len(LEGAL)))
def test_ports_that_round_otherwise_are_not_accused(number):
    name = POOR[number % len(POOR)]
    make = narrowed(lambda: adapter(LEGAL[number]), PROFILES[name])
    assert [v.scenario for v in judged(make).failures] == []


# -- wrong ones ------------------------------------------------------------------------


def mutant(name):
    (found,) = (m for m in MUTANTS if m.name == name)
    return found


SMALL = [c for c in CHECKS if c.id.startswith(("algorithm/", "weight-decay/"))]


def test_the_power_in_each_profile():
    chosen = [
        mutant("formula/EpsInsideRoot"),
        mutant("decay_maximize/DecayDecoupled"),
    ]
    found = profile_power(SMALL, chosen, jobs=1)
    assert found.keys() == PROFILES.keys()
    for name, row in found.items():
        decays = "weight-decay" in PROFILES[name].claims
        assert row["possible"] == row["caught"] == 1 + decays, name
        assert row["missed"] == []
    assert found["state"]["methods"]["grid"] <= found["state"]["possible"]


def test_a_fault_that_a_profile_does_not_have_does_not_exist_there():
    arena = Arena(SMALL, PROFILES["state"], _bent, False)
    decoupled = mutant("decay_maximize/DecayDecoupled").port
    assert arena.first(lambda: adapter(decoupled)) == (None, False)
    assert arena.first(_bent) == (None, False)


# -- broken ports that were once acquitted ---------------------------------------------


class RateCapped(Bent):
    """The rate is min(lr, 1)."""

    def rate(self, t, o):
        return min(super().rate(t, o), 1.0)


class StopsAfterFive(Bent):
    """S stops growing after step 5."""

    def move(self, p, grad, state, o):
        kept = state["sum"].copy()
        super().move(p, grad, state, o)
        if state["step"] > 5:
            state["sum"][...] = kept


class FirstSixtyFour(Bent):
    """Elements from 64 on are never touched."""

    def move(self, p, grad, state, o):
        theta, total = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        for now, before in ((p.data, theta), (state["sum"], total)):
            now.reshape(-1)[64:] = before.reshape(-1)[64:]


@pytest.mark.parametrize("name", POOR)
@pytest.mark.parametrize("port", [RateCapped, StopsAfterFive, FirstSixtyFour])
def test_what_was_once_acquitted_is_caught_in_every_profile(port, name):
    result = judged(narrowed(lambda: adapter(port), PROFILES[name]))
    assert result.failures
    assert result.exit_code() == 1
