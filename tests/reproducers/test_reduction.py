"""Reductions: mutants of every class of fault fail by a few events and elements.

What is reduced must fail in the same way, on the same requirement, and not on right
ports.  The bounds are what was reached when they were written; a reduction that leaves
more behind has lost a move.
"""

from __future__ import annotations

import pytest
import torch
from reproducer_kit import (
    PORTS,
    RIGHT,
    adapter,
    again,
    executed,
    failure,
    library,
    lines,
    on_torch,
    reproducer,
    scenarios,
    size,
    started,
    verdict_of,
)

from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.scenarios.builders import (
    optimizer,
    scenario,
    single_step,
)
from adagrad_conformance.execution.runner import play
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.reproducers.reduction import BUDGET, Reduction
from adagrad_conformance.reproducers.reduction import size as measure
from adagrad_conformance.reproducers.reduction.allowed import limits_of
from adagrad_conformance.reproducers.reduction.events import fewer_params
from adagrad_conformance.reproducers.reduction.same_failure import fault
from adagrad_conformance.reproducers.smallest import smallest
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.formats import BINARY16, BINARY32, BINARY64
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    SetOption,
    Step,
    Steps,
    ZeroGrad,
    tensor,
)
from adagrad_reference.scenario_json import scenario_to_json

#: Class of fault, mutant, requirement; at most so many events, elements, lines.
CASES = [
    ("formula", "EpsInsideRoot", "numerics/eps", 2, 1, 10),
    ("formula", "SumOverwritten", "algorithm/accumulator", 3, 1, 10),
    ("formula", "MeanOfSquares", "algorithm/accumulator", 2, 2, 10),
    ("rate", "CallsCounted", "lr-decay/own-counter", 3, 1, 10),
    ("rate", "DecayCompounds", "lr-decay/schedule", 4, 1, 10),
    ("decay", "DecayDecoupled", "weight-decay/coupled", 2, 1, 10),
    ("decay", "MaximizeAfterDecay", "maximize/before-weight-decay", 2, 1, 10),
    ("gradients", "NoneIsZero", "none-vs-zero/none-skips", 2, 1, 10),
    ("gradients", "NoneStopsTheRest", "none-vs-zero/none-skips", 2, 2, 10),
    ("gradients", "ZeroGradForgets", "zero-grad/to-none", 3, 1, 10),
    ("gradients", "ClosureTwice", "closure/once", 2, 1, 10),
    ("gradients", "GradientConsumed", "gradients/untouched", 2, 1, 10),
    ("state", "SumNotRestored", "state-dict/bytes", 4, 1, 10),
    ("state", "CounterNotRestored", "state-dict/new-process", 5, 1, 12),
    ("state", "OptionsCached", "groups/option-change", 4, 2, 10),
    ("state", "AddResetsOlder", "groups/add", 3, 2, 10),
    ("layout", "WritesOutsideView", "layout/strided-param", 2, 2, 10),
    ("layout", "TailSkipped", "layout/any-size", 2, 17, 10),
    ("layout", "WrongBeyond4096", "numerics/fresh", 2, 4097, 10),
    ("numerics", "RateInBinary32", "lr-decay/schedule", 3, 1, 10),
    ("numerics", "SqrtFewUlpsOff", "numerics/zero-theta", 2, 1, 10),
    ("numerics", "NanSpreads", "special-values/non-finite-gradient", 2, 2, 10),
    ("sparse", "DuplicatesAveraged", "sparse/duplicates-summed", 2, 1, 10),
    ("sparse", "AbsentForgotten", "sparse/absent-rows", 3, 1, 10),
    ("complex", "ModulusSquared", "complex/pairs", 2, 1, 10),
    ("interface", "NegativeAccepted", "parameters/refuses-illegal", 1, 1, 10),
    ("interface", "DuplicateAccepted", "groups/duplicate-refused", 2, 2, 10),
]


@pytest.mark.parametrize(
    ("fault_class", "name", "requirement", "events", "elements", "most"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reduction(
    fault_class, name, requirement, events, elements, most, monkeypatch
):
    verdict, whole = failure(name, requirement)
    found = reproducer(name, requirement)
    assert found.reduced
    assert not found.note
    assert found.plays <= BUDGET
    assert (found.name, found.check) == (requirement, whole.id)
    assert measure(found.scenario) < measure(whole)
    reached = size(found)
    assert reached[0] <= events
    assert reached[1] <= elements
    assert lines(found) <= most

    back = again(found)
    failed = verdict_of(lambda: adapter(PORTS[name]), back)
    assert (failed.status, failed.level) == (verdict.status, verdict.level)
    assert failed.requirements == verdict.requirements
    for right in RIGHT.values():
        assert verdict_of(right, back).status == "pass"

    port = PORTS[name]
    assert executed(found.snippet, lambda: adapter(port), monkeypatch) is not None
    right = on_torch(found.snippet, name)
    assert executed(right, RIGHT["numpy"], monkeypatch) is None


def test_every_class_of_fault_is_there():
    assert {case[0] for case in CASES} == {
        "formula", "rate", "decay", "gradients", "state", "layout", "numerics",
        "sparse", "complex", "interface",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "requirement"),
    [("EpsInsideRoot", "numerics/eps"), ("OptionsCached", "groups/option-change"),
     ("DuplicatesAveraged", "sparse/duplicates-summed")],
)  # fmt: skip
def test_two_reductions_give_the_same_bytes(name, requirement):
    first, second = (reproducer(name, requirement) for _ in range(2))
    assert scenario_to_json(first.scenario) == scenario_to_json(second.scenario)
    assert repr(first) == repr(second)


# -- what is kept ----------------------------------------------------------------------


class TwoFaults(PORTS["EpsInsideRoot"]):
    """Weight decay is subtracted, and eps stands inside the root.  Two faults."""

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, "weight_decay": -o["weight_decay"]})


