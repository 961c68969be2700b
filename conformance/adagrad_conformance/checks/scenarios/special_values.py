"""Zeros, infinities, NaN, overflow and subnormals, one kind in each scenario."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY16, BINARY64, Format
from adagrad_reference.scenario import Group, New, Scenario, tensor

from .builders import (
    FOUR_FORMATS,
    optimizer,
    scenario,
    single_step,
    steps,
    usual_options,
)

__all__ = ["FAMILY", "scenarios"]

FAMILY = "special-values"


def scenarios() -> Iterator[Scenario]:
    """One scenario for each kind of special value, in every format."""
    for fmt in FOUR_FORMATS:
        yield from _zeros(fmt)
        yield from _signs(fmt)
        yield _infinite_theta(fmt)
        yield from _non_finite(fmt)
        yield from _aftermath(fmt)
        yield from _range(fmt)
        yield from _subnormals(fmt)
    yield single_step(
        "special-values/default-eps/binary16",
        "special-values/default-eps-in-binary16",
        tensor(BINARY16, [1.3, -0.7] * 10),
        tensor(BINARY16, [0.0] * 20),
        note="1e-10 is 0 in binary16: 0/0 unless the update is formed in a wider one",
        flags=(Flag.FINITE_WANTED,),
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


def _signs(fmt: Format) -> Iterator[Scenario]:
    """Signs of zeros in twenty elements: some vectors and a remainder.

    S is 0 where a guard against 0/0 and plain arithmetic agree on the sign.
    """
    theta = [0.0, 0.0, -0.0, -0.0, 1.3]
    g = [0.0, -0.0, 0.0, -0.0, -0.0]
    total = [0.0, 0.0, 2.7, 2.7, 0.0]
    for word, decay in (("zeros", 0.0), ("zeros-with-weight-decay", 0.37)):
        yield single_step(
            f"special-values/sign-of-{word}/{fmt.name}",
            "special-values/zero-sign",
            tensor(fmt, theta * 4),
            tensor(fmt, g * 4),
            tensor(fmt, total * 4),
            2,
            note="-0 stays with g = 0 and becomes 0 with g = -0, as -0 - -0 is 0",
            flags=(Flag.SIGN_WANTED,),
            lr=0.7,
            weight_decay=decay,
            eps=1e-3,
        )
    yield single_step(
        f"special-values/sign-of-cancelled-theta/{fmt.name}",
        "special-values/zero-sign",
        tensor(fmt, [32.0, -32.0] * 10),
        tensor(fmt, [2.0, -2.0] * 10),
        tensor(fmt, [12.0] * 20),
        2,
        note="sqrt(12 + 4) = 4 and 64 * 2 / 4 = 32: x - x is 0, never -0",
        flags=(Flag.SIGN_WANTED,),
        lr=64.0,
        eps=0.0,
    )


def _infinite_theta(fmt: Format) -> Scenario:
    inf = math.inf
    return scenario(
        f"special-values/infinite-theta-all-off/{fmt.name}",
        ("special-values/infinite-theta", "weight-decay/zero-is-off"),
        {
            "p": tensor(fmt, [inf, 1.3, -inf, 0.0]),
            "q": tensor(fmt, [-inf, inf, -2.3]),
        },
        [
            New(
                "A",
                (Group(("p",)), Group(("q",), {"lr": 0.7})),
                {
                    "lr": 0.0,
                    "lr_decay": 0.0,
                    "weight_decay": 0.0,
                    "initial_accumulator_value": 0.0,
                    "eps": 0.0,
                    "maximize": False,
                },
            ),
            *steps(
                {"p": tensor(fmt, p), "q": tensor(fmt, q)}
                for p, q in (
                    ([0.6, -2.3, 0.4, 1.7], [0.7, -1.9, 0.2]),
                    ([-0.9, 1.1, 0.0, 0.3], [0.0, 0.5, 2.2]),
                )
            ),
        ],
        note="every option is 0 or False, even lr: inf - 0 is inf, and never NaN",
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
        flags=(Flag.OVERFLOWS,),
        lr=0.7,
        eps=1e-3,
    )
    if fmt != BINARY64:  # no wider format could hold the square
        yield single_step(
            f"special-values/overflow-moves/{fmt.name}",
            "special-values/overflow-moves",
            tensor(fmt, [1.3, -0.7, 2.6] * 6),
            tensor(fmt, [1.37 * root, 0.6, -3.1 * root] * 6),
            note="g * g is finite in binary64",
            flags=(Flag.OVERFLOWS, Flag.MOVES_WANTED),
            lr=0.7,
            eps=1e-3,
        )


def _subnormals(fmt: Format) -> Iterator[Scenario]:
    """Subnormal inputs and results, beside small normal numbers, which never flush.

    All begin from a written state, so that a port is judged from what it shows.
    """
    small, root = fmt.smallest_normal, math.sqrt(fmt.smallest_normal)
    near = [small * x for x in (0.3, -0.71, 1.0, -1.9, 3.3, 0.05)]
    theta = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    cases: dict[str, tuple[list[float], list[float], list[float], float, float]] = {
        # theta, g, S, lr, eps
        "theta": (near, [0.6, -2.3, 0.4, 1.7, -0.9, 1.1], [0.3] * 6, small * 0.37, 0.5),
        "gradient": (theta, near, [0.0] * 6, 64.0, 1.7e-3),  # lr * g is exact
        "sum": (
            theta,
            [root * x for x in (0.11, -0.3, 0.0, 0.7, -1.3, 2.9)],
            [small * x for x in (0.3, 0.71, 0.4, 0.13, 1.0, 2.7)],
            0.7,
            0.37 * root,
        ),
        # g is far below eps: whether g * g underflows hardly matters
        "eps": (
            theta,
            [fmt.eta * x for x in (2, -4, 6, -2, 10, 4)],
            [0.0] * 6,
            0.5,  # lr * g is exact, and lr / eps does not overflow
            small * 0.61,
        ),
        "lr": (near, [2.3, -0.4, 1.9, 0.6, -1.7, 0.8], [0.0] * 6, small * 0.71, 1.7e-3),
    }
    for word, (start, g, total, lr, eps) in cases.items():
        yield single_step(
            f"special-values/subnormal-{word}/{fmt.name}",
            "numerics/subnormals",
            tensor(fmt, start),
            tensor(fmt, g),
            tensor(fmt, total),
            2,
            flags=(Flag.SUBNORMAL,),
            lr=lr,
            eps=eps,
        )
