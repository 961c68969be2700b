"""Groups that are added later; the family `groups` yields these scenarios."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    AddGroup,
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    tensor,
)

from .builders import draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["added_groups", "gradient_sets", "group_params"]


def added_groups(fmt: Format) -> Iterator[Scenario]:
    """Groups added before, between and after steps, and after a load."""
    yield _added(fmt)
    yield _added_with_defaults(fmt)
    yield _third_added(fmt)
    yield _added_after_load(fmt)
    yield _added_initial(fmt)


def group_params(fmt: Format) -> dict[str, Tensor]:
    """Params p, q and r of 3, 2 and 1 elements."""
    return {
        "p": tensor(fmt, [0.9, -1.7, 2.2]),
        "q": tensor(fmt, [1.1, -0.4]),
        "r": tensor(fmt, [0.6]),
    }


def gradient_sets(fmt: Format, name: str, count: int) -> list[dict[str, Gradient]]:
    """`count` sets of gradients of p, q and r, drawn from a generator of that name."""
    source = rng(f"groups/{name}/{fmt.name}")
    return [
        {
            param: tensor(fmt, draw(source, like.size, 0.2, 3.0))
            for param, like in group_params(fmt).items()
        }
        for _ in range(count)
    ]


def _added_with_defaults(fmt: Format) -> Scenario:
    first, second, third = gradient_sets(fmt, "added-defaults", 3)
    own = Group(("p",), {"lr": 0.29, "weight_decay": 0.31, "maximize": True})
    return scenario(
        f"groups/added-takes-defaults/{fmt.name}",
        ("groups/add", "groups/own-options"),
        group_params(fmt),
        [
            New("A", (own, Group(("q",))), usual_options(fmt)),
            Step("A", {"p": first["p"], "q": first["q"]}),
            SetOption("A", 1, "lr", 0.19),
            AddGroup("A", Group(("r",))),
            *steps([second, third]),
        ],
        note="what the dict leaves out is the constructor's, not another group's",
    )


def _added(fmt: Format) -> Scenario:
    first, second, third = gradient_sets(fmt, "added", 3)
    options = {**usual_options(fmt), "lr_decay": 0.8, "initial_accumulator_value": 0.4}
    return scenario(
        f"groups/added-later/{fmt.name}",
        ("groups/add", "lr-decay/own-counter", "algorithm/initial-accumulator"),
        group_params(fmt),
        [
            optimizer(("p",), **options),
            Step("A", {"p": first["p"]}),
            Step("A", {"p": second["p"]}),
            AddGroup("A", Group(("q", "r"), {"lr": 0.23})),
            *steps([third, first]),
        ],
    )


def _third_added(fmt: Format) -> Scenario:
    params = {**group_params(fmt), "s": tensor(fmt, [-0.8, 1.6, 0.5, 2.1])}
    source = rng(f"groups/third-added/{fmt.name}")
    first, second, third, fourth = (
        {
            name: tensor(fmt, draw(source, like.size, 0.2, 3.0))
            for name, like in params.items()
        }
        for _ in range(4)
    )
    options = {**usual_options(fmt), "lr_decay": 0.8, "initial_accumulator_value": 0.4}
    return scenario(
        f"groups/third-added/{fmt.name}",
        ("groups/add", "groups/own-options", "lr-decay/own-counter"),
        params,
        [
            optimizer(("p",), **options),
            AddGroup("A", Group(("q",), {"lr": 0.23, "weight_decay": 0.31})),
            Step("A", {"p": first["p"], "q": first["q"]}),
            AddGroup("A", Group(("r",), {"eps": 7.1e-3, "maximize": True})),
            Step("A", {"p": second["p"], "q": None, "r": None}),
            AddGroup("A", Group(("s",), {"lr_decay": 1.9})),
            SetOption("A", 2, "lr", 0.41),
            Step("A", {**third, "s": None}),
            Step("A", fourth),
        ],
        note="groups added before the first step, after it and later; r and s wait",
    )


def _added_after_load(fmt: Format) -> Scenario:
    first, second, third = gradient_sets(fmt, "added-after-load", 3)
    options = {**usual_options(fmt), "lr_decay": 0.8, "initial_accumulator_value": 0.4}
    own = {
        "lr": 0.23,
        "lr_decay": 1.9,
        "weight_decay": 0.31,
        "eps": 7.1e-3,
        "maximize": True,
    }
    return scenario(
        f"groups/added-after-load/{fmt.name}",
        ("groups/add", "lr-decay/own-counter"),
        group_params(fmt),
        [
            optimizer(("p", "q"), **options),
            Step("A", {"p": first["p"], "q": None}),
            Save("A", "checkpoint"),
            optimizer(("p", "q"), name="B", **{**options, "lr": 0.011}),
            Load("B", "checkpoint", "bytes" if fmt.width > 16 else "deepcopy"),
            AddGroup("B", Group(("r",), own)),
            *steps([second, third], "B"),
        ],
        note="the added group has every option itself: whose defaults hold is open",
    )


def _added_initial(fmt: Format) -> Scenario:
    first, second, _ = gradient_sets(fmt, "added-initial", 3)
    tau = "initial_accumulator_value"
    return scenario(
        f"groups/added-initial-accumulator/{fmt.name}",
        "groups/own-initial-accumulator",
        group_params(fmt),
        [
            optimizer(("p",), **{**usual_options(fmt), tau: 0.4}),
            Step("A", {"p": first["p"]}),
            AddGroup("A", Group(("q",), {tau: 1.7})),
            AddGroup("A", Group(("r",), {tau: 0.0})),
            Step("A", second),
        ],
    )
