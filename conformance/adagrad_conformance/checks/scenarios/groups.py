"""Param groups, options that change, refused options, and closures."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    New,
    Scenario,
    SetOption,
    Step,
    tensor,
)

from .added_groups import added_groups, gradient_sets, group_params
from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "groups"

_NUMBERS = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")


def scenarios() -> Iterator[Scenario]:
    """Groups in every format; refusals need only one."""
    for fmt in FOUR_FORMATS:
        yield from _own_options(fmt)
        yield from _changes(fmt)
        yield from _switched_off(fmt)
        yield _there_and_back(fmt)
        yield _optimizers(fmt)
        yield _zeros(fmt)
        yield _alike(fmt)
        yield _closures(fmt)
        yield from added_groups(fmt)
        yield _closure(fmt)
        yield _gradients(fmt)
    yield _mixed(BINARY32, BINARY64)
    yield _mixed(BINARY32, BFLOAT16)
    yield _mixed(BINARY16, BINARY32)
    yield _five_optimizers(BINARY64)
    yield _five_optimizers(BINARY32)
    yield from _refusals(BINARY32)


def _own_options(fmt: Format) -> Iterator[Scenario]:
    groups = (
        Group(("p",), {"lr": 0.29, "lr_decay": 1.9}),
        Group(("q",), {"weight_decay": 0.31, "eps": 7.1e-3}),
        Group(("r",), {"maximize": True}),
    )
    yield scenario(
        f"groups/own-options/{fmt.name}",
        "groups/own-options",
        group_params(fmt),
        [
            New("A", groups, usual_options(fmt)),
            *steps(gradient_sets(fmt, "own", 3)),
        ],
    )
    yield scenario(
        f"groups/own-initial-accumulator/{fmt.name}",
        "groups/own-initial-accumulator",
        group_params(fmt),
        [
            New(
                "A",
                (
                    Group(("p",), {"initial_accumulator_value": 0.83}),
                    Group(("q", "r")),
                ),
                usual_options(fmt),
            ),
            *steps(gradient_sets(fmt, "tau", 2)),
        ],
    )


def _changes(fmt: Format) -> Iterator[Scenario]:
    values: dict[str, float | bool] = {
        "lr": 0.19,
        "lr_decay": 2.3,
        "weight_decay": 0.41,
        "eps": 9.7e-3,
        "maximize": True,
    }
    for option, value in values.items():
        first, second, third = gradient_sets(fmt, option, 3)
        events: list[Event] = [
            New("A", (Group(("p",)), Group(("q", "r"))), usual_options(fmt)),
            Step("A", first),
            SetOption("A", 1, option, value),
            Step("A", second),
            Step("A", third),
        ]
        yield scenario(
            f"groups/change-{option.replace('_', '-')}/{fmt.name}",
            "groups/option-change",
            group_params(fmt),
            events,
            note="the second group changes, the first does not",
        )


def _switched_off(fmt: Format) -> Iterator[Scenario]:
    options = {
        **usual_options(fmt),
        "lr_decay": 0.8,
        "weight_decay": 0.41,
        "maximize": True,
    }
    groups = (
        Group(("p",)),
        Group(("q",), {"weight_decay": 0.0, "maximize": False}),
        Group(("r",), {"lr_decay": 0.0}),
    )
    yield scenario(
        f"groups/own-options-switched-off/{fmt.name}",
        "groups/own-options",
        group_params(fmt),
        [New("A", groups, options), *steps(gradient_sets(fmt, "off", 3))],
        note="0 and False override the defaults too",
    )
    off: dict[str, float | bool] = {
        "lr": 0.0,
        "lr_decay": 0.0,
        "weight_decay": 0.0,
        "maximize": False,
    }
    for option, value in off.items():
        first, second, third = gradient_sets(fmt, f"off-{option}", 3)
        yield scenario(
            f"groups/switch-off-{option.replace('_', '-')}/{fmt.name}",
            "groups/option-change",
            group_params(fmt),
            [
                New("A", (Group(("p",)), Group(("q", "r"))), options),
                *steps([first, second]),
                SetOption("A", 0, option, value),
                Step("A", third),
            ],
            note="of the first group, to 0 or False",
        )


def _there_and_back(fmt: Format) -> Scenario:
    options = {**usual_options(fmt), "lr_decay": 0.8, "weight_decay": 0.21}
    eps = options["eps"]
    changes: list[dict[str, float | bool]] = [
        {"lr": 1.9, "lr_decay": 2.3, "weight_decay": 0.41, "eps": 7.9 * eps},
        {"lr": 0.31, "lr_decay": 0.13, "weight_decay": 0.053, "eps": 2.3 * eps},
        {"lr": 0.7, "lr_decay": 0.8, "weight_decay": 0.21, "eps": eps},
    ]
    events: list[Event] = [New("A", tuple(Group((p,)) for p in "pqr"), options)]
    turns = (
        (2, True),
        (0, True),
        (2, False),
    )  # the group that changes, and its maximize
    for gradients, change, (group, maximize) in zip(
        gradient_sets(fmt, "there-and-back", 3), changes, turns, strict=True
    ):
        events.append(Step("A", gradients))
        events += [SetOption("A", 0, name, value) for name, value in change.items()]
        events.append(SetOption("A", group, "maximize", maximize))
    events.append(Step("A", gradient_sets(fmt, "and-forth", 1)[0]))
    return scenario(
        f"groups/there-and-back/{fmt.name}",
        "groups/option-change",
        group_params(fmt),
        events,
        note="numbers of the first group rise, fall, and return to the constructor's; "
        "the third group maximizes for two steps",
    )


def _zeros(fmt: Format) -> Scenario:
    first, second, third = gradient_sets(fmt, "zeros", 3)
    groups = (Group(("p",)), Group(("q",), {"eps": 0.0}), Group(("r",), {"lr": 0.0}))
    return scenario(
        f"groups/zero-options/{fmt.name}",
        ("groups/own-options", "groups/option-change"),
        group_params(fmt),
        [
            New("A", groups, usual_options(fmt)),
            Step("A", first),
            SetOption("A", 0, "eps", 0.0),
            SetOption("A", 2, "lr", 0.31),
            *steps([second, third]),
        ],
        note="eps = 0 and lr = 0 are values like others; with lr = 0 S and t go on",
    )


def _alike(fmt: Format) -> Scenario:
    rates = {"a": 0.7, "b": 0.29, "c": 0.41, "d": 0.13, "e": 0.97}
    source = rng(f"groups/five-alike/{fmt.name}")
    params = {name: tensor(fmt, draw(source, 3, 0.3, 2.0)) for name in rates}
    groups = tuple(Group((name,), {"lr": lr}) for name, lr in rates.items())
    gradients = [
        {name: tensor(fmt, draw(source, 3, 0.2, 3.0)) for name in rates}
        for _ in range(2)
    ]
    return scenario(
        f"groups/five-alike/{fmt.name}",
        "groups/own-options",
        params,
        [New("A", groups, usual_options(fmt)), *steps(gradients)],
        note="five groups of equal shapes, each with its own rate",
    )


def _closures(fmt: Format) -> Scenario:
    first, second = gradient_sets(fmt, "closures", 2)
    groups = (Group(("p",)), Group(("q", "r"), {"lr": 0.23}))
    return scenario(
        f"groups/closure-with-groups/{fmt.name}",
        "closure/once",
        group_params(fmt),
        [
            New("A", groups, usual_options(fmt)),
            Step("A", first, loss=1.75),
            Step("A", {"p": None, "q": second["q"], "r": None}, loss=0.5),
            Step("A", {"p": None, "q": None, "r": None}, loss=-2.25),
            Step("A", second, loss=0.0),
        ],
        note="called once for all groups, also where it brings None or nothing at all",
    )


def _optimizers(fmt: Format) -> Scenario:
    first, second, third, fourth = gradient_sets(fmt, "two-optimizers", 4)
    other = {"lr": 0.011, "eps": 2.3e-3, "weight_decay": 0.9, "lr_decay": 1.9}
    return scenario(
        f"groups/two-optimizers/{fmt.name}",
        ("groups/two-optimizers", "groups/own-options"),
        group_params(fmt),
        [
            optimizer(("p", "q", "r"), **usual_options(fmt)),
            Step("A", first),
            optimizer(("p", "q", "r"), name="B", **other),
            Step("A", second),
            Step("B", third),
            Step("A", fourth),
        ],
    )


def _mixed(one: Format, other: Format) -> Scenario:
    formats = {"p": one, "q": other, "r": one}
    params = {name: group_params(fmt)[name] for name, fmt in formats.items()}
    gradients = [
        {
            name: gradient_sets(fmt, f"mixed-{i}", 1)[0][name]
            for name, fmt in formats.items()
        }
        for i in range(3)
    ]
    gradients[1]["q"] = None
    return scenario(
        f"groups/mixed-formats/{one.name}-and-{other.name}",
        "groups/mixed-formats",
        params,
        [optimizer(params, lr=0.7, lr_decay=0.9, eps=1.7e-3), *steps(gradients)],
    )


def _five_optimizers(fmt: Format) -> Scenario:
    names = "ABCDE"
    params = {name: like for name, like in group_params(fmt).items() if name != "p"}
    options = {
        "lr": (0.7, 0.29, 1.3, 0.11, 0.53),
        "lr_decay": (0.8, 0.0, 0.31, 1.9, 0.13),
        "weight_decay": (0.0, 0.21, 0.0, 0.37, 0.053),
        "eps": (1.3e-5, 2.3e-3, 1.7e-3, 9.1e-4, 5.9e-3),
        "maximize": (False, False, True, False, True),
    }
    made = [
        optimizer(params, name, **{key: values[i] for key, values in options.items()})
        for i, name in enumerate(names)
    ]
    order = "ABACEDEB"
    source = rng(f"groups/five-optimizers/{fmt.name}")
    stepped = [
        Step(name, {k: tensor(fmt, draw(source, x.size, 0.2, 3.0))
                    for k, x in params.items()})
        for name in order
    ]  # fmt: skip
    return scenario(
        f"groups/five-optimizers/{fmt.name}",
        ("groups/two-optimizers", "lr-decay/own-counter"),
        params,
        [*made[:3], *stepped[:4], *made[3:], *stepped[4:]],
        note=f"all on the same params; they step in the order {order}",
    )


def _closure(fmt: Format) -> Scenario:
    first, second = gradient_sets(fmt, "closure", 2)
    return scenario(
        f"groups/closure/{fmt.name}",
        "closure/once",
        group_params(fmt),
        [
            optimizer(("p", "q", "r"), **usual_options(fmt)),
            Step("A", first, loss=3.25),
            Step("A", second, loss=-0.625),
            Step("A", first),
        ],
        note="the closure brings the gradients; the last step has none",
    )


def _gradients(fmt: Format) -> Scenario:
    options = {**usual_options(fmt), "weight_decay": 0.37, "maximize": True}
    return scenario(
        f"groups/gradients-untouched/{fmt.name}",
        "gradients/untouched",
        group_params(fmt),
        [
            optimizer(("p", "q", "r"), **options),
            *steps(gradient_sets(fmt, "untouched", 2)),
        ],
        note="maximize and weight decay must work on a copy",
    )


def _refusals(fmt: Format) -> Iterator[Scenario]:
    params = group_params(fmt)
    for option in _NUMBERS:
        for word, value in (("negative", -0.5), ("nan", math.nan)):
            name = f"{option.replace('_', '-')}-{word}"
            yield scenario(
                f"groups/refuses-{name}/{fmt.name}",
                "parameters/refuses-illegal",
                params,
                [New("A", (Group(("p", "q")),), {option: value})],
            )
            yield scenario(
                f"groups/group-refuses-{name}/{fmt.name}",
                "parameters/group-refuses-illegal",
                params,
                [New("A", (Group(("p",)), Group(("q",), {option: value})), {})],
            )
            yield scenario(
                f"groups/added-group-refuses-{name}/{fmt.name}",
                "parameters/group-refuses-illegal",
                params,
                [
                    optimizer(("p",), **usual_options(fmt)),
                    AddGroup("A", Group(("q",), {option: value})),
                ],
            )
    first = gradient_sets(fmt, "duplicates", 1)[0]
    both = {"p": first["p"], "q": first["q"]}
    for word, before in (("stepped", [Step("A", both)]), ("unstepped", [])):
        yield scenario(
            f"groups/duplicate-{word}/{fmt.name}",
            "groups/duplicate-refused",
            params,
            [
                optimizer(("p", "q"), **usual_options(fmt)),
                *before,
                AddGroup("A", Group(("q", "r"))),
                Step("A", both),
            ],
            note="refused as a whole: r is not added either",
        )
    yield scenario(
        f"groups/duplicate-in-constructor/{fmt.name}",
        "groups/duplicate-refused",
        params,
        [New("A", (Group(("p", "q")), Group(("q",))), {})],
    )
