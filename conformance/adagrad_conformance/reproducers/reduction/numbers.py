"""Moves that make numbers plain: 1, 2, 0.5, or a few decimal digits.

A zero stays a zero and nothing else becomes one, so that every term of the formula
that took part goes on taking part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from adagrad_reference.events import vary_options
from adagrad_reference.formats import BINARY64, Format
from adagrad_reference.scenario import (
    Event,
    OptionValues,
    Scenario,
    SetState,
    Step,
    Tensor,
)

from .events import with_event
from .size import cost
from .tensors import changed_tensors, swapped, tensors_of

__all__ = ["plainer_numbers", "plainer_options"]

#: What is tried for params and lr; for gradients, states and losses; for other options.
#: Where g or S or eps is 1, too many wrong formulas agree.
PARAM, OTHER, SMALL = (1.0, 2.0, 0.5), (2.0, 0.5, 3.0, 0.25), (0.5, 0.25, 2.0)
#: Tensors of more elements have theirs changed all at once only.
_MANY = 12

Change = Callable[[Format, float], float]


def plainer_numbers(scenario: Scenario) -> Iterator[Scenario]:
    """All numbers, those of a tensor, then one after the other."""
    for param, given in zip(_changes(PARAM), _changes(OTHER), strict=True):
        changes = (partial(_mapped, change=change) for change in (param, given))
        yield changed_tensors(scenario, *changes)
    for move in (_at_once, _one_by_one):
        for tensor in dict.fromkeys(scenario.tensors.values()):
            for other in move(tensor, PARAM):
                yield changed_tensors(scenario, swapped(tensor, other), lambda t: t)
        for tensor in dict.fromkeys(tensors_of(scenario)):
            for other in move(tensor, OTHER):
                yield changed_tensors(scenario, lambda t: t, swapped(tensor, other))


def _changes(plain: Sequence[float]) -> Iterator[Change]:
    """Each leaves zeros, infinities and NaN alone."""
    for number in plain[:3]:
        yield partial(_signed, number)
    for digits in range(3):
        yield partial(_shortened, digits)


def _signed(number: float, fmt: Format, like: float) -> float:
    return math.copysign(number, like)


def _shortened(digits: int, fmt: Format, value: float) -> float:
    return fmt.nearest(float(f"{value:.{digits}e}"))


def _at_once(tensor: Tensor, plain: Sequence[float]) -> Iterator[Tensor]:
    for change in _changes(plain):
        yield _mapped(tensor, change)


def _mapped(tensor: Tensor, change: Change) -> Tensor:
    fmt = tensor.fmt

    def one(bits: int, value: float) -> int:
        if value == 0 or not math.isfinite(value):
            return bits
        plain = change(fmt, value)
        return fmt.encode(plain) if plain and math.isfinite(plain) else bits

    pairs = zip(tensor.bits, tensor.values(), strict=True)
    return replace(tensor, bits=tuple(one(*pair) for pair in pairs))


def _one_by_one(tensor: Tensor, plain: Sequence[float]) -> Iterator[Tensor]:
    fmt = tensor.fmt
    for i, value in enumerate(tensor.values() if len(tensor.bits) <= _MANY else ()):
        for number in _plainer(fmt, value, plain):
            bits = (*tensor.bits[:i], fmt.encode(number), *tensor.bits[i + 1 :])
            yield replace(tensor, bits=bits)


def _plainer(fmt: Format, value: float, plain: Sequence[float]) -> Iterator[float]:
    """Numbers of the same sign, then of the other, that cost less."""
    if value == 0 or not math.isfinite(value):
        return
    shorter = (_shortened(digits, fmt, value) for digits in range(3))
    signed = [x for number in plain for x in (math.copysign(number, value), number)]
    for number in (*signed, *shorter):
        if number and math.isfinite(number) and cost(fmt, number) < cost(fmt, value):
            yield number


# -- options and other numbers of events -------------------------------------------


def plainer_options(scenario: Scenario) -> Iterator[Scenario]:
    """Options, losses and written counters, one after the other."""
    for number, event in enumerate(scenario.events):
        for other in _plainer_event(event):
            yield with_event(scenario, number, other)


def _plainer_event(event: Event) -> Iterator[Event]:
    yield from vary_options(event, _plainer_values)
    if isinstance(event, Step) and event.loss is not None:
        for plain in _plainer(BINARY64, event.loss, OTHER):
            yield replace(event, loss=plain)
    if isinstance(event, SetState):
        for fewer in (0, 1, 2, event.t // 2, event.t - 1):
            if 0 <= fewer < event.t:
                yield replace(event, t=fewer)


def _plainer_values(options: OptionValues) -> Iterator[Mapping[str, float | bool]]:
    for name, value in options.items():
        if isinstance(value, bool):
            continue
        for plain in _plainer(BINARY64, value, PARAM if name == "lr" else SMALL):
            yield {**options, name: plain}
