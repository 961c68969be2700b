"""Dialects: the switches, and the boxes and the books that they make.

A program of each dialect, written out here on its own, must stay inside the dialect's
boxes and leave the document's; the fast engine must never be narrower than the norm.
"""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from typing import Literal, get_args, get_type_hints

import numpy as np
import pytest
from programs import (
    ALL_FORMATS,
    adversarial_batch,
    fraction_nearest,
    fraction_root,
    fraction_ulp,
    nearest,
    random_batch,
)

from adagrad_reference import switches
from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.dialect_bookkeeping import bookkeeper
from adagrad_reference.dialects import DIALECTS, DOCUMENT, Dialect, single_changes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.expectations import play
from adagrad_reference.fault_class import FaultClass
from adagrad_reference.formats import FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import FLUSHED, LAWFUL
from adagrad_reference.options import Options
from adagrad_reference.row_wise import mean_squares
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.switches import SWITCHES

BY_FORMAT = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)

#: The switches of a single step: value by value, theta' and S' as a program forms them.
NUMERIC = (
    "scalars",
    "decay",
    "square",
    "accumulator",
    "eps",
    "guard",
    "inverse",
    "update",
    "maximize",
)


#: What shows only where theta is infinite, eps or S is 0, the format is wide or a param
#: has rows; what is not seen in this file is so in test_rows.py.
HARDLY_SEEN = {
    ("scalars", "binary32"),
    ("square", "faithful"),
    ("decay", "stays-on"),
    ("accumulator", "row-mean"),
    ("eps", "replaced"),
    ("eps", "binary32"),
    ("guard", "zero"),
    ("inverse", "approximate"),
}


def numeric_changes():
    return [d for d in single_changes() if d.changes[0][0] in NUMERIC]


# -- the table -------------------------------------------------------------------------


def test_every_switch_begins_with_the_document():
    for name, switch in SWITCHES.items():
        assert getattr(DOCUMENT, name) == switch.document
        assert switch.document not in switch.others
    assert DOCUMENT.changes == ()
    assert DOCUMENT.words == ()


def test_a_row_has_the_values_of_its_type():
    assert list(SWITCHES) == [
        f.name for f in fields(Dialect) if f.name not in ("name", "defaults", "about")
    ]
    hints = get_type_hints(Dialect)
    for name, switch in SWITCHES.items():
        assert get_args(hints[name]) == (switch.document, *switch.others)
        assert all(row.words for row in switch.others.values())


def test_a_row_that_lacks_a_value_is_an_error_at_import():
    values, row = Literal["a", "b", "c"], next(iter(SWITCHES["eps"].others.values()))
    with pytest.raises(
        TypeError, match=r"x: a row for \['b'\], a type of \['b', 'c'\]"
    ):
        switches._switch("x", "ALG-1", values, row, b="words")
    with pytest.raises(TypeError, match="x: a row for"):
        switches._switch("x", "ALG-1", values, row, b="words", c="more", d="too many")
    made = switches._switch("x", "ALG-1", values, row, b="words", c=row)
    assert (made.document, made.others["b"].words) == ("a", "words")


def test_what_the_table_says_of_a_dialect_is_true_of_each_departure():
    assert DOCUMENT.measured
    assert DOCUMENT.keeps_laws
    assert DOCUMENT.keeps_books
    inside = DOCUMENT.also("eps", "inside")
    assert (inside.measured, inside.keeps_laws, inside.keeps_books) == (True,) * 3
    counts = inside.also("counter", "optimizer")
    assert (counts.measured, counts.keeps_laws, counts.keeps_books) == (
        True,
        False,
        False,
    )
    rows = inside.also("accumulator", "row-mean")
    assert (rows.measured, rows.keeps_laws, rows.keeps_books) == (False, False, True)
    late = inside.also("accumulator", "late")
    assert (late.measured, late.keeps_laws) == (False, True)
    assert not DOCUMENT.also("decay", "doubled").measured
    assert DOCUMENT.also("decay", "sum-only").measured


