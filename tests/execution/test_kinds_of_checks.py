"""Relations, native checks and adaptive runs, played by the runner."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from execution_kit import (
    MADE,
    TROUBLES,
    Adapts,
    Breaks,
    G,
    Mortal,
    Recorder,
    scenario,
)

from adagrad_conformance.adapters.base import (
    CLAIMS,
    Malformed,
    NativeAnswer,
    Refused,
    StepTaken,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.kinds import NativeCheck, Relation, Same
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    RelationSeen,
)
from adagrad_conformance.execution.runner import observe, perform
from adagrad_conformance.transport.errors import Crash, Timeout
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import (
    Step,
    tensor,
)


def test_adaptive_run_is_written_while_it_is_played(recorder):
    check = Adapts(5)
    (seen,) = observe(recorder, Identity("x", "1", "x", check.needed_claims), [check])
    assert isinstance(seen, AdaptiveSeen)
    assert (seen.check, seen.status, seen.message) == (check, None, "")
    observed = seen.observation
    assert len(observed.scenario.events) == len(observed.events) == 6
    assert check.heard == [event.readings for event in observed.events]
    thetas = [readings["A", "p"].theta for readings in check.heard]
    for before, event, after in zip(
        thetas, observed.scenario.events[1:], thetas[1:], strict=False
    ):
        signs = [math.copysign(1, x) for x in before.values()]
        given = event.gradients["p"].values()
        assert [math.copysign(1, x) for x in given] == signs
        assert before != after


@pytest.mark.parametrize("trouble", ["crash", "timeout", "malformed"])
def test_adaptive_run_ends_with_the_port(trouble):
    port = Breaks(TROUBLES[trouble], at="read")
    port.start()
    seen = perform(port, Adapts(5))
    assert (seen.status, seen.message) == (trouble, str(TROUBLES[trouble]))
    assert len(seen.observation.scenario.events) == 1
    assert seen.observation.events == []


def test_adaptive_run_ends_where_outcomes_differ():
    class Refuses(Recorder):
        def event(self, event, ask, payload=None):
            if isinstance(event, Step):
                raise Refused("no")
            return super().event(event, ask, payload)

    port = Refuses()
    port.start()
    seen = perform(port, Adapts(5))
    assert seen.status is None
    assert [event.refusal for event in seen.observation.events] == [None, "no"]


RELATION = Relation(
    "test/relation",
    ("relations/repeatable",),
    scenario(MADE, Step("A", {"p": G}), name="test/relation/left"),
    scenario(MADE, Step("A", {"p": G}), name="test/relation/right"),
    [Same((1, 1), (("A", "p"), None), (("A", "p"), None))],
)


def test_relation_is_two_runs(recorder):
    seen = perform(recorder, RELATION)
    assert isinstance(seen, RelationSeen)
    assert (seen.check, seen.status, seen.message) == (RELATION, None, "")
    assert (seen.left.scenario, seen.right.scenario) == (RELATION.left, RELATION.right)
    assert seen.left.events == seen.right.events
    assert [entry[1] for entry in recorder.log].count("begin") == 2


def test_relation_goes_on_where_its_first_half_kills_the_port():
    class DiesOnce(Mortal):
        def begin(self, tensors):
            if self.starts == 10**6 - 1:
                super().begin(tensors)
            Recorder.begin(self, tensors)

    port = DiesOnce()
    identity = port.start()
    seen, after = observe(port, identity, [RELATION, scenario(MADE)])
    assert (seen.left.status, seen.right.status) == ("crash", None)
    assert (seen.status, seen.message) == ("crash", "gone")
    assert len(seen.right.events) == 2
    assert after.status is None
    assert port.starts == 10**6 - 2


def test_relation_needs_what_both_runs_need(recorder):
    poor = Identity("poor", "1", "none", frozenset({"binary32", "eps"}))
    right = scenario(replace(MADE, options={"weight_decay": 0.1}))
    (seen,) = observe(recorder, poor, [replace(RELATION, right=right)])
    assert (seen.status, seen.message) == ("not-claimed", "defaults, weight-decay")


class Checked(Recorder):
    """Answers a native check by `answer`."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def native(self, name):
        self.log.append((self.where, "check", name))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


NATIVE_CHECK = NativeCheck(NATIVE["torch/entries"])


def status_of(port, check=NATIVE_CHECK):
    """The verdict, as the whole engine gives it, on a port that claims everything."""

    class Claims(NumpyAdapter):
        claims = frozenset(CLAIMS)

    port.factory = Claims
    (verdict,) = evaluate_client("port", port, [check], lambda s: ()).verdicts
    return verdict.status, verdict.failure.message if verdict.failure else None


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (NativeAnswer(), "pass", None),
        (NativeAnswer(problem="it is odd"), "fail", "it is odd"),
        (NativeAnswer(skipped="no GPU"), "skipped", None),
        (Crash("gone"), "crash", None),
        (Timeout("slow"), "timeout", None),
        (Malformed("odd"), "malformed", None),
    ],
)
def test_native_check_from_answer_to_verdict(answer, status, message):
    port = Checked(answer)
    assert status_of(port) == (status, message)
    assert ("here", "check", "torch/entries") in port.log


def test_native_check_s_steps_are_judged():
    one, moved = tensor(BINARY32, [1.5]), tensor(BINARY32, [0.25])
    zero = tensor(BINARY32, [0.0])
    taken = StepTaken(one, zero, one, 1, {"lr": 0.5, "eps": 0.0}, one, moved)
    wrong = NativeAnswer(steps=(taken,))
    assert status_of(Checked(wrong))[0] == "fail"
    right = replace(
        taken, new_theta=tensor(BINARY32, [1.0]), new_sum=tensor(BINARY32, [2.25])
    )
    assert status_of(Checked(NativeAnswer(steps=(right,)))) == ("pass", None)


def test_native_check_is_not_made_on_who_does_not_claim_it(recorder):
    (seen,) = observe(recorder, recorder.start(), [NATIVE_CHECK])
    assert (seen.status, seen.message) == ("not-claimed", "torch")
