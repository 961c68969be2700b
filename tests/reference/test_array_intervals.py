"""Each operation of the array arithmetics holds that of the norm."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from array_kit import EXAMPLES, ends_of, exact, pairs, rational
from hypothesis import given
from hypothesis import strategies as st

from adagrad_reference.array_intervals import Narrow, Wide
from adagrad_reference.formats import BINARY16, BINARY32, BINARY64
from adagrad_reference.interval import Interval, NormArithmetic
from adagrad_reference.numeric_class import FLUSHED


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
