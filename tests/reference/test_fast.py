"""The array engine agrees with the norm.

Its boxes, those of the scalars among them, hold the norm's and are hardly wider, its
exact steps equal `round_step`, its errors are right, and its double-double primitives
keep their bounds.
"""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import (
    ALL_FORMATS,
    adversarial_batch,
    finite_numbers,
    fraction_root,
    random_batch,
    settings_for,
)

import adagrad_reference
from adagrad_reference import array_enclosure as engine
from adagrad_reference import double_double as dd
from adagrad_reference.array_enclosure import CHUNK, ScalarTable, StepBatch, fast_boxes
from adagrad_reference.array_exact import exact_steps, ulp_array
from adagrad_reference.array_intervals import Narrow, Wide
from adagrad_reference.boxes import Boxes
from adagrad_reference.enclosure import norm_step, scalar_boxes
from adagrad_reference.formats import BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.interval import Interval, NormArithmetic
from adagrad_reference.numeric_class import CLASSES, FLUSHED, LAWFUL, TIGHT
from adagrad_reference.options import Options
from adagrad_reference.rounding import rational_step, round_step

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
ALL_CLASSES = (*CLASSES.values(), FLUSHED)
BY_CLASS = pytest.mark.parametrize("cls", ALL_CLASSES, ids=lambda cls: cls.name)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


def norm_boxes(b, cls):
    """The norm's boxes of a batch, one element after the other."""
    n = len(b)
    theta, total = (Boxes.blank(n), Boxes.blank(n))
    for i in range(n):
        t, o = b.settings[b.which[i]]
        start = (Interval.point(float(x[i])) for x in (b.theta, b.state_sum))
        pair = norm_step(b.format, cls, *start, float(b.gradient[i]), t, o)
        for boxes, box in zip((theta, total), pair, strict=True):
            boxes.lo[i], boxes.hi[i] = float(box.lo), float(box.hi)
            boxes.nan[i] = box.nan
    return theta, total


def assert_never_narrower(fast, norm):
    """Every box of the norm lies in the fast one, with the same flag."""
    some = norm.lo <= norm.hi
    assert (fast.lo <= norm.lo)[some].all()
    assert (fast.hi >= norm.hi)[some].all()
    assert (fast.nan == norm.nan).all()
    assert ((fast.lo > fast.hi) == ~some).all()


def widths(fmt, boxes):
    """Widths in ulp of the larger end, plus one: a point counts 1."""
    largest = np.maximum(np.abs(boxes.lo), np.abs(boxes.hi))
    with np.errstate(all="ignore"):
        width = (boxes.hi - boxes.lo) / ulp_array(fmt, largest) + 1
    return width[np.isfinite(width) & (boxes.lo <= boxes.hi)]


@BY_NAME
@BY_CLASS
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_fast_boxes_hold_the_norm_and_are_hardly_wider(fmt, cls, make):
    b = make(fmt, np.random.default_rng(31), 260)
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_CLASS
def test_fast_boxes_of_a_small_format(cls):
    """All g and S of a format of six bits, some theta."""
    fmt = Format("toy", 6, 3, 3)
    numbers = finite_numbers(fmt)
    grid = np.meshgrid(numbers[::14], numbers[numbers >= 0][::3], numbers[::3])
    theta, s, g = (x.ravel().copy() for x in grid)
    chosen = ((2, Options(lr=2.0, lr_decay=0.7, weight_decay=0.6, eps=0.2)),)
    b = StepBatch(fmt, theta, s, g, chosen, np.zeros(len(g), int))
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_NAME
@BY_CLASS
def test_hard_elements_have_the_flags_of_the_norm(fmt, cls):
    """Infinities, NaN, 0/0, overflow and the edges of the range."""
    edge = [0.0, -0.0, math.inf, -math.inf, math.nan, fmt.eta, fmt.largest, 1.0]
    grid = np.meshgrid(edge, [0.0, math.inf, fmt.largest, 1.0], edge)
    theta, s, g = (x.ravel().copy() for x in grid)
    chosen = (
        (1, Options(eps=0.0)),
        (2, Options(lr=0.5, weight_decay=0.5, eps=1e-3, maximize=True)),
    )
    which = np.arange(len(g)) % 2
    b = StepBatch(fmt, theta, s, g, chosen, which)
    flags = 0
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert (fast.nan == norm.nan).all()
        np.testing.assert_array_equal(fast.lo, norm.lo)
        np.testing.assert_array_equal(fast.hi, norm.hi)
        flags += fast.nan.sum()
    assert flags > 50


