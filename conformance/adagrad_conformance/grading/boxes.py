"""Values held to boxes: what lies outside, and how far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from adagrad_reference.array_exact import ulp_array
from adagrad_reference.boxes import Boxes
from adagrad_reference.formats import Format

from .case import Case
from .failure import Failure, Number, Span

__all__ = ["report_outside"]


def _whole(i: int) -> tuple[int, int | None]:
    return i, None


def report_outside(
    case: Case,
    fmt: Format,
    failure: Failure,
    boxes: Boxes,
    values: Any,
    where: Callable[[int], tuple[int, int | None]] = _whole,
) -> bool:
    """Note the first of `values` outside its box; return whether all are inside.

    `failure` has the kind, event and param.  `where` gives an element's position in
    the param and the number of its step.
    """
    outside = np.flatnonzero(~boxes.holds(values))
    if not len(outside):
        return True
    i = int(outside[0])
    element, step = where(i)
    found = replace(
        failure,
        element=element,
        step=step,
        observed=Number.of(fmt, float(values[i])),
        due=Span(fmt, boxes.box(i)),
        count=len(outside),
    )
    case.fail(found, _margin(fmt, boxes, values, outside))
    return False


def _margin(fmt: Format, boxes: Boxes, values: Any, outside: Any) -> float:
    """The largest distance from a box to a value outside it, in ulp of its near end."""
    lo, hi, x = boxes.lo[outside], boxes.hi[outside], values[outside]
    end = np.where(x < lo, lo, hi)
    with np.errstate(all="ignore"):
        distances = np.abs(x - end) / ulp_array(fmt, end)
    whole = np.isfinite(distances)
    return float(distances.max()) if whole.all() else math.inf