def reduced(port, check, budget=BUDGET):
    candidate = InProcessClient(lambda: adapter(port))
    reduction = Reduction(candidate, candidate.start(), budget=budget)
    return reduction, reduction.run(check)


def test_a_reduction_keeps_the_theme_and_the_complaint():
    """Of two faults the one that the requirement is about stays."""
    checks = scenarios("weight-decay/coupled")
    first = next(
        check
        for check in checks
        if verdict_of(lambda: adapter(TwoFaults), check).status == "fail"
    )
    _, outcome = reduced(TwoFaults, first)
    (made,) = (e for e in outcome.scenario.events if isinstance(e, New))
    assert made.options["weight_decay"] > 0
    assert next(iter(outcome.scenario.tensors.values())).values()[0] != 0
    assert outcome.verdict.failure.message.startswith("S is a value")


THETA, G = tensor(BINARY64, [0.3]), tensor(BINARY64, [0.7])
STEP = Step("A", {"p": G})


def made(**options):
    return optimizer(lr=0.5, eps=0.25, **options)


def allowed(events, others, tensors=None):
    """Whether the others are within the limits of the first."""
    first = scenario("s", "numerics/fresh", tensors or {"p": THETA}, events)
    second = scenario("s", "numerics/fresh", tensors or {"p": THETA}, others)
    return limits_of(first).allows(second)


def test_a_reduction_needs_no_new_claims():
    assert allowed([made(), STEP], [made(), STEP])
    assert not allowed([made(), STEP], [optimizer(lr=0.5), STEP])  # defaults
    assert not allowed([made(), STEP], [made(), Step("A", {"p": None})])


def test_a_reduction_stays_possible():
    save, load = Save("A", "s"), Load("A", "s", "bytes")
    assert allowed([made(), STEP, save, load], [made(), save, load])
    assert not allowed([made(), STEP, save, load], [made(), load])
    assert not allowed([made(), STEP], [STEP])


def test_a_reduction_opens_no_question_of_the_document():
    zero, live = ZeroGrad("A", False), Load("A", "s", "same-object")
    assert not allowed([made(), STEP, zero], [made(), zero])
    before = [made(), STEP, Save("A", "s"), live]
    assert allowed(before, [made(), Save("A", "s"), live])
    late = [made(), Save("A", "s"), STEP, made(), live]
    assert not allowed(before, late[:3] + late[4:])
    two = {"p": THETA, "q": THETA}
    every = {"lr": 0.5, "lr_decay": 0.0, "weight_decay": 0.0, "eps": 0.25}
    loaded = [made(), Save("A", "s"), Load("A", "s", "bytes")]
    named = [*loaded, AddGroup("A", Group(("q",), every))]
    assert not allowed(named, [*loaded, AddGroup("A", Group(("q",)))], two)


def test_a_reduction_brings_no_refusal_and_no_extreme_number():
    twice = AddGroup("A", Group(("p",)))
    assert not allowed([made(), STEP], [made(), twice])
    tiny = Step("A", {"p": tensor(BINARY64, [1e-155])})
    assert not allowed([made(), STEP], [made(), tiny])
    assert allowed([made(), tiny], [made(), STEP])


# -- the search ------------------------------------------------------------------------


def test_the_budget_ends_the_search():
    whole = failure("TailSkipped", "layout/any-size")[1]
    reduction, outcome = reduced(PORTS["TailSkipped"], whole, budget=3)
    assert reduction.plays <= 4
    assert outcome.verdict.status == "fail"
    free, best = reduced(PORTS["TailSkipped"], whole)
    assert free.plays > 4
    assert measure(best.scenario) < measure(outcome.scenario)


def test_what_passes_is_not_reduced():
    known = single_step("s", "numerics/fresh", THETA, G, lr=0.5, eps=0.25)
    assert reduced(PORTS["TailSkipped"], known)[1] is None


