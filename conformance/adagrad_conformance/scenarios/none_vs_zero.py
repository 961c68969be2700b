"""None gradients skip, zero gradients step, in every order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    New,
    Scenario,
    Step,
    Tensor,
    ZeroGrad,
)

from .build import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    steps,
    tensor,
    usual_options,
)

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "none-vs-zero"
NOTES: dict[str, str] = {}

#: What rides along: each combination must not change who steps.
COMPANIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "lr-decay": {"lr_decay": 0.9},
    "weight-decay": {"weight_decay": 0.37},
    "maximize": {"maximize": True, "weight_decay": 0.37},
    "everything": {
        "lr_decay": 0.9,
        "weight_decay": 0.37,
        "maximize": True,
        "initial_accumulator_value": 0.3,
    },
}

#: What p and q get at each step: g a gradient, 0 zeros, - None.
INTERLEAVINGS = ("-g", "g-", "g-g", "g0g", "-0-g", "0-g-", "--0g", "g--0")


def scenarios() -> Iterator[Scenario]:
    """Skips and zero steps, alone and with company."""
    for fmt in FOUR_FORMATS:
        for company, extra in COMPANIONS.items():
            options = {**usual_options(fmt), **extra}
            yield from _pure(fmt, company, options)
            yield from _interleaved(fmt, company, options)
        yield from _groups(fmt)
        yield from _zero_grad(fmt)


def _params(fmt: Format) -> dict[str, Tensor]:
    return {
        "p": tensor(fmt, [1.3, -0.7, 2.6]),
        "q": tensor(fmt, [-1.9, 0.45]),
    }


def _pure(fmt: Format, company: str, options: dict[str, Any]) -> Iterator[Scenario]:
    p, q = _params(fmt).values()
    zero = tensor(fmt, [0.0] * 3)
    g = tensor(fmt, [0.6, -2.3, 0.4])
    yield scenario(
        f"none-vs-zero/none-first/{company}/{fmt.name}",
        "none-vs-zero/none-skips",
        {"p": p, "q": q},
        [
            optimizer(("p", "q"), **options),
            *steps([{"p": None, "q": tensor(fmt, [0.7, -0.2])}, {"p": g}, {"p": None}]),
        ],
        note="p is skipped, steps, is skipped again; q steps each time",
    )
    yield scenario(
        f"none-vs-zero/zero-steps/{company}/{fmt.name}",
        "none-vs-zero/zero-steps",
        {"p": p},
        [optimizer(**options), *steps([{"p": g}, {"p": zero}, {"p": g}])],
        note="the zero gradient counts: decay acts, and the rate decays",
    )


def _interleaved(
    fmt: Format, company: str, options: dict[str, Any]
) -> Iterator[Scenario]:
    params = _params(fmt)
    for number, pattern in enumerate(INTERLEAVINGS):
        source = rng(f"{company}/{pattern}/{fmt.name}")
        other = INTERLEAVINGS[number - 3]
        gradients = [
            {
                "p": _gradient(fmt, source, pattern, i, params["p"]),
                "q": _gradient(fmt, source, other, i, params["q"]),
            }
            for i in range(4)
        ]
        yield scenario(
            f"none-vs-zero/interleaved-{number + 1}/{company}/{fmt.name}",
            "none-vs-zero/interleaved",
            params,
            [optimizer(("p", "q"), **options), *steps(gradients)],
            note=f"gradients of p: {pattern}, of q: {other} (0 zeros, - None)",
        )


def _gradient(
    fmt: Format, source: random.Random, pattern: str, i: int, like: Tensor
) -> Tensor | None:
    drawn = draw(source, like.size, 0.2, 3.0)
    word = pattern[i % len(pattern)]
    if word == "-":
        return None
    return tensor(fmt, [0.0] * like.size if word == "0" else drawn)


def _groups(fmt: Format) -> Iterator[Scenario]:
    params = {**_params(fmt), "r": tensor(fmt, [0.8])}
    options = {**usual_options(fmt), "weight_decay": 0.37, "lr_decay": 0.9}
    new = New(
        "A",
        (Group(("p",)), Group(("q",), {"lr": 0.43, "maximize": True})),
        options,
    )
    g, h = tensor(fmt, [0.6, -2.3, 0.4]), tensor(fmt, [0.7, -0.2])
    none = {"p": None, "q": None, "r": None}
    events: list[Event] = [
        new,
        Step("A", {"p": g, "q": None}),
        Step("A", {"p": None, "q": h}),
        Step("A", none),
        AddGroup("A", Group(("r",), {"lr": 0.29})),
        Step("A", {"p": None, "q": None, "r": tensor(fmt, [-1.7])}),
        Step("A", {"p": g, "q": h, "r": None}),
    ]
    yield scenario(
        f"none-vs-zero/whole-groups/{fmt.name}",
        ("none-vs-zero/interleaved", "groups/own-options", "groups/add"),
        params,
        events,
        note="whole groups without gradients, and all of them at once",
    )


def _zero_grad(fmt: Format) -> Iterator[Scenario]:
    params = _params(fmt)
    options = {**usual_options(fmt), "weight_decay": 0.37, "lr_decay": 0.9}
    gradients = {"p": tensor(fmt, [0.6, -2.3, 0.4]), "q": tensor(fmt, [0.7, -0.2])}
    for to_none, word in ((True, "none"), (False, "zero")):
        yield scenario(
            f"none-vs-zero/zero-grad-to-{word}/{fmt.name}",
            (f"zero-grad/to-{word}", "none-vs-zero/interleaved"),
            params,
            [
                New("A", (Group(("p",)), Group(("q",))), options),
                Step("A", gradients),
                ZeroGrad("A", to_none),
                Step("A", {"p": gradients["p"]}),
                ZeroGrad("A", to_none),
                Step("A"),
            ],
            note="after zeroing, the next backward reaches p only, then none",
        )
