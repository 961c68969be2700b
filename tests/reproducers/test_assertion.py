"""What a reproducer asserts: every kind of complaint has a kind of assertion.

Each is shown by a mutant that its script rejects, and by a right port that passes it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from reproducer_kit import (
    PORTS,
    RIGHT,
    adapter,
    code_lines,
    executed,
    failure,
    library,
    on_torch,
    reproducer,
    started,
)

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.scenarios.builders import (
    optimizer,
    scenario,
    single_step,
    view,
)
from adagrad_conformance.execution.observations import EventSeen, Observation
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.failure import Failure, FailureKind, Number, Span
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reproducers.assertion import (
    WITHOUT_SCENARIO,
    Assertion,
    Look,
    assertion_of,
    condition,
    in_words,
)
from adagrad_conformance.reproducers.smallest import smallest
from adagrad_conformance.reproducers.torch_script import (
    TorchConstructor,
    torch_reproducer,
)
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.boxes import Box
from adagrad_reference.formats import BINARY32, BINARY64
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Layout,
    Load,
    Save,
    Sparse,
    Step,
    Steps,
    ZeroGrad,
    tensor,
)

#: Mutant, requirement, and where its script looks.
KINDS = [
    ("EpsInsideRoot", "numerics/eps", "theta"),
    ("SumOverwritten", "algorithm/accumulator", "S"),
    ("NoneDecays", "none-vs-zero/none-skips", "theta"),
    ("SumStartsAtZero", "algorithm/initial-accumulator", "S"),
    ("CallsCounted", "lr-decay/own-counter", "t"),
    ("ZeroGradForgets", "zero-grad/to-none", "gradient"),
    ("GradientHoldsUpdate", "gradients/untouched", "gradient"),
    ("SparseNegatesInPlace", "sparse/update", "rows"),
    ("WritesOutsideView", "layout/strided-param", "storage"),
    ("ClosureTwice", "closure/once", "calls"),
    ("DecaysBeforeClosure", "closure/once", "asked"),
    ("LossNotReturned", "closure/once", "loss"),
    ("StepReturnsNumber", "closure/once", "loss"),
    ("DuplicateHalfAdded", "groups/duplicate-refused", "members"),
    ("NegativeAccepted", "parameters/refuses-illegal", "refusal"),
    ("EpsInParamFormat", "special-values/default-eps-in-binary16", "theta"),
    ("ZerosRefused", "algorithm/accumulator", None),
]


@pytest.mark.parametrize(("name", "requirement", "what"), KINDS)
def test_a_script_looks_where_the_fault_is(name, requirement, what, monkeypatch):
    found = reproducer(name, requirement)
    candidate, identity = started(name)
    seen = play(candidate, found.scenario)
    (verdict,) = judge([seen], Terms(identity.claims, library().expectations))
    looked = assertion_of(seen, verdict)
    assert (looked.what if looked else None) == what
    port = PORTS[name]
    error = executed(found.snippet, lambda: adapter(port), monkeypatch)
    assert error is not None
    if what is not None and what != "refusal":
        assert isinstance(error, AssertionError)
    right = on_torch(found.snippet, name)
    assert executed(right, RIGHT["numpy"], monkeypatch) is None


class Forgetful(SingleTensorAdagrad):
    """Loads nothing.  After a load everything goes on as before."""

    def load_state_dict(self, state_dict):
        pass


class Accepting(SingleTensorAdagrad):
    """Takes a group twice.  A param is then moved two times."""

    def add_param_group(self, param_group):
        for group in getattr(self, "param_groups", []):
            if any(p is q for p in param_group["params"] for q in group["params"]):
                return
        super().add_param_group(param_group)


class Shifting(SingleTensorAdagrad):
    """The closure is called after weight decay; its gradients are a copy."""

    def step(self, closure=None):
        if closure is not None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.mul_(0.5)
            closure()
        return super().step(closure)


class Unzeroed(SingleTensorAdagrad):
    """zero_grad does nothing.  Gradients add up."""

    def zero_grad(self, set_to_none=True):
        pass


P, Q, G = (tensor(BINARY64, x) for x in ([0.3, 0.4], [0.7, 0.9], [1.3, 1.7]))
MADE = optimizer(("p",), lr=0.5, eps=0.25)
TORCH_CASES = [
    (Forgetful, "state-dict/bytes", [
        MADE, Step("A", {"p": G}), Save("A", "s"), Step("A"), Load("A", "s", "bytes"),
    ], 10),
    (Forgetful, "state-dict/deepcopy", [
        MADE, Step("A", {"p": G}), Save("A", "s"), Step("A"),
        Load("A", "s", "deepcopy"),
    ], 10),
    (Accepting, "groups/duplicate-refused", [MADE, AddGroup("A", Group(("p",)))], 10),
    (Shifting, "closure/once", [MADE, Step("A", {"p": G}, 2.75)], 12),
    (Unzeroed, "zero-grad/to-none", [MADE, Step("A", {"p": G}), ZeroGrad("A", True)],
     10),
]  # fmt: skip


@pytest.mark.parametrize(
    ("port", "requirement", "events", "most"), TORCH_CASES, ids=lambda v: str(v)[:20]
)
def test_scripts_of_torch_classes(port, requirement, events, most):
    known = scenario("s", requirement, {"p": P}, events)
    target = f"some.module:{port.__name__}"
    candidate = InProcessClient(lambda: TorchAdapter(target, port))
    identity = candidate.start()
    (verdict,) = judge(
        [play(candidate, known)], Terms(identity.claims, library().expectations)
    )
    assert verdict.status == "fail"
    found = smallest(candidate, identity, known, verdict, library().expectations)
    text = found.snippet
    assert f"from some.module import {port.__name__}" in text
    assert "adagrad_conformance" not in text
    assert code_lines(text) <= most
    body = text.replace(f"from some.module import {port.__name__}", "pass")
    for made, fails in ((port, True), (SingleTensorAdagrad, False)):
        try:
            exec(compile(body, "reproducer", "exec"), {port.__name__: made})
        except (AssertionError, SystemExit):
            assert fails
        else:
            assert not fails


def script_of(known, fixed, factory):
    """The script of a torch path, unreduced."""
    candidate = InProcessClient(factory)
    identity = candidate.start()
    seen = play(candidate, known)
    (verdict,) = judge([seen], Terms(identity.claims, library().expectations))
    looked = assertion_of(seen, verdict)
    return looked, torch_reproducer(known, TorchConstructor(fixed=fixed), looked)


def test_an_element_behind_a_view_is_found_by_its_place_in_the_storage():
    guard = BINARY32.encode(7.25)
    theta = view(tensor(BINARY32, [0.5, 1.5]), Layout(4, 1, (2,), guard))
    known = single_step(
        "s", "layout/strided-param", theta, tensor(BINARY32, [2.0, 3.0]),
        lr=0.5, eps=0.25,
    )  # fmt: skip
    looked, text = script_of(known, {"fused": True}, torch_optim.fused)
    assert looked.what == "storage"
    assert looked.element in (0, 2)
    assert f"p_storage.tolist()[{looked.element}]" in text
    assert "== 7.25" in text
    with pytest.raises(AssertionError, match=r"due 7\.25"):
        exec(text, {})
    exec(text.replace("fused=True", "foreach=False"), {})


def test_of_two_optimizers_the_one_at_fault_is_looked_at():
    """B steps and moves the state that it shares with A, which must stay."""
    found = reproducer("LoadSharesState", "state-dict/independent")
    assert [e.optimizer for e in found.scenario.events][-1] == "B"
    assert "seen = A.state[" in found.snippet or "int(A.state[" in found.snippet


class MovesOnNone(SingleTensorAdagrad):
    """A param without a gradient moves."""

    patience = 0  #: steps without a gradient that leave it in peace

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    self.patience -= 1
                    if self.patience < 0:
                        p.data.mul_(0.5)
        return super().step(closure)


class MovesOnThirdNone(MovesOnNone):
    """Only the third step without a gradient moves it: no short scenario shows it."""

    patience = 2


@pytest.mark.parametrize("port", [MovesOnNone, MovesOnThirdNone])
def test_a_change_without_gradient_in_many_steps_has_a_script_that_fails(port):
    cycle = ({"p": G}, {"p": Q}, {"p": None})
    known = scenario("s", "none-vs-zero/none-skips", {"p": P}, [
        MADE, Steps("A", cycle, 30),
    ])  # fmt: skip
    candidate = InProcessClient(lambda: TorchAdapter("some.module:Port", port))
    identity = candidate.start()
    terms = Terms(identity.claims, library().expectations)
    (verdict,) = judge([play(candidate, known)], terms)
    failure = verdict.failure
    assert failure.kind is FailureKind.THETA_CHANGED
    assert failure.step == (2 if port is MovesOnNone else 8)
    assert failure.message.endswith(f"in step {failure.step + 1}, without a gradient")
    found = smallest(candidate, identity, known, verdict, library().expectations)
    body = found.snippet.replace("from some.module import Port", "pass")
    with pytest.raises(AssertionError, match="due"):
        exec(compile(body, "reproducer", "exec"), {"Port": port})
    exec(compile(body, "reproducer", "exec"), {"Port": SingleTensorAdagrad})


class Slightly(SingleTensorAdagrad):
    """From the second step on, S is one ulp too large.  Hidden by a long way."""

    def step(self, closure=None):
        loss = super().step(closure)
        for state in self.state.values():
            if state["step"] > 1:
                state["sum"] *= 1 + 2**-51
        return loss


def test_a_value_inside_the_long_box_is_held_to_the_short_one():
    """Over many steps the box along the way is wider than the port's error."""
    steps = [Step("A", {"p": tensor(BINARY64, [0.1 * i, 0.3])}) for i in range(1, 30)]
    known = scenario("s", "numerics/fresh", {"p": P}, [MADE, *steps])
    factory = lambda: TorchAdapter("x", Slightly)  # noqa: E731
    candidate = InProcessClient(factory)
    identity = candidate.start()
    seen = play(candidate, known)
    (verdict,) = judge([seen], Terms(identity.claims, library().expectations))
    late = verdict.failure.event
    looked = assertion_of(seen, verdict)
    assert looked.what == "S"
    assert looked.box.lo <= looked.box.hi
    observed = float(verdict.failure.observed_text.split()[0])
    assert not looked.box.lo <= observed <= looked.box.hi
    assert late >= 2


