"""The parts from which the families build scenarios.

Rule 1.  No |g| = 1 and no S = 1: too many wrong formulas agree there.
Rule 2.  Params of one scenario differ in start and gradients, and in size unless the
         scenario is about equal sizes.
Rule 3.  Options are also switched off (0, False); the first and the last group change.
Rule 4.  Hyperparameters are inexact in every format unless the scenario is about exact
         ones.
Rule 5.  MUST scenarios in binary16 keep eps >= 1e-3 and t <= 2048, and stay clear of
         over- and underflow.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS, Format
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
    "scenario",
    "single_step",
    "steps",
    "usual_options",
    "view",
]

FOUR_FORMATS: tuple[Format, ...] = tuple(FORMATS.values())


def view(plain: Tensor, layout: Layout) -> Tensor:
    """The tensor `plain` in the layout."""
    return Tensor(plain.format, plain.shape, plain.bits, plain.complex, layout)


def rng(name: str) -> random.Random:
    """A random generator that depends on the name alone."""
    return random.Random(f"adagrad-conformance/{name}")


def draw(source: random.Random, count: int, low: float, high: float) -> list[float]:
    """`count` numbers of random sign, log-uniform in magnitude from low to high."""
    ratio, bits, random = high / low, source.getrandbits, source.random
    numbers = []
    for _ in range(count):
        while (side := bits(2)) > 1:  # as `source.choice` draws among two, and faster
            pass
        number = low * ratio ** random()
        numbers.append(number if side else -number)
    return numbers


def optimizer(params: Iterable[str] = ("p",), name: str = "A", **options: Any) -> New:
    """An optimizer with one group."""
    return New(name, (Group(tuple(params)),), options)


def steps(
    gradients: Iterable[Mapping[str, Gradient]], name: str = "A"
) -> Iterator[Event]:
    """A step of the optimizer `name` for each set of gradients."""
    return (Step(name, gradient) for gradient in gradients)


def scenario(
    path: str,
    requirements: str | Sequence[str],
    tensors: Mapping[str, Tensor],
    events: Iterable[Event],
    note: str = "",
    flags: Sequence[Flag] = (),
) -> Scenario:
    """A scenario with the level of its foremost requirement."""
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
    """One step of the param p, with number `t`, from a written state.

    Without `state_sum` it is a first step; raises ValueError for another `t` then.
    """
    events: list[Event] = [optimizer(**options)]
    if state_sum is not None:
        events.append(SetState("A", "p", state_sum, t - 1))
    elif t != 1:
        raise ValueError(f"{path}: step {t} needs a written state")
    events.append(Step("A", {"p": gradient}))
    return scenario(path, requirements, {"p": theta}, events, note, flags)


def usual_options(fmt: Format) -> dict[str, Any]:
    """An lr and an eps that are inexact in every format and fit the width of `fmt`."""
    return {"lr": 0.7, "eps": 1.7e-3 if fmt.width == 16 else 1.3e-5}
