"""Scenarios for ports with one group, lr and eps, and no other option.

Many published Adagrads have no groups, no decay of any kind and no maximize.  The other
families hardly reach their None gradients and saved states.
"""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    Load,
    LoadWay,
    Save,
    Scenario,
    SetOption,
    Sparse,
    Step,
    Tensor,
    tensor,
)

from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "plain"

#: Params of one size, whose states a port that keeps them by position can exchange.
TWINS = ("p", "q")
SIZE = 3
WAYS: tuple[LoadWay, ...] = ("deepcopy", "bytes")


def scenarios() -> Iterator[Scenario]:
    """None gradients in turn, loads, an option that changes, rows between others."""
    for fmt in FOUR_FORMATS:
        yield _in_turn(fmt)
        for way in WAYS:
            yield _roll_back(fmt, way)
        yield _elsewhere(fmt)
        yield _changed(fmt, "lr", 0.23)
        yield _changed(fmt, "eps", 0.41)
        yield _rows_between(fmt)


def _given(fmt: Format, name: str) -> list[dict[str, Tensor]]:
    """The params, and three sets of gradients."""
    source = rng(f"plain/{name}/{fmt.name}")
    return [
        {p: tensor(fmt, draw(source, SIZE, 0.3, 2.5)) for p in TWINS} for _ in range(4)
    ]


def _in_turn(fmt: Format) -> Scenario:
    params, first, second, third = _given(fmt, "in-turn")
    return scenario(
        f"plain/none-in-turn/{fmt.name}",
        ("none-vs-zero/interleaved", "none-vs-zero/none-skips"),
        params,
        [
            optimizer(TWINS, **usual_options(fmt)),
            Step("A", {**first, "q": None}),
            Step("A", {**second, "p": None}),
            Step("A", third),
        ],
        note="accumulators that are kept by position among the gradients that came",
    )


def _roll_back(fmt: Format, way: LoadWay) -> Scenario:
    params, first, second, third = _given(fmt, way)
    return scenario(
        f"plain/roll-back-{way}/{fmt.name}",
        (f"state-dict/{way}",),
        params,
        [
            optimizer(TWINS, **usual_options(fmt)),
            Step("A", first),
            Save("A", "kept"),
            Step("A", second),
            Load("A", "kept", way),
            Step("A", third),
        ],
        note="a state that is kept, stepped on from, and loaded again",
    )


def _elsewhere(fmt: Format) -> Scenario:
    params, first, second, third = _given(fmt, "elsewhere")
    return scenario(
        f"plain/elsewhere/{fmt.name}",
        ("state-dict/new-process",),
        params,
        [
            optimizer(TWINS, **usual_options(fmt)),
            Step("A", first),
            Step("A", second),
            Save("A", "kept"),
            Load("A", "kept", "new-process"),
            Step("A", third),
        ],
        note="a checkpoint that another process takes up",
    )


def _changed(fmt: Format, option: str, value: float) -> Scenario:
    params, first, second, third = _given(fmt, f"{option}-changed")
    return scenario(
        f"plain/{option}-changed/{fmt.name}",
        ("groups/option-change",),
        params,
        [
            optimizer(TWINS, **usual_options(fmt)),
            Step("A", first),
            SetOption("A", 0, option, value),
            Step("A", second),
            Step("A", third),
        ],
        note="an option that is read once, or a setting that is written and never read",
    )


def _rows_between(fmt: Format) -> Scenario:
    start, first, second, third = (
        Tensor(given["p"].format, (SIZE, 1), given["p"].bits)
        for given in _given(fmt, "rows-between")
    )
    rows = Tensor(second.format, (2, 1), second.bits[:2])
    return scenario(
        f"plain/rows-between/{fmt.name}",
        ("sparse/update", "algorithm/accumulator"),
        {"p": start},
        [
            optimizer("p", **usual_options(fmt)),
            Step("A", {"p": first}),
            Step("A", {"p": Sparse(start.shape, (2, 0), rows)}),
            Step("A", {"p": third}),
        ],
        note="a sparse gradient between dense ones; all go into one accumulator",
    )
