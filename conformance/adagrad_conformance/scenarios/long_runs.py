"""Ten thousand steps, each judged from the state before it."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import Gradient, Scenario, Steps

from .build import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    tensor,
    usual_options,
)

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "long-runs"
NOTES: dict[str, str] = {}

COUNT = 10_007


def scenarios() -> Iterator[Scenario]:
    """One long run a format."""
    for fmt in FOUR_FORMATS:
        yield _long(fmt)


def _long(fmt: Format) -> Scenario:
    source = rng(f"long-runs/{fmt.name}")
    cycle: list[dict[str, Gradient]] = [
        {
            "p": tensor(fmt, draw(source, 3, 0.02, 0.6)),
            "q": tensor(fmt, draw(source, 2, 0.02, 0.6)) if i != 4 else None,
        }
        for i in range(7)
    ]
    # with a decay, t - 1 enters the arithmetic: in binary16 it is no longer exact
    options = usual_options(fmt)
    if fmt != BINARY16:
        options["lr_decay"] = 0.0013
    return scenario(
        f"long-runs/ten-thousand-steps/{fmt.name}",
        ("algorithm/long-run", "none-vs-zero/none-skips"),
        {
            "p": tensor(fmt, draw(source, 3, 0.3, 2.0)),
            "q": tensor(fmt, draw(source, 2, 0.3, 2.0)),
        },
        [
            optimizer(("p", "q"), **options),
            Steps("A", tuple(cycle), COUNT),
        ],
        note="q has no gradient in every seventh step",
    )
