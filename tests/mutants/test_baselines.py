"""What other methods find, and what they accuse."""

from __future__ import annotations

import drive
import formula
import none_zero
import numerics
import pytest
import state
from baselines import METHODS, _grid, alarms
from drive import oracle
from legal_ports import LEGAL
from mutant_kit import Bent, adapter
from usual_tests import USUAL_TESTS

from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient

USUAL = {name: test for name, _, test in USUAL_TESTS}


def caught(method, port):
    """Whether the only test of the method raises."""
    (test,) = METHODS[method]
    return bool(alarms(lambda: adapter(port), {method: [test]})[method].raised)


@pytest.mark.parametrize("method", ["allclose", "assert-close"])
def test_gross_faults_are_seen_and_subtle_ones_are_not(method):
    assert caught(method, formula.PlusSign)
    assert not caught(method, Bent)
    assert not caught(method, numerics.SqrtFewUlpsOff)
    assert not caught(method, formula.SumStartsAtSquare)


def settings(fmt, **wanted):
    words = ",".join(f"{name}={value}" for name, value in wanted.items())
    return [test for test in _grid(fmt) if words in test.name]


def test_grid_sees_what_defaults_hide():
    found = settings("binary64", lr=0.5, lr_decay=0.0, weight_decay=0.1, eps=0.001)
    assert len(found) == 4
    port = adapter(formula.SumStartsAtSquare)
    seen = alarms(lambda: port, {"grid": found})["grid"]
    assert [name.split("=")[-2].split(",")[0] for name in seen.raised] == ["0.1"] * 2


def test_grid_in_16_bits_accuses_right_ports():
    found = settings("binary16", lr=0.5, lr_decay=0.0, weight_decay=0.0)
    assert alarms(lambda: adapter(Bent), {"grid": found})["grid"].raised
    assert not alarms(oracle, {"grid": found})["grid"].raised


@pytest.mark.parametrize("make", [lambda: adapter(Bent), torch_own.foreach])
def test_usual_tests_accuse_no_right_port(make):
    found = alarms(make, {"usual": METHODS["usual-tests"]})["usual"]
    assert found.raised == ()
    assert found.played >= 20


@pytest.mark.parametrize(
    ("test", "port"),
    [
        ("right-direction", formula.PlusSign),
        ("resumed-bytes", state.SumLostInBytes),
        ("no-gradient-is-noop", none_zero.NoneDecays),
        ("gradients-untouched", none_zero.DecayEntersGradient),
        ("golden-both-decays", formula.SumDecays),
    ],
)
def test_usual_tests_find_what_they_are_for(test, port):
    with pytest.raises(AssertionError):
        USUAL[test](lambda: adapter(port))


class LaterGroupsHalved(Bent):
    """Groups after the first take half a step."""

    def rate(self, t, o):
        first = o is self.param_groups[0]
        return super().rate(t, o) * (1.0 if first else 0.5)


@pytest.mark.parametrize("options", ["default", "lr-decay"])
def test_usual_tests_compare_groups(options):
    with pytest.raises(AssertionError):
        USUAL[f"groups-agree-{options}"](lambda: adapter(LaterGroupsHalved))


def test_gaussian_numbers_are_those_of_their_name():
    one = drive.gaussian("a", "binary64", 3)
    assert one != drive.gaussian("b", "binary64", 3)
    assert one.values() == drive.gaussian("a", "binary64", 3, 1).values()


@pytest.mark.parametrize("port", LEGAL)
def test_legal_ports_are_legal(port):
    """On every fresh scenario's like: the matrix plays all checks on them."""
    library = Library.read()
    themes = ("numerics/", "weight-decay/", "maximize/")
    some = [s for s in library.scenarios() if s.id.startswith(themes)][::3]
    candidate = InProcessClient(lambda: adapter(port))
    identity = candidate.start()
    seen = list(observe(candidate, identity, some))
    found = judge(seen, Terms(identity.claims, library.expectations))
    assert {v.scenario for v in found if v.level == "MUST" and v.status == "fail"} == (
        set()
    )
