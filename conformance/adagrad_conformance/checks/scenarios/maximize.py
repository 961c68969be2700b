"""maximize turns the gradient, before weight decay is added."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.scenario import Scenario, tensor

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

FAMILY = "maximize"


def scenarios() -> Iterator[Scenario]:
    """The sign alone, with weight decay, and along a trajectory."""
    for fmt in FOUR_FORMATS:
        options = usual_options(fmt)
        theta, g = tensor(fmt, [1.3, -0.7, 2.6]), tensor(fmt, [0.6, -2.3, 0.4])
        yield single_step(
            f"maximize/ascends/{fmt.name}",
            "maximize/sign",
            theta,
            g,
            maximize=True,
            **options,
        )
        yield single_step(
            f"maximize/with-weight-decay/{fmt.name}",
            ("maximize/before-weight-decay", "maximize/sign", "weight-decay/coupled"),
            theta,
            g,
            tensor(fmt, [0.4, 2.7, 0.9]),
            3,
            note="-(g) + wd theta, not -(g + wd theta)",
            maximize=True,
            weight_decay=0.53,
            **options,
        )
        yield single_step(
            f"maximize/large-eps/{fmt.name}",
            ("maximize/before-weight-decay", "algorithm/update"),
            tensor(fmt, [1.0, -3.0]),
            tensor(fmt, [1.7, 0.6]),
            note="eps and the sign together: an lr of the other sign shows",
            maximize=True,
            weight_decay=0.5,
            lr=1.0,
            eps=1.0,
        )
        source = rng(f"maximize/{fmt.name}")
        gradients = [{"p": tensor(fmt, draw(source, 3, 0.2, 3.0))} for _ in range(4)]
        yield scenario(
            f"maximize/four-steps/{fmt.name}",
            ("maximize/sign", "lr-decay/schedule"),
            {"p": theta},
            [
                optimizer(maximize=True, lr_decay=0.7, **options),
                *steps(gradients),
            ],
        )
