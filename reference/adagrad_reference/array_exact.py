"""The exact step for whole arrays, correctly rounded, and errors measured against it.

The step of algorithm.py is evaluated in double-double.  Where the whole error ball
rounds to one number, the rounding is certified; rounding.py computes the other elements
(exact cases, ties, extreme or non-finite numbers) one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from . import double_double as dd
from .array_enclosure import CHUNK, StepBatch, setting_columns
from .array_intervals import Wide, round_array
from .dialects import DOCUMENT, Dialect
from .formats import BINARY64, Format
from .options import Options
from .rounding import round_step
from .switches import APART

__all__ = [
    "ExactSteps",
    "dialect_errors",
    "exact_steps",
    "ulp_array",
    "used_gradient",
    "zeros_of_theta",
]

Array = Any

#: Error of the double-double step relative to the update: some 70 u**2 at most.
_RADIUS = 2.0**-96


class ExactSteps(NamedTuple):
    """The results of the exact step; arrays as long as the batch."""

    theta: Array  #: theta' correctly rounded to the format
    state_sum: Array  #: S' correctly rounded to the format
    head: Array  #: theta' = head + tail before rounding; NaN where not measured
    tail: Array
    scale: Array  #: max(|theta|, |update|, |theta'|)

    def errors(self, fmt: Format, observed: Array) -> Array:
        """|observed - theta'| in ulp at scale; NaN where there is no measure."""
        with np.errstate(all="ignore"):
            distance = np.abs((observed - self.head) - self.tail)
            return np.where(
                np.isfinite(observed), distance / ulp_array(fmt, self.scale), np.nan
            )


def ulp_array(fmt: Format, x: Array) -> Array:
    """`Format.ulp` for a float64 array."""
    magnitude = np.minimum(np.abs(x), fmt.largest)
    exponent = np.maximum(np.frexp(magnitude)[1] - 1, fmt.emin)
    exponent = np.where(magnitude == 0, fmt.emin, exponent)
    return np.ldexp(1.0, exponent - fmt.precision + 1)


def exact_steps(batch: StepBatch) -> ExactSteps:
    """The exact step of every element."""
    scalars = _exact_scalars(batch.settings)
    parts = [
        _exact_chunk(
            batch.take(np.arange(start, min(start + CHUNK, len(batch)))), scalars
        )
        for start in range(0, len(batch), CHUNK)
    ]
    if not parts:
        return ExactSteps(*(np.empty(0) for _ in ExactSteps._fields))
    return ExactSteps(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def used_gradient(batch: StepBatch) -> Array:
    """The gradient after ALG-9 and ALG-5, rounded as binary64 rounds each operation.

    Its zeros have the sign that IEEE 754 gives them in every legal program.
    """
    columns = setting_columns(batch.settings)
    decay, sign = columns.weight_decay[batch.which], columns.sign[batch.which]
    g = sign * batch.gradient
    with np.errstate(all="ignore"):
        return np.where(decay != 0, g + decay * batch.theta, g)


def zeros_of_theta(batch: StepBatch) -> Array:
    """For each element the zero that theta' is where it is one; NaN for either sign.

    Every order of the update, fused or not, gives it the sign of the used gradient:
    so theta - update is a difference of zeros where both are.  Where theta and the
    update are equal and not zero, theta' is +0, as any x - x.  An update that
    underflows may have either sign.  Where theta is not zero, the numbers must be such
    that all orders form the update exactly.
    """
    used, theta = used_gradient(batch), batch.theta
    with np.errstate(all="ignore"):
        zeros = np.where(theta == 0, theta - used, 0.0)
    return np.where((theta == 0) & (used != 0), np.nan, zeros)


def _exact_chunk(b: StepBatch, scalars: Sequence[Array]) -> ExactSteps:
    with np.errstate(all="ignore"):
        theta, total, update, hard = _step(b, scalars, DOCUMENT)
        radius = np.abs(update[0]) * _RADIUS + np.abs(theta[0]) * 2.0**-104
        rounded, sure = _round(b.format, theta, radius)
        rounded_sum, sum_sure = _round(b.format, total, total[0] * _RADIUS)
    for i in np.flatnonzero(hard | ~sure | ~sum_sure):
        t, o = b.settings[b.which[i]]
        start = (float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i]))
        rounded[i], rounded_sum[i] = _rounded(b.format, *start, t, o)
    scale = np.maximum(np.maximum(np.abs(b.theta), np.abs(update[0])), np.abs(theta[0]))
    # where S' overflows, a legal port may step or stand still: there is no measure
    head = np.where(hard | np.isinf(rounded_sum), np.nan, theta[0])
    return ExactSteps(rounded, rounded_sum, head, theta[1], scale)


