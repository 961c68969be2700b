"""Grading alone: right observations, altered in one place, and what is said of them.

The observations come from the NumPy port, played in process; `altered` changes one
reading of one event.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from adagrad_conformance.adapters.base import PLAIN_CLAIMS, Reading
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.scenarios.builders import draw, rng
from adagrad_conformance.execution.observations import ClosureCall, Observation
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.arrays import decode_array
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.array_exact import exact_steps
from adagrad_reference.enclosure import norm_step
from adagrad_reference.expectations import play as reference_play
from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import LAWFUL, TIGHT
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Layout,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    ZeroGrad,
    tensor,
)

ALL = PLAIN_CLAIMS
USUAL = {"lr": 0.7, "eps": 1.7e-3}
FOUR = list(FORMATS.values())
each_format = pytest.mark.parametrize("fmt", FOUR, ids=lambda fmt: fmt.name)


def scenario(*events, fmt=BINARY32, values=(1.3, -0.7, 2.6), flags=(), **params):
    """Events on a param p, or on the params given."""
    tensors = params or {"p": tensor(fmt, values)}
    return Scenario("test/any", ("algorithm/update",), "MUST", tensors, events, flags)


def new(*params, **options):
    return New("A", (Group(params or ("p",)),), {**USUAL, **options})


def step(fmt=BINARY32, values=(0.6, -2.3, 0.4), loss=None):
    return Step("A", {"p": tensor(fmt, values)}, loss)


def played(asked):
    """What a right port shows."""
    candidate = InProcessClient(NumpyAdapter)
    candidate.start()
    return play(candidate, asked)


def altered(seen, event, change, param="p"):
    """The observation with `change(reading)` in the place of one reading."""
    shown = seen.events[event]
    place = ("A", param)
    readings = {**shown.readings, place: change(shown.readings[place])}
    seen.events[event] = replace(shown, readings=readings)
    return seen


def with_value(name, element, value):
    """A change of one element to a value."""

    def change(reading):
        old = getattr(reading, name)
        bits = list(old.bits)
        bits[element] = old.fmt.encode(value)
        return replace(reading, **{name: replace(old, bits=tuple(bits))})

    return change


def with_bit_flipped(name, element=0):
    """A change of the last bit of one element."""

    def change(reading):
        old = getattr(reading, name)
        bits = list(old.bits)
        bits[element] ^= 1
        return replace(reading, **{name: replace(old, bits=tuple(bits))})

    return change


def no_expectation(asked):
    raise AssertionError("boxes along the trajectory are for ports without state")


def verdict(seen, claims=ALL, expect=no_expectation):
    return judge([seen], Terms(claims, expect))[0]


def message(seen, **how):
    found = verdict(seen, **how)
    assert found.status == "fail"
    return found.failure.message


def test_right_observation_passes():
    found = verdict(played(scenario(new(), step(), step())))
    assert (found.status, found.failure, found.elements) == ("pass", None, 6)
    assert found.max_error < 1


# -- the edges of a box ----------------------------------------------------------------

START = {"theta": (1.3, -0.7, 2.6), "sum": (0.4, 2.7, 0.9), "g": (0.6, -2.3, 0.4)}
T, OPTIONS = 7, {"lr_decay": 0.3, "weight_decay": 0.11}


def from_written_state(fmt):
    return scenario(
        new(**OPTIONS),
        SetState("A", "p", tensor(fmt, START["sum"]), T - 1),
        step(fmt, START["g"]),
        fmt=fmt,
        values=START["theta"],
    )


@functools.cache
def edges(fmt, what):
    """lo and hi of element 1, by the norm, which the fast boxes equal here."""
    options = Options().override({**USUAL, **OPTIONS})
    theta, s, g = (tensor(fmt, START[k]).values()[1] for k in ("theta", "sum", "g"))
    points = Interval.point(theta), Interval.point(s)
    box = norm_step(fmt, LAWFUL, *points, g, T, options)[what == "state_sum"]
    return float(box.lo), float(box.hi)


BESIDE = {
    "lo": lambda fmt, lo, hi: (lo, "pass"),
    "hi": lambda fmt, lo, hi: (hi, "pass"),
    "below": lambda fmt, lo, hi: (fmt.next_down(lo), "fail"),
    "above": lambda fmt, lo, hi: (fmt.next_up(hi), "fail"),
    "nan": lambda fmt, lo, hi: (math.nan, "fail"),
    "inf": lambda fmt, lo, hi: (math.inf, "fail"),
    "minus inf": lambda fmt, lo, hi: (-math.inf, "fail"),
    "zero": lambda fmt, lo, hi: (0.0, "fail"),
}


@each_format
@pytest.mark.parametrize("what", ["theta", "state_sum"])
@pytest.mark.parametrize("case", BESIDE)
def test_box_edges(fmt, what, case):
    value, status = BESIDE[case](fmt, *edges(fmt, what))
    seen = altered(played(from_written_state(fmt)), 2, with_value(what, 1, value))
    found = verdict(seen)
    assert found.status == status
    if status == "fail":
        assert found.failure.element == 1
        assert "no legal evaluation" in found.failure.message
        assert found.grade == "fail"


@each_format
def test_signed_zero_counts_by_value(fmt):
    zeros = (0.0, 0.0, 0.0)
    asked = scenario(new(), step(fmt, zeros), fmt=fmt, values=zeros)
    for sign in (0.0, -0.0):
        assert (
            verdict(altered(played(asked), 1, with_value("theta", 1, sign))).status
            == "pass"
        )


def test_signed_zero_counts_by_bits_where_nothing_steps():
    zeros = (0.0, 0.0, 0.0)
    seen = played(scenario(new(), Save("A", "s"), values=zeros))
    assert "keep every bit" in message(altered(seen, 1, with_value("theta", 1, -0.0)))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.0, 2.0**-149])
def test_step_from_a_state_that_was_wrong_is_judged_too(wrong):
    seen = played(scenario(new(), step(), step()))
    altered(seen, 1, with_value("state_sum", 1, wrong))
    assert verdict(seen).failure.event == 1


@each_format
@pytest.mark.parametrize("wrong", [-20.0, -math.inf])
def test_step_from_a_negative_sum(fmt, wrong):
    seen = played(scenario(new(), step(fmt), step(fmt), fmt=fmt))
    altered(seen, 1, with_value("state_sum", 1, wrong))
    assert verdict(seen).failure.event == 1


def test_wrong_theta_is_held_against_its_own_step_only():
    seen = played(scenario(new(), step(), step()))
    shift = altered(seen, 1, with_value("theta", 1, 5.0))
    found = verdict(shift)
    assert found.failure.event == 1
    assert "5 " in found.failure.observed_text


# -- grades ----------------------------------------------------------------------------


def hard_steps():
    """Elements, and for each its lawful and tight boxes and exact result."""
    source = rng("grading/grades")
    theta, g, s = (draw(source, 200, 0.05, 20.0) for _ in range(3))
    columns = [tensor(BINARY32, x) for x in (theta, g, [abs(x) for x in s])]
    values = [np.array(column.values()) for column in columns]
    settings = [(T, Options().override({**USUAL, **OPTIONS}))]
    batch = StepBatch(
        BINARY32, values[0], values[2], values[1], settings, np.zeros(200, int)
    )
    return columns, fast_boxes(batch, LAWFUL), fast_boxes(batch, TIGHT), batch


def graded(theta_of):
    """The grade of the first element for which `theta_of` finds a theta'."""
    (theta, g, s), lawful, tight, batch = hard_steps()
    exact = exact_steps(batch)
    for i in range(200):
        value = theta_of(lawful[0], tight[0], exact.theta, i)
        if value is not None and tight[1].lo[i] <= exact.state_sum[i]:
            break
    one = [replace(x, shape=(1,), bits=x.bits[i : i + 1]) for x in (theta, g, s)]
    events = (
        new(**OPTIONS),
        SetState("A", "p", one[2], T - 1),
        Step("A", {"p": one[1]}),
    )
    seen = played(scenario(*events, p=one[0]))
    altered(seen, 2, with_value("theta", 0, float(value)))
    altered(seen, 2, with_value("state_sum", 0, float(exact.state_sum[i])))
    return verdict(seen)


