"""Weight decay as an L2 penalty, part of the gradient (ALG-5)."""

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

FAMILY = "weight-decay"


def scenarios() -> Iterator[Scenario]:
    """Coupled decay in the update and in S, and decay that is off."""
    for fmt in FOUR_FORMATS:
        options = usual_options(fmt)
        theta = tensor(fmt, [1.3, -0.7, 2.6, -31.0])
        g = tensor(fmt, [0.6, -2.3, 0.4, 0.9])
        for decay in (0.53, 0.0021, 0.00013):
            yield single_step(
                f"weight-decay/coupled/{decay}/{fmt.name}".replace(".", "-"),
                ("weight-decay/coupled", "algorithm/accumulator"),
                theta,
                g,
                tensor(fmt, [0.4, 2.7, 0.9, 17.0]),
                4,
                weight_decay=decay,
                **options,
            )
        source = rng(f"weight-decay/{fmt.name}")
        gradients = [{"p": tensor(fmt, draw(source, 4, 0.2, 3.0))} for _ in range(4)]
        yield scenario(
            f"weight-decay/changing-gradients/{fmt.name}",
            "weight-decay/coupled",
            {"p": theta},
            [optimizer(weight_decay=0.31, **options), *steps(gradients)],
            note="decay must use this step's theta and gradient, not the last one's",
        )
        yield single_step(
            f"weight-decay/off-with-infinite-theta/{fmt.name}",
            ("weight-decay/zero-is-off", "special-values/infinite-theta"),
            tensor(fmt, [float("inf"), 1.3, float("-inf")]),
            tensor(fmt, [0.6, -2.3, 0.4]),
            weight_decay=0.0,
            **options,
        )