@pytest.mark.parametrize("scale", [2.0**-260, 2.0**260, 2.0**-520, 2.0**500])
def test_binary64_far_from_one(scale):
    """Where double-double could lose its tails the norm answers instead."""
    fmt = BINARY64
    b = random_batch(fmt, np.random.default_rng(32), 40)
    theta, g = b.theta * scale, b.gradient * scale
    b = StepBatch(fmt, theta, b.state_sum, g, b.settings, b.which)
    for fast, norm in zip(fast_boxes(b, TIGHT), norm_boxes(b, TIGHT), strict=True):
        assert_never_narrower(fast, norm)


@BY_NAME
def test_extreme_scalars(fmt):
    chosen = tuple(
        (3, Options(lr=lr, lr_decay=0.3, weight_decay=wd, eps=eps))
        for lr in (1e-300, 0.0, 1e-5, 1e250)
        for wd in (0.0, 1e-200, 1e100)
        for eps in (0.0, 5e-324, 1e-62, 1e80)
    )
    b = random_batch(fmt, np.random.default_rng(33), 144, chosen)
    for fast, norm in zip(fast_boxes(b, LAWFUL), norm_boxes(b, LAWFUL), strict=True):
        assert_never_narrower(fast, norm)


@BY_NAME
def test_mixed_batches_are_the_elements_apart(fmt):
    """Settings, chunks and neighbours do not matter, bit for bit."""
    rng = np.random.default_rng(34)
    b = random_batch(fmt, rng, CHUNK + 500)
    whole = fast_boxes(b, LAWFUL)
    for k, setting in enumerate(b.settings):
        index = np.flatnonzero(b.which == k)
        alone = StepBatch(
            fmt,
            b.theta[index],
            b.state_sum[index],
            b.gradient[index],
            (setting,),
            np.zeros(len(index), int),
        )
        for all_, part in zip(whole, fast_boxes(alone, LAWFUL), strict=True):
            for column, mine in zip(all_, part, strict=True):
                np.testing.assert_array_equal(column[index], mine)


@BY_NAME
def test_maximize_is_the_negated_gradient(fmt):
    o = Options(lr=0.3, weight_decay=0.1, eps=1e-3)
    b = random_batch(fmt, np.random.default_rng(35), 500, ((2, o),))
    up = StepBatch(
        fmt,
        b.theta,
        b.state_sum,
        -b.gradient,
        ((2, o.override({"maximize": True})),),
        b.which,
    )
    for a, c in zip(fast_boxes(b, LAWFUL), fast_boxes(up, LAWFUL), strict=True):
        for x, y in zip(a, c, strict=True):
            np.testing.assert_array_equal(x, y)


@BY_NAME
def test_an_empty_batch(fmt):
    none = np.empty(0)
    b = StepBatch(fmt, none, none, none, settings_for(fmt), none.astype(int))
    for boxes in fast_boxes(b, LAWFUL):
        assert len(boxes.lo) == len(boxes.hi) == len(boxes.nan) == 0
    assert all(len(column) == 0 for column in exact_steps(b))
    b = StepBatch(fmt, none, none, none, (), none.astype(int))
    assert len(fast_boxes(b, LAWFUL)[0].lo) == 0


def test_hold_fails_nan_unless_allowed():
    boxes = Boxes(
        np.array([0.0, 0, 1]), np.array([1.0, 1, 0]), np.array([False, True, True])
    )
    nan = np.full(3, np.nan)
    assert boxes.holds(nan).tolist() == [False, True, True]
    assert boxes.holds(np.full(3, 0.5)).tolist() == [True, True, False]
    assert boxes.holds(np.array([-0.1, 1.1, np.inf])).tolist() == [False] * 3


# -- the scalars of many settings ---------------------------------------------------

COUNTS = (1, 2, 5, 2**24 + 1, 10**9)


