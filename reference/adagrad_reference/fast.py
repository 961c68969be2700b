"""The enclosure and the exact step for whole arrays, in NumPy on binary64 alone.

`fast_boxes` runs the formula of enclosure.py on one of two arithmetics: for formats of
at most 24 bits, intervals with binary64 end points (`_Narrow`); for binary64,
intervals whose end points are double-double (`_Wide`).  Both round outward, so their
boxes hold those of the norm.  Elements in which something over- or underflows, divides
by zero or is not finite are *hard*: they go to the norm one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .enclosure import NumericClass, ScalarBoxes, norm_step, scalar_boxes, step_box
from .fast_arithmetic import Narrow, Wide
from .formats import BINARY64, Format
from .interval import Interval
from .options import Options

__all__ = ["Boxes", "StepBatch", "fast_boxes"]

Array = Any

#: Elements worked on at a time, so that temporaries stay in the cache.
CHUNK = 4096


class Boxes(NamedTuple):
    """lo <= x <= hi, or NaN where `nan`; float64 arrays of numbers of the format."""

    lo: Array
    hi: Array
    nan: Array

    def hold(self, x: Array) -> Array:
        """Whether each x lies inside; NaN fails unless it is allowed."""
        return ((self.lo <= x) & (x <= self.hi)) | (np.isnan(x) & self.nan)


@dataclass(frozen=True)
class StepBatch:
    """Elements to step: 1-D float64 arrays of numbers of `format`.

    `which[i]` is the index into `settings` of the element's step number and options.
    """

    format: Format
    theta: Array
    state_sum: Array
    gradient: Array
    settings: Sequence[tuple[int, Options]]
    which: Array

    def __len__(self) -> int:
        return len(self.theta)

    def take(self, index: Array) -> StepBatch:
        """The elements at `index`."""
        return StepBatch(
            self.format,
            self.theta[index],
            self.state_sum[index],
            self.gradient[index],
            self.settings,
            self.which[index],
        )


def fast_boxes(batch: StepBatch, cls: NumericClass) -> tuple[Boxes, Boxes]:
    """Boxes of theta' and S' for every element of the batch."""
    n = len(batch)
    theta, total = (Boxes(np.empty(n), np.empty(n), np.zeros(n, bool)) for _ in "ab")
    decays = np.array([o.weight_decay != 0 for _, o in batch.settings], bool)
    for decayed in (False, True):
        chosen = np.flatnonzero(decays[batch.which] == decayed)
        if not len(chosen):
            continue
        scalars = {
            i: scalar_boxes(batch.format, cls, *batch.settings[i])
            for i in np.flatnonzero(decays == decayed).tolist()
        }
        table = _ScalarTable(batch.format, scalars, decayed, len(decays))
        for start in range(0, len(chosen), CHUNK):
            index = chosen[start : start + CHUNK]
            _fill_chunk(batch.take(index), cls, table, index, theta, total)
    return theta, total


def _fill_chunk(
    part: StepBatch,
    cls: NumericClass,
    table: _ScalarTable,
    index: Array,
    theta: Boxes,
    total: Boxes,
) -> None:
    maximize = np.array([o.maximize for _, o in part.settings], bool)[part.which]
    gradient = np.where(maximize, -part.gradient, part.gradient)
    with np.errstate(all="ignore"):
        ar = table.arithmetic()
        ar.watch(part.theta, part.state_sum, part.gradient)
        point = ar.point
        new_theta, new_sum = step_box(
            ar,
            point(part.theta),
            point(part.state_sum),
            point(gradient),
            table.pick(part.which),
            cls,
        )
        hard = ar.hard | table.extreme(part.which)
    for boxes, result in ((theta, new_theta), (total, new_sum)):
        boxes.lo[index], boxes.hi[index] = ar.ends(result)
    for i in np.flatnonzero(hard):
        t, o = part.settings[part.which[i]]
        start = [Interval.point(float(x[i])) for x in (part.theta, part.state_sum)]
        g = float(part.gradient[i])
        box_pair = norm_step(part.format, cls, start[0], start[1], g, t, o)
        for boxes, box in zip((theta, total), box_pair, strict=True):
            boxes.lo[index[i]], boxes.hi[index[i]] = float(box.lo), float(box.hi)
            boxes.nan[index[i]] = box.nan


class _ScalarTable:
    """The scalar boxes of all settings as arrays, and who is too extreme for them."""

    #: Scalars outside are left to the norm: products of them could leave binary64.
    LOW, HIGH = 2.0**-200, 2.0**200

    def __init__(
        self,
        fmt: Format,
        scalars: Mapping[int, ScalarBoxes],
        decayed: bool,
        settings: int,
    ) -> None:
        self.arithmetic = Wide if fmt == BINARY64 else lambda: Narrow(fmt)
        ar = self.arithmetic()
        zero = Interval.point(0.0)
        columns = {
            "clr": [c.clr for c in scalars.values()],
            "eps": [c.eps for c in scalars.values()],
            "weight_decay": [c.weight_decay or zero for c in scalars.values()],
        }
        self._decayed = decayed
        self._row = np.full(settings, -1)  # of a setting in the columns
        self._row[list(scalars)] = np.arange(len(scalars))
        self._columns = {name: ar.intervals(column) for name, column in columns.items()}
        rows = zip(*columns.values(), strict=True)
        self._extreme = np.array([any(map(self._is_extreme, row)) for row in rows])

    def _is_extreme(self, box: Interval) -> bool:
        if box.nan or box.empty:
            return True
        return any(x != 0 and not self.LOW < abs(x) < self.HIGH for x in box.outward())

    def extreme(self, which: Array) -> Array:
        """Whether each element's scalars are left to the norm."""
        return self._extreme[self._row[which]]

    def pick(self, which: Array) -> Any:
        """The scalars of each element, as `step_box` takes them."""
        rows = self._row[which]
        at = {name: tuple(end[rows] for end in c) for name, c in self._columns.items()}
        one = self.arithmetic().point(np.ones(len(which)))
        decay = at["weight_decay"] if self._decayed else None
        return ScalarBoxes(at["clr"], decay, at["eps"], one)  # type: ignore[arg-type]
