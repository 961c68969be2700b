"""Many thousand steps, each judged from the state before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Load,
    Save,
    Scenario,
    SetOption,
    Steps,
    tensor,
)

from .builders import draw, optimizer, rng, scenario, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "long-runs"

#: Format, steps, and sizes of the params.  Runs go past 10,000 or 2^13 where a step is
#: cheap, and past 2^10 in all formats (binary16 ends at t = 2048).  One format has two
#: params, since the second costs half as much as the first.
_RUNS: tuple[tuple[Format, str, int, dict[str, int]], ...] = (
    (BINARY64, "thousand", 1_301, {"p": 3, "q": 2}),
    (BINARY32, "ten-thousand", 10_007, {"p": 2, "q": 1}),
    (BFLOAT16, "ten-thousand", 10_007, {"p": 2}),
    (BINARY16, "thousand", 1_301, {"p": 3, "q": 2}),
)


def scenarios() -> Iterator[Scenario]:
    """One long run for each format, and one with all options."""
    for fmt, word, count, sizes in _RUNS:
        path = f"long-runs/{word}-steps/{fmt.name}"
        yield _long(fmt, path, [count], sizes, {"lr_decay": 0.0013})
    options = {"lr_decay": 0.0013, "weight_decay": 0.0137, "maximize": True}
    path = f"long-runs/all-options/{BINARY64.name}"
    yield _long(BINARY64, path, [1_103, 103, 107], {"p": 3, "q": 2}, options)


def _long(
    fmt: Format,
    path: str,
    counts: list[int],
    sizes: dict[str, int],
    options: dict[str, Any],
) -> Scenario:
    """Runs of `counts` steps, with a change of lr after the first, then a load."""
    source = rng(f"long-runs/{fmt.name}")
    cycle: list[dict[str, Gradient]] = [
        {name: tensor(fmt, draw(source, n, 0.02, 0.6)) for name, n in sizes.items()}
        for _ in range(7)
    ]
    paused = list(sizes)[-1]
    cycle[4][paused] = None
    params = {name: tensor(fmt, draw(source, n, 0.3, 2.0)) for name, n in sizes.items()}
    events: list[Event] = [optimizer(params, **usual_options(fmt), **options)]
    between: list[list[Event]] = [
        [],
        [SetOption("A", 0, "lr", 0.31)],
        [Save("A", "checkpoint"), Load("A", "checkpoint", "bytes")],
    ]
    for before, count in zip(between, counts, strict=False):
        events += [*before, Steps("A", tuple(cycle), count)]
    return scenario(
        path,
        ("algorithm/long-run", "none-vs-zero/none-skips"),
        params,
        events,
        note=f"{paused} has no gradient in every seventh step",
    )