def special_settings():
    """The edges of every scalar: nothing, subnormal, overflowing, far out."""
    rates = (0.0, 1e-300, 1e-45, 6e-8, 1e-5, 0.5, 1.0, 63.7, 1e30, 1e250)
    for t, lr, decay in itertools.product(COUNTS, rates, (0.0, 1e-90, 1e-3, 0.7, 1e30)):
        yield t, Options(lr=lr, lr_decay=decay, eps=0.0)
    others = (0.0, 5e-324, 1e-62, 1e-40, 1e-10, 2.0**-24, 0.3, 65519.9, 65520.0, 1e5)
    for wd, eps in itertools.product(others, others):
        yield 2, Options(lr=0.1, lr_decay=0.3, weight_decay=wd, eps=eps)


def random_settings(rng, n):
    """Step numbers and options of mixed size, some of them round."""
    for _ in range(n):
        lr, decay, wd, eps = np.exp2(rng.uniform(-20, 4, 4)).tolist()
        if rng.random() < 0.3:
            lr, decay = float(np.exp2(rng.integers(-9, 9))), float(rng.integers(0, 3))
        t = int(np.exp2(rng.uniform(0, 15)))
        yield t, Options(lr=lr, lr_decay=decay, weight_decay=wd, eps=eps)


def ends_of(box, i):
    """The i-th interval of an array arithmetic, as rationals."""
    ends = [Fraction(float(end[i])) for end in box]
    return (ends[0], ends[1]) if len(ends) == 2 else (sum(ends[:2]), sum(ends[2:]))


def rational(x):
    """The rational of a finite end point of the norm."""
    sign, man, exp, _ = x._mpf_
    return (-1 if sign else 1) * Fraction(int(man)) * Fraction(2) ** int(exp)


def scalar_ends(fmt, cls, chosen):
    """(fast, norm) ends of every scalar of the settings that are not left to it."""
    table = ScalarTable(fmt, cls, chosen)
    for i in np.flatnonzero(~table.extreme).tolist():
        c = scalar_boxes(fmt, cls, *chosen[i])
        for fast, norm in zip(
            table.boxes, (c.clr, c.weight_decay, c.eps), strict=False
        ):
            if norm is None:  # ALG-5 is skipped
                assert ends_of(fast, i) == (0, 0)
            else:
                assert not norm.nan
                yield ends_of(fast, i), (rational(norm.lo), rational(norm.hi))


@BY_NAME
@BY_CLASS
@pytest.mark.parametrize("kind", ["random", "special"])
def test_scalars_hold_the_norm_and_are_hardly_wider(fmt, cls, kind):
    chosen = list(special_settings())
    if kind == "random":
        chosen = list(random_settings(np.random.default_rng(46), 250))
    fast_width = norm_width = Fraction(0)
    checked = 0
    for fast, norm in scalar_ends(fmt, cls, chosen):
        assert fast[0] <= norm[0] <= norm[1] <= fast[1]
        unit = Fraction(fmt.ulp(float(norm[1])))
        fast_width += (fast[1] - fast[0]) / unit + 1
        norm_width += (norm[1] - norm[0]) / unit + 1
        checked += 1
    assert checked > 200
    assert fast_width <= norm_width * Fraction(105, 100)


@BY_NAME
@BY_CLASS
def test_only_extreme_scalars_are_left_to_the_norm(fmt, cls):
    """Those far from 1, and those that overflow in the format on their way."""
    chosen = list(special_settings())
    table = ScalarTable(fmt, cls, chosen)
    for (t, o), extreme in zip(chosen, table.extreme.tolist(), strict=True):
        c = scalar_boxes(fmt, cls, t, o)
        numbers = [o.lr, o.lr_decay, o.weight_decay, o.eps]
        for box in filter(None, (c.clr, c.weight_decay, c.eps)):
            numbers += box.outward()
        far = any(0 < x < 2.0**-200 or x > 2.0**200 for x in numbers)
        steps = (t - 1, o.lr_decay, (t - 1) * o.lr_decay)
        overflow = cls.scalars_in_format and max(steps) > fmt.largest
        assert extreme == (far or overflow), (t, o)


