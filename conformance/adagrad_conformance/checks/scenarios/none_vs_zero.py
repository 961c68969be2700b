"""None gradients skip, zero gradients step, in every order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

from adagrad_reference.flags import Flag
from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "none-vs-zero"

#: Options beside the gradients; none of them may change which params step.
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

#: The gradients of p and q at each step: g a gradient, 0 zeros, - None.
INTERLEAVINGS = ("-g", "g-", "g-g", "g0g", "-0-g", "0-g-", "--0g", "g--0")

#: Every sequence of gradients of a param at three steps.
PATTERNS = tuple(map("".join, itertools.product("g0-", repeat=3)))


def scenarios() -> Iterator[Scenario]:
    """Skips and zero steps, alone and among other params and options."""
    for turn, fmt in enumerate(FOUR_FORMATS):
        for place, (company, extra) in enumerate(COMPANIONS.items()):
            options = {**usual_options(fmt), **extra}
            yield from _pure(fmt, company, options)
            yield from _interleaved(fmt, company, options, turn + place)
        yield _all_patterns(fmt)
        yield _across_loads(fmt)
        yield from _groups(fmt)
        yield from _zero_grad(fmt)
        yield _keeps_none(fmt)


def _params(fmt: Format) -> dict[str, Tensor]:
    return {
        "p": tensor(fmt, [1.3, -0.9, 2.6]),
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
            *steps([{"p": None, "q": tensor(fmt, [1.1, -0.6])}, {"p": g}, {"p": None}]),
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
    fmt: Format, company: str, options: dict[str, Any], turn: int
) -> Iterator[Scenario]:
    """Every second interleaving: each comes with all options in two formats."""
    params = _params(fmt)
    for number, pattern in enumerate(INTERLEAVINGS):
        if (number + turn) % 2:
            continue
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


def _all_patterns(fmt: Format) -> Scenario:
    """Neighbours have different gradients; every third param is in another group."""
    source = rng(f"none-vs-zero/all-patterns/{fmt.name}")
    params = {
        f"p{i}": tensor(fmt, draw(source, 1 + i % 2, 0.3, 2.0))
        for i in range(len(PATTERNS))
    }
    gradients = [
        {
            name: _gradient(fmt, source, pattern, number, like)
            for pattern, (name, like) in zip(PATTERNS, params.items(), strict=True)
        }
        for number in range(3)
    ]
    names = list(params)
    second = tuple(names[1::3])
    first = tuple(name for name in names if name not in second)
    own = {"lr": 0.43, "weight_decay": 0.11, "maximize": False}
    options = {**usual_options(fmt), **COMPANIONS["everything"]}
    return scenario(
        f"none-vs-zero/all-patterns/{fmt.name}",
        ("none-vs-zero/interleaved", "lr-decay/own-counter"),
        params,
        [New("A", (Group(first), Group(second, own)), options), *steps(gradients)],
        note="27 params: all orders of a gradient, zeros and None in three steps",
    )


def _across_loads(fmt: Format) -> Scenario:
    """None for all params before they have state, for a group, for one param.

    A load follows each.
    """
    params = {**_params(fmt), "r": tensor(fmt, [0.8]), "s": tensor(fmt, [-0.6, 2.3])}
    source = rng(f"none-vs-zero/across-loads/{fmt.name}")

    def gradients(words: str) -> dict[str, Gradient]:
        """The gradients of p, q, r and s: g a gradient, 0 zeros, - None."""
        pairs = zip(words, params.items(), strict=True)
        return {
            name: _gradient(fmt, source, word, 0, like) for word, (name, like) in pairs
        }

    own = {"lr": 0.43, "maximize": False}
    groups = (Group(("p", "q")), Group(("r",), own), Group(("s",)))
    plain = tuple(Group(group.params) for group in groups)
    tau = "initial_accumulator_value"
    options = {**usual_options(fmt), **COMPANIONS["everything"], tau: 0.0}
    other = {**options, "lr": 0.011, "weight_decay": 0.0, tau: 1.9}
    return scenario(
        f"none-vs-zero/across-loads/{fmt.name}",
        ("none-vs-zero/interleaved", "none-vs-zero/none-skips", "state-dict/bytes"),
        params,
        [
            New("A", groups, options),
            Step("A", gradients("----")),
            Save("A", "unstepped"),
            New("B", plain, other),
            Load("B", "unstepped", "bytes"),
            Step("B", gradients("-g0-")),
            Step("B", gradients("g--0")),
            Save("B", "stepped"),
            New("C", plain, other),
            Load("C", "stepped", "deepcopy"),
            Step("C", gradients("----")),
            Step("C", gradients("0g-g")),
            Step("C", gradients("ggg-")),
        ],
        note="a None before the first step, in the middle and last, and zeros between",
    )


def _keeps_none(fmt: Format) -> Scenario:
    params = _params(fmt)
    return scenario(
        f"none-vs-zero/zero-grad-keeps-none/{fmt.name}",
        "zero-grad/keeps-none",
        params,
        [
            optimizer(params, **usual_options(fmt)),
            Step("A", {"p": tensor(fmt, [0.6, -2.3, 0.4])}),
            ZeroGrad("A", set_to_none=False),
        ],
        note="p had a gradient and has zeros now; q had none",
        flags=(Flag.NONE_WANTED,),
    )


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
    gradients = {"p": tensor(fmt, [0.6, -2.3, 0.4]), "q": tensor(fmt, [1.1, -0.6])}
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
