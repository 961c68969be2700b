"""Ports with master weights: what is judged, and the wrong ones that are found."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from master_weights import (
    MasterAdapter,
    MasterWeights,
    MasterWeightsHidden,
)
from mutant_kit import BentAdapter

from adagrad_conformance import by_hand
from adagrad_conformance.adapters.base import PLAIN_CLAIMS, Reading
from adagrad_conformance.adapters.bases.encodings import to_tensor
from adagrad_conformance.adapters.own.numpy_adagrad import Rows
from adagrad_conformance.execution.runner import play
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.events.binary32_view import (
    as_binary32,
    rounded,
    widened,
)
from adagrad_conformance.grading.events.master_weights import MASTER
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.reproducers.smallest import smallest
from adagrad_conformance.transport import messages
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.expectations import play as reference
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, FORMATS
from adagrad_reference.scenario import (
    Group,
    Layout,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

NARROW = pytest.mark.parametrize("fmt", [BFLOAT16, BINARY16], ids=lambda fmt: fmt.name)
CLAIMS = PLAIN_CLAIMS | {MASTER}


# -- numbers ---------------------------------------------------------------------------


@NARROW
def test_every_number_is_widened_exactly(fmt):
    codes = tuple(range(1 << 16))
    wide = widened(Tensor(fmt.name, (1 << 16,), codes))
    assert wide.format == "binary32"
    assert len(set(wide.bits)) == 1 << 16  # those of NaN too
    for narrow, bits in zip(codes[::7], wide.bits[::7], strict=True):
        value = fmt.decode(narrow)
        if math.isnan(value):
            assert math.isnan(BINARY32.decode(bits))
        else:
            assert BINARY32.encode(value) == bits


@NARROW
def test_rounding_is_that_of_the_reference(fmt):
    random = np.random.default_rng(62)
    bits = random.integers(0, 1 << 32, 3000, np.uint32)
    halves = widened(Tensor(fmt.name, (1 << 16,), tuple(range(1 << 16)))).bits
    step = 1 << (BINARY32.precision - fmt.precision)
    ties = [b + step // 2 + d for b in halves[::97] for d in (-1, 0, 1)]
    values = np.append(bits, np.array(ties, np.uint32)).view(np.float32)
    values = values[np.isfinite(values)]
    due = [fmt.round(Fraction(float(value))) for value in values]
    assert rounded(fmt, values).tolist() == due
    special = rounded(fmt, [math.inf, -math.inf, math.nan, 3.4e38])
    assert special[:2].tolist() == [math.inf, -math.inf]
    assert math.isnan(special[2])
    assert special[3] == math.inf


def test_params_of_other_formats_stay_as_they_are():
    seen = play(InProcessClient(started(MasterWeights)), of("binary32"))
    assert as_binary32(seen) is seen


# -- scenarios -------------------------------------------------------------------------

THETA, G = (0.703125, -1.5, 3.0), (0.5, 0.34375, -1.25)
MOVES = {"lr": 0.0371, "weight_decay": 0.3, "initial_accumulator_value": 0.1}


def tensor(name, values, **more):
    fmt = FORMATS[name]
    bits = tuple(fmt.encode(value) for value in values)
    return Tensor(name, (len(bits),), bits, **more)


def of(name, *events):
    """Two params; an optimizer A over both."""
    layout = Layout(7, 1, (2,), FORMATS[name].encode(7.0))
    tensors = {"p": tensor(name, THETA), "q": tensor(name, THETA, layout=layout)}
    new = New("A", (Group(("p", "q")),), MOVES)
    return Scenario("test/master", (), "MUST", tensors, (new, *events))


def step(name, *params, who="A", loss=None):
    return Step(who, {param: tensor(name, G) for param in params or "pq"}, loss)


def everything(name):
    """All events, on two optimizers over the same params."""
    rows = Sparse((3,), (2,), tensor(name, (0.75,)))
    run = ({"p": tensor(name, G)}, {"p": None, "q": tensor(name, G)})
    return of(
        name,
        step(name),
        step(name, "p", loss=0.25),
        Read("A"),
        Save("A", "s"),
        New("B", (Group(("p",)), Group(("q",), {"eps": 0.25})), {"lr": 0.07}),
        step(name, who="B"),
        step(name, "q"),  # A steps from its own master
        ZeroGrad("A", True),
        Load("A", "s", "deepcopy"),  # which does not round to the param
        step(name),
        Steps("A", run, 7),
        SetState("A", "p", tensor(name, (0.5, 0.25, 2.0)), 9),
        step(name),
        Save("A", "last"),
        Load("A", "last", "bytes"),
        step(name),
        ZeroGrad("A", False),
        New("C", (Group(("p",)),), {"lr": 0.07}),
        Step("C", {"p": rows}),
        Save("C", "of C"),
        New("C", (Group(("p",)),), {"lr": 0.07}),
        Load("C", "of C", "new-process"),
        step(name, "p", who="C"),
    )


def started(port, adapter=MasterAdapter):
    def factory():
        return adapter(port)

    return factory


def candidate(port, adapter=MasterAdapter):
    found = InProcessClient(started(port, adapter))
    found.start()
    return found


def without_rows(scenario):
    """The kit's ports have no sparse gradients."""
    events = [
        replace(e, gradients={"p": tensor(scenario.tensors["p"].format, G)})
        if isinstance(e, Step) and isinstance(e.gradients.get("p"), Sparse)
        else e
        for e in scenario.events
    ]
    return replace(scenario, events=tuple(events))


