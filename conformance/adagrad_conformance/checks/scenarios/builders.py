"""How the families write scenarios: decimals in, bits out.

Rule 1.  No |g| = 1 and no S = 1: too many wrong formulas agree there.
Rule 2.  Params of one scenario differ in start and gradients, and in size unless that
         is the point.
Rule 3.  Options are also switched off (0, False), groups are changed first and last.
Rule 4.  Hyperparameters are not exact in any format unless that is the point.
Rule 5.  MUST scenarios in binary16 keep eps >= 1e-3 and t <= 2048, and stay clear of
         over- and underflow.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS, Format
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Group,
    Layout,
    New,
    Scenario,
    SetState,
    Step,
    Tensor,
)

__all__ = [
    "FOUR_FORMATS",
    "draw",
    "optimizer",
    "rng",
    "rounded",
    "scenario",
    "single_step",
    "steps",
    "tensor",
    "usual_options",
    "view",
]

FOUR_FORMATS: tuple[Format, ...] = tuple(FORMATS.values())

#: Formats that NumPy knows: its types of the numbers and of their encodings.
_NUMPY = {BINARY64.name: ("f8", "u8"), BINARY32.name: ("f4", "u4")}


def rounded(fmt: Format, value: float) -> float:
    """The number of the format nearest to `value`."""
    if fmt == BINARY64 or value == 0:
        return value
    if fmt.smallest_normal <= abs(value) < fmt.largest:  # the same, and much faster
        return _rounded_fast(fmt, value)
    return fmt.round(Fraction(value))


def _rounded_fast(fmt: Format, value: float) -> float:
    if fmt == BINARY32:
        nearest: float = struct.unpack("f", struct.pack("f", value))[0]
        return nearest
    man, exp = math.frexp(value)  # `round` rounds ties to even, as the format does
    return math.ldexp(round(math.ldexp(man, fmt.precision)), exp - fmt.precision)


def tensor(
    fmt: Format, values: Sequence[float], shape: tuple[int, ...] | None = None
) -> Tensor:
    """A tensor of the numbers nearest to `values`; infinities and NaN stay."""
    if types := _NUMPY.get(fmt.name):  # the same, and much faster
        with np.errstate(over="ignore"):
            numbers = np.array(values, types[0])  # to nearest, ties to even
        numbers[np.isnan(numbers)] = np.nan  # one of them
        bits = tuple(numbers.view(types[1]).tolist())
    else:
        bits = tuple(
            fmt.encode(rounded(fmt, v) if math.isfinite(v) else v) for v in values
        )
    return Tensor(fmt.name, (len(bits),) if shape is None else shape, bits)


def view(plain: Tensor, layout: Layout) -> Tensor:
    """The same tensor in another layout."""
    return Tensor(plain.format, plain.shape, plain.bits, plain.complex, layout)


def rng(name: str) -> random.Random:
    """A generator that depends on the scenario's name alone."""
    return random.Random(f"adagrad-conformance/{name}")


def draw(source: random.Random, count: int, low: float, high: float) -> list[float]:
    """`count` numbers of random sign, log-uniform in magnitude between low and high."""
    return [
        source.choice((-1, 1)) * low * (high / low) ** source.random()
        for _ in range(count)
    ]


def optimizer(params: Iterable[str] = ("p",), name: str = "A", **options: Any) -> New:
    """An optimizer with one group."""
    return New(name, (Group(tuple(params)),), options)


def steps(
    gradients: Iterable[Mapping[str, Gradient]], name: str = "A"
) -> Iterator[Event]:
    """A step for each set of gradients."""
    return (Step(name, gradient) for gradient in gradients)


def scenario(
    path: str,
    requirements: str | Sequence[str],
    tensors: Mapping[str, Tensor],
    events: Iterable[Event],
    note: str = "",
    flags: Sequence[Flag] = (),
) -> Scenario:
    """A scenario whose level is that of its first requirement."""
    named = (requirements,) if isinstance(requirements, str) else tuple(requirements)
    level = REQUIREMENTS[named[0]].level
    return Scenario(path, named, level, tensors, tuple(events), tuple(flags), note)


def single_step(
    path: str,
    requirements: str | Sequence[str],
    theta: Tensor,
    gradient: Tensor,
    state_sum: Tensor | None = None,
    t: int = 1,
    note: str = "",
    flags: Sequence[Flag] = (),
    **options: Any,
) -> Scenario:
    """One step number `t` from a written state; without `state_sum`, a first step."""
    events: list[Event] = [optimizer(**options)]
    if state_sum is not None:
        events.append(SetState("A", "p", state_sum, t - 1))
    elif t != 1:
        raise ValueError(f"{path}: step {t} needs a written state")
    events.append(Step("A", {"p": gradient}))
    return scenario(path, requirements, {"p": theta}, events, note, flags)


def usual_options(fmt: Format) -> dict[str, Any]:
    """Unlucky hyperparameters that suit every format."""
    return {"lr": 0.7, "eps": 1.7e-3 if fmt.width == 16 else 1.3e-5}