def test_the_class_of_a_fault_is_that_of_its_value():
    assert SWITCHES["eps"].class_of("inside") is FaultClass.FORMULA
    assert SWITCHES["eps"].class_of("binary32") is FaultClass.NUMERICS
    assert SWITCHES["counter"].class_of("calls") is FaultClass.GRADIENTS
    assert SWITCHES["counter"].class_of("param") is FaultClass.RATE
    assert SWITCHES["eps"].words("outside") == "eps is as in the document"


def test_an_unknown_value_is_refused():
    with pytest.raises(ValueError, match="eps='beside' is none of outside, inside"):
        Dialect(eps="beside")


def test_declared_dialects_say_in_words_where_they_depart():
    for name, dialect in DIALECTS.items():
        assert dialect.name == name
        assert dialect.words or dialect == DOCUMENT
    assert any("eps is inside the root" in w for w in DIALECTS["keras"].words)


def test_switches_add_up():
    both = DOCUMENT.also("eps", "inside").also("decay", "decoupled")
    assert both.changes == (("decay", "decoupled"), ("eps", "inside"))
    assert both.also("counter", "optimizer").changes == DIALECTS["keras"].changes


# -- boxes -----------------------------------------------------------------------------


def program(d, fmt, theta, s, g, t, o):
    """Theta' and S' of one element in binary64; narrower formats round at the end."""
    given, (t, o) = o, d.setting(t, o)
    clr, wd = o.lr / (1 + (t - 1) * o.lr_decay), o.weight_decay
    if d.update == "nothing":
        return theta, s
    signed = -g if o.maximize else g
    decayed = signed + wd * theta
    if o.maximize and d.maximize == "after-decay":
        decayed = -(g + wd * theta)
    if d.decay == "subtracted":
        decayed = signed - wd * theta
    if not wd and d.decay != "stays-on":
        decayed = signed
    apart = d.decay in ("decoupled", "unscaled", "undecayed")
    used = signed if apart or d.decay == "sum-only" else decayed
    squared = signed if apart or d.decay == "step-only" else decayed
    new = {"replaced": squared**2, "gains-eps": s + squared**2 + o.eps}.get(
        d.accumulator, s + squared**2
    )
    under = s if d.accumulator == "late" else new
    denominator = {
        "inside": math.sqrt(under + o.eps),
        "squared": math.sqrt(under + o.eps**2),
    }.get(d.eps, math.sqrt(under) + o.eps)
    update = clr * used / denominator
    moved = {"added": theta + update, "alone": -update}.get(d.update, theta - update)
    if d.decay == "decoupled":
        moved = theta - theta * wd * clr - update
    if d.decay == "unscaled":
        moved = theta - theta * wd - update
    if d.decay == "undecayed":
        moved = theta - theta * given.weight_decay * given.lr - update
    return moved, denominator if d.accumulator == "rooted" else new


def batch(fmt, n=60):
    """Ordinary elements with every option on."""
    rng = np.random.default_rng(11)
    settings = [
        (1, Options(0.7, 0.3, 0.25, 0.0, 0.01)),
        (5, Options(0.9, 0.6, 0.5, 0.0, 0.125, maximize=True)),
        (3, Options(0.6, 0.2, 0.0, 0.0, 0.0)),
    ]
    theta, g = (nearest(fmt, rng.uniform(-2, 2, n)) for _ in "ab")
    s = nearest(fmt, rng.uniform(0.1, 3, n))
    return StepBatch(fmt, theta, s, g, settings, rng.integers(0, 3, n))


def results(d, b):
    rows = [
        program(d, b.format, *map(float, row), *b.settings[which])
        for *row, which in zip(b.theta, b.state_sum, b.gradient, b.which, strict=True)
    ]
    return [nearest(b.format, np.array(column)) for column in zip(*rows, strict=True)]


def boxes_of(d, b):
    settings = [d.setting(*setting) for setting in b.settings]
    effective = StepBatch(b.format, b.theta, b.state_sum, b.gradient, settings, b.which)
    return fast_boxes(effective, LAWFUL, d)


