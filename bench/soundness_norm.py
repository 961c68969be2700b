"""The fast engine against the norm: never narrower, and how much wider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from programs import adversarial_batch, random_batch, varied_settings, wild_batch

from adagrad_reference import array_enclosure as engine
from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.array_exact import ulp_array
from adagrad_reference.boxes import Boxes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.formats import FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import CLASSES, FLUSHED, NumericClass

__all__ = ["NormRow", "compare"]

ELEMENTS = 700


@dataclass
class NormRow:
    """One format and class: boxes of theta' and S' in both engines."""

    format: str
    cls: str
    elements: int = 0
    boxes: int = 0
    narrower: int = 0  #: fast boxes that do not hold the norm's, or differ in NaN
    equal: int = 0  #: bit for bit
    left_to_norm: int = 0  #: elements that the fast engine hands over
    finite: int = 0  #: boxes whose ends are
    #: over the finite boxes, widths in ulp of the norm's box with 1 for its own number:
    ratios: float = 0.0  #: the fast engine's by the norm's, summed
    widest: float = 1.0  #: the largest of them


def compare(seed: int, name: str, number: int) -> list[NormRow]:
    """Every class on `ELEMENTS` random, adversarial and wild elements each."""
    fmt = FORMATS[name]
    rng = np.random.default_rng([seed, list(FORMATS).index(name), number, 7])
    rows = []
    for cls in (*CLASSES.values(), FLUSHED):
        row = NormRow(name, cls.name)
        for make in (random_batch, adversarial_batch, wild_batch):
            b = make(fmt, rng, ELEMENTS, varied_settings(fmt, rng, 40))
            _compare(row, b, cls)
        rows.append(row)
    return rows


def _compare(row: NormRow, b: StepBatch, cls: NumericClass) -> None:
    with _handed_over() as asked:
        fast = fast_boxes(b, cls)
    row.elements += len(b)
    row.left_to_norm += len(asked)
    for mine, norm in zip(fast, _norm_boxes(b, cls), strict=True):
        some = norm.lo <= norm.hi
        holds = (mine.lo <= norm.lo) & (norm.hi <= mine.hi)
        right = np.where(some, holds, mine.lo > mine.hi) & (mine.nan == norm.nan)
        row.boxes += len(b)
        row.narrower += int((~right).sum())
        same = (mine.lo == norm.lo) & (mine.hi == norm.hi)
        row.equal += int((right & (same | ~some)).sum())
        ratios = _ratios(b, mine, norm)
        row.finite += len(ratios)
        row.ratios += float(ratios.sum())
        row.widest = max(row.widest, float(ratios.max(initial=1.0)))


def _ratios(b: StepBatch, mine: Boxes, norm: Boxes) -> Any:
    ends = np.array([mine.lo, mine.hi, norm.lo, norm.hi])
    finite = np.isfinite(ends).all(axis=0) & (norm.lo <= norm.hi)
    low, high, norm_low, norm_high = ends[:, finite]
    unit = ulp_array(b.format, np.maximum(np.abs(norm_low), np.abs(norm_high)))
    return ((high - low) / unit + 1) / ((norm_high - norm_low) / unit + 1)


@contextmanager
def _handed_over() -> Iterator[list[Any]]:
    """The elements that the fast engine asks the norm about."""
    asked: list[Any] = []
    norm = engine.norm_step

    def counted(*arguments: Any) -> Any:
        asked.append(arguments[2])
        return norm(*arguments)

    engine.norm_step = counted  # type: ignore[assignment]
    try:
        yield asked
    finally:
        engine.norm_step = norm  # type: ignore[assignment]


def _norm_boxes(b: StepBatch, cls: NumericClass) -> tuple[Boxes, Boxes]:
    n = len(b)
    theta, total = (Boxes(np.empty(n), np.empty(n), np.zeros(n, bool)) for _ in "ts")
    for i in range(n):
        t, o = b.settings[b.which[i]]
        start = (Interval.point(float(x[i])) for x in (b.theta, b.state_sum))
        pair = norm_step(b.format, cls, *start, float(b.gradient[i]), t, o)
        for boxes, box in zip((theta, total), pair, strict=True):
            boxes.lo[i], boxes.hi[i] = float(box.lo), float(box.hi)
            boxes.nan[i] = box.nan
    return theta, total