@BY_NAME
@BY_CLASS
def test_ten_thousand_settings_do_without_the_norm(fmt, cls, monkeypatch):
    """A rate that decays at every step costs no mpmath."""

    def never(*_):
        raise AssertionError("the norm was asked")

    monkeypatch.setattr(engine, "norm_step", never)
    o = Options(lr=0.3, lr_decay=1e-3, weight_decay=0.05, eps=1e-3)
    chosen = [(t, o) for t in range(1, 10001)]
    b = random_batch(fmt, np.random.default_rng(47), 10000, chosen)
    for boxes in fast_boxes(b, cls):
        assert (boxes.lo <= boxes.hi).all()


@BY_NAME
@BY_CLASS
def test_fast_boxes_of_many_settings(fmt, cls):
    rng = np.random.default_rng(48)
    b = random_batch(fmt, rng, 200, list(random_settings(rng, 200)))
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_NAME
@BY_CLASS
def test_counts_beyond_the_format(fmt, cls):
    chosen = [
        (t, Options(lr=63.7, lr_decay=decay, weight_decay=1e5, eps=1e-3))
        for t, decay in itertools.product((*COUNTS, 2049, 65506), (0.0, 1e-3, 0.7))
    ]
    b = random_batch(fmt, np.random.default_rng(49), 100, chosen)
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)


# -- exact steps -------------------------------------------------------------------


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_exact_steps_equal_round_step(fmt, make):
    b = make(fmt, np.random.default_rng(36), 800)
    got = exact_steps(b)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want = round_step(fmt, *start, t, o)
        np.testing.assert_array_equal([got.theta[i], got.state_sum[i]], want)


@BY_NAME
def test_exact_steps_of_many_settings(fmt):
    rng = np.random.default_rng(50)
    chosen = [*random_settings(rng, 150), *list(special_settings())[::3]]
    chosen += [(2**53 + 3, Options(lr_decay=1e-16, lr=1.0))]
    b = random_batch(fmt, rng, 600, chosen)
    b.which[0] = len(chosen) - 1
    got = exact_steps(b)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want = round_step(fmt, *start, t, o)
        np.testing.assert_array_equal([got.theta[i], got.state_sum[i]], want)


@BY_NAME
def test_exact_steps_of_ties_and_zeros(fmt):
    o = Options(lr=8 * fmt.unit_roundoff, lr_decay=1.0, eps=1.0)
    chosen = ((7, o), (7, o.override({"lr": 8.0})))
    theta = np.array([1.0, 1 + 2 * fmt.unit_roundoff, 1.0])
    g, which = np.array([-7.0, -7.0, 7.0]), np.array([0, 0, 1])
    got = exact_steps(StepBatch(fmt, theta, np.zeros(3), g, chosen, which))
    assert got.theta.tolist() == [1.0, 1 + 4 * fmt.unit_roundoff, 0.0]


