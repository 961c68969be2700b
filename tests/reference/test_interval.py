"""The interval arithmetic of the norm holds what real arithmetic can give.

The table of special cases stands here row by row; raw operations contain the true
result; `opt`, `faithful`, `store` and `widen` contain what numpy does in narrow
formats, and no more than they must; in a class that flushes they hold zero too.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import ALL_FORMATS, fraction_nearest, fraction_root, nearest

from adagrad_reference.formats import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    DOWN,
    UP,
    Format,
)
from adagrad_reference.interval import (
    ENDPOINT_BITS,
    Interval,
    NormArithmetic,
    wider_format,
)
from adagrad_reference.numeric_class import FLUSHED

INF = math.inf
BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
NARROW = pytest.mark.parametrize(
    "fmt", [BINARY32, BFLOAT16, BINARY16], ids=lambda fmt: fmt.name
)
EXAMPLES = settings(max_examples=120, deadline=None, derandomize=True)
AR = NormArithmetic(BINARY16)


def iv(lo, hi=None, nan=False):
    """An interval from plain numbers."""
    box = Interval.point(lo, hi)
    return Interval(box.lo, box.hi, nan)


def plain(box):
    """(lo, hi, nan), or the word for an empty interval."""
    if box.empty:
        return "nothing" if box.nan else "nothing, and no NaN"
    return float(box.lo), float(box.hi), box.nan


def fraction(x):
    """The rational of a finite end point."""
    sign, man, exp, _ = x._mpf_
    return (-1 if sign else 1) * Fraction(int(man)) * Fraction(2) ** int(exp)


def holds(box, x: Fraction):
    """Whether a rational lies in the interval."""
    low = box.lo == -INF or (box.lo != INF and fraction(box.lo) <= x)
    return low and (box.hi == INF or (box.hi != -INF and x <= fraction(box.hi)))


# -- the table of special cases --------------------------------------------------------

TABLE = [
    # zero times infinity
    ("mul", (0, 0), (INF, INF), "nothing"),
    ("mul", (INF, INF), (0, 0), "nothing"),
    ("mul", (0, 5), (INF, INF), (INF, INF, True)),
    ("mul", (-5, 5), (INF, INF), (-INF, INF, True)),
    ("mul", (0, 0), (1, INF), (0, 0, True)),
    ("mul", (2, INF), (0, 0), (0, 0, True)),
    ("mul", (INF, INF), (0, 3), (INF, INF, True)),
    ("mul", (2, INF), (3, INF), (6, INF, False)),
    ("mul", (-INF, -2), (3, 3), (-INF, -6, False)),
    ("mul", (-INF, INF), (0, 0), (0, 0, True)),
    # infinity minus infinity
    ("sub", (INF, INF), (INF, INF), "nothing"),
    ("add", (-INF, -INF), (INF, INF), "nothing"),
    ("sub", (1, INF), (INF, INF), (-INF, -INF, True)),
    ("sub", (1, INF), (2, INF), (-INF, INF, True)),
    ("add", (1, INF), (2, INF), (3, INF, False)),
    ("sub", (-INF, 1), (INF, INF), (-INF, -INF, False)),
    ("add", (-INF, INF), (INF, INF), (INF, INF, True)),
    ("sub", (-INF, 3), (-INF, -INF), (INF, INF, True)),
    # infinity over infinity
    ("div", (INF, INF), (INF, INF), "nothing"),
    ("div", (-INF, -INF), (INF, INF), "nothing"),
    ("div", (5, INF), (INF, INF), (0, 0, True)),
    ("div", (5, INF), (1, INF), (0, INF, True)),
    ("div", (INF, INF), (1, INF), (INF, INF, True)),
    ("div", (-2, 5), (INF, INF), (0, 0, False)),
    ("div", (-INF, INF), (INF, INF), (0, 0, True)),
    ("div", (-INF, INF), (2, 2), (-INF, INF, False)),
    # zero over zero, also guarded
    ("div", (0, 0), (0, 0), (0, 0, True)),
    ("div", (-1, 1), (0, 0), (-INF, INF, True)),
    ("div", (0, 3), (0, 0), (0, INF, True)),
    ("div", (0, 3), (0, 2), (0, INF, True)),
    ("div", (0, 0), (0, 2), (0, 0, True)),
    # x over zero
    ("div", (2, 3), (0, 0), (INF, INF, False)),
    ("div", (-3, -2), (0, 0), (-INF, -INF, False)),
    ("div", (2, 3), (0, 1), (2, INF, False)),
    ("div", (-3, -2), (0, 1), (-INF, -2, False)),
    ("div", (-INF, -2), (0, 0), (-INF, -INF, False)),
    # ordinary
    ("add", (1, 2), (3, 5), (4, 7, False)),
    ("sub", (1, 2), (3, 5), (-4, -1, False)),
    ("mul", (-1, 2), (3, 5), (-5, 10, False)),
    ("div", (-1, 2), (4, 8), (-0.25, 0.5, False)),
]


@pytest.mark.parametrize(("op", "a", "b", "want"), TABLE)
def test_special_cases(op, a, b, want):
    assert plain(getattr(AR, op)(iv(*a), iv(*b))) == want


def test_squares_and_roots():
    assert plain(AR.square(iv(-3, 2))) == (0, 9, False)
    assert plain(AR.square(iv(-3, -2))) == (4, 9, False)
    assert plain(AR.square(iv(-INF, 2))) == (0, INF, False)
    assert plain(AR.sqrt(iv(4, 9))) == (2, 3, False)
    assert plain(AR.sqrt(iv(0, INF))) == (0, INF, False)
    assert plain(AR.neg(iv(-3, 2, nan=True))) == (-2, 3, True)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
def test_nothing_in_nothing_out(op):
    nothing = Interval.point(math.nan)
    assert nothing.empty
    assert nothing.nan
    for a, b in ((nothing, iv(1)), (iv(1), nothing), (nothing, nothing)):
        assert plain(getattr(AR, op)(a, b)) == "nothing"


@BY_NAME
def test_nothing_passes_through_unary_operations(fmt):
    ar = NormArithmetic(fmt)
    nothing = Interval.point(math.nan)
    for op in ("square", "sqrt", "neg", "widen", "opt", "faithful", "store"):
        assert plain(getattr(ar, op)(nothing)) == "nothing", op
    assert plain(ar.hull(nothing, iv(1, 2))) == (1, 2, True)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
def test_the_nan_flag_spreads(op):
    for a, b in itertools.product((False, True), repeat=2):
        got = getattr(AR, op)(iv(1, 2, a), iv(3, 4, b))
        assert got.nan == (a or b)


def test_the_nan_flag_survives_unary_operations():
    for op in ("square", "sqrt", "neg", "widen", "opt", "faithful", "store", "opt64"):
        assert getattr(AR, op)(iv(1, 2, nan=True)).nan, op
        assert not getattr(AR, op)(iv(1, 2)).nan, op


# -- raw operations contain the truth --------------------------------------------------

numbers = st.fractions(max_denominator=10**6).filter(lambda x: abs(x) < 10**12)
floats = st.floats(-1e30, 1e30, allow_subnormal=True)


@st.composite
def interval_and_member(draw, positive=False):
    """An interval and a rational inside."""
    source = floats.map(abs) if positive else floats
    lo, hi = sorted((draw(source), draw(source)))
    share = draw(st.fractions(0, 1, max_denominator=1000))
    return iv(lo, hi), Fraction(lo) + share * (Fraction(hi) - Fraction(lo))


@EXAMPLES
@given(interval_and_member(), interval_and_member(), interval_and_member(positive=True))
def test_raw_operations_contain_the_true_result(first, second, third):
    (a, x), (b, y), (c, z) = first, second, third
    assert holds(AR.add(a, b), x + y)
    assert holds(AR.sub(a, b), x - y)
    assert holds(AR.mul(a, c), x * z)
    assert holds(AR.neg(a), -x)
    assert holds(AR.square(a), x * x)
    assert holds(AR.hull(a, b), x)
    assert holds(AR.hull(a, b), y)
    if z:
        assert holds(AR.div(a, c), x / z)
    low = fraction_root(z, 400)
    box = AR.sqrt(c)
    assert fraction(box.lo) ** 2 <= z
    assert z <= fraction(box.hi) ** 2
    assert fraction(box.lo) <= low + Fraction(1, 2**350)


@EXAMPLES
@given(floats, floats.map(abs))
def test_raw_operations_are_as_narrow_as_their_end_points(x, y):
    a, b = iv(x), iv(y)
    exact = Fraction(x) * Fraction(y)
    width = abs(exact) / 2 ** (ENDPOINT_BITS - 1)
    box = AR.mul(a, b)
    assert fraction(box.hi) - fraction(box.lo) <= width
    box = AR.add(a, b)
    exact = Fraction(x) + Fraction(y)
    assert fraction(box.hi) - fraction(box.lo) <= abs(exact) / 2 ** (ENDPOINT_BITS - 1)


def test_end_points_are_rounded_outward():
    third = AR.div(iv(1), iv(3))
    assert fraction(third.lo) < Fraction(1, 3) < fraction(third.hi)
    root = AR.sqrt(iv(2))
    assert fraction(root.lo) ** 2 < 2 < fraction(root.hi) ** 2
    below, above = third.outward()
    assert Fraction(below) < Fraction(1, 3) < Fraction(above)
    assert math.nextafter(below, 1) == above


# -- rounding: contained, and minimal --------------------------------------------------


def test_the_wider_formats():
    assert wider_format(BINARY64) is None
    assert wider_format(BINARY32) == BINARY64
    assert wider_format(BINARY16) == wider_format(BFLOAT16) == BINARY32
    assert wider_format(Format("toy", 6, 3, 3)) == BINARY32


def samples(fmt, n=400):
    """Points that need rounding: mixed sizes, midpoints, the neighbours of both."""
    rng = np.random.default_rng(1)
    reach = min(fmt.emax - 2, 200)
    x = rng.standard_normal(n) * np.exp2(rng.uniform(-reach, reach, n))
    if fmt == BINARY64:
        return x.tolist()
    grid = nearest(fmt, x)
    half = np.array([fmt.ulp(v) / 2 for v in grid.tolist()])
    middle = grid + half
    points = np.concatenate([x, middle, np.nextafter(middle, 0), np.nextafter(grid, 9)])
    edge = fmt.largest + fmt.ulp(fmt.largest) / 2
    extra = [
        0.0,
        edge,
        math.nextafter(edge, 0),
        fmt.eta / 2,
        fmt.eta * 0.6,
        fmt.largest,
    ]
    return [*points.tolist(), *extra]


@NARROW
def test_rounding_through_any_wider_format_is_inside(fmt):
    ar = NormArithmetic(fmt)
    wider = [w for w in (BINARY32, BINARY64) if w.precision > fmt.precision]
    for x in samples(fmt):
        box, stored, faithful = ar.opt(iv(x)), ar.store(iv(x)), ar.faithful(iv(x))
        for w in (None, *wider):
            through = float(nearest(w, x)) if w else x
            want = float(nearest(fmt, through))
            assert box.lo <= through <= box.hi
            assert box.lo <= want <= box.hi
            assert stored.lo <= want <= stored.hi
            assert faithful.lo <= box.lo <= box.hi <= faithful.hi
            if not math.isfinite(through):
                continue
            for mode in (DOWN, UP):
                assert faithful.lo <= fmt.round(Fraction(through), mode) <= faithful.hi


@BY_NAME
@EXAMPLES
@given(x=numbers)
def test_opt_and_store_of_rationals(fmt, x):
    ar = NormArithmetic(fmt)
    exact = ar.div(iv(x.numerator), iv(x.denominator))
    want = fraction_nearest(fmt.precision, fmt.emin, x)
    assume(abs(want) <= fmt.largest)
    assert holds(ar.opt(exact), x)
    assert holds(ar.opt(exact), want)
    assert holds(ar.store(exact), want)
    assert ar.opt64(exact).lo <= BINARY64.round(x) <= ar.opt64(exact).hi
    for mode in (DOWN, UP):
        bound = fmt.round(x, mode)
        assert ar.faithful(exact).lo <= bound <= ar.faithful(exact).hi


@NARROW
def test_widen_is_minimal(fmt):
    ar, w = NormArithmetic(fmt), wider_format(fmt)
    for x in (1.0, 1 + 2.0**-30, -3.7, 1e-40, fmt.eta / 3):
        box = ar.widen(iv(x))
        slack = Fraction(abs(x)) * Fraction(w.unit_roundoff)
        slack += Fraction(2) ** (w.smallest_exponent - 1)
        rest = Fraction(1, 2**250)
        assert abs(fraction(box.lo) - (Fraction(x) - slack)) <= abs(x) * rest
        assert abs(fraction(box.hi) - (Fraction(x) + slack)) <= abs(x) * rest


def test_widen_is_the_identity_for_binary64():
    ar = NormArithmetic(BINARY64)
    for x in (1 / 3, 5e-324, 0.0, INF):
        assert ar.widen(iv(x)) == iv(x)
    assert ar.store(iv(0.1)) == ar.opt(iv(0.1)) == ar.faithful(iv(0.1)) == iv(0.1)


@BY_NAME
def test_zero_and_infinities_pass_unchanged(fmt):
    ar = NormArithmetic(fmt)
    for x in (0.0, INF, -INF):
        for op in ("widen", "opt", "store", "opt64"):
            assert plain(getattr(ar, op)(iv(x))) == (x, x, False)
    assert plain(ar.faithful(iv(0.0))) == (0, 0, False)
    assert plain(ar.faithful(iv(INF))) == (INF, INF, False)


@NARROW
def test_rounding_keeps_the_sign(fmt):
    ar = NormArithmetic(fmt)
    tiny = ar.mul(iv(2.0**-1000), iv(2.0**-1000))
    for op in ("widen", "opt", "store", "faithful"):
        assert getattr(ar, op)(tiny).lo == 0
        assert getattr(ar, op)(ar.neg(tiny)).hi == 0
    assert ar.faithful(tiny).hi == fmt.eta
    assert ar.store(tiny).hi == 0


@BY_NAME
def test_numbers_of_the_format_stay_narrow(fmt):
    ar = NormArithmetic(fmt)
    for x in (1.0, -1.5, 1 + 2 * fmt.unit_roundoff, fmt.largest, fmt.smallest_normal):
        assert plain(ar.store(iv(x))) == (x, x, False)
        box = ar.opt(iv(x))
        assert Fraction(x) - fraction(box.lo) <= Fraction(fmt.ulp(x)) / 2**12
        if fmt == BINARY64:
            assert plain(ar.faithful(iv(x))) == (x, x, False)


@NARROW
def test_store_of_a_point_is_one_number_unless_near_a_midpoint(fmt):
    ar = NormArithmetic(fmt)
    u = fmt.unit_roundoff
    assert plain(ar.store(iv(1 + u))) == (1.0, 1 + 2 * u, False)
    assert plain(ar.store(iv(1 + u * (1 + 2.0**-8)))) == (1 + 2 * u, 1 + 2 * u, False)
    assert plain(ar.store(iv(1 + u * (1 - 2.0**-8)))) == (1.0, 1.0, False)


@BY_NAME
def test_faithful_of_an_inexact_point_is_the_two_neighbours(fmt):
    ar = NormArithmetic(fmt)
    box = ar.faithful(ar.div(iv(1), iv(3)))
    down, up = (fmt.round(Fraction(1, 3), mode) for mode in (DOWN, UP))
    assert plain(box) == (down, up, False)


@BY_NAME
def test_overflow_at_the_boundary(fmt):
    ar = NormArithmetic(fmt)
    gap = Fraction(fmt.ulp(fmt.largest))
    top = ar.add(iv(fmt.largest), iv(float(gap / 4)))
    assert plain(ar.store(top)) == (fmt.largest, fmt.largest, False)
    assert plain(ar.faithful(top))[1] == INF
    over = ar.add(iv(fmt.largest), iv(float(gap * 3 / 4)))
    assert plain(ar.store(over)) == (INF, INF, False)
    assert ar.opt(over).lo < INF


# -- flush to zero ---------------------------------------------------------------------


@BY_NAME
def test_what_meets_the_subnormal_range_holds_zero(fmt):
    ar, m = NormArithmetic(fmt, FLUSHED), fmt.smallest_normal
    for a, want in [
        ((fmt.eta, 1), (0, 1)),
        ((m / 2, m / 2), (0, m / 2)),
        ((-1, -m / 2), (-1, 0)),
        ((-m / 2, -fmt.eta), (-m / 2, 0)),
        ((-fmt.eta, m / 2), (-fmt.eta, m / 2)),
        ((m, 1), (m, 1)),
        ((-1, -m), (-1, -m)),
        ((0, 0), (0, 0)),
        ((-INF, INF), (-INF, INF)),
    ]:
        assert plain(ar.flush(iv(*a))) == (*want, False)
        assert plain(ar.flush(iv(*a, nan=True))) == (*want, True)
        assert NormArithmetic(fmt).flush(iv(*a)) == iv(*a)
    assert plain(ar.flush(Interval.point(math.nan))) == "nothing"


@BY_NAME
def test_results_are_flushed_before_or_after_rounding(fmt):
    ar, m = NormArithmetic(fmt, FLUSHED), iv(fmt.smallest_normal)
    share = ar.div(iv(2**60 - 1), iv(2**60))
    for a in (ar.mul(m, iv(0.75)), ar.mul(m, share)):  # the latter rounds to m
        for op in ("opt", "store", "faithful", "opt64"):
            box, mirror = getattr(ar, op)(a), getattr(ar, op)(ar.neg(a))
            assert box.lo == 0
            assert box.hi >= a.hi * 0.75
            assert (mirror.lo, mirror.hi) == (-box.hi, 0)
    assert plain(ar.opt64(m))[0] == fmt.smallest_normal


@BY_NAME
def test_flushing_only_adds(fmt):
    """Each operation holds what it holds without."""
    plain_ar, ar = NormArithmetic(fmt), NormArithmetic(fmt, FLUSHED)
    m = fmt.smallest_normal
    ends = [0.0, fmt.eta, m / 2, m, 1.0, fmt.largest, INF]
    signed = sorted({*ends, *(-x for x in ends)})
    boxes = [iv(*p) for p in itertools.combinations_with_replacement(signed, 2)]
    positive = [b for b in boxes if b.lo >= 0]
    for a, b in itertools.product(boxes, positive):
        for op in ("add", "sub", "mul", "div"):
            want = getattr(plain_ar, op)(a, b)
            got = getattr(ar, op)(ar.flush(a), ar.flush(b))
            assert got.nan >= want.nan
            assert want.empty or got.lo <= want.lo <= want.hi <= got.hi
    for a, op in itertools.product(boxes, ("opt", "store", "faithful", "opt64")):
        want, got = getattr(plain_ar, op)(a), getattr(ar, op)(a)
        assert got.lo <= want.lo <= want.hi <= got.hi


def test_a_flushed_divisor_is_a_zero_of_either_sign():
    ar = NormArithmetic(BINARY16, FLUSHED)
    tiny = ar.flush(iv(2.0**-20))
    assert plain(ar.div(iv(3), tiny)) == (-INF, INF, False)
    assert plain(ar.div(iv(-1, 1), tiny)) == (-INF, INF, True)
    assert plain(ar.div(iv(0), tiny)) == (0, 0, True)
    assert plain(ar.div(iv(3), iv(0))) == (INF, INF, False)  # nothing was flushed
    assert plain(AR.div(iv(3), iv(0, 2.0**-20)))[1:] == (INF, False)


def test_products_with_such_a_quotient():
    line = iv(-INF, INF)
    assert plain(AR.mul(iv(0), line)) == (0, 0, True)
    assert plain(AR.mul(iv(2), line)) == (-INF, INF, False)
    assert plain(AR.mul(line, line)) == (-INF, INF, True)
    assert plain(AR.mul(iv(-2, 3), iv(-5, 7))) == (-15, 21, False)


@NARROW
def test_native_arithmetic_is_inside(fmt):
    """Numpy's own operations in the format, on its own numbers."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = {"binary32": np.float32, "binary16": np.float16}.get(
        fmt.name, ml_dtypes.bfloat16
    )
    ar, rng = NormArithmetic(fmt), np.random.default_rng(4)
    reach = 6 if fmt == BINARY16 else 30
    x, y = (
        (rng.standard_normal(300) * np.exp2(rng.uniform(-reach, reach, 300))).astype(
            dtype
        )
        for _ in "xy"
    )
    y = abs(y)
    with np.errstate(all="ignore"):
        results = {"add": x + y, "sub": x - y, "mul": x * y, "div": x / y}
        results |= {"square": x * x, "sqrt": np.sqrt(y)}
    for op, got in results.items():
        for a, b, r in zip(
            x.tolist(), y.tolist(), got.astype(float).tolist(), strict=True
        ):
            raw = (
                ar.square(iv(a))
                if op == "square"
                else ar.sqrt(iv(b))
                if op == "sqrt"
                else getattr(ar, op)(iv(a), iv(b))
            )
            for kind in ("opt", "store", "faithful"):
                box = getattr(ar, kind)(raw)
                assert box.lo <= r <= box.hi, (op, kind, a, b)
            assert ar.store(raw).hi in (r, fmt.next_up(r))
            assert ar.store(raw).lo in (r, fmt.next_down(r))