def test_grade_exact():
    assert graded(lambda lawful, tight, exact, i: exact[i]).grade == "exact"


def test_grade_tight():
    def beside(lawful, tight, exact, i):
        return next((x for x in (tight.lo[i], tight.hi[i]) if x != exact[i]), None)

    assert graded(beside).grade == "tight"


def test_grade_lawful():
    def beyond(lawful, tight, exact, i):
        return lawful.lo[i] if lawful.lo[i] < tight.lo[i] else None

    found = graded(beyond)
    assert (found.grade, found.status) == ("lawful", "pass")


def test_grade_is_that_of_the_worst_step():
    seen = played(scenario(new(), step(), step()))
    altered(seen, 2, with_value("theta", 0, 9.0))
    assert verdict(seen).grade == "fail"


def test_nothing_stepped_has_no_grade():
    found = verdict(played(scenario(new())))
    assert (found.status, found.grade, found.elements) == ("pass", None, 0)


# -- counters and untouched bits -------------------------------------------------------


@pytest.mark.parametrize("t", [0, 1, 3, 2**53])
def test_wrong_counter(t):
    seen = played(scenario(new(), step(), step()))
    assert (
        message(altered(seen, 2, lambda r: replace(r, t=t)))
        == "the step counter is wrong"
    )


def test_counter_of_a_fresh_param_may_be_absent():
    seen = played(scenario(new(), step()))
    assert verdict(altered(seen, 0, lambda r: replace(r, t=None))).status == "pass"


