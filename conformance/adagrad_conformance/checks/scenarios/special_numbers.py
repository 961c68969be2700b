"""Numbers that a program may treat on its own, in elements and in options.

Zero, one, powers of two and of four, whole numbers, a gradient that equals its param or
the one before, a sum that a square does not change, a param that a step brings to zero.
A grid lets every such theta meet every such g and every such S; params that consist of
one such number show what is decided for a whole array; options that are 0, 1, tiny or
equal to one another show what is decided by a group.  The numbers of rule 1 of
builders.py stand here on purpose.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Group,
    New,
    Scenario,
    SetOption,
    SetState,
    Step,
    Tensor,
    tensor,
)

from .builders import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    steps,
    usual_options,
)

__all__ = ["FAMILY", "scenarios"]

FAMILY = "special-numbers"

TAU = "initial_accumulator_value"

#: The largest power of two of a grid's gradients, by format: its square is no overflow.
LARGEST = {"binary16": 6, "bfloat16": 40, "binary32": 40, "binary64": 300}

#: Special values of each option, and ordinary ones of all.
OPTIONS: Mapping[str, tuple[float, ...]] = {
    "lr": (0.0, 1.0, 0.5, 3e-9, 4096.0),
    "lr_decay": (1.0, 2.0, 3e-9, 4096.0),
    "weight_decay": (1.0, 0.5, 2.0, 3e-9),
    TAU: (1.0, 4.0, 3e-10, 1e6),
    "eps": (0.0, 1.0, 4.0, 3e-13),
}


class _Tiny(NamedTuple):
    """A tiny option, and numbers beside which it counts."""

    value: float
    theta: float
    gradient: float
    lr: float
    first: tuple[float, int]  #: S and t from which the steps go on
    requirement: str


TINY: Mapping[str, _Tiny] = {
    "lr": _Tiny(3e-17, 1e-17, 1.0, 3e-17, (0.0, 0), "algorithm/update"),
    "lr_decay": _Tiny(3e-8, 1.0, 1.0, 0.7, (0.7, 16_000_000), "lr-decay/schedule"),
    "weight_decay": _Tiny(3e-17, 3e16, 1.0, 2e15, (0.0, 0), "weight-decay/coupled"),
    TAU: _Tiny(3e-17, 1.0, 1e-9, 0.7, (3e-17, 0), "algorithm/initial-accumulator"),
    "eps": _Tiny(3e-17, 1.0, 3e-17, 0.7, (0.0, 0), "numerics/eps"),
}
ORDINARY: Mapping[str, Any] = {
    "lr": 0.7,
    "lr_decay": 0.37,
    "weight_decay": 0.23,
    TAU: 0.19,
    "eps": 1.3e-3,
}


def scenarios() -> Iterator[Scenario]:
    """Grids and uniform params in every format; most options in binary32."""
    plain: dict[str, Any] = {}
    all_on = {"weight_decay": 0.25, "maximize": True}
    for fmt in FOUR_FORMATS:
        if fmt in (BINARY32, BFLOAT16):
            yield _grid(fmt, "plain", plain)
        elif fmt != BINARY16:  # there a difference of the grid is subnormal
            yield _grid(fmt, "decay-and-maximize", all_on)
        yield _uniform(fmt)
        yield _through_zero(fmt)
    for option, values in OPTIONS.items():
        for value in values:
            yield _one_option(BINARY32, option, value)
    for pair in itertools.combinations(ORDINARY, 2):
        yield _equal_options(BINARY32, pair)
    yield _equal_options(BINARY32, tuple(ORDINARY))
    for fmt in (BINARY64, BINARY32):
        yield _zeros_on_tau(fmt)
    for fmt, option in itertools.product((BINARY64, BINARY32, BFLOAT16), TINY):
        yield _tiny_option(fmt, option)
    for option in ORDINARY:
        if option != TAU:  # which a group may ignore
            yield _close_options(BINARY64, option)


# -- elements --------------------------------------------------------------------------


def _grid(fmt: Format, word: str, options: Mapping[str, Any]) -> Scenario:
    """Two steps with one gradient, then one with another, from every special state."""
    large = 2.0 ** LARGEST[fmt.name]
    thetas = (0.0, 1.0, -0.5, 1.3, -(2.0**-14))
    gradients = (0.0, -1.0, 2.0**-5, large / 3)
    sums = (0.0, 1.0, 2.0**-10, large)
    points = list(itertools.product(thetas, gradients, sums))
    theta, g, s = (tensor(fmt, [point[i] for point in points]) for i in range(3))
    other = tensor(fmt, [0.8 * point[1] or 0.3 for point in points])
    usual = {**usual_options(fmt), "lr_decay": 0.25, **options}
    return scenario(
        f"{FAMILY}/grid-{word}/{fmt.name}",
        ("algorithm/update", "algorithm/accumulator"),
        {"p": theta},
        [
            optimizer(**usual),
            SetState("A", "p", s, 4),
            *steps({"p": gradient} for gradient in (g, g, other)),
        ],
        note="every special theta with every special g and S; the gradient is repeated",
    )


def _uniform(fmt: Format) -> Scenario:
    """Params of one kind each, whose gradients are special to the last element."""
    source = rng(f"{FAMILY}/uniform/{fmt.name}")
    some = draw(source, 3, 0.3, 2.5)
    top = 60.0 if fmt is BINARY16 else 70_001.0
    theta: dict[str, list[float]] = {
        "zeros": [0.0, 0.0, 0.0],
        "ones": [1.0, 1.0, 1.0],
        "same": some,
        "cancelled": [2.0, -0.5, 8.0],
        "whole": [3.0, -2.0, 7.0],
    }
    g: dict[str, list[float]] = {
        "zeros": [0.6, -0.9, 1.7],
        "ones": [0.6, -0.9, 1.7],
        "same": some,
        "cancelled": [-1.0, 0.25, -4.0],  # minus the decay of 0.5
        "whole": [top, -40.0, 2.0],
    }
    first: dict[str, Gradient] = {name: tensor(fmt, v) for name, v in g.items()}
    second: dict[str, Gradient] = {
        name: tensor(fmt, draw(source, 3, 0.2, 3.0)) for name in g
    }
    return scenario(
        f"{FAMILY}/uniform/{fmt.name}",
        ("algorithm/update", "weight-decay/coupled", "lr-decay/own-counter"),
        {name: tensor(fmt, values) for name, values in theta.items()},
        [
            optimizer(theta, **usual_options(fmt), weight_decay=0.5, lr_decay=0.7),
            *steps([first, first, second, first]),
        ],
        note="zeros, ones, a gradient that is its param, one that decay cancels, whole"
        " numbers",
    )


def _through_zero(fmt: Format) -> Scenario:
    """theta - 64 * 2 / sqrt(12 + 4) is 0 exactly, and the next step leaves zero."""
    state = [12.0, 12.0, 12.0, 3.1]
    return scenario(
        f"{FAMILY}/through-zero/{fmt.name}",
        ("algorithm/update", "numerics/zero-theta"),
        {"p": tensor(fmt, [32.0, -32.0, 33.0, 0.0])},
        [
            optimizer(lr=64.0, eps=0.0),
            SetState("A", "p", tensor(fmt, state), 1),
            *steps(
                {"p": tensor(fmt, g)}
                for g in (
                    [2.0, -2.0, 2.0, 0.3],
                    [3.0, 1.3, -0.7, -0.4],
                    [0.0, 0.9, 0.0, 1.1],
                )
            ),
        ],
        note="an element that a step brought to zero moves on",
    )


# -- options ---------------------------------------------------------------------------

SIZES = {"p": 3, "q": 2}


def _drawn(fmt: Format, name: str, count: int) -> list[dict[str, Tensor]]:
    source = rng(f"{FAMILY}/{name}/{fmt.name}")
    return [
        {p: tensor(fmt, draw(source, n, 0.3, 2.5)) for p, n in SIZES.items()}
        for _ in range(count)
    ]


def _one_option(fmt: Format, option: str, value: float) -> Scenario:
    """Two steps by the special value, two by an ordinary one, two by the special."""
    number = f"{value:g}".replace("+", "").replace(".", "-")
    name = f"{option.replace('_', '-')}-is-{number}"
    params, *gradients = _drawn(fmt, name, 7)
    pairs = [gradients[i : i + 2] for i in (0, 2, 4)]
    events: list[Event] = [optimizer(SIZES, **{**ORDINARY, option: value})]
    changes = () if option == TAU else (ORDINARY[option], value)
    for pair, change in itertools.zip_longest(pairs, changes):
        events += steps(pair)
        if change is not None:
            events.append(SetOption("A", 0, option, change))
    named = {
        "lr": ("algorithm/update", "groups/option-change"),
        "lr_decay": ("lr-decay/schedule", "groups/option-change"),
        "weight_decay": ("weight-decay/coupled", "groups/option-change"),
        TAU: ("algorithm/initial-accumulator", "algorithm/update"),
        "eps": ("algorithm/update", "groups/option-change"),
    }
    note = f"{option} is {value:g}, which a program may read as another thing"
    path = f"{FAMILY}/{name}/{fmt.name}"
    return scenario(path, named[option], params, events, note)


def _tiny_option(fmt: Format, option: str) -> Scenario:
    """An option that looks like nothing, beside numbers of its own size."""
    tiny = TINY[option]
    name = f"tiny-{option.replace('_', '-')}"
    drawn = _drawn(fmt, name, 4)

    def scaled(values: Tensor, unit: float) -> Tensor:
        return tensor(fmt, [x * unit for x in values.values()])

    theta = {p: scaled(values, tiny.theta) for p, values in drawn[0].items()}
    gradients: list[dict[str, Gradient]] = [
        {p: scaled(values, tiny.gradient) for p, values in given.items()}
        for given in drawn[1:]
    ]
    total, t = tiny.first
    states = [
        SetState("A", p, tensor(fmt, [total] * n), t) for p, n in SIZES.items() if t
    ]
    options: dict[str, Any] = {"lr": tiny.lr, "eps": 0.0, option: tiny.value}
    return scenario(
        f"{FAMILY}/{name}/{fmt.name}",
        (tiny.requirement,),
        theta,
        [optimizer(SIZES, **options), *states, *steps(gradients)],
        note=f"{option} is {tiny.value:g}, and counts",
    )


def _equal_options(fmt: Format, equal: tuple[str, ...]) -> Scenario:
    """Options of one value, which a table by value takes for one."""
    name = "-and-".join(option.replace("_", "-") for option in equal)
    if len(equal) == len(ORDINARY):
        name = "all"
    params, *gradients = _drawn(fmt, f"equal/{name}", 4)
    options = {**ORDINARY, **dict.fromkeys(equal, 0.41)}
    return scenario(
        f"{FAMILY}/equal-options/{name}/{fmt.name}",
        ("algorithm/all-inputs",),
        params,
        [
            optimizer(SIZES, **options),
            *steps(gradients[:2]),
            SetOption("A", 0, next(o for o in equal if o != TAU), 0.29),
            Step("A", dict(gradients[2])),
        ],
        note="the values of options are equal, and one of them changes later",
    )


def _zeros_on_tau(fmt: Format) -> Scenario:
    """Zero gradients leave S at tau, and t counts on."""
    params, gradients = _drawn(fmt, "zeros-on-tau", 2)
    zeros: dict[str, Gradient] = {p: tensor(fmt, [0.0] * n) for p, n in SIZES.items()}
    new: New = optimizer(
        SIZES, **usual_options(fmt), lr_decay=0.7, initial_accumulator_value=0.19
    )
    return scenario(
        f"{FAMILY}/zeros-on-tau/{fmt.name}",
        ("lr-decay/own-counter", "none-vs-zero/zero-steps"),
        params,
        [new, *steps([zeros, zeros, zeros, gradients])],
        note="a param whose S is tau still is not a fresh one",
    )


def _close_options(fmt: Format, option: str) -> Scenario:
    """Groups whose values of one option are the same in six digits or six decimals."""
    values = {"p": 3.1e-9, "q": 4.3e-9, "r": 0.37, "s": 0.37 * (1 + 2.0**-22)}
    source = rng(f"{FAMILY}/close-{option}/{fmt.name}")
    params, *gradients = [
        {p: tensor(fmt, draw(source, 2, 0.3, 2.5)) for p in values} for _ in range(4)
    ]
    groups = tuple(Group((p,), {option: value}) for p, value in values.items())
    options = {**ORDINARY, "lr": 2.3}
    return scenario(
        f"{FAMILY}/close-options/{option.replace('_', '-')}/{fmt.name}",
        ("groups/own-options",),
        params,
        [New("A", groups, options), *steps(gradients)],
        note="tables that are keyed by rounded or printed options mix these groups",
    )