def exact_theta(theta, g, s, t, o):
    """theta' and the update as rationals of some 400 bits."""
    step = rational_step(theta, g, s, t, o)
    update = step.numerator / (fraction_root(step.state_sum, 400) + step.eps)
    return step.theta - update, update


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_errors_are_right(fmt, make):
    rng = np.random.default_rng(37)
    b = make(fmt, rng, 300)
    exact = exact_steps(b)
    moved = np.array([fmt.ulp(float(x)) for x in exact.theta]) * rng.integers(
        -3, 4, 300
    )
    with np.errstate(all="ignore"):
        observed = exact.theta + moved
    errors = exact.errors(fmt, observed)
    checked = 0
    for i in np.flatnonzero(np.isfinite(errors)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want, update = exact_theta(*start, t, o)
        scale = max(abs(start[0]), abs(float(update)), abs(float(want)))
        error = abs(Fraction(float(observed[i])) - want) / Fraction(fmt.ulp(scale))
        # the scale may round across a power of two
        close = {fmt.ulp(scale * (1 + k * 2.0**-50)) for k in (-1, 0, 1)}
        ratios = [Fraction(fmt.ulp(scale)) / Fraction(x) for x in close]
        assert any(
            abs(float(error * r) - errors[i]) <= 1e-6 * float(error * r) + 1e-9
            for r in ratios
        ), (start, t, o)
        checked += 1
    assert checked >= 100


@BY_NAME
def test_the_rounded_exact_step_errs_by_half_an_ulp_at_most(fmt):
    b = random_batch(fmt, np.random.default_rng(38), 3000)
    exact = exact_steps(b)
    errors = exact.errors(fmt, exact.theta)
    assert np.nanmax(errors) <= 0.5
    assert np.nanmax(errors) > 0.45
    assert np.isfinite(errors).mean() > 0.9


@BY_NAME
def test_errors_of_what_is_not_finite_are_nan(fmt):
    b = random_batch(fmt, np.random.default_rng(39), 3, ((1, Options(eps=1e-3)),))
    errors = exact_steps(b).errors(fmt, np.array([math.inf, math.nan, 1.0]))
    assert np.isnan(errors).tolist() == [True, True, False]


# -- double-double -----------------------------------------------------------------

heads = st.floats(2.0**-100, 2.0**100).flatmap(lambda x: st.sampled_from([x, -x]))


@st.composite
def pairs(draw, positive=False):
    """A double-double, as arrays of one element."""
    h = draw(heads)
    h = abs(h) if positive else h
    share = draw(st.floats(-0.5, 0.5))
    low = math.ulp(h) * share
    s = h + low
    return np.array([s]), np.array([low - (s - h)])


def exact(pair):
    """The rational of a double-double."""
    return Fraction(float(pair[0][0])) + Fraction(float(pair[1][0]))


def assert_close(got, want, bound):
    """Relative error in units of u**2, and a normalized pair."""
    assert abs(exact(got) - want) <= abs(want) * Fraction(bound) / 2**106
    assert got[0][0] + got[1][0] == got[0][0]


@EXAMPLES
@given(heads, heads)
def test_error_free_transformations(a, b):
    x, y = np.array([a]), np.array([b])
    assert exact(dd.two_sum(x, y)) == Fraction(a) + Fraction(b)
    assert exact(dd.two_product(x, y)) == Fraction(a) * Fraction(b)
    large, small = (x, y) if abs(a) >= abs(b) else (y, x)
    assert exact(dd.fast_two_sum(large, small)) == Fraction(a) + Fraction(b)


@EXAMPLES
@given(pairs(), pairs())
def test_addition(x, y):
    assert_close(dd.add(x, y), exact(x) + exact(y), 3.1)


@EXAMPLES
@given(pairs(), st.floats(-1e-14, 1e-14))
def test_addition_with_cancellation(x, change):
    y = (-x[0] * (1 + change), x[1] * 0.3)
    assert_close(dd.add(x, y), exact(x) + exact(y), 3.1)


@EXAMPLES
@given(heads, heads)
def test_addition_and_products_of_plain_numbers_are_exact(a, b):
    zero = np.zeros(1)
    x, y = (np.array([a]), zero), (np.array([b]), zero)
    assert exact(dd.add(x, y)) == Fraction(a) + Fraction(b)
    assert exact(dd.multiply(x, y)) == Fraction(a) * Fraction(b)


@EXAMPLES
@given(pairs(), pairs())
def test_multiplication(x, y):
    assert_close(dd.multiply(x, y), exact(x) * exact(y), 5)


@EXAMPLES
@given(pairs(), pairs(positive=True))
def test_division(x, y):
    assert_close(dd.divide(x, y), exact(x) / exact(y), 15.1)


@EXAMPLES
@given(pairs(positive=True))
def test_square_root(x):
    assume(exact(x) > 0)
    assert_close(dd.square_root(x), fraction_root(exact(x), 300), 8)


def test_square_root_of_zero_and_of_squares():
    zero = np.zeros(1)
    assert exact(dd.square_root((zero, zero))) == 0
    for n in (3.0, 0.1, 12345.678):
        square = dd.two_product(np.array([n]), np.array([n]))
        assert exact(dd.square_root(square)) == Fraction(n)


# -- the arithmetics, operation by operation ---------------------------------------


@EXAMPLES
@given(pairs(), pairs(positive=True), st.sampled_from(["add", "sub", "mul", "div"]))
def test_wide_operations_round_outward(x, y, op):
    ar = Wide()
    box = getattr(ar, op)((*x, *x), (*y, *y))
    a, b = exact(x), exact(y)
    want = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}[op]
    assert exact(box[:2]) <= want <= exact(box[2:])
    assert exact(box[2:]) - exact(box[:2]) <= abs(want) / 2**97
    assert not np.any(ar.hard)