QUIET = {
    "save": Save("A", "s"),
    "read": Read("A"),
    "zero_grad": ZeroGrad("A", set_to_none=True),
    "set-option": SetOption("A", 0, "lr", 0.3),
    "step without gradients": Step("A", {"p": None}),
}


@pytest.mark.parametrize("name", ["theta", "state_sum"])
@pytest.mark.parametrize("event", QUIET)
def test_what_steps_nothing_changes_nothing(event, name):
    seen = played(scenario(new(), step(), QUIET[event]))
    assert verdict(seen).status == "pass"
    found = message(altered(seen, 2, with_bit_flipped(name, 2)))
    assert found.endswith("changed though it must keep every bit")


def test_counter_on_a_quiet_event():
    seen = played(scenario(new(), step(), QUIET["save"]))
    changed = altered(seen, 2, lambda r: replace(r, t=2))
    assert message(changed) == "the step counter is wrong"


def saved_and_loaded():
    return scenario(
        new(initial_accumulator_value=0.3),
        step(),
        Save("A", "s"),
        step(),
        Load("A", "s", "bytes"),
        step(),
    )


def test_load_brings_back_what_was_saved():
    assert verdict(played(saved_and_loaded())).status == "pass"


@pytest.mark.parametrize("name", ["theta", "state_sum"])
def test_load_must_not_alter(name):
    seen = altered(played(saved_and_loaded()), 4, with_bit_flipped(name))
    assert "keep every bit" in message(seen)


def test_load_that_keeps_the_newer_state():
    seen = played(saved_and_loaded())
    newer = seen.events[3].readings["A", "p"]
    altered(seen, 4, lambda r: replace(r, state_sum=newer.state_sum, t=newer.t))
    assert verdict(seen).status == "fail"


def test_written_state_must_be_kept():
    asked = from_written_state(BINARY64)
    seen = altered(played(asked), 1, with_bit_flipped("state_sum"))
    assert "S is" in message(seen) or "S changed" in message(seen)


