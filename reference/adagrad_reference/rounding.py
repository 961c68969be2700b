"""The correctly rounded result of the exact step, never a guess.

theta' = theta - N / (sqrt(S') + E) with rational theta, N, S', E.  Ziv's loop runs
algorithm.py on intervals of growing precision until both ends round alike.  The
cases in which that never happens (theta' is a number of the format, or the midpoint
of two) are decided exactly: to compare theta' with a rational m, put A = theta - m
and compare A sqrt(S') with B = N - A E by their signs, then by their squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mpmath.libmp import to_float

from .algorithm import adagrad_step, context, interval_context
from .formats import DOWN, Format
from .options import Options

__all__ = [
    "ZIV_PRECISIONS",
    "RationalStep",
    "compare_with",
    "rational_step",
    "round_ball",
    "round_step",
    "ziv_context",
]

#: Precisions of Ziv's loop in bits.
ZIV_PRECISIONS = (100, 200, 400)


@dataclass(frozen=True)
class RationalStep:
    """The rational ingredients of one exact step with finite inputs."""

    theta: Fraction
    numerator: Fraction  #: N = clr g'
    state_sum: Fraction  #: S'
    eps: Fraction  #: E


def rational_step(
    theta: float, g: float, state_sum: float, t: int, o: Options
) -> RationalStep:
    """The lines of algorithm.py in rationals, for finite inputs."""
    gradient = Fraction(-g if o.maximize else g)
    if o.weight_decay != 0:
        gradient += Fraction(o.weight_decay) * Fraction(theta)
    clr = Fraction(o.lr) / (1 + (t - 1) * Fraction(o.lr_decay))
    new_sum = Fraction(state_sum) + gradient * gradient
    return RationalStep(Fraction(theta), clr * gradient, new_sum, Fraction(o.eps))


def compare_with(step: RationalStep, m: Fraction) -> int:
    """The sign of theta' - m, decided exactly; S' + eps must not be zero."""
    a = step.theta - m
    b = step.numerator - a * step.eps
    # theta' > m  <=>  A (sqrt S' + E) > N  <=>  A sqrt S' > B
    left = _sign(a) if step.state_sum else 0
    if left != _sign(b) or left == 0:
        return _sign(Fraction(left - _sign(b)))
    return left * _sign(a * a * step.state_sum - b * b)


def round_step(
    fmt: Format, theta: float, g: float, state_sum: float, t: int, o: Options
) -> tuple[float, float]:
    """(theta', S') of the exact step, each correctly rounded to `fmt`.

    theta' is formed with the exact S' before its rounding.  A step with an infinite or
    NaN input, and 0/0, follows IEEE 754.
    """
    given = (theta, g, state_sum, o.lr, o.lr_decay, o.weight_decay, o.eps)
    if not all(map(math.isfinite, given)):
        return _round_special(fmt, theta, g, state_sum, t, o)
    exact = rational_step(theta, g, state_sum, t, o)
    rounded_sum = fmt.round(exact.state_sum)
    if exact.state_sum < 0 or (exact.state_sum == 0 and exact.eps == 0):
        return math.nan, rounded_sum  # no root, or 0/0
    for precision in ZIV_PRECISIONS:
        ctx = ziv_context(precision)
        numbers = (ctx.mpf(theta), ctx.mpf(g), ctx.mpf(state_sum))
        rounded = round_ball(fmt, adagrad_step(ctx, *numbers, t, o).theta)
        if rounded is not None:
            return rounded, rounded_sum
    return _round_exactly(fmt, exact), rounded_sum


def round_ball(fmt: Format, ball: Any) -> float | None:
    """The number to which both ends of an interval round; None if they differ."""
    low, high = (_round_end(fmt, end) for end in ball._mpi_)
    return low if low == high else None


def _round_end(fmt: Format, end: Any) -> float:
    sign, man, exp, _ = end
    if not man and exp:
        return float(to_float(end))  # an infinity
    return fmt.round_man_exp(-int(man) if sign else int(man), int(exp))


@lru_cache(maxsize=8)
def ziv_context(precision: int) -> Any:
    """The interval context of one round of Ziv's loop; each is made once."""
    return interval_context(precision)


def _round_exactly(fmt: Format, step: RationalStep) -> float:
    """Decide between neighbours, and at a tie, without any approximation."""
    guess = step.theta - step.numerator / (_root(step.state_sum) + step.eps)
    if abs(guess) >= fmt.largest:
        sign = _sign(guess)
        half_ulp = Fraction(fmt.ulp(fmt.largest)) / 2
        overflow = sign * (Fraction(fmt.largest) + half_ulp)
        beyond = sign * compare_with(step, overflow) >= 0
        return sign * (math.inf if beyond else fmt.largest)
    below = fmt.round(guess, DOWN)
    while compare_with(step, Fraction(below)) < 0:
        below = fmt.next_down(below)
    above = fmt.next_up(below)
    if compare_with(step, Fraction(above)) >= 0:
        below, above = above, fmt.next_up(above)
    if compare_with(step, Fraction(below)) == 0:
        return below
    side = compare_with(step, (Fraction(below) + Fraction(above)) / 2)
    if side == 0:  # a tie: the even significand
        return below if fmt.encode(below) % 2 == 0 else above
    return above if side > 0 else below


def _root(square: Fraction) -> Fraction:
    """sqrt(square) to ZIV_PRECISIONS[-1] significant bits, from below."""
    size = square.numerator.bit_length() - square.denominator.bit_length()
    scale = ZIV_PRECISIONS[-1] + max(0, -size)
    return Fraction(math.isqrt(int(square * 4**scale)), 2**scale)


@lru_cache(maxsize=1)
def _special_context() -> Any:
    """Making a context takes longer than a step; this one is never changed."""
    return context(ZIV_PRECISIONS[0])


def _round_special(
    fmt: Format, theta: float, g: float, state_sum: float, t: int, o: Options
) -> tuple[float, float]:
    """The step by IEEE 754; a finite result is rounded once, from the exact one."""
    if state_sum < 0:
        return math.nan, math.nan  # no root
    ctx = _special_context()
    step = adagrad_step(ctx, ctx.mpf(theta), ctx.mpf(g), ctx.mpf(state_sum), t, o)
    new_theta, new_sum = float(step.theta), float(step.state_sum)
    if ctx.isfinite(step.state_sum):
        gradient = Fraction(-g if o.maximize else g)
        if o.weight_decay != 0:
            gradient += Fraction(o.weight_decay) * Fraction(theta)
        new_sum = fmt.round(Fraction(state_sum) + gradient * gradient)
    if math.isfinite(new_theta):  # the update is 0: by an infinite denominator
        new_theta = fmt.round(Fraction(new_theta))
    return new_theta, new_sum


def _sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)