# -- every kind of failure -------------------------------------------------------------

TWO, THREE = (Number.of(BINARY32, x) for x in (2.0, 3.0))
ZERO, LESS = (Number.of(BINARY32, x) for x in (0.0, -0.0))
INFINITE = Number.of(BINARY32, math.inf)
PARAM = tensor(BINARY32, [2.0, 3.0])
ROWS = Sparse((2,), (1,), tensor(BINARY32, [7.0]))
#: Of each kind: what is observed and due, and a wrong and a right value of what the
#: script looks at.
SAMPLES = {
    FailureKind.ACCEPTED: (None, "lr is negative", None, None),
    FailureKind.CALLS: (2, 1, 2, 1),
    FailureKind.CLOSURE_PARAM: (None, None, [2.5, 3.0], [2.0, 3.0]),
    FailureKind.LOSS: (None, 2.75, None, 2.75),
    FailureKind.STATE_MISSING: (None, None, None, None),
    FailureKind.COUNTER: (4, 3, 4, 3),
    # held to the box along the trajectory, in which the observed value is not
    FailureKind.INITIAL_SUM: (TWO, THREE, 2.0, 49.0),
    FailureKind.THETA: (TWO, Span(BINARY32, Box(3.0, 4.0)), 2.0, 2.5172412395477295),
    FailureKind.SUM: (TWO, Span(BINARY32, Box(3.0, 4.0)), 2.0, 49.0),
    FailureKind.NOT_FINITE: (INFINITE, None, math.inf, 1.0),
    FailureKind.STILL: (TWO, None, 2.0, 1.0),
    FailureKind.THETA_SIGN: (ZERO, None, 0.0, -0.0),
    FailureKind.SUM_SIGN: (LESS, None, -0.0, 0.0),
    FailureKind.THETA_CHANGED: (TWO, THREE, 2.0, 3.0),
    FailureKind.SUM_CHANGED: (TWO, THREE, 2.0, 3.0),
    FailureKind.MASTER_CHANGED: (LESS, ZERO, -0.0, 0.0),
    FailureKind.GRADIENT_CHANGED: (TWO, THREE, 2.0, 3.0),
    FailureKind.ROWS_CHANGED: (None, None, [7.0, 0.0], [0.0, 7.0]),
    FailureKind.GRADIENT_MISSING: (None, None, None, None),
    FailureKind.GRADIENT_APPEARED: (None, None, None, None),
    FailureKind.STORAGE: (TWO, THREE, 2.0, 3.0),
    FailureKind.MASTER_MISSING: (None, None, None, None),
    FailureKind.MASTER_ROUNDING: (TWO, THREE, 2.0, 3.0),
}
#: What a script looks at without a value: whether it is there, or is refused.
PRESENCE = (Look.REFUSAL, Look.STATE, Look.MASTER_STATE, Look.GRADIENT)