def test_first_sum_is_tau():
    seen = played(scenario(new(initial_accumulator_value=0.83)))
    wrong = altered(seen, 0, with_value("state_sum", 1, 0.0))
    assert message(wrong) == "S does not start at initial_accumulator_value"


def test_first_sum_of_an_added_group():
    group = AddGroup("A", Group(("q",)))
    params = {"p": tensor(BINARY32, [1.3] * 3), "q": tensor(BINARY32, [0.4])}
    asked = scenario(new(initial_accumulator_value=0.83), step(), group, **params)
    assert verdict(played(asked)).status == "pass"
    wrong = altered(played(asked), 2, with_value("state_sum", 0, 0.0), "q")
    assert message(wrong) == "S does not start at initial_accumulator_value"


def test_state_may_be_absent_until_the_first_step():
    seen = played(scenario(new(initial_accumulator_value=0.83), step()))
    altered(seen, 0, lambda r: replace(r, state_sum=None, t=None))
    assert verdict(seen).status == "pass"


def test_claimed_state_must_be_shown():
    seen = played(scenario(new(), step()))
    hidden = altered(seen, 1, lambda r: replace(r, state_sum=None))
    assert message(hidden) == "claims 'state' but shows none"


# -- gradients -------------------------------------------------------------------------


def without_gradient(reading):
    return replace(reading, gradient=None)


def zero_gradient(reading, value=0.0):
    zeros = tensor(BINARY32, [value] * 3)
    return replace(reading, gradient=zeros)


def test_changed_gradient():
    seen = played(scenario(new(), step()))
    changed = altered(seen, 1, with_bit_flipped("gradient", 1))
    assert message(changed).startswith("the gradient changed")


def test_changed_gradient_of_a_port_that_shows_none():
    seen = played(scenario(new(), step()))
    changed = altered(seen, 1, without_gradient)
    assert verdict(changed, claims=ALL - {"gradients"}).status == "pass"
    assert message(changed) == "the gradient is not what it must be"


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zeroed_gradient_may_have_either_sign(zero):
    seen = played(scenario(new(), step(), ZeroGrad("A", set_to_none=False)))
    assert verdict(altered(seen, 2, lambda r: zero_gradient(r, zero))).status == "pass"


def test_zeroed_gradient_must_not_be_none():
    seen = played(scenario(new(), step(), ZeroGrad("A", set_to_none=False)))
    assert message(altered(seen, 2, without_gradient)).startswith("the gradient is not")


@pytest.mark.parametrize(("to_none", "status"), [(False, "pass"), (True, "fail")])
def test_zeros_where_there_was_none(to_none, status):
    seen = played(scenario(new(), ZeroGrad("A", set_to_none=to_none)))
    assert verdict(altered(seen, 1, zero_gradient)).status == status


def test_zeros_instead_of_none_at_a_step():
    seen = played(scenario(new(), Step("A", {"p": None})))
    assert verdict(altered(seen, 1, zero_gradient)).status == "fail"


# -- memory ----------------------------------------------------------------------------


def guarded(change=None):
    guard = BINARY32.encode(-3.25)
    plain = tensor(BINARY32, [1.3, -0.7, 2.6])
    view = replace(plain, layout=Layout(8, 1, (2,), guard))
    seen = played(scenario(new(), step(), p=view))
    return altered(seen, 1, change) if change else seen


def test_guard_is_kept():
    assert verdict(guarded()).status == "pass"


@pytest.mark.parametrize("position", [0, 2, 4, 6, 7])
def test_guard_is_written(position):
    def change(reading):
        storage = list(reading.storage)
        storage[position] ^= 1
        return replace(reading, storage=tuple(storage))

    found = verdict(guarded(change))
    assert found.failure.message == "memory outside the param was written"
    assert found.failure.element == position


# -- closures --------------------------------------------------------------------------


