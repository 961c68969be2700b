"""The formula itself: the accumulator, the update, the place of eps."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.scenario import Scenario

from .build import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    single_step,
    steps,
    tensor,
    usual_options,
)

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "algorithm"
NOTES: dict[str, str] = {}


def scenarios() -> Iterator[Scenario]:
    """Steps by hand-picked numbers, and short trajectories."""
    for fmt in FOUR_FORMATS:
        options = usual_options(fmt)
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
            **options,
        )
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
            [optimizer(("p", "q"), **options), *steps(gradients)],
            note="two params of different size: each has its own S, step after step",
        )
        alike = {"p": params["p"], "q": tensor(fmt, [1.1, -0.4, 0.7])}
        source = rng(f"algorithm/same-shapes/{fmt.name}")
        yield scenario(
            f"algorithm/same-shapes/{fmt.name}",
            ("algorithm/accumulator", "algorithm/update"),
            alike,
            [
                optimizer(alike, **options),
                *steps(
                    {name: tensor(fmt, draw(source, 3, 0.2, 3.0)) for name in alike}
                    for _ in range(3)
                ),
            ],
            note="two params of one shape: each has its own S all the same",
        )
        yield scenario(
            f"algorithm/initial-accumulator/{fmt.name}",
            ("algorithm/initial-accumulator", "algorithm/update"),
            params,
            [
                optimizer(("p", "q"), initial_accumulator_value=0.83, **options),
                *steps(gradients[:2]),
            ],
        )
        many = {f"p{i}": tensor(fmt, [0.7 + 0.11 * i]) for i in range(40)}
        source = rng(f"algorithm/many-params/{fmt.name}")
        yield scenario(
            f"algorithm/many-params/{fmt.name}",
            ("algorithm/update", "algorithm/accumulator"),
            many,
            [
                optimizer(many, **options),
                *steps(
                    {name: tensor(fmt, draw(source, 1, 0.2, 3.0)) for name in many}
                    for _ in range(2)
                ),
            ],
            note="forty params: none of a long list is lost",
        )
        yield scenario(
            f"algorithm/large-initial-accumulator/{fmt.name}",
            ("algorithm/initial-accumulator", "algorithm/update"),
            params,
            [
                optimizer(("p", "q"), initial_accumulator_value=3.7, **options),
                *steps(gradients[:2]),
            ],
        )
        yield scenario(
            f"algorithm/zero-lr-accumulates/{fmt.name}",
            "algorithm/accumulator",
            params,
            [optimizer(("p", "q"), **{**options, "lr": 0.0}), *steps(gradients[:2])],
            note="with lr = 0 theta stays, S grows all the same",
        )
        if fmt.width > 16:
            yield scenario(
                f"algorithm/default-options/{fmt.name}",
                "algorithm/update",
                params,
                [optimizer(("p", "q")), *steps(gradients[:2])],
                note="lr 1e-2, eps 1e-10, all else off",
            )
