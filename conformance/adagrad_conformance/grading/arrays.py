"""Observed steps as arrays, many steps in one batch of a format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.formats import BINARY32, Format
from adagrad_reference.options import Options

from .case import StepsSeen

__all__ = ["decode_array", "step_batch"]


def step_batch(fmt: Format, steps: Sequence[StepsSeen]) -> tuple[StepBatch, Any, Any]:
    """The steps as one batch, then theta and S after them: float64, 1-D.

    All steps keep S in one format.
    """
    of_sums = next((s.sum_format for s in steps if s.sum_format), fmt)

    def column(parts: Iterable[Sequence[int]], like: Format = fmt) -> Any:
        return decode_array(like, [b for part in parts for b in part])

    settings: dict[tuple[int, Options], int] = {}
    which = [
        settings.setdefault(setting, len(settings))
        for s in steps
        for setting in s.settings
    ]
    counts = [s.width for s in steps for _ in s.settings]
    batch = StepBatch(
        fmt,
        column(s.theta for s in steps),
        column((s.state_sum for s in steps), of_sums),
        column(s.gradient for s in steps),
        list(settings),
        np.repeat(np.array(which, int), counts),
        np.repeat([s.row for s in steps for _ in s.settings], counts),
    )
    new_sum = column((s.new_sum for s in steps), of_sums)
    return batch, column(s.new_theta for s in steps), new_sum


def decode_array(fmt: Format, bits: Sequence[int]) -> Any:
    """The values of encodings as a float64 array."""
    if fmt.width == 64:
        return np.array(bits, np.uint64).view(np.float64)
    if fmt.precision == 8:  # bfloat16 is the upper half of binary32
        bits = [b << 16 for b in bits]
        fmt = BINARY32
    kinds: dict[int, tuple[Any, Any]] = {
        32: (np.uint32, np.float32),
        16: (np.uint16, np.float16),
    }
    integers, floats = kinds[fmt.width]
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
        return np.array(bits, integers).view(floats).astype(np.float64)