def with_closure(**change):
    seen = played(scenario(new(), step(loss=3.25)))
    seen.events[1] = replace(seen.events[1], **change)
    return seen


def test_closure_is_called_once():
    assert verdict(with_closure()).status == "pass"


@pytest.mark.parametrize("times", [0, 2, 3])
def test_closure_is_called_otherwise(times):
    call = with_closure().events[1].calls[0]
    seen = with_closure(calls=[call] * times)
    assert message(seen) == f"the closure was called {times} times"


@pytest.mark.parametrize("loss", [None, 3.0, math.nan])
def test_wrong_loss(loss):
    assert (
        message(with_closure(loss=loss))
        == "step did not return the closure's loss, or None without one"
    )


def test_param_had_moved_when_the_closure_was_called():
    moved = ClosureCall({"p": tensor(BINARY32, [1.2, -0.7, 2.6])})
    assert "not as before" in message(with_closure(calls=[moved]))


def test_closure_is_shown_no_param():
    assert "not as before" in message(with_closure(calls=[ClosureCall({})]))


# -- outcomes --------------------------------------------------------------------------


def test_refused_what_is_legal():
    seen = played(scenario(new(), step(), step()))
    seen.events[1] = replace(seen.events[1], refusal="ValueError: no", readings={})
    del seen.events[2]
    assert message(seen) == "refused what is legal: ValueError: no"


def test_accepted_what_is_illegal():
    seen = played(scenario(new(lr=-0.5)))
    assert verdict(seen).status == "pass"
    seen.events[0] = replace(seen.events[0], refusal=None)
    assert message(seen).startswith("accepted, though lr=-0.5")


def test_nothing_is_judged_behind_a_wrong_outcome():
    seen = played(scenario(new(), step(), step()))
    altered(seen, 2, with_value("theta", 0, 99.0))
    seen.events[1] = replace(seen.events[1], refusal="no")
    found = verdict(seen)
    assert (found.failure.event, found.elements) == (1, 0)


@pytest.mark.parametrize(
    "status", [status for status in Status if status.broke_off or not status.was_judged]
)
def test_trouble_is_the_status(status):
    asked = scenario(new(), step())
    found = verdict(Observation(asked, [], status=status, message="why"))
    assert (found.status, found.message, found.grade) == (status, "why", None)


def test_trouble_behind_a_failure():
    seen = played(scenario(new(), step(), step()))
    altered(seen, 1, with_value("theta", 0, 99.0))
    del seen.events[2]
    seen.status = "crash"
    found = verdict(seen)
    assert (found.status, found.failure.event) == ("crash", 1)


# -- where NaN is legal ----------------------------------------------------------------


def without_eps(flags=()):
    zeros = step(values=(0.0, 0.0, 0.0))
    return scenario(new(eps=0.0), zeros, flags=flags, values=(1.25, -0.75, 2.5))


@pytest.mark.parametrize("value", [math.nan, 1.25])
def test_zero_by_zero_may_be_nan_or_guarded(value):
    seen = altered(played(without_eps()), 1, with_value("theta", 0, value))
    assert verdict(seen).status == "pass"


@pytest.mark.parametrize(("value", "status"), [(math.nan, "fail"), (1.25, "pass")])
def test_finite_is_wanted(value, status):
    seen = played(without_eps((Flag.FINITE_WANTED,)))
    start = tensor(BINARY32, [1.25, -0.75, 2.5])
    altered(seen, 1, lambda r: replace(r, theta=start))
    found = verdict(altered(seen, 1, with_value("theta", 0, value)))
    assert found.status == status
    if status == "fail":
        assert found.failure.message == "not finite in 1 of 3 elements"


# -- ports without state ---------------------------------------------------------------

HIDDEN = ALL - {"state"}


def hidden(asked, change=lambda reading: reading, event=-1):
    seen = played(asked)
    for shown in seen.events:
        shown.readings = {
            place: Reading(reading.theta, reading.gradient)
            for place, reading in shown.readings.items()
        }
    return altered(seen, event, change)


