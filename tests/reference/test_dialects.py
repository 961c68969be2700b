"""Boxes of dialects hold their programs, and not those of the document."""

from __future__ import annotations

import math
from fractions import Fraction

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

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.dialects import DIALECTS, DOCUMENT, single_changes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.formats import FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import FLUSHED, LAWFUL
from adagrad_reference.options import Options

BY_FORMAT = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)

#: The switches of a single step: value by value, theta' and S' as a program forms them.
NUMERIC = (
    "scalars",
    "decay",
    "zero_decay",
    "square",
    "accumulator",
    "eps",
    "guard",
    "inverse",
    "update",
    "maximize",
)


#: What shows only where theta is infinite, eps or S is 0, the format is wide or a param
#: has rows; what is not seen in this file is so in test_row_wise.py.
HARDLY_SEEN = {
    ("scalars", "binary32"),
    ("square", "faithful"),
    ("zero_decay", "computed"),
    ("accumulator", "row-mean"),
    ("eps", "replaced"),
    ("eps", "binary32"),
    ("guard", "zero"),
    ("guard", "nan"),
    ("inverse", "approximate"),
}


def numeric_changes():
    return [d for d in single_changes() if d.changes[0][0] in NUMERIC]


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
    if not wd and d.zero_decay != "computed":
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


def one_step(dialect, theta, s, g, o):
    """The boxes of one element by the norm and by arrays, which must agree."""
    fmt = FORMATS["binary32"]
    start = Interval.point(theta), Interval.point(s)
    norm = tuple(box.box() for box in norm_step(fmt, LAWFUL, *start, g, 1, o, dialect))
    columns = (np.array([x]) for x in (theta, s, g))
    arrays = fast_boxes(
        StepBatch(fmt, *columns, [(1, o)], np.array([0])), LAWFUL, dialect
    )
    if math.isfinite(theta) and math.isfinite(g):
        for wide, box in zip(arrays, norm, strict=True):
            assert wide.box(0).lo <= box.lo <= box.hi <= wide.box(0).hi
    else:
        assert tuple(boxes.box(0) for boxes in arrays) == norm
    return norm


def test_decay_of_zero_may_be_computed_or_left_out():
    o = Options(0.5, 0.0, 0.0, 0.0, 0.01)
    computed = DOCUMENT.also("zero_decay", "computed")
    theta, total = one_step(computed, math.inf, 1.0, 0.5, o)
    assert (theta.nan, theta.lo, theta.hi) == (
        True,
        math.inf,
        math.inf,
    )
    assert total.nan
    assert total.lo <= 1.25 <= total.hi
    theta, total = one_step(DOCUMENT, math.inf, 1.0, 0.5, o)
    assert not theta.nan
    assert not total.nan
    apart = DOCUMENT.also("decay", "decoupled").also("zero_decay", "computed")
    theta, total = one_step(apart, -math.inf, 1.0, 0.5, o)
    assert theta.nan
    assert theta.lo == theta.hi == -math.inf
    assert not total.nan
    finite = 2.0, 1.0, 0.5, o
    assert one_step(computed, *finite) == one_step(DOCUMENT, *finite)


def test_an_update_that_is_nan_can_be_left_out():
    o = Options(0.5, 0.0, 0.0, 0.0, 0.01)
    kept = DOCUMENT.also("guard", "nan")
    for g in (math.inf, math.nan):
        theta, _ = one_step(kept, 2.0, 1.0, g, o)
        assert (theta.lo, theta.hi, theta.nan) == (2.0, 2.0, False)
        theta, _ = one_step(DOCUMENT, 2.0, 1.0, g, o)
        assert theta.nan
        assert not theta.lo <= 2.0 <= theta.hi
    theta, _ = one_step(kept, math.nan, 1.0, 0.5, o)
    assert theta.nan
    assert theta.lo > theta.hi
    finite = 2.0, 1.0, 0.5, o
    assert one_step(kept, *finite) == one_step(DOCUMENT, *finite)