@BY_FORMAT
@pytest.mark.parametrize("d", numeric_changes(), ids=lambda d: d.name)
def test_a_program_of_the_dialect_is_inside_its_boxes_alone(d, fmt):
    b = batch(fmt)
    if d.accumulator == "late":
        b.state_sum[:] = np.maximum(b.state_sum, 0.25)
    theta, total = results(d, b)
    own, document = boxes_of(d, b), boxes_of(DOCUMENT, b)
    if d.changes[0] not in HARDLY_SEEN:
        assert not (document[0].holds(theta) & document[1].holds(total)).all()
    slack = 0 if fmt.name != "binary64" else 4  # this program rounds at every operation
    for box, x in zip(own, (theta, total), strict=True):
        assert ((box.lo <= x + slack * np.spacing(abs(x))) | box.nan).all()
        assert ((box.hi >= x - slack * np.spacing(abs(x))) | box.nan).all()


@BY_FORMAT
@pytest.mark.parametrize("d", numeric_changes(), ids=lambda d: d.name)
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_fast_boxes_hold_those_of_the_norm(d, fmt, make):
    b = make(fmt, np.random.default_rng(3), 25)
    settings = [d.setting(*setting) for setting in b.settings]
    b = StepBatch(fmt, b.theta, b.state_sum, b.gradient, settings, b.which)
    fast = fast_boxes(b, LAWFUL, d)
    for i in range(len(b)):
        start = (Interval.point(float(x[i])) for x in (b.theta, b.state_sum))
        t, o = settings[b.which[i]]
        norm = norm_step(fmt, LAWFUL, *start, float(b.gradient[i]), t, o, d)
        for box, due in zip(fast, norm, strict=True):
            if not due.empty:
                assert box.lo[i] <= due.lo, (d.name, i)
                assert box.hi[i] >= due.hi, (d.name, i)
            assert bool(box.nan[i]) == due.nan


def one_box(d, fmt, theta, s, g, o, cls=LAWFUL):
    """Boxes of theta' and S' after a first step, by both engines; these agree."""
    start = [Interval.point(float(x)) for x in (theta, s)]
    norm = norm_step(fmt, cls, *start, float(g), 1, o, d)
    columns = (np.array([float(x)]) for x in (theta, s, g))
    fast = fast_boxes(StepBatch(fmt, *columns, [(1, o)], np.zeros(1, int)), cls, d)
    for box, due in zip(fast, norm, strict=True):
        assert box.lo[0] <= due.lo
        assert box.hi[0] >= due.hi
        assert bool(box.nan[0]) == due.nan
    return fast


GUARDED = DOCUMENT.also("guard", "zero")


@BY_FORMAT
@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_a_guarded_update_is_zero_where_s_is(fmt, eps):
    theta, _ = one_box(GUARDED, fmt, 0.5, 0.0, 0.0, Options(eps=eps))
    assert (theta.lo[0], theta.hi[0], theta.nan[0]) == (0.5, 0.5, False)
    bare, _ = one_box(DOCUMENT, fmt, 0.5, 0.0, 0.0, Options(eps=eps))
    assert bare.nan[0] == (eps == 0)


@BY_FORMAT
def test_a_guard_may_see_that_a_square_underflows(fmt):
    """S stays 0 though g is not: by the document theta moves."""
    g, o, still = fmt.smallest_normal, Options(lr=0.25, eps=0.0), np.zeros(1)
    guarded, total = one_box(GUARDED, fmt, 0.0, 0.0, g, o)
    assert total.holds(still).all()
    assert guarded.holds(still).all()
    assert not one_box(DOCUMENT, fmt, 0.0, 0.0, g, o)[0].holds(still).any()


@BY_FORMAT
def test_a_guard_is_no_licence_where_s_is_above_zero(fmt):
    inside = DIALECTS["optax"]
    theta, _ = one_box(inside, fmt, 1.0, 0.0, 0.5, Options(lr=0.25, eps=1e-3))
    assert theta.hi[0] < 1.0
    plain, _ = one_box(
        DOCUMENT.also("eps", "inside").also("inverse", "approximate"),
        fmt, 1.0, 0.0, 0.5, Options(lr=0.25, eps=1e-3),
    )  # fmt: skip
    assert (theta.lo[0], theta.hi[0]) == (plain.lo[0], plain.hi[0])


