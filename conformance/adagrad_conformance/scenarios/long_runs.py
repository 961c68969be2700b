"""Many thousand steps, each judged from the state before it."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import Gradient, Scenario, Steps

from .build import draw, optimizer, rng, scenario, tensor, usual_options

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "long-runs"
NOTES: dict[str, str] = {}

#: Formats, their steps and the sizes of their params.  Past 10,000 and past 2^13 where
#: a step is cheap; past 2^10 in all (binary16 ends at t = 2048).  A second param costs
#: half as much as the first: one format has two.
_RUNS: tuple[tuple[Format, str, int, dict[str, int]], ...] = (
    (BINARY64, "thousand", 1_301, {"p": 3, "q": 2}),
    (BINARY32, "ten-thousand", 10_007, {"p": 2, "q": 1}),
    (BFLOAT16, "ten-thousand", 10_007, {"p": 2}),
    (BINARY16, "thousand", 1_301, {"p": 3, "q": 2}),
)


def scenarios() -> Iterator[Scenario]:
    """One long run a format."""
    for fmt, word, count, sizes in _RUNS:
        yield _long(fmt, f"long-runs/{word}-steps/{fmt.name}", count, sizes)


def _long(fmt: Format, path: str, count: int, sizes: dict[str, int]) -> Scenario:
    source = rng(f"long-runs/{fmt.name}")
    cycle: list[dict[str, Gradient]] = [
        {name: tensor(fmt, draw(source, n, 0.02, 0.6)) for name, n in sizes.items()}
        for _ in range(7)
    ]
    paused = list(sizes)[-1]
    cycle[4][paused] = None
    params = {name: tensor(fmt, draw(source, n, 0.3, 2.0)) for name, n in sizes.items()}
    options = {**usual_options(fmt), "lr_decay": 0.0013}
    return scenario(
        path,
        ("algorithm/long-run", "none-vs-zero/none-skips"),
        params,
        [optimizer(params, **options), Steps("A", tuple(cycle), count)],
        note=f"{paused} has no gradient in every seventh step",
    )