@pytest.mark.parametrize("fmt", [BINARY32, BINARY16], ids=lambda fmt: fmt.name)
@EXAMPLES
@given(
    st.floats(-(2.0**9), 2.0**9).filter(lambda x: abs(x) > 2.0**-9),
    st.floats(2.0**-5, 2.0**5),
    st.sampled_from(["add", "sub", "mul", "div"]),
    st.sampled_from(["opt", "faithful", "store"]),
)
def test_narrow_operations_hold_those_of_the_norm(fmt, x, y, op, kind):
    """Also for numbers of binary64, whose results are not exact in it."""
    ar, norm = Narrow(fmt), NormArithmetic(fmt)
    a, b = np.array([x]), np.array([y])
    got = getattr(ar, kind)(getattr(ar, op)((a, a), (b, b)))
    raw = getattr(norm, op)(Interval.point(x), Interval.point(y))
    want = getattr(norm, kind)(raw)
    assert got[0][0] <= want.lo
    assert want.hi <= got[1][0]


@EXAMPLES
@given(
    st.floats(2.0**-150, 2.0**150),
    st.floats(2.0**-150, 2.0**150),
    st.sampled_from(["add", "mul", "div"]),
)
def test_opt64_holds_the_exact_result_and_its_rounding(x, y, op):
    ar, norm = Narrow(BINARY32), NormArithmetic(BINARY32)
    a, b = np.array([x]), np.array([y])
    got = ar.opt64(getattr(ar, op)((a, a), (b, b)))
    want = norm.opt64(getattr(norm, op)(Interval.point(x), Interval.point(y)))
    assert got[0][0] <= want.lo <= want.hi <= got[1][0]
    assert got[1][0] - got[0][0] <= 2 * math.ulp(got[1][0])


def test_opt64_keeps_zero():
    zero = np.zeros(1)
    assert Narrow(BINARY16).opt64((zero, zero)) == (zero, zero)


@pytest.mark.parametrize("fmt", [BINARY64, BINARY32, BINARY16], ids=lambda f: f.name)
@pytest.mark.parametrize("op", ["flush", "opt", "faithful", "store", "opt64"])
def test_array_arithmetics_flush_as_the_norm_does(fmt, op):
    m = fmt.smallest_normal
    points = [0.0, fmt.eta, m - fmt.eta, m, 2 * m, 1.0]
    ends = sorted(points + [-x for x in points])
    pairs = [pair for pair in itertools.product(ends, ends) if pair[0] <= pair[1]]
    lo, hi = np.array(pairs).T
    zero = np.zeros_like(lo)
    ar = Wide(FLUSHED) if fmt == BINARY64 else Narrow(fmt, FLUSHED)
    got = getattr(ar, op)((lo, zero, hi, zero) if fmt == BINARY64 else (lo, hi))
    norm = NormArithmetic(fmt, FLUSHED)
    for i, pair in enumerate(pairs):
        want = getattr(norm, op)(Interval.point(*pair))
        box = ends_of(got, i)
        assert box[0] <= rational(want.lo) <= rational(want.hi) <= box[1]
        if fmt == BINARY32 and op in ("flush", "store"):
            assert box == (rational(want.lo), rational(want.hi)), pair


@pytest.mark.parametrize("lo", [0.0, -1.0])
def test_divisors_that_are_not_positive_are_hard(lo):
    one = np.ones(1)
    for ar, a, b in (
        (Narrow(BINARY16), (one, one), (one * lo, one)),
        (Wide(), (one, 0 * one, one, 0 * one), (one * lo, 0 * one, one, 0 * one)),
    ):
        with np.errstate(all="ignore"):
            ar.div(a, b)
        assert np.all(ar.hard)


def test_narrow_refuses_binary64():
    with pytest.raises(AssertionError, match="Wide"):
        Narrow(BINARY64)
    assert Narrow(BINARY32).format == BINARY32


def test_no_long_double_anywhere():
    folder = Path(adagrad_reference.__file__).parent
    for path in folder.glob("*.py"):
        found = re.search(r"longdouble|float128|clongdouble", path.read_text())
        assert not found, path.name
