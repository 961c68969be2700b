"""Corners in which wrong ports used to pass: crowds, and combinations of events.

The note of each scenario names the fault that it finds.  The family is generated for
each run, since its crowds are too large for a file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from adagrad_reference.formats import BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Sparse,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "corners"

CROWD = 300  #: more than a byte can count
LIVE = 12
TABLE = 3_001
_ILLEGAL = ("lr", "lr_decay", "weight_decay", "eps", "initial_accumulator_value")


def scenarios() -> Iterator[Scenario]:
    """Every corner, in one or two formats each."""
    yield _many_params(BINARY32)
    yield _many_optimizers(BINARY64)
    for fmt in (BINARY64, BINARY32):
        yield _zero_grad_before_load(fmt)
        yield _rollback_of_added(fmt)
        yield _changes_after_load(fmt)
        yield _saved_again(fmt)
        yield _twins(fmt)
        yield _infinite_sum_saved(fmt)
        yield _nan_theta(fmt)
    yield _other_split(BINARY32)
    yield _zeros_for_rows(BINARY32)
    yield _many_rows(BINARY32)
    yield _empty_complex(BINARY32)
    for option in _ILLEGAL:
        yield _illegal_but_overridden(BINARY32, option)


def _drawn(
    fmt: Format, name: str, sizes: Mapping[str, int], count: int
) -> list[dict[str, Gradient]]:
    source = rng(f"corners/{name}/{fmt.name}")
    return [
        {param: tensor(fmt, draw(source, n, 0.2, 3.0)) for param, n in sizes.items()}
        for _ in range(count)
    ]


def _params(fmt: Format, name: str, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    source = rng(f"corners/{name}/params/{fmt.name}")
    return {p: tensor(fmt, draw(source, n, 0.3, 2.5)) for p, n in sizes.items()}


SMALL = {"p": 3, "q": 2, "r": 1}


def _many_params(fmt: Format) -> Scenario:
    """More params than a byte can count, in three groups, a tenth without gradient."""
    sizes = {f"p{i}": 1 + i % 2 for i in range(CROWD)}
    names = list(sizes)
    first, second, third = _drawn(fmt, "crowd", sizes, 3)
    second |= dict.fromkeys(names[::10])
    options = {**usual_options(fmt), "lr_decay": 0.7}
    groups = (
        Group(tuple(names[30:]), {"weight_decay": 0.23}),
        Group(tuple(names[:15]), {"maximize": True}),
        Group(tuple(names[15:30]), {"lr": 0.19}),
    )
    new = New("A", groups, options)
    return scenario(
        f"corners/many-params/{fmt.name}",
        ("groups/own-options", "lr-decay/own-counter", "state-dict/bytes"),
        _params(fmt, "crowd", sizes),
        [
            new,
            *steps([first, second]),
            Save("A", "checkpoint"),
            New("B", groups, options),
            Load("B", "checkpoint", "bytes"),
            Step("B", third),
        ],
        note="counters and tables with room for fewer params; a tenth is skipped once",
    )


def _many_optimizers(fmt: Format) -> Scenario:
    """Optimizers that live together, each on its own param, and step in two rounds."""
    names = [f"p{i}" for i in range(LIVE)]
    first, second = _drawn(fmt, "live", dict.fromkeys(names, 2), 2)
    made = [
        optimizer((p,), p.upper(), **usual_options(fmt), lr_decay=0.1 * (i + 1))
        for i, p in enumerate(names)
    ]
    events: list[Event] = []
    for new, p in zip(made, names, strict=True):
        events += [new, Step(new.optimizer, {p: first[p]})]
    events += [
        Step(new.optimizer, {p: second[p]})
        for new, p in zip(made, names, strict=True)
    ]  # fmt: skip
    return scenario(
        f"corners/many-optimizers/{fmt.name}",
        ("groups/two-optimizers", "lr-decay/own-counter"),
        _params(fmt, "live", dict.fromkeys(names, 2)),
        events,
        note="state in a table that forgets the oldest, or that all optimizers share",
    )


def _zero_grad_before_load(fmt: Format) -> Scenario:
    first, second, third = _drawn(fmt, "zero-grad", SMALL, 3)
    return scenario(
        f"corners/zero-grad-before-load/{fmt.name}",
        ("state-dict/bytes", "zero-grad/to-none"),
        _params(fmt, "zero-grad", SMALL),
        [
            optimizer(SMALL, **usual_options(fmt), lr_decay=0.7),
            Step("A", first),
            Save("A", "checkpoint"),
            Step("A", second),
            ZeroGrad("A", set_to_none=True),
            Load("A", "checkpoint", "bytes"),
            Step("A", third),
        ],
        note="a load that takes an optimizer without gradients for a new one",
    )


def _rollback_of_added(fmt: Format) -> Scenario:
    first, second, third, fourth = _drawn(fmt, "added", SMALL, 4)
    added = Group(("r",), {"lr": 0.31, "weight_decay": 0.13})
    return scenario(
        f"corners/rollback-of-added-group/{fmt.name}",
        ("state-dict/deepcopy", "groups/add"),
        _params(fmt, "added", SMALL),
        [
            optimizer("pq", **usual_options(fmt), lr_decay=0.7),
            Step("A", {**first, "r": None}),
            AddGroup("A", added),
            Step("A", second),
            Save("A", "checkpoint"),
            Step("A", third),
            Load("A", "checkpoint", "deepcopy"),
            Step("A", fourth),
        ],
        note="a load that restores what the constructor made, and not what was added",
    )


def _changes_after_load(fmt: Format) -> Scenario:
    first, second, third = _drawn(fmt, "changes", SMALL, 3)
    new = optimizer(SMALL, **usual_options(fmt))
    other = optimizer(SMALL, "B", lr=0.11, eps=1.9e-3)
    values = {"lr_decay": 0.83, "weight_decay": 0.29, "eps": 7e-3, "maximize": True}
    changes = [SetOption("B", 0, name, value) for name, value in values.items()]
    return scenario(
        f"corners/changes-after-load/{fmt.name}",
        ("groups/option-change", "state-dict/options"),
        _params(fmt, "changes", SMALL),
        [
            new,
            Step("A", first),
            Save("A", "checkpoint"),
            other,
            Load("B", "checkpoint", "bytes"),
            *changes,
            *steps([second, third], "B"),
        ],
        note="options that are fixed once they were loaded; every one is changed",
    )


def _saved_again(fmt: Format) -> Scenario:
    first, second = _drawn(fmt, "again", SMALL, 2)
    return scenario(
        f"corners/saved-again/{fmt.name}",
        ("state-dict/bytes", "state-dict/options"),
        _params(fmt, "again", SMALL),
        [
            optimizer(SMALL, **usual_options(fmt)),
            Step("A", first),
            Save("A", "before"),
            SetOption("A", 0, "lr", 0.19),
            SetOption("A", 0, "weight_decay", 0.29),
            Save("A", "after"),
            optimizer(SMALL, "B", lr=0.11, eps=1.9e-3),
            Load("B", "after", "bytes"),
            Step("B", second),
        ],
        note="a dict that is made anew only after a step misses changed options",
    )


def _twins(fmt: Format) -> Scenario:
    names = dict.fromkeys("pqr", 3)
    theta = _params(fmt, "twins", names)["p"]
    first, second = _drawn(fmt, "twins", names, 2)
    return scenario(
        f"corners/twins/{fmt.name}",
        ("algorithm/accumulator", "lr-decay/own-counter"),
        dict.fromkeys(names, theta),
        [
            optimizer(names, **usual_options(fmt), lr_decay=0.7),
            Step("A", dict.fromkeys(names, first["p"])),
            Step("A", second),
            Step("A", {**dict.fromkeys(names, second["q"]), "r": None}),
        ],
        note="params that are told apart by their bits, or by those of their gradients",
    )


def _infinite_sum_saved(fmt: Format) -> Scenario:
    first, second = _drawn(fmt, "infinite", {"p": 3}, 2)
    infinite = tensor(fmt, [0.7, -math.inf, 1.3])
    return scenario(
        f"corners/infinite-sum-saved/{fmt.name}",
        ("state-dict/bytes", "special-values/non-finite-gradient"),
        _params(fmt, "infinite", {"p": 3}),
        [
            optimizer(**usual_options(fmt)),
            Step("A", first),
            Step("A", {"p": infinite}),
            Save("A", "checkpoint"),
            optimizer(name="B", **usual_options(fmt)),
            Load("B", "checkpoint", "bytes"),
            Step("B", second),
        ],
        note="a dict whose numbers must be finite, as those of JSON",
    )


def _nan_theta(fmt: Format) -> Scenario:
    first, second = _drawn(fmt, "nan", {"p": 3}, 2)
    return scenario(
        f"corners/nan-theta/{fmt.name}",
        ("algorithm/accumulator", "special-values/infinite-theta"),
        {"p": tensor(fmt, [0.9, math.nan, -1.7])},
        [optimizer(**usual_options(fmt)), *steps([first, second])],
        note="S does not depend on theta without decay: it grows beside a NaN too",
    )


def _other_split(fmt: Format) -> Scenario:
    first, second, third = _drawn(fmt, "split", SMALL, 3)
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"corners/mismatch-of-the-other-split/{fmt.name}",
        "state-dict/mismatch-refused",
        _params(fmt, "split", SMALL),
        [
            New("A", (Group(("p",)), Group(("q", "r"))), options),
            Step("A", first),
            Save("A", "checkpoint"),
            New("B", (Group(("p", "q")), Group(("r",))), options),
            Step("B", second),
            Load("B", "checkpoint", "bytes"),
            Step("B", third),
        ],
        note="as many groups and params as the dict has, but split elsewhere",
    )


def _zeros_for_rows(fmt: Format) -> Scenario:
    source = rng(f"corners/rows/{fmt.name}")
    e = tensor(fmt, draw(source, 8, 0.3, 2.5), (4, 2))
    rows = Sparse((4, 2), (2, 0, 3), tensor(fmt, draw(source, 6, 0.2, 3.0), (3, 2)))
    return scenario(
        f"corners/zeros-for-rows/{fmt.name}",
        ("zero-grad/to-zero", "sparse/empty"),
        {"p": e},
        [
            optimizer(**usual_options(fmt), lr_decay=0.7),
            Step("A", {"p": rows}),
            ZeroGrad("A", set_to_none=False),
            Step("A"),
            Step("A", {"p": rows}),
        ],
        note="zeros for a gradient of three rows; they are a step",
    )


def _many_rows(fmt: Format) -> Scenario:
    """Rows in every part of a large table, some of them twice."""
    source = rng(f"corners/many-rows/{fmt.name}")
    e = tensor(fmt, draw(source, TABLE, 0.3, 2.5), (TABLE, 1))
    gradients: list[dict[str, Gradient]] = []
    for _ in range(2):
        rows = tuple(source.randrange(TABLE) for _ in range(TABLE // 2))
        coarse = [round(64 * x) / 64 for x in draw(source, len(rows), 0.2, 3.0)]
        values = tensor(fmt, coarse, (len(rows), 1))  # so that sums of rows are exact
        gradients.append({"p": Sparse((TABLE, 1), rows, values)})
    return scenario(
        f"corners/many-rows/{fmt.name}",
        ("sparse/update", "sparse/duplicates-summed"),
        {"p": e},
        [optimizer(**usual_options(fmt), lr_decay=0.7), *steps(gradients)],
        note="a table of which only the first part is worked on",
    )


def _empty_complex(fmt: Format) -> Scenario:
    theta, gradient = (_params(fmt, name, {"q": 4})["q"] for name in ("z", "g"))
    empty = Tensor(fmt.name, (0,), (), complex=True)
    return scenario(
        f"corners/empty-complex/{fmt.name}",
        "complex/pairs",
        {"p": empty, "q": _paired(theta)},
        [
            optimizer(("p", "q"), **usual_options(fmt)),
            Step("A", {"p": empty, "q": _paired(gradient)}),
        ],
        note="a complex param without elements, before one that has some",
    )


def _paired(real: Tensor) -> Tensor:
    return Tensor(real.format, (real.size // 2,), real.bits, complex=True)


def _illegal_but_overridden(fmt: Format, option: str) -> Scenario:
    legal = Group(("p",), {option: 0.5})
    return scenario(
        f"corners/refuses-overridden-{option.replace('_', '-')}/{fmt.name}",
        "parameters/refuses-illegal",
        _params(fmt, "illegal", {"p": 3}),
        [New("A", (legal,), {option: -0.5})],
        note="an illegal argument is refused, though every group has its own value",
    )
