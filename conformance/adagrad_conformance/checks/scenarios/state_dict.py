"""Save and load, after which training continues bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    LoadWay,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "state-dict"

_WAYS: tuple[LoadWay, ...] = ("deepcopy", "bytes", "new-process")

#: Steps before the save.  Ways and formats take turns, so that each way and each format
#: has every cut.
_CUTS = ((0, 1, 3), (2, 4, 5))


def scenarios() -> Iterator[Scenario]:
    """Round trips at every cut, dicts that must be refused, and shared state."""
    for turn, fmt in enumerate(FOUR_FORMATS):
        for via in _WAYS:
            for cut in _CUTS[(turn + (via != "deepcopy")) % 2]:
                yield _round_trip(fmt, via, cut)
            yield _distinct_counters(fmt, via)
            yield _large_counters(fmt, via)
            if via != "new-process":
                yield _rollback(fmt, via)
        yield _into_stepped(fmt, ("deepcopy", "bytes")[turn % 2])
        yield _source_unchanged(fmt)
        yield _round_trip(fmt, "bytes", 1, maximize=True)
        yield _twelve_params(fmt)
        yield _with_added_group(fmt)
        yield _twice(fmt)
        yield _option_after_load(fmt)
        yield _reading(fmt)
        yield _mismatch(fmt, "groups")
        yield _mismatch(fmt, "params")
        yield _independent(fmt)


def _setting(
    fmt: Format, maximize: bool = False
) -> tuple[dict[str, Tensor], New, list[dict[str, Gradient]]]:
    source = rng(f"state-dict/{fmt.name}")
    params = {
        "p": tensor(fmt, [0.9, -1.7, 2.2]),
        "q": tensor(fmt, [1.1, -0.4]),
        "r": tensor(fmt, [0.6, -1.2, 0.8, 1.9], (2, 2)),
    }
    options = {  # seventeen digits, all of which a checkpoint in text must keep
        **usual_options(fmt),
        "lr": 0.7310585786300049,
        "lr_decay": 0.7071067811865476,
        "initial_accumulator_value": 0.3,
    }
    own: dict[str, float | bool] = {"lr": 0.43, "weight_decay": 0.21}
    if maximize:
        own["maximize"] = True
    groups = (
        Group(("p", "q")),
        Group(("r",), own),
    )
    gradients: list[dict[str, Gradient]] = []
    for number in range(6):
        drawn = {
            name: tensor(fmt, draw(source, like.size, 0.2, 3.0), like.shape)
            for name, like in params.items()
        }
        skipped = {"q": None} if number in (0, 2) else {}
        gradients.append({**drawn, **skipped})
    return params, New("A", groups, options), gradients


def _other_constructor(new: New) -> New:
    groups = tuple(Group(group.params) for group in new.groups)
    return New("B", groups, {"lr": 0.011, "eps": 2.3e-3, "weight_decay": 0.9})


def _round_trip(
    fmt: Format, via: LoadWay, cut: int, maximize: bool = False
) -> Scenario:
    params, new, gradients = _setting(fmt, maximize)
    events: list[Event] = [new]
    events += [Step("A", g) for g in gradients[:cut]]
    events += [Save("A", "checkpoint"), _other_constructor(new)]
    events.append(Load("B", "checkpoint", via))
    events += [Step("B", g) for g in gradients[cut : max(cut + 1, 5)][:2]]
    return scenario(
        f"state-dict/{via}/after-{cut}-steps{'-maximize' * maximize}/{fmt.name}",
        (f"state-dict/{via}", "state-dict/options", "lr-decay/own-counter"),
        params,
        events,
        note="two groups; q is skipped at steps 1 and 3, so counters may differ",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _distinct_counters(fmt: Format, via: LoadWay) -> Scenario:
    params, new, gradients = _setting(fmt)
    skipped = [
        gradients[1],
        {**gradients[3], "q": None},
        {**gradients[4], "q": None, "r": None},
    ]
    return scenario(
        f"state-dict/{via}/distinct-counters/{fmt.name}",
        (f"state-dict/{via}", "lr-decay/own-counter"),
        params,
        [
            new,
            *steps(skipped),
            Save("A", "checkpoint"),
            _other_constructor(new),
            Load("B", "checkpoint", via),
            *steps([gradients[1], gradients[3]], "B"),
        ],
        note="p, q and r have taken 3, 1 and 2 steps",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _rollback(fmt: Format, via: LoadWay) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/{via}/rollback/{fmt.name}",
        f"state-dict/{via}",
        params,
        [
            new,
            Step("A", gradients[1]),
            Save("A", "checkpoint"),
            SetOption("A", 0, "lr", 0.29),
            SetOption("A", 1, "eps", 0.0),
            *steps([gradients[3], gradients[4]]),
            Load("A", "checkpoint", via),
            Step("A", gradients[0]),
        ],
        note="loaded into itself: options, S and t go back, theta does not",
    )


def _into_stepped(fmt: Format, via: LoadWay) -> Scenario:
    params, new, gradients = _setting(fmt)
    first, second, third, fourth, fifth = gradients[1:6]
    return scenario(
        f"state-dict/{via}/into-stepped/{fmt.name}",
        (f"state-dict/{via}", "state-dict/options", "lr-decay/own-counter"),
        params,
        [
            new,
            SetOption("A", 1, "lr", 0.19),
            SetOption("A", 0, "maximize", True),
            Step("A", {**third, "p": None}),
            Save("A", "checkpoint"),
            _other_constructor(new),
            *steps([first, {**second, "r": None}, third], "B"),
            Load("B", "checkpoint", via),
            *steps([fourth, fifth], "B"),
        ],
        note="options of A were changed before; B has taken more steps, with others",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _source_unchanged(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/source-unchanged/{fmt.name}",
        ("state-dict/source-unchanged", "state-dict/options"),
        params,
        [
            new,
            *steps([gradients[1], gradients[2]]),
            Save("A", "live"),
            _other_constructor(new),
            Load("B", "live", "same-object"),
            replace(_other_constructor(new), optimizer="C"),
            Load("C", "live", "same-object"),
            Read("A"),
            Save("C", "again"),
            replace(_other_constructor(new), optimizer="D"),
            Load("D", "again", "bytes"),
            Step("D", gradients[3]),
        ],
        note="A's own dict is loaded twice; C has what A had, as D shows by a step. "
        "D has it from bytes: A, B and C may share their state",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _large_counters(fmt: Format, via: LoadWay) -> Scenario:
    params, new, gradients = _setting(fmt)
    sums = {name: tensor(fmt, [0.9] * t.size, t.shape) for name, t in params.items()}
    counts = {"p": 300, "q": 2047, "r": 1027}
    if fmt != BINARY16:
        counts = {"p": 300, "q": 70_001, "r": 2**20 + 1}
    return scenario(
        f"state-dict/{via}/large-counters/{fmt.name}",
        (f"state-dict/{via}", "lr-decay/own-counter"),
        params,
        [
            new,
            *(SetState("A", name, sums[name], counts[name]) for name in params),
            Save("A", "checkpoint"),
            _other_constructor(new),
            Load("B", "checkpoint", via),
            Step("B", gradients[3]),
        ],
        note="a counter that is cast to a narrow format on its way is rounded here",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _twelve_params(fmt: Format) -> Scenario:
    names = [f"p{i}" for i in range(12)]
    source = rng(f"state-dict/twelve/{fmt.name}")
    params = {name: tensor(fmt, draw(source, 2, 0.3, 2.0)) for name in names}
    first, second = (
        {name: tensor(fmt, draw(source, 2, 0.2, 3.0)) for name in names}
        for _ in range(2)
    )
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"state-dict/bytes/twelve-params/{fmt.name}",
        "state-dict/bytes",
        params,
        [
            optimizer(names, **options),
            Step("A", first),
            Save("A", "checkpoint"),
            optimizer(names, name="B", **options),
            Load("B", "checkpoint", "bytes"),
            Step("B", second),
        ],
        note='as texts, "10" comes before "2"',
    )


def _with_added_group(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    begin = New("A", (Group(("p", "q")),), new.options)
    return scenario(
        f"state-dict/bytes/added-group/{fmt.name}",
        ("state-dict/bytes", "groups/add"),
        params,
        [
            begin,
            Step("A", {name: gradients[1][name] for name in "pq"}),
            AddGroup("A", Group(("r",), {"lr": 0.43})),
            Step("A", gradients[3]),
            Save("A", "checkpoint"),
            New("B", (begin.groups[0], Group(("r",))), {"lr": 0.011}),
            Load("B", "checkpoint", "bytes"),
            Step("B", gradients[4]),
        ],
        note="a group that was added later is saved and restored as any other",
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _twice(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/bytes/twice/{fmt.name}",
        "state-dict/bytes",
        params,
        [
            new,
            Step("A", gradients[1]),
            Save("A", "first"),
            Step("A", gradients[3]),
            Save("A", "second"),
            Load("A", "first", "bytes"),
            ZeroGrad("A", set_to_none=True),
            Step("A", gradients[4]),
            Load("A", "second", "bytes"),
            Step("A", gradients[0]),
        ],
        note="two checkpoints of one run, loaded in turn",
    )


def _option_after_load(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/option-change-after-load/{fmt.name}",
        ("groups/option-change", "state-dict/options"),
        params,
        [
            new,
            Step("A", gradients[1]),
            Save("A", "checkpoint"),
            _other_constructor(new),
            Load("B", "checkpoint", "bytes"),
            SetOption("B", 0, "lr", 0.19),
            *steps([gradients[3], gradients[4]], "B"),
        ],
        flags=(Flag.OTHER_CONSTRUCTOR,),
    )


def _reading(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/reading/{fmt.name}",
        "state-dict/reading",
        params,
        [
            new,
            Read("A"),
            Step("A", gradients[1]),
            SetOption("A", 0, "lr", 0.29),
            Read("A"),
            Save("A", "checkpoint"),
            *steps([gradients[3], gradients[4]]),
        ],
        note="neither looking at the state dict nor saving it changes the run",
    )


def _mismatch(fmt: Format, what: str) -> Scenario:
    params, new, gradients = _setting(fmt)
    if what == "groups":
        groups: tuple[Group, ...] = (Group(("p", "q", "r")),)
    else:
        groups = (Group(("p",)), Group(("q", "r")))
    return scenario(
        f"state-dict/mismatch-of-{what}/{fmt.name}",
        "state-dict/mismatch-refused",
        params,
        [
            new,
            Step("A", gradients[1]),
            Save("A", "checkpoint"),
            New("B", groups, {"lr": 0.37, "eps": 1.7e-3, "lr_decay": 1.9}),
            Step("B", gradients[3]),
            Step("B", gradients[1]),
            Load("B", "checkpoint", "bytes"),
            Step("B", gradients[4]),
        ],
        note="refused, and the optimizer goes on as before with its own counters",
    )


def _independent(fmt: Format) -> Scenario:
    params, new, gradients = _setting(fmt)
    return scenario(
        f"state-dict/independent/{fmt.name}",
        "state-dict/independent",
        params,
        [
            new,
            Step("A", gradients[1]),
            Save("A", "live"),
            _other_constructor(new),
            Load("B", "live", "same-object"),
            Step("B", gradients[3]),
            Step("A", gradients[4]),
        ],
        note="B loads A's own dict and steps; A's S and t must not move with it",
    )
