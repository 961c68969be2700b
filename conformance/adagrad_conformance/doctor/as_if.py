"""Observations and scenarios as they would be if an adapter had done otherwise.

Each function gives a copy with one change: without state, with an option of another
value, with elements in another order or a param of another shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.execution.observations import EventSeen, Observation
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Event,
    New,
    Scenario,
    SetOption,
    Step,
    Tensor,
)

__all__ = [
    "NARROWER",
    "ORDERS",
    "bits_of",
    "in_format",
    "numbers_of",
    "reshaped",
    "roundings",
    "shown_in",
    "with_event",
    "with_option",
    "without_event",
    "without_state",
]

#: Formats in which a number may arrive.
NARROWER = ("binary32", "bfloat16", "binary16")


def shown_in(seen: EventSeen) -> Reading:
    """What was read of the param after an event."""
    return seen.readings["A", "p"]


def bits_of(tensor: Tensor | None) -> tuple[int, ...]:
    """The encodings; none of what is not shown."""
    return tensor.bits if tensor else ()


def numbers_of(seen: Observation) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """theta and S after each event that was read."""
    shown = [shown_in(event) for event in seen.events if event.readings]
    return [(r.theta.bits, bits_of(r.state_sum)) for r in shown]


def _changed(seen: Observation, change: Callable[[Reading], Reading]) -> Observation:
    events = [
        replace(event, readings={p: change(r) for p, r in event.readings.items()})
        for event in seen.events
    ]
    return replace(seen, events=events)


def without_state(seen: Observation) -> Observation:
    """As of a port that shows no state."""
    return _changed(seen, lambda r: replace(r, state_sum=None, t=None))


def with_event(seen: Observation, number: int, event: Event) -> Observation:
    """With another event in place of one."""
    events = list(seen.scenario.events)
    events[number] = event
    return replace(seen, scenario=replace(seen.scenario, events=tuple(events)))


def without_event(seen: Observation, number: int) -> Observation:
    """Without an event and what was seen of it."""
    events, shown = list(seen.scenario.events), list(seen.events)
    del events[number], shown[number]
    scenario = replace(seen.scenario, events=tuple(events))
    return replace(seen, scenario=scenario, events=shown)


def with_option(scenario: Scenario, option: str, value: float, later: bool) -> Scenario:
    """With another value of an option, as made or (`later`) as changed."""
    events = []
    for event in scenario.events:
        if later and isinstance(event, SetOption):
            event = replace(event, value=value)
        if not later and isinstance(event, New):
            event = replace(event, options={**event.options, option: value})
        events.append(event)
    return replace(scenario, events=tuple(events))


def _ordered(tensor: Tensor | None, order: Sequence[int]) -> Tensor | None:
    if tensor is None:
        return None
    return replace(tensor, bits=tuple(tensor.bits[i] for i in order))


def _other_gradients(seen: Observation, order: Sequence[int]) -> Observation:
    def event_of(event: Event) -> Event:
        if not isinstance(event, Step):
            return event
        given = event.gradients["p"]
        assert isinstance(given, Tensor)
        return replace(event, gradients={"p": _ordered(given, order)})

    events = tuple(map(event_of, seen.scenario.events))
    return replace(seen, scenario=replace(seen.scenario, events=events))


def _other_sums(seen: Observation, order: Sequence[int]) -> Observation:
    return _changed(seen, lambda r: replace(r, state_sum=_ordered(r.state_sum, order)))


#: What can be in another order: the words, the change, the methods to look at.
ORDERS: Sequence[
    tuple[str, Callable[[Observation, Sequence[int]], Observation], tuple[str, ...]]
] = (
    ("the gradient", _other_gradients, ("give", "make_gradient", "set_gradient")),
    ("the accumulator", _other_sums, ("accumulator", "show_sum", "reading", "show")),
)


def reshaped(seen: Observation, shape: tuple[int, ...]) -> Observation:
    """As of a param of another shape."""

    def other(tensor: Tensor | None) -> Tensor | None:
        return tensor and replace(tensor, shape=shape)

    def reading(shown: Reading) -> Reading:
        theta, total = replace(shown.theta, shape=shape), other(shown.state_sum)
        return replace(shown, theta=theta, gradient=None, state_sum=total)

    def event_of(event: Event) -> Event:
        if not isinstance(event, Step):
            return event
        given = event.gradients["p"]
        assert isinstance(given, Tensor)
        return replace(event, gradients={"p": other(given)})

    scenario = replace(
        seen.scenario,
        tensors={n: replace(t, shape=shape) for n, t in seen.scenario.tensors.items()},
        events=tuple(map(event_of, seen.scenario.events)),
    )
    return replace(_changed(seen, reading), scenario=scenario)


def roundings(given: float | bool, precision: int) -> Iterator[tuple[float, str]]:
    """A number as it may arrive, and how it was rounded, the most exact first.

    Each is a thousand times farther off than steps with `precision` bits can be.
    """
    if isinstance(given, bool):
        return
    tried: set[float] = {given}
    for name in NARROWER:
        value = in_format(given, name)
        if FORMATS[name].precision < precision and value not in tried:
            tried.add(value)
            yield value, name
    for digits in range(int(precision * math.log10(2)) - 3, 0, -1):
        value = float(f"{given:.{digits}g}")
        if value not in tried:
            tried.add(value)
            yield value, f"{digits} digits"


def in_format(value: float, name: str) -> float:
    """The number rounded to nearest in a format."""
    if name == "binary64":
        return value
    if name == "binary16":
        return float(np.float16(value))
    if name == "binary32":
        return float(np.float32(value))
    bits = int(np.float32(value).view(np.uint32))
    near = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16  # ties to even
    return float(np.uint32(near).view(np.float32))
