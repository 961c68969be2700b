"""Zeros, infinities, NaN, overflow and subnormals, each for itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import Scenario

from .build import (
    FOUR_FORMATS,
    optimizer,
    scenario,
    single_step,
    steps,
    tensor,
    usual_options,
)

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "special-values"
NOTES: dict[str, str] = {
    "finite-wanted": "NaN is legal arithmetic here, but a finite result is better",
    "overflows": "g * g leaves the range of the format",
    "subnormal": "subnormal numbers go in or come out",
}


def scenarios() -> Iterator[Scenario]:
    """One scenario for each kind of special value."""
    for fmt in FOUR_FORMATS:
        yield from _zeros(fmt)
        yield from _non_finite(fmt)
        yield from _aftermath(fmt)
        yield from _range(fmt)
    yield single_step(
        "special-values/default-eps/binary16",
        "special-values/default-eps-in-binary16",
        tensor(BINARY16, [1.3, -0.7] * 10),
        tensor(BINARY16, [0.0] * 20),
        note="1e-10 is 0 in binary16: 0/0 unless the update is formed in a wider one",
        flags=("finite-wanted",),
    )


def _zeros(fmt: Format) -> Iterator[Scenario]:
    theta = tensor(fmt, [1.3, -0.7, 0.0])
    g = tensor(fmt, [0.0, -0.0, 0.0])
    yield single_step(
        f"special-values/zero-on-zero/{fmt.name}",
        ("special-values/zero-on-zero", "none-vs-zero/zero-steps"),
        theta,
        g,
        **usual_options(fmt),
    )
    yield single_step(
        f"special-values/zero-on-zero-without-eps/{fmt.name}",
        "special-values/zero-on-zero-without-eps",
        theta,
        g,
        lr=0.7,
        eps=0.0,
    )
    yield single_step(
        f"special-values/no-eps/{fmt.name}",
        "algorithm/update",
        theta,
        tensor(fmt, [0.6, -2.3, 0.4]),
        note="eps = 0 is legal",
        lr=0.7,
        eps=0.0,
    )


def _non_finite(fmt: Format) -> Iterator[Scenario]:
    theta = tensor(fmt, [1.3, -0.7, 2.6, 0.9])
    for word, value in (("inf", math.inf), ("minus-inf", -math.inf), ("nan", math.nan)):
        yield single_step(
            f"special-values/{word}-gradient/{fmt.name}",
            "special-values/non-finite-gradient",
            theta,
            tensor(fmt, [0.6, value, -0.4, 1.7]),
            tensor(fmt, [0.4, 2.7, 0.9, 3.3]),
            2,
            note="the other elements step as ever",
            **usual_options(fmt),
        )


def _aftermath(fmt: Format) -> Iterator[Scenario]:
    params = {"p": tensor(fmt, [1.3, -0.7]), "q": tensor(fmt, [2.6, 0.9, -1.1])}
    healthy = tensor(fmt, [0.6, -0.4, 1.7])
    plain = {"p": tensor(fmt, [0.8, -1.9]), "q": healthy}
    for word, value in (("inf", math.inf), ("nan", math.nan)):
        spoiled = {"p": tensor(fmt, [0.5, value]), "q": healthy}
        yield scenario(
            f"special-values/after-{word}/{fmt.name}",
            "special-values/non-finite-gradient",
            params,
            [
                optimizer(("p", "q"), **usual_options(fmt)),
                *steps([plain, spoiled, plain, plain]),
            ],
            note="the other param never notices; the spoiled element stays spoiled",
        )


def _range(fmt: Format) -> Iterator[Scenario]:
    root = math.ldexp(1.0, (fmt.emax + 1) // 2)
    yield single_step(
        f"special-values/overflow/{fmt.name}",
        "numerics/overflow",
        tensor(fmt, [1.3, -0.7, 2.6]),
        tensor(fmt, [1.37 * root, 0.6, -3.1 * root]),
        note="S is inf; the update is 0, or finite through a wider format",
        flags=("overflows",),
        lr=0.7,
        eps=1e-3,
    )
    small = fmt.smallest_normal
    yield single_step(
        f"special-values/subnormal-theta/{fmt.name}",
        "numerics/subnormals",
        tensor(fmt, [small * 0.3, -small * 0.71, small]),
        tensor(fmt, [0.6, -2.3, 0.4]),
        note="theta is subnormal and the update is too",
        flags=("subnormal",),
        lr=small * 0.37,
        eps=0.5,
    )