def judged(port, scenario, claims=CLAIMS, adapter=MasterAdapter):
    seen = play(candidate(port, adapter), without_rows(scenario))
    (found,) = judge([seen], Terms(claims, lambda s: reference(s, fast=True)))
    return found


def failure(port, scenario, **how):
    found = judged(port, scenario, **how)
    assert found.status == "fail", found.message
    return found.failure.message


@pytest.mark.parametrize("name", FORMATS)
def test_the_right_port_passes(name):
    found = judged(MasterWeights, everything(name))
    assert (found.status, found.failure, found.message) == ("pass", None, "")
    assert found.grade in ("exact", "tight")
    assert found.elements > 50


@NARROW
def test_the_right_port_that_hides_all_passes(fmt):
    shown = everything(fmt.name).events[:8]
    scenario = replace(everything(fmt.name), events=shown)
    claims = CLAIMS - {"state", "many-steps"}
    found = judged(MasterWeightsHidden, scenario, claims=claims)
    assert (found.status, found.grade) == ("pass", "box")


# -- wrong ports -----------------------------------------------------------------------


class NotSaved(MasterWeights):
    """A load begins a new master from the param."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p in self._params():
            self.state[p]["master"] = p.data.astype(np.float32)


class Truncated(MasterWeights):
    """The param is the master, chopped."""

    def show(self, p, master):
        near = master.astype(p.data.dtype)
        over = np.abs(near.astype(np.float32)) > np.abs(master)
        p.data[...] = (near.view(np.uint16) - over).view(p.data.dtype)


class NotShown(MasterWeights):
    """The param is left behind."""

    def show(self, p, master):
        pass


class FromParam(MasterWeights):
    """Each step begins from the rounded param."""

    def move(self, p, grad, state, o):
        state["master"] = p.data.astype(np.float32)
        super().move(p, grad, state, o)


class SumRounded(MasterWeights):
    """S is held in binary32, but rounded to the param's format."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        state["sum"] = state["sum"].astype(p.data.dtype).astype(np.float32)


class StartsAtZero(MasterWeights):
    """S starts at 0, whatever tau is."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["sum"][...] = 0


class TauRounded(MasterWeights):
    """S starts at tau, rounded to the param's format."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            state = self.state[p]
            state["sum"] = state["sum"].astype(p.data.dtype).astype(np.float32)


class LooksAndRounds(MasterWeights):
    """Its state dict rounds the masters on the way."""

    def state_dict(self):
        for p in self._params():
            self.state[p]["master"] = p.data.astype(np.float32)
        return super().state_dict()


