"""Boxes: every value that is right for a number, as an interval and a word on NaN.

Rule 1.  A box holds x if lo <= x <= hi, compared as numbers: -0 equals 0.
Rule 2.  NaN, with any payload, lies in a box where `nan` is true and in no other.
Rule 3.  A box without numbers (lo > hi) has `nan`: it holds NaN alone.

`Box` is one box with Python floats, `Boxes` are many as arrays.  Every verdict on a
value, and every text that shows a box, is formed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .formats import Format, decimal

__all__ = ["Box", "Boxes", "Comparison", "encoded", "same"]

Array = Any


class Box(NamedTuple):
    """The interval [lo, hi], and whether NaN is right too."""

    lo: float
    hi: float
    nan: bool = False

    @classmethod
    def of(cls, value: float) -> Box:
        """The box of one right value; of NaN, the box of NaN alone."""
        return (
            cls(math.inf, -math.inf, True) if math.isnan(value) else cls(value, value)
        )

    @property
    def nan_alone(self) -> bool:
        """Whether the box has no numbers, so that NaN is the only right value."""
        return self.lo > self.hi

    def holds(self, value: float) -> bool:
        """Whether `value` is right."""
        return self.nan if math.isnan(value) else self.lo <= value <= self.hi

    def span(self, show: Callable[[float], str] = repr) -> str:
        """The end points, `lo .. hi`, or the only number; each as `show` writes it."""
        lo, hi = show(self.lo), show(self.hi)
        return lo if lo == hi else f"{lo} .. {hi}"

    def words(self, show: Callable[[float], str] = repr) -> str:
        """The span and what holds of NaN: `0.5 .. 1.0 or NaN`, `NaN alone`."""
        if self.nan_alone:
            return "NaN alone"
        return self.span(show) + (" or NaN" if self.nan else "")


class Boxes(NamedTuple):
    """Boxes of many elements: float64 ends, which are numbers of the format."""

    lo: Array
    hi: Array
    nan: Array

    @classmethod
    def blank(cls, count: int) -> Boxes:
        """Arrays of `count` boxes with ends yet to be written, without NaN."""
        return cls(np.empty(count), np.empty(count), np.zeros(count, bool))

    @classmethod
    def of(cls, boxes: Sequence[Box]) -> Boxes:
        """The boxes of a list, element by element."""
        lo, hi, nan = zip(*boxes, strict=True) if boxes else ((), (), ())
        return cls(np.array(lo, float), np.array(hi, float), np.array(nan, bool))

    @classmethod
    def of_numbers(cls, values: Array) -> Boxes:
        """The boxes of one right value each; of NaN, that of NaN alone."""
        nan = np.isnan(values)
        if not nan.any():
            return cls(values, values, nan)
        return cls(np.where(nan, np.inf, values), np.where(nan, -np.inf, values), nan)

    def at(self, index: Any) -> Boxes:
        """The boxes of some elements: a slice, or an array of places."""
        return Boxes(self.lo[index], self.hi[index], self.nan[index])

    def within(self, quantum: float) -> Boxes:
        """Boxes of sums that may be off by a share of the largest finite one."""
        finite = self.hi[np.isfinite(self.hi)]
        slack = quantum * finite.max(initial=0.0)
        lo = np.where(self.lo > self.hi, self.lo, np.maximum(self.lo - slack, 0.0))
        hi = np.where(self.lo > self.hi, self.hi, self.hi + slack)
        return Boxes(lo, hi, self.nan)

    def put(self, index: Any, box: Box) -> None:
        """Write one box."""
        self.lo[index], self.hi[index], self.nan[index] = box

    def box(self, i: int) -> Box:
        """The box of element i."""
        return Box(float(self.lo[i]), float(self.hi[i]), bool(self.nan[i]))

    def boxes(self) -> list[Box]:
        """All of them, as a list."""
        return [Box(*ends) for ends in zip(*(x.tolist() for x in self), strict=True)]

    @property
    def nan_alone(self) -> Array:
        """Where NaN is the only right value."""
        return self.lo > self.hi

    def holds(self, x: Array) -> Array:
        """Whether each x lies in its box."""
        return ((self.lo <= x) & (x <= self.hi)) | (np.isnan(x) & self.nan)


@dataclass(frozen=True)
class Comparison:
    """How a programming language tests that a value lies in a box.

    The tests are templates: `equal` has {lo}, `between` has {lo} and {hi}, `either`
    has {nan} and {numbers}.  `number` writes a number in the language.
    """

    nan: str
    equal: str
    between: str
    either: str
    number: Callable[[float], str]

    def test(self, box: Box) -> str:
        """The expression that is true for the values that the box holds."""
        if box.nan_alone:
            return self.nan
        template = self.equal if box.lo == box.hi else self.between
        numbers = template.format(lo=self.number(box.lo), hi=self.number(box.hi))
        if not box.nan:
            return numbers
        return self.either.format(nan=self.nan, numbers=numbers)


def encoded(fmt: Format) -> Callable[[float], str]:
    """How reports write a number of a format: the decimal, then [the encoding]."""
    return lambda value: f"{decimal(fmt, value)} [{fmt.to_hex(value)}]"


def same(a: Any, b: Any) -> Any:
    """Whether numbers are equal, or both NaN; of floats or of arrays."""
    return (a == b) | ((a != a) & (b != b))