class LateSum(PORTS["EpsInsideRoot"]):
    """S is halved at every step beyond the third.  As after a lost write."""

    def grown(self, s, g, o):
        return s + g * g

    def update(self, g, s, clr, o):
        return clr * g / ((s**0.5) + o["eps"])

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        if state["step"] > 3:
            state["sum"][...] *= 0.5


def test_a_long_run_becomes_one_step_from_a_written_state():
    p, g = tensor(BINARY32, [0.3, 0.4, 0.5]), tensor(BINARY32, [0.7, 0.9, 1.3])
    run = scenario(
        "s", "algorithm/long-run", {"p": p}, [made(), Steps("A", ({"p": g},), 200)]
    )
    reduction, outcome = reduced(LateSum, run)
    names = [type(event).__name__ for event in outcome.scenario.events]
    assert names == ["New", "SetState", "Step"]
    assert outcome.scenario.events[1].t == 3
    assert reduction.plays < 60


class Counting(PORTS["EpsInsideRoot"]):
    """Right twice, then wrong: a port that differs from run to run."""

    runs = 0

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        type(self).runs += 1
        if type(self).runs == 1:
            p.data[...] += 1


def test_a_failure_that_is_not_seen_again_stays_as_it_was():
    Counting.runs = 0
    known = single_step("s", "numerics/fresh", THETA, G, lr=0.5, eps=0.0)
    candidate = InProcessClient(lambda: adapter(Counting))
    identity = candidate.start()
    seen = play(candidate, known)
    (verdict,) = judge([seen], Terms(identity.claims, library().expectations))
    assert verdict.status == "fail"
    found = smallest(candidate, identity, known, verdict, library().expectations)
    assert not found.reduced
    assert "did not fail" in found.note
    assert found.scenario.events == known.events


def test_faults_are_told_apart():
    """By status, event, complaint and kind of value; not by numbers."""

    def seen(check, port="EpsInsideRoot"):
        other, mine = started(port)
        shown = play(other, check)
        (verdict,) = judge([shown], Terms(mine.claims, library().expectations))
        return fault(shown, verdict)

    one, two = (
        single_step("s", "numerics/fresh", THETA, tensor(BINARY64, [g]), lr=lr, eps=0.3)
        for g, lr in ((0.7, 0.5), (2.0, 1.0))
    )
    assert seen(one) == seen(two)
    assert seen(one) != seen(one, "SumOverwritten")
    zero = single_step(
        "s", "numerics/fresh", THETA, tensor(BINARY64, [0.0]), lr=0.5, eps=0.3
    )
    assert seen(one, "NoEps") != seen(zero, "NoEps")  # a number, and NaN


def test_groups_are_counted_anew_where_a_param_goes():
    """SetOption finds its group after an earlier one is gone."""
    p, q = tensor(BINARY16, [0.3]), tensor(BINARY16, [0.7])
    events = [
        New("A", (Group(("p",)), Group(("q",))), {"lr": 0.5, "eps": 0.25}),
        SetOption("A", 1, "lr", 2.0),
        Step("A", {"p": p, "q": q}),
    ]
    whole = scenario("s", "numerics/fresh", {"p": p, "q": q}, events)
    _, outcome = reduced(PORTS["EpsInsideRoot"], whole)
    assert len(outcome.scenario.tensors) == 1
    without_q, without_p = fewer_params(whole)
    assert without_p.events[1] == SetOption("A", 0, "lr", 2.0)
    assert without_q.events[1:] == (Step("A", {"p": p}),)


class LateDrift(torch.optim.Adagrad):
    """From the second step on, params drift by a hundredth."""

    def step(self, closure=None):
        loss = super().step(closure)
        for p in self.param_groups[0]["params"]:
            if p.grad is not None and self.state[p]["step"] > 1:
                p.data.mul_(1.01)
        return loss


def test_a_port_that_shows_no_state_is_reduced_by_its_params():
    blind = frozenset({"state", "state-write", "many-steps", "sparse", "complex"})
    factory = lambda: TorchAdapter("m:LateDrift", LateDrift, without=blind)  # noqa: E731
    candidate = InProcessClient(factory)
    identity = candidate.start()
    steps = [Step("A", {"p": tensor(BINARY64, [0.7 + i, 1.9])}) for i in range(5)]
    p = tensor(BINARY64, [0.3, 0.4])
    whole = scenario("s", "numerics/fresh", {"p": p}, [made(), *steps])
    (verdict,) = judge(
        [play(candidate, whole)], Terms(identity.claims, library().expectations)
    )
    assert verdict.status == "fail"
    found = smallest(candidate, identity, whole, verdict, library().expectations)
    assert size(found) == (3, 1)
    assert lines(found) <= 10
    text = found.snippet.replace("from m import LateDrift", "pass")
    with pytest.raises(AssertionError, match="due"):
        exec(text, {"LateDrift": LateDrift})
    exec(text, {"LateDrift": torch.optim.Adagrad})
