"""The runner: what it asks, in which order, and what it makes of bad answers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from adagrad_conformance.adapters.base import (
    CLAIMS,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    StepTaken,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.kinds import Adaptive, NativeCheck, Relation, Same
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NotPlayed,
    RelationSeen,
)
from adagrad_conformance.execution.runner import observe, perform, play
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.errors import MAX_FAILURES, Crash, NotLoaded, Timeout
from adagrad_conformance.transport.identity import Identity
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

P = tensor(BINARY32, [1.3, -0.7])
G = tensor(BINARY32, [0.6, -2.3])
MADE = New("A", (Group(("p",)),), {"lr": 0.7, "eps": 1e-3})


def scenario(*events, name="test/any", **params):
    return Scenario(name, ("algorithm/update",), "MUST", params or {"p": P}, events)


class Recorder(InProcessClient):
    """The NumPy port; notes what it is asked."""

    def __init__(self, where="here", log=None):
        super().__init__(NumpyAdapter)
        self.where, self.log = where, [] if log is None else log
        self.announced = []  #: what is not empty

    def start(self):
        self.log.append((self.where, "start"))
        return super().start()

    def announce(self, questions):
        if questions:
            self.announced.append((self.where, list(questions)))

    def begin(self, tensors):
        self.log.append((self.where, "begin", dict(tensors)))
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        self.log.append((self.where, "event", event, payload is not None))
        return super().event(event, ask, payload)

    def read(self, optimizer):
        self.log.append((self.where, "read", optimizer))
        return super().read(optimizer)

    def second_process(self):
        other = Recorder("there", self.log)
        other.announced = self.announced
        other.start()
        return other

    def close(self):
        self.log.append((self.where, "close"))

    @property
    def asked(self):
        """What was asked, in short."""
        return [
            (where, what, *(type(rest[0]).__name__ for _ in "e" if what == "event"))
            for where, what, *rest in self.log
        ]


@pytest.fixture
def recorder():
    made = Recorder()
    made.start()
    made.log.clear()
    return made


# -- the order of questions ------------------------------------------------------------


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
    assert there[2][2] == replace(
        MADE, groups=(Group(("p",), {"lr": 0.7, "eps": 1e-3}),), options={}
    )
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


# -- what is not a scenario ------------------------------------------------------------


class Adapts(Adaptive):
    """Steps against the sign of theta, as often as it is told."""

    def __init__(self, count):
        self.id, self.requirements = "test/adaptive", ("paper/regret-bound",)
        self.tensors, self.count = {"p": P}, count

    @property
    def needed_claims(self):
        return frozenset({"binary32", "eps"})

    def events(self):
        self.heard = [(yield MADE)]
        for _ in range(self.count):
            theta = self.heard[-1]["A", "p"].theta
            gradient = tensor(BINARY32, [math.copysign(0.6, x) for x in theta.values()])
            self.heard.append((yield Step("A", {"p": gradient})))

    def problem(self, thetas):
        return f"{len(thetas)} thetas"


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


# -- troubles --------------------------------------------------------------------------


class Breaks(Recorder):
    """Raises at the given question."""

    def __init__(self, error, at="event"):
        super().__init__()
        self.error, self.at = error, at

    def begin(self, tensors):
        self._maybe("begin")
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        self._maybe("event")
        return super().event(event, ask, payload)

    def read(self, optimizer):
        self._maybe("read")
        return super().read(optimizer)

    def _maybe(self, question):
        if question == self.at:
            raise self.error


TROUBLES = {
    "malformed": Malformed("odd"),
    "timeout": Timeout("slow"),
    "crash": Crash("gone"),
}


@pytest.mark.parametrize("at", ["begin", "event", "read"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_noted(trouble, at):
    port = Breaks(TROUBLES[trouble], at)
    port.start()
    seen = play(port, scenario(MADE))
    assert (seen.status, seen.message) == (trouble, str(TROUBLES[trouble]))
    assert seen.events == []


class Mortal(Recorder):
    """Dies at every begin; may fail to start again."""

    def __init__(self, starts=10**6):
        super().__init__()
        self.starts, self.living = starts, True

    def start(self):
        self.starts -= 1
        if self.starts < 0:
            raise NotLoaded("no more")
        self.living = True
        return super().start()

    def begin(self, tensors):
        self.living = False
        raise Crash("gone")

    @property
    def alive(self):
        return self.living


def test_failures_in_a_row_end_the_run():
    port = Mortal()
    seen = list(observe(port, port.start(), [scenario(MADE)] * (MAX_FAILURES + 3)))
    assert [x.status for x in seen] == ["crash"] * MAX_FAILURES + ["error"] * 3
    assert seen[-1].message == f"not tried after {MAX_FAILURES} failures in a row"


def test_failures_between_successes_do_not():
    class EveryOther(Mortal):
        count = 0

        def begin(self, tensors):
            self.count += 1
            if self.count % 2:
                super().begin(tensors)
            Recorder.begin(self, tensors)

    port = EveryOther()
    identity = port.start()
    seen = list(observe(port, identity, [scenario(MADE)] * 20))
    assert [x.status for x in seen] == ["crash", None] * 10


def test_port_that_cannot_be_started_again():
    port = Mortal(starts=1)
    seen = list(observe(port, port.start(), [scenario(MADE)] * 3))
    assert [x.status for x in seen] == ["crash", "error", "error"]
    assert "could not be started again: no more" in seen[1].message


def test_not_claimed_is_listed_in_order_and_not_played(recorder):
    poor = Identity("poor", "1", "none", frozenset({"binary32"}))
    asked = scenario(
        replace(MADE, options={"weight_decay": 0.1}), Step("A", {"p": G}, loss=1.0)
    )
    (seen,) = observe(recorder, poor, [asked])
    assert isinstance(seen, NotPlayed)
    assert seen.check == asked
    assert seen.status == "not-claimed"
    assert seen.message == "closure, defaults, weight-decay"
    assert recorder.log == []


def test_refusals_are_a_claim_of_their_own(recorder):
    identity = recorder.start()
    shy = replace(identity, claims=identity.claims - {"refusals"})
    (seen,) = observe(recorder, shy, [scenario(replace(MADE, options={"lr": -1.0}))])
    assert (seen.status, seen.message) == ("not-claimed", "refusals")


# -- answers of the wrong shape --------------------------------------------------------


class Shows(Recorder):
    """Shows what `change` makes of its readings."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def read(self, optimizer):
        return self.change(super().read(optimizer))


