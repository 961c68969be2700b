"""One scenario: what a port is asked, in which order, and what it answers badly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from execution_kit import (
    MADE,
    Adapts,
    G,
    P,
    Recorder,
    Shows,
    of_p,
    scenario,
)

from adagrad_conformance.adapters.base import (
    Refused,
)
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.execution.runner import perform, play
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
    tensor,
)


def test_every_optimizer_is_read_after_every_event(recorder):
    other = replace(MADE, optimizer="B")
    seen = play(recorder, scenario(MADE, Step("A", {"p": G}), other, Save("A", "s")))
    assert seen.status is None
    assert recorder.asked == [
        ("here", "begin"),
        ("here", "event", "New"),
        ("here", "read"),
        ("here", "event", "Step"),
        ("here", "read"),
        ("here", "event", "New"),
        ("here", "read"),
        ("here", "read"),
        ("here", "event", "Save"),
        ("here", "read"),
        ("here", "read"),
    ]
    assert [set(event.readings) for event in seen.events] == [
        {("A", "p")},
        {("A", "p")},
        {("A", "p"), ("B", "p")},
        {("A", "p"), ("B", "p")},
    ]


def test_new_process_gets_the_params_as_they_are(recorder):
    asked = scenario(
        MADE, Step("A", {"p": G}), Save("A", "s"), Load("A", "s", "new-process")
    )
    seen = play(recorder, asked)
    there = [entry for entry in recorder.log if entry[0] == "there"]
    assert [entry[1] for entry in there] == ["start", "begin", "event", "event", "read"]
    moved = seen.events[1].readings["A", "p"].theta
    assert there[1][2] == {"p": moved}
    assert moved != P
    assert there[2][2] == MADE  # a single group needs no claim of groups
    assert there[3][2:] == (asked.events[3], True)


def test_a_refusal_after_a_move_leaves_the_port_where_it_is():
    """The moved optimizer has no gradients; the one left behind has."""
    params = {"p": tensor(BINARY32, [1.3]), "q": tensor(BINARY32, [0.7])}
    gradients = {"p": tensor(BINARY32, [0.6]), "q": tensor(BINARY32, [-0.4])}
    scenario = Scenario(
        "moved",
        (),
        "MUST",
        params,
        (
            New("A", (Group(("p", "q")),), {"lr": 0.7, "eps": 0.3}),
            Step("A", gradients),
            Save("A", "s"),
            Load("A", "s", "new-process"),
            AddGroup("A", Group(("p",))),
            Step("A", {"p": gradients["p"]}),
        ),
    )
    candidate = InProcessClient(NumpyAdapter)
    identity = candidate.start()
    (verdict,) = judge([play(candidate, scenario)], Terms(identity.claims, None))
    assert verdict.status == "pass", verdict.failure


def test_a_move_takes_params_of_other_optimizers_along():
    """q was stepped by B; A, which moves, takes it in later."""
    params = {"p": tensor(BINARY32, [1.3]), "q": tensor(BINARY32, [0.7])}
    options = {"lr": 0.7, "eps": 0.3}
    scenario = Scenario(
        "moved",
        (),
        "MUST",
        params,
        (
            New("A", (Group(("p",)),), options),
            New("B", (Group(("q",)),), options),
            Step("B", {"q": tensor(BINARY32, [-0.4])}),
            Save("A", "s"),
            Load("A", "s", "new-process"),
            AddGroup("A", Group(("q",), options)),
            Step("A", {"q": tensor(BINARY32, [0.9])}),
        ),
    )
    candidate = InProcessClient(NumpyAdapter)
    identity = candidate.start()
    (verdict,) = judge([play(candidate, scenario)], Terms(identity.claims, None))
    assert verdict.status == "pass", verdict.failure


def test_closure_calls_are_noted(recorder):
    seen = play(recorder, scenario(MADE, Step("A", {"p": G}, loss=3.25)))
    (call,) = seen.events[1].calls
    assert (call.params, seen.events[1].loss) == ({"p": P}, 3.25)


def test_refusal_that_is_due_is_played_on(recorder):
    bad = replace(MADE, options={"lr": -1.0})
    seen = play(recorder, scenario(bad, MADE, Step("A", {"p": G})))
    assert [bool(event.refusal) for event in seen.events] == [True, False, False]
    assert seen.events[0].readings == {}


def test_play_ends_where_outcomes_differ(recorder):
    class Refuses(Recorder):
        def event(self, event, ask, payload=None):
            if isinstance(event, Step):
                raise Refused("")
            return super().event(event, ask, payload)

    port = Refuses()
    port.start()
    seen = play(port, scenario(MADE, Step("A", {"p": G}), ZeroGrad("A", True)))
    assert [event.refusal for event in seen.events] == [
        None,
        "refused without a message",
    ]
    assert seen.status is None


def test_what_is_announced_is_what_is_asked(recorder):
    """All of a scenario; cut at closures, refusals, many steps and moves."""
    bad = replace(MADE, optimizer="B", options={"lr": -1.0})
    events = (
        MADE,
        Step("A", {"p": G}),
        Step("A", {"p": G}, loss=3.25),
        bad,
        Save("A", "s"),
        Steps("A", ({"p": G},), 3),
        ZeroGrad("A", True),
        Load("A", "s", "new-process"),
        Step("A", {"p": G}),
    )
    asked = scenario(*events)
    seen = play(recorder, asked)
    assert seen.status is None
    assert [bool(event.refusal) for event in seen.events] == [
        event is bad for event in events
    ]
    read = ("read", "A")
    made, step, closure, bad, save, steps, zero, _, last = (
        ("event", event) for event in events
    )
    assert recorder.announced == [
        ("here", [("begin", asked.tensors), made, read, step, read, closure]),
        ("here", [read, bad]),
        ("here", [read, save, read]),
        ("here", [steps, read, zero, read]),
        ("there", [read, last, read]),
    ]


def test_what_is_announced_is_asked_one_event_at_a_time_where_no_more_is_known():
    recorder = Recorder()
    recorder.start()
    seen = perform(recorder, Adapts(3))
    assert seen.status is None
    begin, *each = recorder.announced
    assert begin == ("here", [("begin", {"p": P})])
    assert [[op for op, _ in batch] for _, batch in each] == [["event", "read"]] * 4


# -- answers of the wrong shape --------------------------------------------------------


SHORT = Tensor("binary32", (1,), (0,))
TURNED = Tensor("binary32", (1, 2), P.bits)
WIDE = Tensor("binary64", (2,), (0, 0))
TORN = Tensor("binary32", (2,), (0,))
BAD_READINGS = {
    "nobody": lambda readings: {},
    "another": lambda readings: {"q": readings["p"]},
    "one more": lambda readings: {**readings, "q": readings["p"]},
    "theta too short": of_p(theta=SHORT),
    "theta of another shape": of_p(theta=TURNED),
    "theta of another format": of_p(theta=WIDE),
    "theta with bits missing": of_p(theta=TORN),
    "gradient too short": of_p(gradient=SHORT),
    "sum of another shape": of_p(state_sum=TURNED),
    "sum of another format": of_p(state_sum=WIDE),
}


@pytest.mark.parametrize("case", BAD_READINGS)
def test_malformed_reading(case):
    port = Shows(BAD_READINGS[case])
    port.start()
    seen = play(port, scenario(MADE))
    assert seen.status == "malformed"
