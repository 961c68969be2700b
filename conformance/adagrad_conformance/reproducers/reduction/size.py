"""How large a scenario is: what a reduction makes smaller."""

from __future__ import annotations

import math
from functools import lru_cache

from adagrad_conformance.reproducers.decimals import shortest
from adagrad_reference.events import gradients_of, groups_of, options_of
from adagrad_reference.formats import BINARY64, FORMATS, Format
from adagrad_reference.scenario import (
    Event,
    Scenario,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
)

from .tensors import tensors_of

__all__ = ["cost", "size"]

#: The plainest numbers.
_PLAIN = frozenset((1.0, 2.0, 3.0, 0.5, 0.25))


def size(scenario: Scenario) -> tuple[int, ...]:
    """What stands first weighs most: events, then params, elements, groups, numbers."""
    tensors = list(tensors_of(scenario))
    return (
        sum(map(_weight, scenario.events)),
        len(scenario.tensors),
        sum(len(tensor.bits) for tensor in scenario.tensors.values()),
        sum(len(groups_of(event)) for event in scenario.events),
        sum(map(_entries, scenario.events)),
        sum(t.layout.length for t in tensors if t.layout is not None),
        sum(len(tensor.shape) for tensor in tensors),
        sum(map(_numbers, tensors)) + sum(map(_other_numbers, scenario.events)),
    )


def _weight(event: Event) -> int:
    """A written state is less to read than a step, a run more, by its length."""
    if isinstance(event, SetState):
        return 2
    if isinstance(event, Steps):
        return 4 + event.count.bit_length() + len(event.cycle)
    return 4 if isinstance(event, Step) and event.loss is not None else 3


def _entries(event: Event) -> int:
    """Options and gradients that are named; a None less than a tensor."""
    named = sum(map(len, options_of(event)))
    gradients = [g for given in gradients_of(event) for g in given.values()]
    rows = [len(g.indices) for g in gradients if isinstance(g, Sparse)]
    steps = event.count if isinstance(event, Steps) else 0
    there = sum(1 if gradient is None else 2 for gradient in gradients)
    return named + there + sum(rows) + steps


def _numbers(tensor: Tensor) -> int:
    return sum(_cost(tensor.format, bits) for bits in tensor.bits)


@lru_cache(maxsize=1 << 14)
def _cost(name: str, bits: int) -> int:
    fmt = FORMATS[name]
    return cost(fmt, fmt.decode(bits))


def _other_numbers(event: Event) -> int:
    values = [v for options in options_of(event) for v in options.values()]
    if isinstance(event, Step) and event.loss is not None:
        values.append(event.loss)
    written = event.t if isinstance(event, SetState) else 0
    numbers = (value for value in values if not isinstance(value, bool))
    return sum(cost(BINARY64, value) for value in numbers) + written


def cost(fmt: Format, value: float) -> int:
    """How much there is to read in a number: digits, powers of ten, a sign."""
    if not math.isfinite(value) or value == 0:
        return 1
    exponent = math.floor(math.log10(abs(value)))
    digits = shortest(fmt, abs(value)).partition("e")[0].replace(".", "").strip("0")
    work = 8 if abs(value) in _PLAIN else 8 * (len(digits) + abs(exponent)) + 2
    return work + (value < 0) * 6 + 2