def boxed(seen):
    return verdict(seen, HIDDEN, reference_play)


@each_format
def test_black_box_passes_without_state(fmt):
    asked = scenario(new(**OPTIONS), *[step(fmt)] * 5, fmt=fmt)
    found = boxed(hidden(asked))
    assert (found.status, found.grade, found.elements) == ("pass", "box", 15)


@each_format
@pytest.mark.parametrize("end", [0, 1])
def test_black_box_edges(fmt, end):
    asked = scenario(new(**OPTIONS), *[step(fmt)] * 3, fmt=fmt)
    edge = reference_play(asked)[3].params["p"].theta["lawful"][1][end]
    outside = (fmt.next_down, fmt.next_up)[end](edge)
    assert boxed(hidden(asked, with_value("theta", 1, edge))).status == "pass"
    found = boxed(hidden(asked, with_value("theta", 1, outside)))
    assert (found.status, found.failure.element) == ("fail", 1)
    assert boxed(hidden(asked, with_value("theta", 1, math.nan))).status == "fail"


def test_black_box_still_keeps_quiet_events_quiet():
    asked = scenario(new(), step(), Save("A", "s"))
    assert boxed(hidden(asked, with_bit_flipped("theta"))).status == "fail"


# -- decoding --------------------------------------------------------------------------


def same(a, b):
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (
        a != a and b != b
    )


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("fmt", FOUR[2:], ids=lambda fmt: fmt.name)
def test_decode_array_of_every_16_bit_encoding(fmt):
    decoded = decode_array(fmt, range(2**16)).tolist()
    assert all(same(x, fmt.decode(i)) for i, x in enumerate(decoded))


@pytest.mark.parametrize("fmt", FOUR[:2], ids=lambda fmt: fmt.name)
def test_decode_array_of_wide_encodings(fmt):
    source = rng(f"grading/decode/{fmt.name}")
    random = [source.getrandbits(fmt.width) for _ in range(20_000)]
    special = [fmt.encode(x) for x in (0.0, -0.0, math.inf, -math.inf, math.nan)]
    near = [fmt.encode(x) + d for x in (fmt.eta, fmt.largest, 1.0) for d in (-1, 0, 1)]
    bits = [*random, *special, *near]
    decoded = decode_array(fmt, bits).tolist()
    assert all(same(x, fmt.decode(b)) for b, x in zip(bits, decoded, strict=True))


SIGNALLING = {"binary64": 0x7FF << 52 | 1, "binary32": 0x7F800001, "binary16": 0x7C01}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "bits"),
    [*SIGNALLING.items(), ("bfloat16", 0x7F81)],
)
def test_decode_array_of_a_signalling_nan_is_silent(name, bits):
    assert np.isnan(decode_array(FORMATS[name], [bits])).all()


def test_decode_array_of_nothing():
    assert all(decode_array(fmt, []).shape == (0,) for fmt in FOUR)


def test_many_steps_move_a_param_for_every_optimizer_that_holds_it():
    """The other optimizer sees theta moved, and keeps its own S and t."""
    params = {"p": tensor(BINARY32, [1.3, -0.7])}
    gradient = {"p": tensor(BINARY32, [0.6, -0.4])}
    options = {"lr": 0.7, "eps": 0.3, "weight_decay": 0.1}
    scenario = Scenario(
        "shared",
        (),
        "MUST",
        params,
        (
            New("A", (Group(("p",)),), options),
            Step("A", gradient),
            New("B", (Group(("p",)),), options),
            Steps("B", (gradient, {}), 3),
            Step("A", gradient),
        ),
    )
    candidate = InProcessClient(NumpyAdapter)
    identity = candidate.start()
    (verdict,) = judge([play(candidate, scenario)], Terms(identity.claims, None))
    assert verdict.status == "pass", verdict.failure