@BY_FORMAT
def test_a_guard_sees_what_is_flushed(fmt):
    """S is subnormal: who flushes it takes it for 0."""
    s, g, o = fmt.eta * 3, fmt.smallest_normal, Options(lr=0.25, eps=0.0)
    for cls, still in ((LAWFUL, False), (FLUSHED, True)):
        theta, _ = one_box(GUARDED, fmt, 0.0, s, g, o, cls)
        assert theta.holds(np.zeros(1)).all() == still


@BY_FORMAT
@pytest.mark.parametrize("theta", [0.0, 1.0])
def test_a_guarded_zero_keeps_what_else_is_nan(fmt, theta):
    """The inverse is 0, and 0 times an infinite rate is NaN; 0 alone is legal too."""
    box, _ = one_box(GUARDED, fmt, theta, 0.0, 0.0, Options(lr=math.inf, eps=1e-3))
    assert box.nan[0]
    assert box.holds(np.array([theta])).all()
    spoilt, _ = one_box(GUARDED, fmt, theta, 0.0, math.nan, Options())
    assert spoilt.nan[0]


@pytest.mark.parametrize("fmt", [FORMATS["binary32"], FORMATS["binary64"]])
def test_an_approximate_inverse_may_be_two_ulp_off(fmt):
    """And no more: three ulp off, it leaves the boxes."""
    d = DOCUMENT.also("eps", "inside").also("inverse", "approximate")
    rng, o, n = np.random.default_rng(7), Options(lr=1.0, eps=1e-7), 400
    s, g = nearest(fmt, rng.uniform(0.25, 1.0, n)), nearest(fmt, rng.uniform(1, 2, n))
    b = StepBatch(fmt, np.zeros(n), s, g, [(1, o)], np.zeros(n, int))
    exact = [
        1 / (Fraction(a) + Fraction(x) ** 2 + Fraction(o.eps))
        for a, x in zip(s.tolist(), g.tolist(), strict=True)
    ]
    root = list(map(fraction_root, exact))

    def stored(ulp):
        unit = fmt.precision, fmt.emin
        moved = (r + ulp * fraction_ulp(*unit, r) for r in root)
        theta = (-Fraction(x) * r for x, r in zip(g.tolist(), moved, strict=True))
        return np.array([float(fraction_nearest(*unit, x)) for x in theta])

    own, plain = (fast_boxes(b, LAWFUL, e)[0] for e in (d, DIALECTS["eps-inside"]))
    for side in (-1, 1):
        assert own.holds(stored(side * Fraction(199, 100))).all()
        assert not plain.holds(stored(side * Fraction(199, 100))).all()
        assert not own.holds(stored(side * 5)).all()


# -- books -----------------------------------------------------------------------------


def vector(*values):
    fmt = FORMATS["binary64"]
    return Tensor("binary64", (len(values),), tuple(map(fmt.encode, values)))


P = {"p": vector(1.0, 2.0), "q": vector(3.0)}
GP, GQ, ZERO = vector(0.5, -0.25), vector(0.75), vector(0.0)
TWO = New("A", (Group(("p",), {"lr": 0.5}), Group(("q",), {"lr": 0.25})), {"lr": 2.0})


def effects(dialect, *events):
    books = bookkeeper(Scenario("s", (), "MUST", P, events), dialect)
    return books, [books.apply(event) for event in events]


def updates(dialect, *events):
    """(param, t, lr) of the last event."""
    _, found = effects(dialect, *events)
    return [(u.param, u.t, u.options.lr) for u in found[-1].updates]