def test_every_kind_of_failure_has_an_assertion_or_no_script():
    by_exception = {FailureKind.REFUSED}
    assert set(SAMPLES) | WITHOUT_SCENARIO | by_exception == set(FailureKind)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_assertion_of_a_kind_tells_the_wrong_value_from_the_right(kind):
    observed, due, wrong, right = SAMPLES[kind]
    events = [MADE, Step("A", {"p": ROWS})]
    known = scenario("s", "algorithm/update", {"p": PARAM}, events)
    reading = Reading(PARAM, ROWS, PARAM, 1)
    shown = [EventSeen(readings={("A", "p"): reading}) for _ in events]
    failure = Failure(kind, 1, "A", "p", 1, None, observed, due)
    assert failure.message
    level = known.level
    verdict = Verdict("s", known.requirements, level, Status.FAIL, failure=failure)
    found = assertion_of(Observation(known, shown), verdict)
    assert found is not None
    assert in_words(found)
    if found.what in PRESENCE and found.box is None:
        assert right is wrong is None
    else:
        assert eval(condition(found), {"seen": right})
        assert not eval(condition(found), {"seen": wrong})


# -- conditions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looked", "right", "wrong"),
    [
        (Assertion("theta", box=Box(1.0, 2.0)), [1.0, 1.5, 2.0], [0.9, 2.1, math.nan]),
        (Assertion("theta", box=Box(1.5, 1.5)), [1.5], [1.25, math.nan]),
        (Assertion("theta", box=Box(1.0, 2.0, True)), [1.5, math.nan], [2.5]),
        (Assertion("theta", box=Box(math.inf, -math.inf, True)), [math.nan], [1.0]),
        (Assertion("S", box=Box(1.0, math.inf)), [2.0, math.inf], [0.5, math.nan]),
        (Assertion("theta", exact="-0.0"), [-0.0], [0.0, math.nan]),
        (Assertion("theta", still=2.5), [2.0, 3.0], [2.5]),
        (Assertion("t", exact="3"), [3], [2, 4]),
        (Assertion("loss", exact="None"), [None], [0.0, 2.0]),
        (Assertion("loss", exact="2.75"), [2.75], [None, 0.0]),
        (
            Assertion("asked", values=(1.0, math.inf)),
            [[1.0, math.inf]],
            [[1.0, 1.0], []],
        ),
    ],
)
def test_conditions(looked, right, wrong):
    text = condition(looked)
    assert all(eval(text, {"seen": value}) for value in right)
    assert not any(eval(text, {"seen": value}) for value in wrong)
    assert in_words(looked)


def test_a_trouble_has_nothing_to_assert():
    verdict, whole = failure("EpsInsideRoot", "numerics/eps")
    candidate, _ = started("EpsInsideRoot")
    seen = play(candidate, whole)
    assert assertion_of(seen, verdict) is not None
    assert (
        assertion_of(seen, replace(verdict, status=Status.CRASH, failure=None)) is None
    )
