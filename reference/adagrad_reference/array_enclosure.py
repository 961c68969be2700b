"""The enclosure and the exact step for whole arrays, in NumPy on binary64 alone.

`fast_boxes` runs the formula of enclosure.py on one of two arithmetics: for formats of
at most 24 bits, intervals with binary64 end points (`Narrow`); for binary64,
intervals whose end points are double-double (`Wide`).  Both round outward, so their
boxes hold those of the norm.  Elements in which a quantity over- or underflows, is a
zero divisor or is not finite are *hard*: `norm_step` computes each of them.  The
scalars of all settings are formed in the same way, so a run may have a rate for each
step.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .array_intervals import Narrow, Wide
from .boxes import Box, Boxes
from .dialects import DOCUMENT, Dialect
from .enclosure import (
    GivenScalars,
    ScalarBoxes,
    form_scalars,
    norm_step,
    step_box,
    subtracts_decay,
)
from .formats import BINARY64, Format
from .interval import Interval
from .numeric_class import NumericClass
from .options import Options
from .row_wise import mean_squares

__all__ = [
    "ScalarTable",
    "SettingColumns",
    "StepBatch",
    "complete_boxes",
    "fast_boxes",
    "setting_columns",
]

Array = Any

#: Elements worked on at a time, so that temporaries stay in the cache.
CHUNK = 4096


@dataclass(frozen=True)
class StepBatch:
    """Elements to step: 1-D float64 arrays of numbers of `format`.

    `which[i]` is the index into `settings` of the element's step number and options.
    With `rows`, element i belongs to a row of `rows[i]` elements, which are neighbours.
    With `boxes`, theta and S are not known: they lie in these boxes, whose lower ends
    are `theta` and `state_sum`.
    """

    format: Format
    theta: Array
    state_sum: Array
    gradient: Array
    settings: Sequence[tuple[int, Options]]
    which: Array
    rows: Array = None
    boxes: tuple[Boxes, Boxes] | None = None

    def __len__(self) -> int:
        return len(self.theta)

    @classmethod
    def from_boxes(
        cls,
        fmt: Format,
        boxes: tuple[Boxes, Boxes],
        gradient: Array,
        settings: Sequence[tuple[int, Options]],
        which: Array,
        rows: Array = None,
    ) -> StepBatch:
        """Elements whose theta and S lie in `boxes`."""
        theta, total = boxes
        return cls(fmt, theta.lo, total.lo, gradient, settings, which, rows, boxes)

    def starts(self) -> tuple[Boxes, Boxes]:
        """The boxes of theta and S; of known numbers, those of one number each."""
        if self.boxes is not None:
            return self.boxes
        return Boxes.of_numbers(self.theta), Boxes.of_numbers(self.state_sum)

    def take(self, index: Array) -> StepBatch:
        """The elements at `index`."""
        return StepBatch(
            self.format,
            self.theta[index],
            self.state_sum[index],
            self.gradient[index],
            self.settings,
            self.which[index],
            None if self.rows is None else self.rows[index],
            self.boxes and (self.boxes[0].at(index), self.boxes[1].at(index)),
        )


class SettingColumns(NamedTuple):
    """Step numbers and options as float64 arrays, one entry for each setting."""

    before: Array  #: t - 1
    lr: Array
    lr_decay: Array
    weight_decay: Array
    eps: Array
    sign: Array  #: of the gradient: -1 to maximize


def setting_columns(settings: Sequence[tuple[int, Options]]) -> SettingColumns:
    """The settings of a batch as columns."""
    rows = [
        (t - 1.0, o.lr, o.lr_decay, o.weight_decay, o.eps, -1.0 if o.maximize else 1.0)
        for t, o in settings
    ]
    return SettingColumns(*np.array(rows, float).reshape(-1, 6).T)


def fast_boxes(
    batch: StepBatch,
    cls: NumericClass,
    dialect: Dialect = DOCUMENT,
    wanted: Array | None = None,
) -> tuple[Boxes, Boxes]:
    """Boxes of theta' and S' for every element of the batch.

    An element that arrays cannot do, and that is not `wanted` (all are, unless a mask
    says otherwise), is not computed by the norm either: its boxes hold everything.
    """
    n = len(batch)
    wanted = np.ones(n, bool) if wanted is None else wanted
    theta, total = Boxes.blank(n), Boxes.blank(n)
    table = ScalarTable(batch.format, cls, batch.settings, dialect)
    squares = _row_squares(batch, cls, dialect)
    by_row = np.zeros(n, bool) if squares is None else batch.rows > 1
    for kind, in_row in itertools.product(np.unique(table.kinds), (False, True)):
        chosen = np.flatnonzero((table.kinds[batch.which] == kind) & (by_row == in_row))
        for start in range(0, len(chosen), CHUNK):
            index = chosen[start : start + CHUNK]
            given = None if squares is None or not in_row else squares[index]
            part = batch.take(index)
            hard = _fill_chunk(part, table, kind, index, (theta, total), given)
            for boxes in (theta, total):
                for column, end in zip(boxes, (-math.inf, math.inf, True), strict=True):
                    column[index[hard]] = end
            asked = np.flatnonzero(hard & wanted[index])
            _ask_norm(part, table, asked, index, (theta, total), given)
    if dialect.zero == "elements-skip":
        still = batch.gradient == 0
        for boxes, old in zip((theta, total), batch.starts(), strict=True):
            for new_column, column in zip(boxes, old, strict=True):
                new_column[still] = column[still]
    return theta, total


def complete_boxes(
    boxes: tuple[Boxes, Boxes],
    batch: StepBatch,
    cls: NumericClass,
    dialect: Dialect,
    wanted: Array,
) -> None:
    """Put in the boxes of wanted elements that `fast_boxes` has left open."""
    is_open = np.ones(len(batch), bool)
    for lo, hi, nan in boxes:
        is_open &= (lo == -math.inf) & (hi == math.inf) & nan
    if dialect.accumulator == "row-mean":  # an element needs its row
        index = np.arange(len(batch))
        new = fast_boxes(batch, cls, dialect, wanted) if is_open.any() else boxes
    else:
        index = np.flatnonzero(is_open & wanted)
        new = fast_boxes(batch.take(index), cls, dialect)
    for whole, some in zip(boxes, new, strict=True):
        for column, values in zip(whole, some, strict=True):
            column[index] = values


def _row_squares(batch: StepBatch, cls: NumericClass, dialect: Dialect) -> Array | None:
    """The boxes by which S grows where rows share it, as an array of intervals."""
    if dialect.accumulator != "row-mean" or batch.rows is None:
        return None
    squares, start, before = np.full(len(batch), None), 0, batch.starts()[0]
    while start < len(batch):
        row = max(1, int(batch.rows[start]))
        part = slice(start, start + row)
        gradient = batch.gradient[part].tolist()
        setting = batch.settings[batch.which[start]]
        theta = list(map(Interval.around, before.at(part).boxes()))
        squares[part] = mean_squares(
            batch.format, cls, theta, gradient, setting, dialect, row
        )
        start += row
    return squares


def _fill_chunk(
    part: StepBatch,
    table: ScalarTable,
    kind: int,
    index: Array,
    filled: tuple[Boxes, Boxes],
    squares: Array | None = None,
) -> Array:
    """Fill in what arrays can do; return a mask of what they cannot."""
    ar = table.arithmetic()
    theta, total = part.starts()
    with np.errstate(all="ignore"):
        ar.watch(theta.lo, total.lo, part.gradient)
        if part.boxes is not None:
            ar.watch(theta.hi, total.hi, part.gradient)
        given = None if squares is None else ar.given(*_ends(squares))
        results = step_box(
            ar,
            ar.between(theta.lo, theta.hi),
            ar.between(total.lo, total.hi),
            ar.point(table.sign[part.which] * part.gradient),
            table.pick(part.which, kind),
            table.dialect,
            given,
        )
        hard: Array = ar.hard | table.extreme[part.which] | theta.nan | total.nan
    for boxes, result in zip(filled, results, strict=True):
        boxes.lo[index], boxes.hi[index] = ar.ends(result)
    return hard


def _ask_norm(
    part: StepBatch,
    table: ScalarTable,
    asked: Array,
    index: Array,
    filled: tuple[Boxes, Boxes],
    squares: Array | None,
) -> None:
    theta, total = part.starts()
    for i in asked:
        setting = part.settings[part.which[i]]
        start = theta.box(int(i)), total.box(int(i))
        given = part.format, table.cls, start, float(part.gradient[i]), setting
        if squares is None:
            box_pair = _norm_boxes(*given, table.dialect)
        else:
            box_pair = _norm_boxes.__wrapped__(*given, table.dialect, squares[i])
        for boxes, box in zip(filled, box_pair, strict=True):
            boxes.put(index[i], box)


@functools.lru_cache(maxsize=1 << 15)
def _norm_boxes(
    fmt: Format,
    cls: NumericClass,
    start: tuple[Box, Box],
    g: float,
    setting: tuple[int, Options],
    dialect: Dialect,
    row_square: Interval | None = None,
) -> tuple[Box, Box]:
    """The norm of one element, remembered: the same steps are judged again and again.

    Zeros of either sign have the same boxes, which do not tell them apart.
    """
    theta, total = map(Interval.around, start)
    pair = norm_step(fmt, cls, theta, total, g, *setting, dialect, row_square)
    return pair[0].box(), pair[1].box()


def _ends(boxes: Array) -> tuple[Array, Array]:
    """The end points of intervals; NaN where NaN is possible."""
    ends = [(math.nan,) * 2 if b.nan else (float(b.lo), float(b.hi)) for b in boxes]
    lo, hi = np.array(ends, float).T
    return lo, hi


class ScalarTable:
    """The scalar boxes of all settings as arrays; `extreme` settings have none."""

    #: Scalars outside make a setting extreme: their products could leave binary64.
    LOW, HIGH = 2.0**-200, 2.0**200

    def __init__(
        self,
        fmt: Format,
        cls: NumericClass,
        settings: Sequence[tuple[int, Options]],
        dialect: Dialect = DOCUMENT,
    ) -> None:
        self.format, self.cls, self.dialect = fmt, cls, dialect
        columns = setting_columns(settings)
        decays = columns.weight_decay != 0
        subtracts = [subtracts_decay(o, dialect) for _, o in settings]
        #: 0 without weight decay, 1 where it is added to the gradient, 2 subtracted
        self.kinds = decays * (1 + np.array(subtracts, int))
        self.sign = columns.sign
        ar, numbers = self.arithmetic(), columns[:-1]
        given = GivenScalars(ar.point(np.ones(len(self.sign))), *map(ar.point, numbers))
        with np.errstate(all="ignore"):
            c = form_scalars(ar, given)
            self.boxes: Any = (c.clr, c.weight_decay, c.eps, c.one)
            ends = [end for box in self.boxes for end in ar.ends(box)]
            ordinary = [self._is_ordinary(x) for x in (*numbers, *ends)]
        #: settings whose elements the norm computes
        self.extreme = ar.hard | ~np.logical_and.reduce(ordinary)

    def _is_ordinary(self, x: Array) -> Array:
        return (x == 0) | ((x > self.LOW) & (x < self.HIGH))

    def arithmetic(self) -> Any:
        """A new arithmetic of the format; it has marked no element as hard."""
        if self.format == BINARY64:
            return Wide(self.cls)
        return Narrow(self.format, self.cls)

    def pick(self, which: Array, kind: int) -> ScalarBoxes:
        """The scalars of elements of one kind, as `step_box` takes them."""
        clr, weight_decay, eps, one = (
            tuple(end[which] for end in box) for box in self.boxes
        )
        return ScalarBoxes(clr, weight_decay if kind else None, eps, one, kind == 2)
