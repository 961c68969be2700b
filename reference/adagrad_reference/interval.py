"""Intervals with mpmath end points: the arithmetic of the norm.

Rule 1.  An `Interval` holds every value that a quantity can have.  End points are
         mpf of ENDPOINT_BITS bits, rounded outward, or infinities.
Rule 2.  `nan` means that the quantity can also be NaN.  The operations that make it
         true are

             0 * inf      inf - inf      inf / inf      0 / 0

         each where both operands can have these values.  The combination then adds no
         value to the result, with one exception: 0 / 0 also adds 0, because a guarded
         division by a zero accumulator is legal (ruling on special values).
Rule 3.  x / 0 with x != 0 gives the infinity of the sign of x.  Divisors and second
         factors are never negative: in one step of Adagrad they are the learning
         rate, weight_decay, or the denominator.  Rule 6 has the one exception.
Rule 4.  An interval without any value (lo > hi) is legal: NaN is then the only
         outcome.
Rule 5.  Rounding keeps the sign of a value and maps 0 to 0, infinities to themselves.
Rule 6.  Where subnormal numbers may be flushed, each interval that meets the subnormal
         range of the format, 0 < |x| < smallest normal, holds 0 too.  A flushed zero
         has either sign, so a divisor that can be flushed gives infinities of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from .algorithm import context
from .boxes import Box
from .formats import BINARY32, BINARY64, DOWN, NEAREST, UP, Format
from .numeric_class import LAWFUL, NumericClass

__all__ = [
    "ENDPOINT_BITS",
    "Interval",
    "NormArithmetic",
    "approximate_factors",
    "stored_box",
    "wider_format",
]

#: Precision of the end points in bits.
ENDPOINT_BITS = 256

_ctx = context(ENDPOINT_BITS)
_FLOOR = {"prec": ENDPOINT_BITS, "rounding": "f"}
_CEILING = {"prec": ENDPOINT_BITS, "rounding": "c"}


@dataclass(frozen=True)
class Interval:
    """[lo, hi] with mpf ends, and whether the quantity can be NaN."""

    lo: Any
    hi: Any
    nan: bool = False

    @property
    def is_finite(self) -> bool:
        """Whether the quantity is a finite number for certain."""
        return not self.nan and -_ctx.inf < self.lo <= self.hi < _ctx.inf

    @property
    def empty(self) -> bool:
        """Whether the interval has no value, so that NaN is the only outcome."""
        return bool(self.lo > self.hi)

    @classmethod
    def point(cls, value: float, upper: float | None = None) -> Interval:
        """[value, upper], or the exact `value`; NaN gives the empty interval."""
        if math.isnan(value):
            return _nothing()
        return cls(_ctx.mpf(value), _ctx.mpf(value if upper is None else upper))

    @classmethod
    def around(cls, box: Box) -> Interval:
        """The values of a box."""
        return cls(_ctx.mpf(box.lo), _ctx.mpf(box.hi), box.nan)

    def box(self) -> Box:
        """The box with the same ends, which must be binary64 numbers."""
        return Box(float(self.lo), float(self.hi), self.nan)

    def outward(self) -> tuple[float, float]:
        """The narrowest binary64 pair around the interval."""
        return _to_format(BINARY64, self.lo, DOWN), _to_format(BINARY64, self.hi, UP)


def wider_format(fmt: Format) -> Format | None:
    """W: the narrowest wider format that intermediates may pass through."""
    if fmt.precision >= BINARY64.precision:
        return None
    return BINARY64 if fmt.precision >= BINARY32.precision else BINARY32


def approximate_factors(fmt: Format) -> tuple[float, float]:
    """The least and the largest factor of a result with an error of up to 2 ulp.

    In formats narrower than binary32 the ulp are those of binary32: approximate units
    compute in binary32 there.
    """
    most = 2.0 ** (2 - max(fmt.precision, BINARY32.precision))
    return 1 - most, 1 + most


def _nothing() -> Interval:
    return Interval(_ctx.inf, -_ctx.inf, nan=True)


def _to_format(fmt: Format, x: Any, mode: str) -> float:
    if not _ctx.isfinite(x):
        return float(x)
    sign, man, exp, _ = x._mpf_
    return fmt.round_man_exp(-int(man) if sign else int(man), int(exp), mode)


def _infinite(x: Any) -> bool:
    return bool(_ctx.isinf(x))


class NormArithmetic:
    """Interval operations for one working format, in mpmath.

    Raw operations (`add`, `sub`, `mul`, `div`, `square`, `sqrt`) are exact up to the
    outward rounding of their end points; `opt`, `faithful` and `store` give the values
    that a floating-point unit of the class `cls` may have as the result.
    """

    def __init__(self, fmt: Format, cls: NumericClass = LAWFUL) -> None:
        self.format = fmt
        self.cls = cls
        wider = wider_format(fmt)
        self.widens = wider is not None or cls.extended
        if wider is not None:
            self._u = _ctx.mpf(wider.unit_roundoff)
            self._half_eta = _ctx.ldexp(1, wider.smallest_exponent - 1)
        elif cls.extended:
            self._u, self._half_eta = _ctx.ldexp(1, -64), _ctx.ldexp(1, -16446)

    point = staticmethod(Interval.point)

    # -- raw operations ----------------------------------------------------------

    def neg(self, a: Interval) -> Interval:
        """-a."""
        return Interval(-a.hi, -a.lo, a.nan)

    def add(self, a: Interval, b: Interval) -> Interval:
        """a + b."""
        nan = a.nan or b.nan
        if a.empty or b.empty:
            return _nothing()
        nan |= bool(a.hi == _ctx.inf and b.lo == -_ctx.inf)
        nan |= bool(a.lo == -_ctx.inf and b.hi == _ctx.inf)
        lo = _ctx.fadd(a.lo, b.lo, **_FLOOR)
        hi = _ctx.fadd(a.hi, b.hi, **_CEILING)
        # inf - inf at an end point: one operand is that infinity alone
        if _ctx.isnan(lo):
            lo = _ctx.inf
        if _ctx.isnan(hi):
            hi = -_ctx.inf
        return Interval(lo, hi, nan)

    def sub(self, a: Interval, b: Interval) -> Interval:
        """a - b."""
        return self.add(a, self.neg(b))

    def mul(self, a: Interval, b: Interval) -> Interval:
        """a * b for b >= 0, or b whose divisor may have been flushed to -0."""
        if a.empty or b.empty:
            return _nothing()
        if b.lo < 0 < b.hi:
            below = self.mul(a, Interval(_ctx.zero, -b.lo, b.nan))
            above = self.mul(a, Interval(_ctx.zero, b.hi, b.nan))
            return self.hull(self.neg(below), above)
        values, nan = [], a.nan or b.nan
        nan |= bool(a.lo <= 0 <= a.hi) and _infinite(b.hi)
        nan |= (_infinite(a.lo) or _infinite(a.hi)) and bool(b.lo == 0)
        for x in self._ends(a):
            for y in (b.lo, b.hi):
                if not ((x == 0 and _infinite(y)) or (_infinite(x) and y == 0)):
                    values.append((x, y))
        if not values:
            return _nothing()
        lo = min(_ctx.fmul(x, y, **_FLOOR) for x, y in values)
        hi = max(_ctx.fmul(x, y, **_CEILING) for x, y in values)
        return Interval(lo, hi, nan)

    def div(self, a: Interval, b: Interval) -> Interval:
        """a / b for b >= 0."""
        if a.empty or b.empty:
            return _nothing()
        lows, highs, nan = [], [], a.nan or b.nan
        nan |= bool(a.lo <= 0 <= a.hi and b.lo == 0)
        nan |= (_infinite(a.lo) or _infinite(a.hi)) and _infinite(b.hi)
        for x in self._ends(a):
            for y in (b.lo, b.hi):
                if _infinite(x) and _infinite(y):
                    continue
                if y == 0:
                    limit = _ctx.inf * _ctx.sign(x) if x else _ctx.zero
                    lows.append(limit)
                    highs.append(limit)
                else:
                    lows.append(_ctx.fdiv(x, y, **_FLOOR))
                    highs.append(_ctx.fdiv(x, y, **_CEILING))
        quotient = Interval(min(lows), max(highs), nan) if lows else _nothing()
        if self.cls.flushes and b.lo == 0 < b.hi:  # Rule 6
            quotient = self.hull(quotient, self.neg(quotient))
        return quotient

    def square(self, a: Interval) -> Interval:
        """a * a, never negative."""
        if a.empty:
            return _nothing()
        small, large = sorted((abs(a.lo), abs(a.hi)))
        if a.lo <= 0 <= a.hi:
            small = _ctx.zero
        lo, hi = _ctx.fmul(small, small, **_FLOOR), _ctx.fmul(large, large, **_CEILING)
        return Interval(lo, hi, a.nan)

    def sqrt(self, a: Interval) -> Interval:
        """The square root; NaN below 0, where the sums of a right port never are."""
        if a.empty or a.hi < 0:
            return _nothing()
        lo = _ctx.sqrt(max(a.lo, _ctx.zero), **_FLOOR)
        return Interval(lo, _ctx.sqrt(a.hi, **_CEILING), a.nan or bool(a.lo < 0))

    def hull(self, *parts: Interval) -> Interval:
        """The least interval that holds all `parts`."""
        nan = any(part.nan for part in parts)
        return Interval(
            min(part.lo for part in parts), max(part.hi for part in parts), nan
        )

    def approximate(self, a: Interval) -> Interval:
        """The results of a unit whose error is up to 2 ulp."""
        return self.mul(a, Interval.point(*approximate_factors(self.format)))

    def guarded(self, update: Interval, total: Interval, rate: Interval) -> Interval:
        """The update, but 0 where the accumulator `total` is 0.

        The zero may be that of the inverse, which is multiplied by the `rate`.  The
        comparison of a NaN with 0 has either outcome.
        """
        if total.lo > 0 and not total.nan:
            return update
        zero = Interval.point(0.0)
        zero = self.hull(zero, self.mul(zero, rate))
        return self.hull(update, zero) if total.hi > 0 or total.nan else zero

    def without_nan(self, update: Interval, before: Interval) -> Interval:
        """The update, but 0 where it would be NaN.

        Where the accumulator was NaN `before` it may be NaN: some programs look at the
        gradient alone.
        """
        if not update.nan:
            return update
        return replace(self.hull(update, Interval.point(0.0)), nan=before.nan)

    # -- the results that a floating-point unit may have -------------------------

    def flush(self, a: Interval) -> Interval:
        """`a` with 0, where the class flushes and `a` has subnormal numbers."""
        if not self.cls.flushes or a.empty:
            return a
        normal = self.format.smallest_normal
        lo = _ctx.zero if 0 < a.lo < normal else a.lo
        hi = _ctx.zero if -normal < a.hi < 0 else a.hi
        return Interval(lo, hi, a.nan)

    def widen(self, a: Interval) -> Interval:
        """One earlier rounding in any wider format, which covers double rounding.

        The result is flushed: `opt`, `faithful` and `store` then hold zero too, whether
        a unit detects subnormal numbers before or after it rounds.
        """
        if self.widens and not a.empty:
            lo, hi = self._wider_end(a.lo, -1), self._wider_end(a.hi, +1)
            a = Interval(lo, hi, a.nan)
        return self.flush(a)

    def opt(self, a: Interval) -> Interval:
        """A result that is kept exact, fused, kept wider, or rounded to the format."""
        j = self.widen(a)
        return self.hull(j, self._rounded(j, NEAREST, NEAREST))

    def faithful(self, a: Interval) -> Interval:
        """As `opt`, for a unit whose error is below one ulp."""
        j = self.widen(a)
        return self.hull(j, self._rounded(j, DOWN, UP))

    def store(self, a: Interval) -> Interval:
        """A result that is stored, so a number of the format."""
        return self._rounded(self.widen(a), NEAREST, NEAREST)

    def keep(self, a: Interval) -> Interval:
        """A result that may be stored wider, with ends that are binary64 numbers."""
        kept = self.opt(a)
        lo, hi = kept.lo, kept.hi
        ends = _to_format(BINARY64, lo, DOWN), _to_format(BINARY64, hi, UP)
        return Interval(_ctx.mpf(ends[0]), _ctx.mpf(ends[1]), kept.nan)

    def opt64(self, a: Interval) -> Interval:
        """An intermediate scalar: kept exact, or rounded to binary64."""
        ends = (
            _to_format(BINARY64, a.lo, NEAREST),
            _to_format(BINARY64, a.hi, NEAREST),
        )
        return self.flush(self.hull(a, Interval.point(*ends)))

    @staticmethod
    def _ends(a: Interval) -> tuple[Any, ...]:
        """The end points; between two infinities also 0, for the finite members."""
        between = _infinite(a.lo) and _infinite(a.hi) and a.lo < a.hi
        return (a.lo, _ctx.zero, a.hi) if between else (a.lo, a.hi)

    def _rounded(self, a: Interval, low: str, high: str) -> Interval:
        if a.empty:
            return a
        lo, hi = _to_format(self.format, a.lo, low), _to_format(self.format, a.hi, high)
        return Interval(_ctx.mpf(lo), _ctx.mpf(hi), a.nan)

    def _wider_end(self, x: Any, side: int) -> Any:
        if x == 0 or _infinite(x):
            return x
        slack = _ctx.fadd(_ctx.fmul(abs(x), self._u, exact=True), self._half_eta)
        moved = _ctx.fadd(x, side * slack, **(_CEILING if side > 0 else _FLOOR))
        return _ctx.zero if moved * x < 0 else moved  # rounding keeps the sign


@lru_cache(maxsize=4096)
def stored_box(fmt: Format, value: float) -> Box:
    """What a port may store for a binary64 number: rounded, by a wider format or not.

    The box has one number unless double rounding makes another.
    """
    return NormArithmetic(fmt).store(Interval.point(value)).box()
