"""Row-wise accumulators: S of a whole row grows by the mean of its squares.

A row is all that belongs to one index of the first dimension; params of fewer than two
dimensions have rows of one element.  A sum of n squares is rounded n - 1 times, in any
order; no square is negative, so each rounding is a factor near 1.  The mean is the sum
divided by n, or multiplied by 1 / n.

The end points of the boxes are binary64 numbers, rounded outward, so that the norm and
the array arithmetics take the same boxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache, reduce
from typing import Protocol

from .algorithm import context
from .dialects import Dialect
from .enclosure import norm_arithmetic, scalar_boxes, used_gradients
from .formats import Format
from .interval import ENDPOINT_BITS, Interval, NormArithmetic, wider_format
from .numeric_class import NumericClass
from .options import Options

__all__ = ["mean_squares", "row_size"]


class _Shaped(Protocol):
    """The shape of a param and whether it is complex; a `Tensor` has both."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def complex(self) -> bool: ...


def row_size(param: _Shaped) -> int:
    """The number of encodings in one row; a complex element is two of them."""
    shape = (*param.shape, 2) if param.complex else param.shape
    return math.prod(shape[1:])


def mean_squares(
    fmt: Format,
    cls: NumericClass,
    theta: Sequence[Interval],
    gradient: Sequence[float],
    setting: tuple[int, Options],
    dialect: Dialect,
    row: int,
) -> list[Interval | None]:
    """For each element the box by which S grows; None where it is its own square.

    The elements are those of whole rows, one behind the other.
    """
    if dialect.accumulator != "row-mean" or row < 2:
        return [None] * len(gradient)
    ar, off = norm_arithmetic(fmt, cls), Interval.point(0.0)
    needs_theta = setting[1].weight_decay != 0 or dialect.zero_decay == "computed"
    squares = [
        _square(fmt, cls, x if needs_theta else off, g, setting, dialect)
        for x, g in zip(theta, gradient, strict=True)
    ]
    boxes: list[Interval | None] = []
    for start in range(0, len(squares), row):
        boxes += [_mean(ar, squares[start : start + row])] * row
    return boxes


@lru_cache(maxsize=1 << 16)
def _square(
    fmt: Format,
    cls: NumericClass,
    theta: Interval,
    gradient: float,
    setting: tuple[int, Options],
    dialect: Dialect,
) -> Interval:
    """The square of one element's gradient, remembered: each is asked for again."""
    ar, (t, o) = norm_arithmetic(fmt, cls), setting
    scalars = scalar_boxes(fmt, cls, t, o, dialect)
    signed = ar.flush(Interval.point(-gradient if o.maximize else gradient))
    used = used_gradients(ar, ar.flush(theta), signed, scalars, dialect)
    return ar.opt(ar.square(used[1]))


def _mean(ar: NormArithmetic, squares: Sequence[Interval]) -> Interval:
    n = len(squares)
    total = ar.mul(reduce(ar.add, squares), _roundings(ar.format, n - 1))
    if ar.cls.flushes and not total.empty:  # every partial sum can be flushed
        lost = (n - 1) * ar.format.smallest_normal
        total = Interval(max(total.lo - lost, 0), total.hi, total.nan)
    total = ar.opt(total)  # it can overflow
    one, count = Interval.point(1.0), ar.opt(Interval.point(float(n)))
    mean = ar.hull(
        ar.opt(ar.div(total, count)),
        ar.opt(ar.mul(total, ar.opt(ar.div(one, count)))),
    )
    if mean.empty:
        return mean
    return replace(Interval.point(*mean.outward()), nan=mean.nan)


@cache
def _roundings(fmt: Format, count: int) -> Interval:
    """The bounds of a product of `count` rounding factors, each through any format."""
    ctx, wider = context(ENDPOINT_BITS), wider_format(fmt)
    u, first = ctx.mpf(fmt.unit_roundoff), wider.unit_roundoff if wider else 0
    most = u + first + u * first  # of one rounding after one in a wider format
    slack = ctx.ldexp(1, 20 - ENDPOINT_BITS)  # more than the error of the powers
    return Interval(
        (1 - most) ** count * (1 - slack), (1 + most) ** count * (1 + slack)
    )