BOTH, ONLY_P = Step("A", {"p": GP, "q": GQ}), Step("A", {"p": GP, "q": None})
#: Loaded options differ from those of the constructor that loads.
OTHER_OPTIONS_LOADED = (
    New("A", (Group(("p",)), Group(("q",))), {"lr": 4.0}),
    Save("A", "s"),
    TWO,
    Load("A", "s", "deepcopy"),
    BOTH,
)
CASES = {
    "document": (DOCUMENT, (TWO, ONLY_P, BOTH), [("p", 2, 0.5), ("q", 1, 0.25)]),
    "counter=optimizer": (
        DOCUMENT.also("counter", "optimizer"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=calls": (
        DOCUMENT.also("counter", "calls"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=object": (
        DOCUMENT.also("counter", "object"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=stuck": (
        DOCUMENT.also("counter", "stuck"),
        (TWO, BOTH, BOTH),
        [("p", 0, 0.5), ("q", 0, 0.25)],
    ),
    "counter=secret": (
        DOCUMENT.also("counter", "secret"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "none=zero": (
        DOCUMENT.also("none", "zero"),
        (TWO, ONLY_P),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "zero=skips": (
        DOCUMENT.also("zero", "skips"),
        (TWO, Step("A", {"p": GP, "q": ZERO})),
        [("p", 1, 0.5)],
    ),
    "zero=uncounted": (
        DOCUMENT.also("zero", "uncounted"),
        (TWO, Step("A", {"p": GP, "q": ZERO}), BOTH),
        [("p", 2, 0.5), ("q", 1, 0.25)],
    ),
    "options=constructor": (
        DOCUMENT.also("options", "constructor"),
        (TWO, BOTH),
        [("p", 1, 2.0), ("q", 1, 2.0)],
    ),
    "options=first": (
        DOCUMENT.also("options", "first"),
        (TWO, BOTH),
        [("p", 1, 0.5), ("q", 1, 0.5)],
    ),
    "options=frozen": (
        DOCUMENT.also("options", "frozen"),
        (TWO, BOTH, SetOption("A", 1, "lr", 8.0), BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "load=no-counter": (
        DOCUMENT.also("load", "no-counter"),
        (TWO, BOTH, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-state": (
        DOCUMENT.also("load", "no-state"),
        (TWO, BOTH, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-options": (
        DOCUMENT.also("load", "no-options"),
        OTHER_OPTIONS_LOADED,
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-lr": (
        DOCUMENT.also("load", "no-lr"),
        OTHER_OPTIONS_LOADED,
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=first-options": (
        DOCUMENT.also("load", "first-options"),
        (TWO, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.5)],
    ),
    "zero_grad=nothing": (
        DOCUMENT.also("zero_grad", "nothing"),
        (TWO, BOTH, ZeroGrad("A", True), Step("A")),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "zero_grad=to-none": (
        DOCUMENT.also("zero_grad", "to-none"),
        (TWO, BOTH, ZeroGrad("A", False), Step("A")),
        [],
    ),
    "zero_grad=to-zero": (
        DOCUMENT.also("zero_grad", "to-zero"),
        (TWO, BOTH, ZeroGrad("A", True), Step("A")),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_books_of_a_dialect(name):
    dialect, events, due = CASES[name]
    assert updates(dialect, *events) == due
    if name != "document":
        assert updates(DOCUMENT, *events) != due


#: A state of `maximize` is loaded by an optimizer without it.
MAXIMIZE_LOADED = (
    New("A", (Group(("p", "q"), {"maximize": True}),), {"lr": 0.5}),
    Save("A", "s"),
    New("A", (Group(("p", "q")),), {"lr": 0.5}),
    Load("A", "s", "deepcopy"),
    BOTH,
)


@pytest.mark.parametrize("loaded", [True, False])
def test_maximize_may_not_be_restored(loaded):
    dialect = DOCUMENT if loaded else DOCUMENT.also("load", "no-maximize")
    _, found = effects(dialect, *MAXIMIZE_LOADED)
    assert {u.options.maximize for u in found[-1].updates} == {loaded}


def test_where_s_begins():
    new = New(
        "A",
        (Group(("p",), {"initial_accumulator_value": 3.0, "eps": 0.5}),),
        {"initial_accumulator_value": 2.0},
    )

    def begun(value):
        dialect = DOCUMENT.also("initial", value) if value != "tau" else DOCUMENT
        return effects(dialect, new)[1][0].fresh

    taus = {"tau": 3.0, "zero": 0.0, "constructor": 2.0, "squared": 9.0, "eps": 0.5}
    assert {value: begun(value)[0][1] for value in taus} == taus


#: Starts and options at which every departure in the formula shows.
HARD_STARTS = [
    (theta, total, g)
    for theta in (1.0, math.inf)
    for total in (0.0, 0.5, 3.0)
    for g in (0.0, 0.3)
]
HARD_OPTIONS = [
    (7, Options(0.7, 0.3, weight_decay, 0.0, eps, maximize))
    for weight_decay in (0.0, 0.25)
    for eps in (0.0, 0.01)
    for maximize in (False, True)
]


def seen_of(d):
    """All that a dialect does: S_0, settings, books, boxes with and without rows."""
    yield d.initial_sum(
        Options(lr=1, eps=0.5, initial_accumulator_value=3.0), Options()
    )
    for events in (*(case[1] for case in CASES.values()), MAXIMIZE_LOADED):
        books, found = effects(d, *events)
        yield [(e.updates, e.fresh, e.restored) for e in found]
        yield [books.groups("A"), books.counter("A", "p"), books.counter("A", "q")]
    for setting in HARD_OPTIONS:
        t, o = d.setting(*setting)
        fmt = FORMATS["binary64"]
        for theta, total, g in HARD_STARTS:
            start = map(Interval.point, (theta, total))
            yield norm_step(fmt, LAWFUL, *start, g, t, o, d)
        thetas = [Interval.point(x) for x in (1.0, 2.0)]
        yield mean_squares(fmt, LAWFUL, thetas, [0.5, 0.75], (t, o), d, 2)


DOCUMENTED = list(seen_of(DOCUMENT))


@pytest.mark.parametrize("d", single_changes(), ids=lambda d: d.name)
def test_every_departure_is_seen_to_differ_from_the_document(d):
    """A value that has a row and no rule anywhere would be the document itself."""
    assert list(seen_of(d)) != DOCUMENTED


def test_a_later_param_joins_the_optimizers_count():
    events = (
        New("A", (Group(("p",)),)),
        Step("A", {"p": GP}),
        AddGroup("A", Group(("q",))),
        BOTH,
    )
    assert [t for _, t, _ in updates(DOCUMENT, *events)] == [2, 1]
    joined = DOCUMENT.also("counter", "optimizer")
    assert [t for _, t, _ in updates(joined, *events)] == [2, 2]
    calls = DOCUMENT.also("counter", "calls")
    assert [t for _, t, _ in updates(calls, *events)] == [2, 1]


def test_s_that_is_not_restored_stays_or_begins_anew():
    events = (TWO, BOTH, Save("A", "s"), TWO, BOTH)
    lost = DOCUMENT.also("load", "no-sum")
    here = effects(lost, *events, Load("A", "s", "deepcopy"))[1][-1]
    assert (here.restored, here.fresh) == ((), ())
    away = effects(lost, *events, Load("A", "s", "new-process"))[1][-1]
    assert away.restored == ()
    assert dict(away.fresh) == {"p": 0.0, "q": 0.0}
    kept = effects(DOCUMENT, *events, Load("A", "s", "deepcopy"))[1][-1]
    assert [r.param for r in kept.restored] == ["p", "q"]


def test_a_trajectory_is_played_in_a_dialect():
    scenario = Scenario("s", (), "MUST", P, (TWO, BOTH, BOTH))
    document = play(scenario, fast=True)
    keras = play(scenario, fast=True, dialect=DIALECTS["keras"])
    assert document[1].params["p"].exact_theta is not None
    assert keras[1].params["p"].exact_theta is None  # there are boxes alone
    other = play(scenario, fast=True, dialect=DOCUMENT.also("update", "added"))
    one, two = (found[2].params["p"].theta["lawful"][0] for found in (document, other))
    assert one.hi < two.lo or two.hi < one.lo