def of_p(**change):
    return lambda readings: {"p": replace(readings["p"], **change)}


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


# -- the smoke test --------------------------------------------------------------------


def smoke(port):
    return smoke_test(port, port.start())


def test_smoke_test_passes():
    assert smoke(Recorder()) is None


def rounded_away(readings):
    return {n: Reading(replace(r.theta, bits=(0, 0))) for n, r in readings.items()}


def test_smoke_test_finds_altered_params():
    assert "did not read back" in smoke(Shows(rounded_away))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_smoke_test_finds_trouble(trouble):
    assert smoke(Breaks(TROUBLES[trouble])) == f"{trouble}: {TROUBLES[trouble]}"


def test_smoke_test_finds_refused_defaults():
    assert smoke(Breaks(Refused("no"))) == (
        "an optimizer with plain options was refused: no"
    )


def test_smoke_test_needs_a_format():
    identity = Identity("x", "1", "none", frozenset({"state"}))
    assert smoke_test(Recorder(), identity) == "no format is claimed"


@pytest.mark.parametrize("name", ["binary16", "bfloat16"])
def test_smoke_test_of_a_narrow_port(name):
    port = Recorder()
    identity = replace(port.start(), claims=frozenset({name}))
    assert smoke_test(port, identity) is None


def test_failed_smoke_test_is_the_target_s_problem():
    port = Shows(rounded_away)
    result = evaluate_client("liar", port, [scenario(MADE)], lambda s: ())
    assert result.problem.startswith("failed its smoke test: ")
    assert result.verdicts == []
    assert port.log[-1] == ("here", "close")


def test_port_that_cannot_be_started_is_the_target_s_problem():
    result = evaluate_client("dead", Mortal(starts=0), [], lambda s: ())
    assert result.problem == "could not be loaded: no more"
