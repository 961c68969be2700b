"""The formula itself: the accumulator, the update, the place of eps."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.formats import Format
from adagrad_reference.scenario import Group, New, Scenario, Step, Tensor, tensor

from .builders import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    single_step,
    steps,
    usual_options,
)

__all__ = ["FAMILY", "scenarios"]

FAMILY = "algorithm"


def scenarios() -> Iterator[Scenario]:
    """Steps by hand-picked numbers, and short trajectories."""
    for fmt in FOUR_FORMATS:
        yield from _single(fmt)
        yield from _two_params(fmt)
        yield _same_shapes(fmt)
        yield _many_params(fmt)
        yield _all_inputs(fmt)
        yield _large_options(fmt)
        if fmt.width > 16:
            yield _small_options(fmt)


def _single(fmt: Format) -> Iterator[Scenario]:
    yield single_step(
        f"algorithm/eps-outside-root/{fmt.name}",
        "algorithm/update",
        tensor(fmt, [0.0, 1.3]),
        tensor(fmt, [3.0, -0.7]),
        note="g = 3, eps = 1: -0.75 outside the root, -0.94868 inside",
        lr=1.0,
        eps=1.0,
    )
    yield single_step(
        f"algorithm/update/{fmt.name}",
        ("algorithm/update", "algorithm/accumulator"),
        tensor(fmt, [1.3, -0.7, 0.0, 5.1]),
        tensor(fmt, [0.6, -2.3, 0.4, -0.05]),
        tensor(fmt, [0.4, 2.7, 0.9, 33.0]),
        6,
        **usual_options(fmt),
    )


def _two_params(fmt: Format) -> Iterator[Scenario]:
    options = usual_options(fmt)
    source = rng(f"algorithm/{fmt.name}")
    gradients = [
        {
            "p": tensor(fmt, draw(source, 3, 0.2, 3.0)),
            "q": tensor(fmt, draw(source, 5, 0.2, 3.0)),
        }
        for _ in range(4)
    ]
    params = {
        "p": tensor(fmt, [0.9, -1.7, 2.2]),
        "q": tensor(fmt, draw(source, 5, 0.3, 2.0)),
    }
    yield scenario(
        f"algorithm/accumulates/{fmt.name}",
        ("algorithm/accumulator", "algorithm/update"),
        params,
        [optimizer(params, **options), *steps(gradients)],
        note="two params of different size: each has its own S, step after step",
    )
    for word, tau in (("initial", 0.83), ("large-initial", 3.7)):
        yield scenario(
            f"algorithm/{word}-accumulator/{fmt.name}",
            ("algorithm/initial-accumulator", "algorithm/update"),
            params,
            [
                optimizer(params, initial_accumulator_value=tau, **options),
                *steps(gradients[:2]),
            ],
        )
    yield scenario(
        f"algorithm/zero-lr-accumulates/{fmt.name}",
        "algorithm/accumulator",
        params,
        [optimizer(params, **{**options, "lr": 0.0}), *steps(gradients[:2])],
        note="with lr = 0 theta stays, S grows all the same",
    )
    if fmt.width > 16:
        yield scenario(
            f"algorithm/default-options/{fmt.name}",
            "algorithm/update",
            params,
            [optimizer(params), *steps(gradients[:2])],
            note="lr 1e-2, eps 1e-10, all else off",
        )


def _same_shapes(fmt: Format) -> Scenario:
    params = {
        "p": tensor(fmt, [0.9, -1.7, 2.2]),
        "q": tensor(fmt, [1.1, -0.4, 0.7]),
    }
    source = rng(f"algorithm/same-shapes/{fmt.name}")
    return scenario(
        f"algorithm/same-shapes/{fmt.name}",
        ("algorithm/accumulator", "algorithm/update"),
        params,
        [
            optimizer(params, **usual_options(fmt)),
            *steps(
                {name: tensor(fmt, draw(source, 3, 0.2, 3.0)) for name in params}
                for _ in range(3)
            ),
        ],
        note="two params of one shape: each has its own S all the same",
    )


def _many_params(fmt: Format) -> Scenario:
    params = {f"p{i}": tensor(fmt, [0.7 + 0.11 * i]) for i in range(40)}
    source = rng(f"algorithm/many-params/{fmt.name}")
    return scenario(
        f"algorithm/many-params/{fmt.name}",
        ("algorithm/update", "algorithm/accumulator"),
        params,
        [
            optimizer(params, **usual_options(fmt)),
            *steps([{name: tensor(fmt, draw(source, 1, 0.2, 3.0)) for name in params}]),
        ],
        note="forty params: none of a long list is lost",
    )


def _all_inputs(fmt: Format) -> Scenario:
    """Every input differs from its default, in the optimizer and its second group."""
    source = rng(f"algorithm/all-inputs/{fmt.name}")
    shapes = {"p": (3,), "q": (2,), "r": (2, 2), "s": (5,)}
    eps = usual_options(fmt)["eps"]
    options = {
        "lr": 0.7,
        "lr_decay": 0.31,
        "weight_decay": 0.23,
        "initial_accumulator_value": 0.83,
        "eps": eps,
        "maximize": True,
    }
    own = {
        "lr": 0.43,
        "lr_decay": 0.053,
        "weight_decay": 0.11,
        "eps": 3.7 * eps,
        "maximize": False,
    }

    def drawn(low: float, high: float) -> dict[str, Tensor]:
        return {
            name: tensor(fmt, draw(source, math.prod(shape), low, high), shape)
            for name, shape in shapes.items()
        }

    first, second, third = (drawn(0.2, 3.0) for _ in range(3))
    return scenario(
        f"algorithm/all-inputs/{fmt.name}",
        ("algorithm/all-inputs", "groups/own-options"),
        drawn(0.3, 2.0),
        [
            New("A", (Group(("p", "q")), Group(("r", "s"), own)), options),
            Step("A", first),
            Step("A", {**second, "p": None, "s": None}),
            Step("A", third),
        ],
        note="all six options at once; the second group has five of its own",
    )


def _large_options(fmt: Format) -> Scenario:
    source = rng(f"algorithm/large-options/{fmt.name}")
    return scenario(
        f"algorithm/large-options/{fmt.name}",
        "algorithm/all-inputs",
        {"p": tensor(fmt, draw(source, 4, 0.3, 9.0))},
        [
            optimizer(
                lr=150.0,
                lr_decay=41.0,
                weight_decay=3.1,
                initial_accumulator_value=93.0,
                eps=7.3,
            ),
            *steps({"p": tensor(fmt, draw(source, 4, 0.2, 3.0))} for _ in range(3)),
        ],
        note="all larger than anybody uses, and not capped",
    )


def _small_options(fmt: Format) -> Scenario:
    source = rng(f"algorithm/small-options/{fmt.name}")
    return scenario(
        f"algorithm/small-options/{fmt.name}",
        "algorithm/all-inputs",
        {"p": tensor(fmt, [0.0] * 4), "q": tensor(fmt, draw(source, 3, 0.3, 9.0))},
        [
            optimizer(
                ("p", "q"),
                lr=3.1e-7,
                lr_decay=5.3e-6,
                weight_decay=7.7e-7,
                initial_accumulator_value=2.9e-6,
                eps=1.3e-9,
            ),
            *steps(
                {
                    "p": tensor(fmt, draw(source, 4, 1e-4, 1e-3)),
                    "q": tensor(fmt, draw(source, 3, 1e-4, 1e-3)),
                }
                for _ in range(3)
            ),
        ],
        note="all small, and none dropped: from p = 0 the update itself is seen",
    )