LEFT = "the param is not its master rounded"
CHANGED = "the master changed though it must keep every bit"
OUTSIDE = "is a value that no legal evaluation gives"
START = "S does not start at initial_accumulator_value"
WRONG = {
    NotSaved: CHANGED,
    Truncated: LEFT,
    NotShown: LEFT,
    FromParam: OUTSIDE,
    SumRounded: OUTSIDE,
    StartsAtZero: START,
    TauRounded: START,
    LooksAndRounds: CHANGED,
}


@NARROW
@pytest.mark.parametrize("port", WRONG, ids=lambda port: port.__name__)
def test_a_wrong_port_is_accused(port, fmt):
    name = fmt.name
    events = [step(name), step(name), Save("A", "s"), Load("A", "s", "bytes")]
    assert WRONG[port] in failure(port, of(name, *events, step(name)))


@NARROW
def test_a_hidden_port_is_accused_too(fmt):
    class Hidden(FromParam):
        def rate(self, t, o):
            return 1.5 * super().rate(t, o)

    claims = CLAIMS - {"state"}

    class Shows(MasterAdapter):
        def reading(self, name, optimizer):
            return replace(
                super().reading(name, optimizer), state_sum=None, t=None, master=None
            )

    message = failure(
        Hidden, of(fmt.name, step(fmt.name)), claims=claims, adapter=Shows
    )
    assert OUTSIDE in message


def test_a_param_may_not_lose_its_master():
    class Forgets(MasterAdapter):
        def reading(self, name, optimizer):
            shown = super().reading(name, optimizer)
            narrow = replace(shown.theta, bits=(0, 0, 0), layout=None)
            return replace(shown, master=None, state_sum=narrow)

    zero = replace(of("bfloat16").events[0], options={"lr": 0.1})
    scenario = replace(of("bfloat16"), events=(zero, step("bfloat16")))
    message = failure(MasterWeights, scenario, adapter=Forgets)
    assert message == "claims 'master-weights' but shows no master"


def test_after_steps_since_the_save_a_master_may_begin_from_the_param():
    events = [step("bfloat16"), Save("A", "s"), *[step("bfloat16")] * 3]
    scenario = of("bfloat16", *events, Load("A", "s", "bytes"), step("bfloat16"))
    assert judged(NotSaved, scenario).status == "pass"


class ByRows(MasterWeights):
    """Takes rows."""

    def move(self, p, grad, state, o):
        if not isinstance(grad, Rows):
            super().move(p, grad, state, o)
            return
        rows, g = grad.summed()
        numbers = state["master"][rows], g.astype(np.float32), state["sum"][rows]
        new = self.formula(*numbers, self.rate(state["step"], o), o)
        state["master"][rows], state["sum"][rows] = new
        self.show(p, state["master"])


class ByRowsTouchesAll(ByRows):
    """Rows that are left out lose what the param does not hold."""

    def move(self, p, grad, state, o):
        state["master"] = p.data.astype(np.float32)
        super().move(p, grad, state, o)


@NARROW
def test_rows_that_are_left_out_keep_their_master(fmt):
    rows = Sparse((3,), (2,), tensor(fmt.name, (0.75,)))
    new = replace(of(fmt.name).events[0], options={"lr": 0.0371})
    events = (new, step(fmt.name), Step("A", {"p": rows}))
    scenario = replace(of(fmt.name), events=events)
    for port, status in ((ByRows, "pass"), (ByRowsTouchesAll, "fail")):
        found = judge([play(candidate(port), scenario)], Terms(CLAIMS, reference))[0]
        assert (found.status, found.message) == (status, "")
    assert found.failure.message == CHANGED
    assert found.failure.element == 0


