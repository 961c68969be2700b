"""Options that are left out, one by one or all, and infinite ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from adagrad_reference.flags import Flag
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import Group, New, Scenario, Step, tensor

from .builders import draw, rng, scenario

__all__ = ["FAMILY", "scenarios"]

FAMILY = "parameters"

#: A value for each option that is given alone, far from its default.
_ALONE: Mapping[str, float | bool] = {
    "lr": 0.7,
    "lr_decay": 0.9,
    "weight_decay": 0.31,
    "initial_accumulator_value": 0.83,
    "eps": 2.3e-4,
    "maximize": True,
}


def scenarios() -> Iterator[Scenario]:
    """Defaults in every format; in binary16 with an eps, since 1e-10 is 0 there."""
    for fmt in (BINARY64, BINARY32, BFLOAT16):
        yield _defaults(f"parameters/none-given/{fmt.name}", fmt, {})
    yield _defaults("parameters/eps-given/binary16", BINARY16, {"eps": 1.7e-3})
    for name, value in _ALONE.items():
        path = f"parameters/{name.replace('_', '-')}-given/binary64"
        yield _defaults(path, BINARY64, {name: value})
    for name in _ALONE:
        if name != "maximize":
            yield scenario(
                f"parameters/refuses-infinite-{name.replace('_', '-')}/binary32",
                "parameters/refuses-infinite",
                {"p": tensor(BINARY32, [1.3, -0.7]), "q": tensor(BINARY32, [2.6])},
                [New("A", (Group(("p", "q")),), {name: math.inf})],
                flags=(Flag.INFINITE_REFUSED,),
            )


def _defaults(path: str, fmt: Format, options: Mapping[str, float | bool]) -> Scenario:
    """Steps from q = 0 by gradients near 1e-10, which show the default eps and S_0 = 0.

    In binary16 the gradients are near 1e-2, below which squares underflow.
    """
    source = rng(path)
    low = 0.02 if fmt == BINARY16 else 1e-10
    params = {
        "p": tensor(fmt, [1.3, -0.7, 2.6]),
        "q": tensor(fmt, [0.0] * 4),
    }
    return scenario(
        path,
        "parameters/defaults",
        params,
        [
            New("A", (Group(("p", "q")),), options),
            *(
                Step(
                    "A",
                    {
                        "p": tensor(fmt, draw(source, 3, 0.2, 3.0)),
                        "q": tensor(fmt, draw(source, 4, low, 5 * low)),
                    },
                )
                for _ in range(3)
            ),
        ],
    )
