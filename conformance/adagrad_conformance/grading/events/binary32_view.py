"""16-bit numbers as binary32, of which each is one; observations and boxes likewise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.execution.observations import (
    ClosureCall,
    EventSeen,
    Observation,
)
from adagrad_reference.boxes import Boxes, same
from adagrad_reference.events import map_events, map_tensors
from adagrad_reference.formats import BFLOAT16, BINARY32, FORMATS, Format
from adagrad_reference.scenario import Gradient, Scenario, Sparse, Tensor

__all__ = [
    "as_binary32",
    "departures",
    "rounded",
    "rounded_boxes",
    "shows_masters",
    "widened",
]


@cache
def _wide_bits(name: str) -> Sequence[int]:
    """The binary32 encoding of each 16-bit one; those of NaN stay apart."""
    codes = np.arange(1 << 16, dtype=np.uint32)
    if FORMATS[name] == BFLOAT16:  # the upper half of binary32
        return [int(bits) for bits in codes << 16]
    values = codes.astype(np.uint16).view(np.float16)
    wide = values.astype(np.float32).view(np.uint32)
    sign, fraction = (codes & 0x8000) << 16, (codes & 0x3FF) << 13
    wide = np.where(np.isnan(values), sign | 0x7F800000 | fraction, wide)
    return [int(bits) for bits in wide]


def widened(tensor: Tensor) -> Tensor:
    """The same numbers in binary32, if they are 16 bits wide."""
    if tensor.fmt.width != 16:
        return tensor
    table, layout = _wide_bits(tensor.format), tensor.layout
    return replace(
        tensor,
        format=BINARY32.name,
        bits=tuple(table[bits] for bits in tensor.bits),
        layout=layout and replace(layout, guard=table[layout.guard]),
    )


def rounded(fmt: Format, values: Any) -> Any:
    """Numbers of binary32 rounded to nearest in a 16-bit format, ties to even."""
    with np.errstate(all="ignore"):
        single = np.asarray(values, np.float32)
        if fmt != BFLOAT16:
            return single.astype(np.float16).astype(float)
        bits: Any = single.view(np.uint32).astype(np.uint64)
        upper = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        kept = (upper << 16).astype(np.uint32).view(np.float32)
        return np.where(np.isnan(single), np.nan, kept).astype(float)


def rounded_boxes(fmt: Format, boxes: Boxes) -> Boxes:
    """Where a number may lie whose master lies in a box: rounding is monotone."""
    return Boxes(rounded(fmt, boxes.lo), rounded(fmt, boxes.hi), boxes.nan)


def departures(fmt: Format, master: Tensor, theta: Tensor) -> list[int]:
    """The elements of (widened) theta that are not the master rounded, by value."""
    due, shown = rounded(fmt, master.values()), np.array(theta.values(), float)
    return [int(i) for i in np.flatnonzero(~same(due, shown))]


# -- an observation in binary32 --------------------------------------------------------


def shows_masters(seen: Observation) -> bool:
    """Whether a master copy is shown anywhere."""
    readings = (r for event in seen.events for r in event.readings.values())
    return any(reading.master is not None for reading in readings)


def as_binary32(seen: Observation) -> Observation:
    """What was seen, as of params that are all of binary32 where they are narrower."""
    if not any(t.fmt.width == 16 for t in seen.scenario.tensors.values()):
        return seen
    scenario, events = _wide_scenario(seen.scenario), map(_wide_event_seen, seen.events)
    return replace(seen, scenario=scenario, events=list(events))


def _wide_scenario(scenario: Scenario) -> Scenario:
    tensors = {name: widened(tensor) for name, tensor in scenario.tensors.items()}
    wide = replace(scenario, tensors=tensors)
    return map_events(
        wide, lambda event: map_tensors(event, lambda _, tensor: widened(tensor))
    )


def _wide_gradient(gradient: Gradient) -> Gradient:
    if isinstance(gradient, Sparse):
        return replace(gradient, values=widened(gradient.values))
    return None if gradient is None else widened(gradient)


def _wide_event_seen(shown: EventSeen) -> EventSeen:
    calls = [
        ClosureCall({name: widened(tensor) for name, tensor in call.params.items()})
        for call in shown.calls
    ]
    readings = {place: _wide_reading(r) for place, r in shown.readings.items()}
    return replace(shown, calls=calls, readings=readings)


def _wide_reading(reading: Reading) -> Reading:
    fmt, storage, total = reading.theta.fmt, reading.storage, reading.state_sum
    if fmt.width == 16 and storage is not None:
        storage = tuple(_wide_bits(fmt.name)[bits] for bits in storage)
    return replace(
        reading,
        theta=widened(reading.theta),
        gradient=_wide_gradient(reading.gradient),
        state_sum=total and widened(total),
        storage=storage,
    )