@NARROW
@pytest.mark.parametrize("port", [NotSaved, Truncated, FromParam, SumRounded])
def test_a_reproducer_tells_it_from_the_right_port(port, fmt, monkeypatch):
    events = [step(fmt.name), step(fmt.name), Save("A", "s"), Load("A", "s", "bytes")]
    scenario, wrong = of(fmt.name, *events), candidate(port)

    def expect(asked):
        return reference(asked, fast=True)

    (verdict,) = judge([play(wrong, scenario)], Terms(CLAIMS, expect))
    identity = wrong.start()
    script = smallest(wrong, identity, scenario, verdict, expect, budget=60).snippet
    for used, right in ((port, False), (MasterWeights, True)):
        adapter = MasterAdapter(used)
        monkeypatch.setattr(by_hand, "load_adapter", lambda text, found=adapter: found)
        with nullcontext() if right else pytest.raises(AssertionError):
            exec(script, {})


# -- what is malformed -----------------------------------------------------------------


class Unclaimed(BentAdapter):
    """Shows the accumulator in binary32, and no master."""


class NarrowSum(MasterAdapter):
    """S is shown in the param's format, beside a master."""

    def reading(self, name, optimizer):
        p = self.params[name]
        narrow = optimizer.state[p]["sum"].astype(p.data.dtype)
        shown = super().reading(name, optimizer)
        return replace(shown, state_sum=to_tensor(narrow))


class WideMaster(MasterAdapter):
    """The master is binary64."""

    def reading(self, name, optimizer):
        shown = super().reading(name, optimizer)
        wide = np.array(shown.master.values(), np.float64)
        return replace(shown, master=to_tensor(wide))


class OfAll(MasterAdapter):
    """Shows a master of binary32 params too."""

    def reading(self, name, optimizer):
        shown = super().reading(name, optimizer)
        return replace(shown, master=replace(shown.theta, layout=None))


@pytest.mark.parametrize(
    ("adapter", "name", "claims", "words"),
    [
        (Unclaimed, "bfloat16", PLAIN_CLAIMS, "the accumulator of p is binary32, the"),
        (Unclaimed, "binary16", CLAIMS, "beside a binary32 master also master-weights"),
        (NarrowSum, "binary16", CLAIMS, "accumulator of p is binary16, its master"),
        (WideMaster, "bfloat16", CLAIMS, "master of p is binary64 of shape [3], not"),
        (OfAll, "binary32", CLAIMS, "a master of p, which is binary32"),
        (MasterAdapter, "bfloat16", PLAIN_CLAIMS, "'master-weights' is not claimed"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_judged_is_malformed(adapter, name, claims, words):
    found = judged(MasterWeights, of(name), claims=claims, adapter=adapter)
    assert found.status == "malformed"
    assert words in found.message


def test_a_trace_is_that_of_the_master():
    class OfParam(MasterAdapter):
        def snapshot(self, name, optimizer):
            return BentAdapter.snapshot(self, name, optimizer)

        def trace(self, rows):
            return replace(super().trace(rows), format="bfloat16")

    run = Steps("A", ({"p": tensor("bfloat16", G)},), 3)
    found = judged(MasterWeights, of("bfloat16", run), adapter=OfParam)
    assert (found.status, found.message) == (
        "malformed",
        "the trace of p has not 3 steps",
    )


# -- the claim, and the wire -----------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_no_scenario_needs_the_claim(name):
    assert MASTER not in PLAIN_CLAIMS
    assert MASTER not in needed_claims(everything(name))


def test_lifted_scenarios_are_possible():
    scenario = everything("binary16")
    seen = play(candidate(MasterWeights), without_rows(scenario))
    wide = as_binary32(replace(seen, scenario=scenario)).scenario
    assert wide.formats == ("binary32",)
    books = Bookkeeper(wide)
    assert not any(books.apply(event).refusal for event in wide.events)


def test_a_master_comes_back_from_the_wire():
    theta, wide = tensor("bfloat16", THETA), tensor("binary32", (0.1875, 2.5, -3.0))
    readings = {
        "p": Reading(theta, None, wide, 2, None, wide),
        "q": Reading(theta, None, theta, 2),
    }
    sent = json.loads(json.dumps(messages.readings_to_wire(readings)))
    assert "master" not in sent["params"]["q"]
    assert messages.readings_from_wire(sent) == readings