#: Large params repeat their numbers, and each of them is rounded once.
_rounded = lru_cache(maxsize=16_384)(round_step)


def _step(
    b: StepBatch, scalars: Sequence[Array], dialect: Dialect
) -> tuple[dd.Pair, dd.Pair, dd.Pair, Array]:
    """(theta', S', update) in double-double, and where their error is not proven."""
    sign, decay, eps, *clr = (column[b.which] for column in scalars)
    watcher = Wide()
    watcher.watch(b.theta, b.state_sum, b.gradient)
    zero = np.zeros_like(b.theta)
    given, pull = (sign * b.gradient, zero), dd.two_product(decay, b.theta)
    apart = dialect.decay in APART
    decayed = given if apart else dd.add(given, pull)
    g = given if dialect.decay == "sum-only" else decayed
    squared = given if dialect.decay == "step-only" else decayed
    total = dd.add((b.state_sum, zero), dd.multiply(squared, squared))
    for x in (g, squared):
        watcher.square((x[0], x[1], x[0], x[1]))  # marks gradients out of range
    update = dd.divide(
        dd.multiply((clr[0], clr[1]), g), _denominator(total, eps, dialect)
    )
    if dialect.guard == "zero":
        still = total[0] == 0
        update = (np.where(still, 0, update[0]), np.where(still, 0, update[1]))
    theta = dd.add((b.theta, zero), (-update[0], -update[1]))
    if apart:
        if dialect.decay == "decoupled":
            pull = dd.multiply((clr[0], clr[1]), pull)
        theta = dd.add(theta, (-pull[0], -pull[1]))
    extreme = _extreme(decay) | _extreme(eps) | _extreme(clr[0])
    return theta, total, update, watcher.hard | extreme | ~np.isfinite(theta[0])


def _denominator(total: dd.Pair, eps: Array, dialect: Dialect) -> dd.Pair:
    zero = np.zeros_like(eps)
    if dialect.eps == "inside":
        return dd.square_root(dd.add(total, (eps, zero)))
    if dialect.eps == "squared":
        return dd.square_root(dd.add(total, dd.two_product(eps, eps)))
    return dd.add(dd.square_root(total), (eps, zero))


def dialect_errors(batch: StepBatch, dialect: Dialect, observed: Array) -> Array:
    """|observed - theta'| in ulp at scale, theta' by a dialect.

    NaN for all elements where a departure of the dialect is not `measured`.
    """
    errors = np.full(len(batch), np.nan)
    if not dialect.measured:
        return errors
    scalars = _exact_scalars(batch.settings)
    for start in range(0, len(batch), CHUNK):
        part = np.arange(start, min(start + CHUNK, len(batch)))
        b = batch.take(part)
        with np.errstate(all="ignore"):
            theta, total, update, hard = _step(b, scalars, dialect)
        sizes = (np.abs(b.theta), np.abs(update[0]), np.abs(theta[0]))
        # where S' overflows, or underflows behind a guard, a program may stand still
        lost = total[0] > b.format.largest
        if dialect.guard == "zero":
            lost |= (total[0] > 0) & (total[0] < b.format.smallest_normal)
        head = np.where(hard | lost, np.nan, theta[0])
        exact = ExactSteps(theta[0], total[0], head, theta[1], np.maximum.reduce(sizes))
        errors[part] = exact.errors(b.format, observed[part])
    return errors


def _exact_scalars(settings: Sequence[tuple[int, Options]]) -> tuple[Array, ...]:
    """Sign, weight decay, eps and the decayed rate, within 24 u**2, of every setting.

    The head of a rate that double-double cannot give is NaN or extreme.
    """
    c = setting_columns(settings)
    zero = np.zeros_like(c.lr)
    with np.errstate(all="ignore"):
        grown = dd.add((zero + 1, zero), dd.two_product(c.before, c.lr_decay))
        head, tail = dd.divide((c.lr, zero), grown)
    head = np.where(c.before < 2.0**53, head, np.nan)  # else t - 1 is rounded
    return c.sign, c.weight_decay, c.eps, head, tail


def _extreme(x: Array) -> Array:
    magnitude = np.abs(x)
    return ~((magnitude == 0) | ((magnitude > 2.0**-200) & (magnitude < 2.0**200)))


def _round(fmt: Format, x: dd.Pair, radius: Array) -> tuple[Array, Array]:
    """x rounded to the format, and whether the whole ball rounds to that number."""
    low, high = x[0] + (x[1] - radius), x[0] + (x[1] + radius)
    if fmt != BINARY64:
        low = round_array(fmt, np.nextafter(low, -np.inf))
        high = round_array(fmt, np.nextafter(high, np.inf))
    return low, low == high
