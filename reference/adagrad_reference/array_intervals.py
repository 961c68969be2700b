"""Interval arithmetic on arrays, with the operations of `NormArithmetic`.

Rule 1.  An interval is a tuple of float64 arrays: (lo, hi) in `Narrow`, and
         (lo, lo tail, hi, hi tail) in `Wide`.
Rule 2.  Every end point is rounded outward by more than the arithmetic's own error.
Rule 3.  Elements without a proof of rule 2 (a number that is not finite, a zero
         divisor, numbers so large or small that error terms could be lost) are marked
         in `hard`; the caller computes them by the norm.  An overflow in the working
         format is an infinity in S', the denominator or the update, and is detected
         there.
Rule 4.  Second factors and divisors are never negative, as in interval.py; a divisor
         that may be flushed to zero is hard, as every zero divisor is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import double_double as dd
from .formats import BINARY64, Format
from .interval import approximate_factors, wider_format
from .numeric_class import LAWFUL, NumericClass

__all__ = ["Narrow", "Wide", "round_array"]

Array = Any
Box = tuple[Array, ...]


def round_array(fmt: Format, x: Array) -> Array:
    """A float64 array rounded to nearest even in a format of at most 24 bits."""
    if fmt.width == 32:
        return x.astype(np.float32).astype(np.float64)
    drop = BINARY64.precision - fmt.precision
    bits = x.view(np.int64)
    odd = (bits >> drop) & 1
    odd += (1 << (drop - 1)) - 1
    odd += bits
    odd &= -(1 << drop)
    rounded: Array = odd.view(np.float64)
    magnitude = np.abs(x)
    small = magnitude < fmt.smallest_normal
    if small.any():
        magic = 1.5 * 2.0**52 * fmt.eta  # adding it rounds to a multiple of eta
        rounded = np.where(small, (x + magic) - magic, rounded)
    large = magnitude > fmt.largest
    if large.any():  # beyond the largest number by half an ulp: infinity
        overflow = large & (np.abs(rounded) > fmt.largest)
        rounded = np.where(overflow, np.copysign(np.inf, x), rounded)
    return rounded


class _Watcher:
    """Marks the elements that are hard, in an array of flags."""

    hard: Array

    def _mark(self, condition: Array) -> None:
        self.hard = self.hard | condition

    def guarded(self, update: Box, total: Box, rate: Box) -> Box:
        """The update; elements whose accumulator `total` may be 0 are hard."""
        del rate  # unused here; NormArithmetic needs it
        self._mark(~(total[0] > 0))
        return update

    def without_nan(self, update: Box, before: Box) -> Box:
        """The update; elements in which it may be NaN are hard already."""
        del before  # unused here; NormArithmetic needs it
        return update


class Narrow(_Watcher):
    """End points in binary64 for a working format of at most 24 bits.

    One raw operation errs by at most half an ulp of binary64; the slack that `widen`
    adds for it, 2**-52 relative, is small beside the roundings of the format.  With
    scalars and inputs limited to 2**+-200, no quantity of a step underflows binary64.
    """

    def __init__(self, fmt: Format, cls: NumericClass = LAWFUL) -> None:
        wider = wider_format(fmt)
        assert wider is not None, "binary64 needs the Wide arithmetic"
        self.format = fmt
        self.cls = cls
        self._slack = wider.unit_roundoff * (1 + 2.0**-20) + 2.0**-52
        self._tiny = wider.eta if wider != BINARY64 else 0.0
        self.hard = np.False_

    def watch(self, *inputs: Array) -> None:
        """Mark elements whose inputs are not finite."""
        for x in inputs:
            self._mark(~np.isfinite(x))

    def point(self, x: Array) -> Box:
        """Exact values."""
        return x, x

    def between(self, lo: Array, hi: Array) -> Box:
        """The intervals [lo, hi]."""
        return lo, hi

    def given(self, lo: Array, hi: Array) -> Box:
        """The intervals [lo, hi] of numbers >= 0 that row_wise.py forms."""
        self._mark(~np.isfinite(lo) | ~np.isfinite(hi))
        return lo, hi

    def ends(self, a: Box) -> tuple[Array, Array]:
        """The stored end points."""
        return a[0], a[1]

    def add(self, a: Box, b: Box) -> Box:
        """a + b."""
        return a[0] + b[0], a[1] + b[1]

    def sub(self, a: Box, b: Box) -> Box:
        """a - b; an infinite or NaN b, which is the update, makes the element hard."""
        self._mark(~np.isfinite(b[0]) | ~np.isfinite(b[1]))
        return a[0] - b[1], a[1] - b[0]

    def mul(self, a: Box, b: Box) -> Box:
        """a * b for b >= 0."""
        lo = np.minimum(a[0] * b[0], a[0] * b[1])
        return lo, np.maximum(a[1] * b[0], a[1] * b[1])

    def div(self, a: Box, b: Box) -> Box:
        """a / b for b > 0; anything else is hard."""
        self._mark(~((b[0] > 0) & (b[1] < np.inf)))
        lo = np.minimum(a[0] / b[0], a[0] / b[1])
        return lo, np.maximum(a[1] / b[0], a[1] / b[1])

    def approximate(self, a: Box) -> Box:
        """The results of a unit whose error is up to 2 ulp."""
        return self.mul(a, approximate_factors(self.format))

    def square(self, a: Box) -> Box:
        """a * a."""
        small, large = np.abs(a[0]), np.abs(a[1])
        small, large = np.minimum(small, large), np.maximum(small, large)
        small = np.where((a[0] > 0) | (a[1] < 0), small, 0.0)
        return small * small, large * large

    def sqrt(self, a: Box) -> Box:
        """Square root of a >= 0."""
        self._mark(~np.isfinite(a[1]))
        return np.sqrt(a[0]), np.sqrt(a[1])

    def hull(self, *parts: Box) -> Box:
        """The least interval around `parts`; NaN ends spread."""
        lo, hi = parts[0]
        for part in parts[1:]:
            lo, hi = np.minimum(lo, part[0]), np.maximum(hi, part[1])
        return lo, hi

    def flush(self, a: Box) -> Box:
        """`a` with 0, where the class flushes and `a` has subnormal numbers."""
        if not self.cls.flushes:
            return a
        lo, hi = a
        normal = self.format.smallest_normal
        return (
            np.where((lo > 0) & (lo < normal), 0.0, lo),
            np.where((hi < 0) & (hi > -normal), 0.0, hi),
        )

    def opt64(self, a: Box) -> Box:
        """An intermediate scalar: kept exact, or rounded to binary64.

        An end of `a` is x rounded to binary64 for an exact end x, so it is RN x itself,
        and x lies between its neighbours: they hold both, whatever the rounding was.
        A zero is exact, because nothing underflows.
        """
        lo, hi = a
        lo = np.where(lo == 0, 0.0, np.nextafter(lo, -np.inf))
        return self.flush((lo, np.where(hi == 0, 0.0, np.nextafter(hi, np.inf))))

    def opt(self, a: Box) -> Box:
        """A result that is kept exact, fused, kept wider, or rounded to the format."""
        lo, hi = self._widen(a)
        round_ = round_array
        return (
            np.minimum(lo, round_(self.format, lo)),
            np.maximum(hi, round_(self.format, hi)),
        )

    def faithful(self, a: Box) -> Box:
        """As `opt`, for a unit whose error is below one ulp."""
        lo, hi = self._widen(a)
        return self._round_down(lo), -self._round_down(-hi)

    def keep(self, a: Box) -> Box:
        """A result that may be stored wider."""
        return self.opt(a)

    def store(self, a: Box) -> Box:
        """A result that is stored, so a number of the format."""
        lo, hi = self._widen(a)
        return round_array(self.format, lo), round_array(self.format, hi)

    def _widen(self, a: Box) -> Box:
        lo, hi = a
        slack = self._slack
        if self._tiny:
            below = np.abs(lo) * slack + np.where(lo == 0, 0.0, self._tiny)
            above = np.abs(hi) * slack + np.where(hi == 0, 0.0, self._tiny)
        else:
            below, above = np.abs(lo) * slack, np.abs(hi) * slack
        new_lo, new_hi = lo - below, hi + above
        if self._tiny:  # rounding keeps the sign
            new_lo = np.where(lo > 0, np.maximum(new_lo, 0.0), new_lo)
            new_hi = np.where(hi < 0, np.minimum(new_hi, 0.0), new_hi)
        return self.flush((new_lo, new_hi))

    def _round_down(self, x: Array) -> Array:
        """The greatest number of the format that is <= x."""
        fmt = self.format
        near = round_array(fmt, x)
        one_ulp = 1 << (BINARY64.precision - fmt.precision)
        bits = near.view(np.int64)
        below = np.where(near > 0, bits - one_ulp, bits + one_ulp).view(np.float64)
        below = np.where(np.abs(near) <= fmt.smallest_normal, near - fmt.eta, below)
        below = np.where(near == np.inf, fmt.largest, below)
        return np.where(near > x, below, near)


class Wide(_Watcher):
    """Double-double end points for binary64.

    Raw operations err by less than 16 u**2; they are moved outward by 2**-100
    (64 u**2) relative, except where they are exact.  Wider than binary64 is the format
    of x87 alone, where that is declared.
    """

    LOW, HIGH = 2.0**-250, 2.0**250
    SLACK = 2.0**-100
    EXTENDED = 2.0**-63  #: more than the unit roundoff of 64 bits

    def __init__(self, cls: NumericClass = LAWFUL) -> None:
        self.cls = cls
        self.hard = np.False_

    def watch(self, *inputs: Array) -> None:
        """Mark elements whose inputs are too large or too small."""
        theta, state_sum, gradient = inputs
        for x in (theta, gradient, np.sqrt(state_sum)):
            self._mark_range(x)

    def _mark_range(self, x: Array) -> None:
        magnitude = np.abs(x)
        inside = (magnitude > self.LOW) & (magnitude < self.HIGH)
        self._mark(~(inside | (magnitude == 0)))

    def point(self, x: Array) -> Box:
        """Exact values."""
        return self.between(x, x)

    def between(self, lo: Array, hi: Array) -> Box:
        """The intervals [lo, hi]."""
        zero = np.zeros_like(lo)
        return lo, zero, hi, zero

    def given(self, lo: Array, hi: Array) -> Box:
        """The intervals [lo, hi] of numbers >= 0 that row_wise.py forms."""
        self._mark_range(np.sqrt(lo))
        self._mark_range(np.sqrt(hi))
        return lo, np.zeros_like(lo), hi, np.zeros_like(hi)

    def ends(self, a: Box) -> tuple[Array, Array]:
        """The stored end points."""
        return a[0], a[2]

    def add(self, a: Box, b: Box) -> Box:
        """a + b."""
        lo = self._below(dd.add(a[:2], b[:2]), a[1], b[1])
        return *lo, *self._above(dd.add(a[2:], b[2:]), a[3], b[3])

    def sub(self, a: Box, b: Box) -> Box:
        """a - b; an infinite or NaN b, which is the update, makes the element hard."""
        self._mark(~np.isfinite(b[0]) | ~np.isfinite(b[2]))
        return self.add(a, (-b[2], -b[3], -b[0], -b[1]))

    def mul(self, a: Box, b: Box) -> Box:
        """a * b for b >= 0."""
        by_lo = _choose(a[0] >= 0, b[:2], b[2:])
        by_hi = _choose(a[2] >= 0, b[2:], b[:2])
        lo = self._below(dd.multiply(a[:2], by_lo), a[1], by_lo[1])
        return *lo, *self._above(dd.multiply(a[2:], by_hi), a[3], by_hi[1])

    def div(self, a: Box, b: Box) -> Box:
        """a / b for b > 0; anything else is hard."""
        self._mark(~((b[0] > 0) & (b[2] < np.inf)))
        by_lo = _choose(a[0] >= 0, b[2:], b[:2])
        by_hi = _choose(a[2] >= 0, b[:2], b[2:])
        lo, hi = dd.divide(a[:2], by_lo), dd.divide(a[2:], by_hi)
        lo = self._below(lo, lo[1], a[1], by_lo[1])
        return *lo, *self._above(hi, hi[1], a[3], by_hi[1])

    def approximate(self, a: Box) -> Box:
        """The results of a unit whose error is up to 2 ulp."""
        below, above = approximate_factors(BINARY64)
        return self.mul(a, (below, 0.0, above, 0.0))

    def square(self, a: Box) -> Box:
        """a * a; tiny intermediate gradients are hard."""
        self._mark_range(a[0])
        self._mark_range(a[2])
        first, second = _magnitude(a[:2]), _magnitude(a[2:])
        in_order = _less_equal(first, second)
        small, large = (
            _choose(in_order, first, second),
            _choose(in_order, second, first),
        )
        one_sign = (a[0] > 0) | (a[2] < 0)
        small = np.where(one_sign, small[0], 0.0), np.where(one_sign, small[1], 0.0)
        lo = self._below(dd.multiply(small, small), small[1])
        return *lo, *self._above(dd.multiply(large, large), large[1])

    def sqrt(self, a: Box) -> Box:
        """Square root of a >= 0; exact squares stay exact."""
        self._mark(~np.isfinite(a[2]) | (a[0] < 0))
        lo, hi = dd.square_root(a[:2]), dd.square_root(a[2:])
        return *self._below(lo, lo[1], a[1]), *self._above(hi, hi[1], a[3])

    def hull(self, *parts: Box) -> Box:
        """The least interval around `parts`; NaN ends spread."""
        lo, hi = parts[0][:2], parts[0][2:]
        for part in parts[1:]:
            lo = _choose(~_less_equal(lo, part[:2]), part[:2], lo)
            hi = _choose(~_less_equal(part[2:], hi), part[2:], hi)
        bad = sum(part[0] + part[2] for part in parts)
        self._mark(~np.isfinite(bad))
        return *lo, *hi

    def flush(self, a: Box) -> Box:
        """`a` with 0, where the class flushes and `a` has subnormal numbers."""
        if not self.cls.flushes:
            return a
        normal = BINARY64.smallest_normal  # a head can be that, rounded up
        zero = np.zeros_like(a[0]), np.zeros_like(a[0])
        lo = _choose((a[0] > 0) & (a[0] <= normal), zero, a[:2])
        return *lo, *_choose((a[2] < 0) & (a[2] >= -normal), zero, a[2:])

    def _widen(self, a: Box) -> Box:
        """One earlier rounding in 64 bits, where that is declared; then flushed."""
        if self.cls.extended:
            lo = dd.fast_two_sum(a[0], a[1] - np.abs(a[0]) * self.EXTENDED)
            hi = dd.fast_two_sum(a[2], a[3] + np.abs(a[2]) * self.EXTENDED)
            a = (*lo, *hi)
        return self.flush(a)

    def opt(self, a: Box) -> Box:
        """A result that is kept exact, fused, or rounded: the head of a pair."""
        a = self._widen(a)
        return a[0], np.minimum(a[1], 0.0), a[2], np.maximum(a[3], 0.0)

    #: Intermediate scalars: binary64 is the format itself.
    opt64 = opt

    def faithful(self, a: Box) -> Box:
        """As `opt`, for a unit whose error is below one ulp."""
        a = self._widen(a)
        zero = np.zeros_like(a[0])
        lo = np.where(a[1] < 0, np.nextafter(a[0], -np.inf), a[0])
        hi = np.where(a[3] > 0, np.nextafter(a[2], np.inf), a[2])
        return lo, zero, hi, zero

    def keep(self, a: Box) -> Box:
        """A result that may be kept in the format of x87, where that is declared."""
        return self.faithful(a) if self.cls.extended else self.store(a)

    def store(self, a: Box) -> Box:
        """A result that is stored, so a number of binary64."""
        a = self._widen(a)
        zero = np.zeros_like(a[0])
        return a[0], zero, a[2], zero

    def _below(self, x: dd.Pair, *tails: Array) -> dd.Pair:
        return self._moved(x, -self.SLACK, tails)

    def _above(self, x: dd.Pair, *tails: Array) -> dd.Pair:
        return self._moved(x, self.SLACK, tails)

    def _moved(self, x: dd.Pair, slack: float, tails: tuple[Array, ...]) -> dd.Pair:
        """x moved outward unless all `tails` are 0, which means that it is exact."""
        inexact = tails[0] != 0
        for tail in tails[1:]:
            inexact = inexact | (tail != 0)
        return dd.fast_two_sum(x[0], x[1] + np.abs(x[0]) * (slack * inexact))


def _choose(condition: Array, x: Box, y: Box) -> dd.Pair:
    return np.where(condition, x[0], y[0]), np.where(condition, x[1], y[1])


def _magnitude(x: dd.Pair) -> dd.Pair:
    return np.abs(x[0]), np.where(x[0] < 0, -x[1], x[1])


def _less_equal(x: dd.Pair, y: dd.Pair) -> Array:
    return (x[0] < y[0]) | ((x[0] == y[0]) & (x[1] <= y[1]))
