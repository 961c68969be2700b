"""The runner: what it asks, in which order, and what it makes of bad answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adagrad_conformance.adapters.base import Malformed, Reading, Refused
from adagrad_conformance.adapters.numpy_own import NumpyAdapter
from adagrad_conformance.candidate import Crash, Identity, InProcess, NotLoaded, Timeout
from adagrad_conformance.engine import run_candidate
from adagrad_conformance.runner import MAX_FAILURES, observe, play, smoke_test
from adagrad_conformance.scenarios.build import tensor
from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Tensor,
    ZeroGrad,
)

P = tensor(BINARY32, [1.3, -0.7])
G = tensor(BINARY32, [0.6, -2.3])
MADE = New("A", (Group(("p",)),), {"lr": 0.7, "eps": 1e-3})


def scenario(*events, name="test/any", **params):
    return Scenario(name, ("algorithm/update",), "MUST", params or {"p": P}, events)


class Recorder(InProcess):
    """The NumPy port; notes what it is asked."""

    def __init__(self, where="here", log=None):
        super().__init__(NumpyAdapter)
        self.where, self.log = where, [] if log is None else log

    def start(self):
        self.log.append((self.where, "start"))
        return super().start()

    def begin(self, tensors):
        self.log.append((self.where, "begin", dict(tensors)))
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        self.log.append((self.where, "event", event, payload is not None))
        return super().event(event, ask, payload)

    def read(self, optimizer):
        self.log.append((self.where, "read", optimizer))
        return super().read(optimizer)

    def elsewhere(self):
        other = Recorder("there", self.log)
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
    assert seen.trouble is None
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
    assert seen.trouble is None


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
    assert (seen.trouble, seen.message) == (trouble, str(TROUBLES[trouble]))
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
    assert [x.trouble for x in seen] == ["crash"] * MAX_FAILURES + ["error"] * 3
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
    assert [x.trouble for x in seen] == ["crash", None] * 10


def test_port_that_cannot_be_started_again():
    port = Mortal(starts=1)
    seen = list(observe(port, port.start(), [scenario(MADE)] * 3))
    assert [x.trouble for x in seen] == ["crash", "error", "error"]
    assert "could not be started again: no more" in seen[0].message


def test_not_claimed_is_listed_in_order_and_not_played(recorder):
    poor = Identity("poor", "1", "none", frozenset({"binary32"}))
    asked = scenario(
        replace(MADE, options={"weight_decay": 0.1}), Step("A", {"p": G}, loss=1.0)
    )
    (seen,) = observe(recorder, poor, [asked])
    assert (seen.trouble, seen.message) == ("not-claimed", "closure, weight-decay")
    assert recorder.log == []


def test_refusals_are_a_claim_of_their_own(recorder):
    identity = recorder.start()
    shy = replace(identity, claims=identity.claims - {"refusals"})
    (seen,) = observe(recorder, shy, [scenario(replace(MADE, options={"lr": -1.0}))])
    assert (seen.trouble, seen.message) == ("not-claimed", "refusals")


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
    assert seen.trouble == "malformed"


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
        "an optimizer with default options was refused: no"
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
    result = run_candidate("liar", port, [scenario(MADE)], lambda s: ())
    assert result.problem.startswith("failed its smoke test: ")
    assert result.verdicts == []
    assert port.log[-1] == ("here", "close")


def test_port_that_cannot_be_started_is_the_target_s_problem():
    result = run_candidate("dead", Mortal(starts=0), [], lambda s: ())
    assert result.problem == "could not be loaded: no more"
