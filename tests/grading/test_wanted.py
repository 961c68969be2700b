"""What the flags of scenarios ask for beside the box, and declared flushing to zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_grading import (
    ALL,
    FOUR,
    altered,
    each_format,
    message,
    new,
    no_expectation,
    played,
    scenario,
    step,
    verdict,
    with_value,
)

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.torch_optim import single as torch_single
from adagrad_conformance.checks.scenarios import special_values
from adagrad_conformance.checks.scenarios.families import FAMILIES, GENERATED
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.grading import judge as judge_module
from adagrad_conformance.grading.arrays import step_batch
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.array_enclosure import fast_boxes
from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY16, BINARY32, BINARY64
from adagrad_reference.numeric_class import FLUSHED, LAWFUL
from adagrad_reference.scenario import SetState, Step, Steps, ZeroGrad, tensor

CLAIM = ALL | {"flush-to-zero"}


# -- the sign of zeros -----------------------------------------------------------------


def zeros(theta, g, total=2.7, flags=(Flag.SIGN_WANTED,), **options):
    """One step from a written S."""
    return scenario(
        new(**options),
        SetState("A", "p", tensor(BINARY32, [total] * len(g)), 1),
        step(values=g),
        values=theta,
        flags=flags,
    )


DUE = (  # theta, g, theta - update by IEEE 754
    (0.0, 0.0, 0.0),
    (0.0, -0.0, 0.0),
    (-0.0, 0.0, -0.0),
    (-0.0, -0.0, 0.0),
)


@pytest.mark.parametrize(("theta", "g", "due"), DUE, ids=str)
@pytest.mark.parametrize("decay", [0.0, 0.37])
def test_sign_of_a_zero(theta, g, due, decay):
    asked = zeros([1.3, theta, 2.6], [0.6, g, 0.4], weight_decay=decay)
    for sign, status in ((due, "pass"), (-due, "fail")):
        found = verdict(altered(played(asked), 2, with_value("theta", 1, sign)))
        assert found.status == status
    words = "theta is a zero of the wrong sign in 1 of 3 elements"
    assert found.failure.message == words


@pytest.mark.parametrize("port", [torch_single, NumpyAdapter])
def test_right_ports_give_that_sign(port):
    theta, g = ([numbers[i] for numbers in DUE] for i in range(2))
    for decay in (0.0, 0.37):
        asked = zeros(theta, g, weight_decay=decay)
        candidate = InProcessClient(port)
        candidate.start()
        assert verdict(play(candidate, asked)).status == "pass"


def test_sign_of_a_zero_counts_only_where_it_is_wanted():
    asked = zeros([0.0] * 3, [0.0] * 3, flags=())
    seen = altered(played(asked), 2, with_value("theta", 1, -0.0))
    assert verdict(seen).status == "pass"


def test_sign_of_a_cancelled_theta():
    numbers = {"theta": [32.0, -32.0, 1.3], "g": [2.0, -2.0, 0.4], "total": 12.0}
    asked = zeros(**numbers, lr=64.0, eps=0.0)
    assert verdict(played(asked)).status == "pass"
    for element in (0, 1):
        wrong = altered(played(asked), 2, with_value("theta", element, -0.0))
        assert "theta is a zero of the wrong sign" in message(wrong)


def test_sign_of_a_sum():
    asked = zeros([1.3] * 3, [-0.0, 0.0, 0.4], total=0.0)
    assert verdict(played(asked)).status == "pass"
    wrong = altered(played(asked), 2, with_value("state_sum", 0, -0.0))
    assert message(wrong) == "S is a zero of the wrong sign in 1 of 3 elements"


def test_an_update_that_underflows_may_have_either_sign():
    tiny = {"lr": 2.0**-140, "eps": 1.0}
    asked = zeros([0.0] * 3, [2.0**-20] * 3, **tiny)
    for sign in (0.0, -0.0):
        seen = altered(played(asked), 2, with_value("theta", 0, sign))
        assert verdict(seen).status == "pass"


# -- moving where g * g overflows ------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "status"), [((), "pass"), ((Flag.MOVES_WANTED,), "fail")]
)
def test_standing_still_where_the_square_overflows(flags, status):
    asked = scenario(new(), step(BINARY16, (300.0, 0.6, -999.0)), fmt=BINARY16,
                     flags=flags)  # fmt: skip
    seen = played(asked)
    assert verdict(seen).status == "pass"  # the NumPy port computes in binary32
    still = altered(seen, 1, with_value("theta", 2, asked.tensors["p"].values()[2]))
    found = verdict(still)
    assert found.status == status
    if status == "fail":
        words = "theta stands still where g * g overflows in 1 of 3 elements"
        assert (found.failure.message, found.failure.element) == (words, 2)


def test_an_ordinary_element_may_stand_still():
    asked = scenario(new(lr=0.0), step(), flags=(Flag.MOVES_WANTED,))
    assert verdict(played(asked)).status == "pass"


# -- zeros where a gradient was None ---------------------------------------------------


class _ZerosForAll(Adagrad):
    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in () if set_to_none else self._params():
            p.grad = np.zeros_like(p.data)


class _ZerosForAllAdapter(NumpyAdapter):
    def make_optimizer(self, params, options):
        return _ZerosForAll(params, **options)


def zeroed(*after, flags=()):
    params = {"p": tensor(BINARY32, [1.3, -0.7, 2.6]), "q": tensor(BINARY32, [0.9])}
    events = (new("p", "q", weight_decay=0.1), step(), ZeroGrad("A", False), *after)
    candidate = InProcessClient(_ZerosForAllAdapter)
    candidate.start()
    return verdict(play(candidate, scenario(*events, flags=flags, **params)))


def test_zeros_instead_of_none_are_accepted_and_stay():
    assert zeroed().status == "pass"
    assert zeroed(Step("A"), Step("A")).status == "pass"  # q steps with its zeros


def test_none_is_wanted():
    found = zeroed(flags=(Flag.NONE_WANTED,))
    assert (found.status, found.failure.param) == ("fail", "q")


# -- many steps ------------------------------------------------------------------------


def many():
    cycle = (
        {"p": tensor(BINARY32, [0.6, -2.3, 0.4])},
        {"p": None},
        {"p": tensor(BINARY32, [-0.3, 1.7, 0.9])},
    )
    return played(scenario(new(lr_decay=0.3), Steps("A", cycle, 10)))


def with_trace(name, place, change):
    seen = many()
    trace = seen.events[1].trace["p"]
    column = list(getattr(trace, name))
    column[place] = change(column[place])
    seen.events[1].trace["p"] = replace(trace, **{name: tuple(column)})
    return seen


def test_many_steps_are_judged_one_by_one():
    found = verdict(many())
    assert (found.status, found.elements) == ("pass", 7 * 3)


@pytest.mark.parametrize("name", ["theta", "state_sum"])
@pytest.mark.parametrize("taken", [3, 6, 9])
def test_a_wrong_value_is_found_in_its_step(name, taken):
    seen = with_trace(name, 3 * (taken - 1) + 2, lambda bits: bits ^ 0x400000)
    found = verdict(seen)
    assert f"in step {taken}" in found.failure.message
    assert found.failure.element == 2


@pytest.mark.parametrize("skipped", [2, 5, 8])
def test_a_skipped_step_must_change_nothing(skipped):
    seen = with_trace("theta", 3 * (skipped - 1), lambda bits: bits ^ 1)
    assert f"in step {skipped}, without a gradient" in message(seen)


def test_a_wrong_counter_in_the_midst():
    seen = with_trace("t", 6, lambda t: t + 1)
    assert message(seen) == "the step counter is wrong after step 7"


# -- subnormal numbers -----------------------------------------------------------------


class _Flushing(Adagrad):
    """Numbers below `limit` times the smallest normal one are zero, read or made."""

    limit = 1.0

    def _step_param(self, p, group):
        grad, state = p.grad, self.state[p]
        p.grad = self._flushed(grad, p)
        p.data[...] = self._flushed(p.data, p)
        state["sum"][...] = self._flushed(state["sum"], p)
        scalars = {name: float(self._flushed(group[name], p)) for name in ("lr", "eps")}
        super()._step_param(p, {**group, **scalars})
        p.data[...] = self._flushed(p.data, p)
        state["sum"][...] = self._flushed(state["sum"], p)
        p.grad = grad

    def _flushed(self, x, p):
        bits = {"float64": BINARY64, "float16": BINARY16}.get(p.data.dtype.name)
        small = (bits or BINARY32).smallest_normal
        return np.where(np.abs(x) < self.limit * small, np.zeros_like(x), x)


class _FlushingTooMuch(_Flushing):
    limit = 4.0


def subnormal_verdicts(port, claims, flags=(Flag.SUBNORMAL,)):
    class Port(NumpyAdapter):
        def make_optimizer(self, params, options):
            return port(params, **options)

    scenarios = [
        replace(s, flags=flags)
        for s in special_values.scenarios()
        if Flag.SUBNORMAL in s.flags
    ]
    candidate = InProcessClient(Port)
    identity = candidate.start()
    seen = list(observe(candidate, identity, scenarios))
    return judge(seen, Terms(claims, no_expectation))


def words(verdicts):
    """The kinds of scenario, such as subnormal-theta."""
    return {v.scenario.split("/")[1] for v in verdicts}


def test_every_kind_comes_in_every_format():
    assert len(subnormal_verdicts(Adagrad, ALL)) == 5 * len(FOUR)


@pytest.mark.parametrize("claims", [ALL, CLAIM], ids=["plain", "declared"])
def test_gradual_underflow_passes_and_is_not_graded_lower(claims):
    found = subnormal_verdicts(Adagrad, claims)
    assert {v.status for v in found} == {"pass"}
    assert "flushed" not in {v.grade for v in found}


def test_flushing_is_a_finding_unless_it_is_declared():
    found = subnormal_verdicts(_Flushing, ALL)
    assert {(v.level, v.status) for v in found} == {("SHOULD", "fail")}


def test_declared_flushing_passes_with_a_grade_of_its_own():
    found = subnormal_verdicts(_Flushing, CLAIM)
    assert {v.status for v in found} == {"pass"}
    assert {v.grade for v in found} == {"flushed"}
    assert list(GRADES).index("flushed") > list(GRADES).index("lawful")


def test_declared_flushing_is_no_excuse_for_losing_normal_numbers():
    found = subnormal_verdicts(_FlushingTooMuch, CLAIM)
    failed = [v for v in found if v.status == "fail"]
    assert len({v.scenario.split("/")[-1] for v in failed}) == len(FOUR)
    assert words(failed) >= {"subnormal-theta", "subnormal-gradient", "subnormal-sum"}


def test_declared_flushing_is_no_excuse_in_other_scenarios():
    found = subnormal_verdicts(_Flushing, CLAIM, flags=())
    assert {v.status for v in found} == {"fail"}


def test_must_scenarios_stay_clear_of_subnormal_numbers(monkeypatch):
    """So a port that flushes them passes: its boxes are no wider there."""
    differing = set()

    def compare(fmt, pairs, *others):
        batch, *_ = step_batch(fmt, [step for _, step in pairs])
        owners = [case.check.id for case, step in pairs for _ in step.gradient]
        for lawful, flushed in zip(
            fast_boxes(batch, LAWFUL), fast_boxes(batch, FLUSHED), strict=True
        ):
            same = (
                (lawful.lo == flushed.lo)
                & (lawful.hi == flushed.hi)
                & (lawful.nan == flushed.nan)
            )
            differing.update(owners[i] for i in np.flatnonzero(~same))

    monkeypatch.setattr(judge_module, "_judge_steps", compare)
    must = [
        s
        for family in (*FAMILIES, *GENERATED)
        for s in family.scenarios()
        if s.level == "MUST" and "new-process" not in s.id
    ]
    candidate = InProcessClient(NumpyAdapter)
    identity = candidate.start()
    judge(observe(candidate, identity, must), Terms(identity.claims, no_expectation))
    assert differing == set()


@each_format
def test_a_small_normal_number_is_no_subnormal(fmt):
    """A step that leaves it must not leave zero, declared or not."""
    asked = scenario(
        new(lr=0.0),
        SetState("A", "p", tensor(fmt, [0.4] * 3), 1),
        step(fmt),
        fmt=fmt,
        values=(1.25 * fmt.smallest_normal, 1.3, 2.6),
        flags=(Flag.SUBNORMAL,),
    )
    seen = altered(played(asked), 2, with_value("theta", 0, 0.0))
    assert verdict(seen, claims=CLAIM).status == "fail"
