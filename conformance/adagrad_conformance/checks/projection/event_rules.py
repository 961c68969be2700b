"""Projections that change events: options, groups, loads, closures, refusals.

Every function takes a scenario and returns it changed, or None where nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import assert_never

from adagrad_conformance.checks.scenarios.builders import usual_options
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.events import map_events, map_options
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    Load,
    LoadWay,
    New,
    OptionValues,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    ZeroGrad,
)

__all__ = [
    "MANY",
    "added_at_once",
    "explicit_defaults",
    "in_one_group",
    "loaded_otherwise",
    "one_by_one",
    "with_constant",
    "without",
    "without_closures",
    "without_empty_steps",
    "without_lr_decay",
    "without_option",
    "without_refusals",
    "without_zeros",
]

#: The most steps into which one event of many steps is cut.
MANY = 130

#: Counters below this are numbers of every format.
_SMALL = 97

#: The ways of loading that may take another's place: a live state dict may not, since
#: it goes on changing.
_WAYS: tuple[LoadWay, ...] = ("deepcopy", "bytes", "new-process")


def without(*kinds: type) -> Callable[[Scenario], Scenario]:
    """The rule that leaves out all events of some kinds."""

    def left(scenario: Scenario) -> Scenario:
        kept = tuple(e for e in scenario.events if not isinstance(e, kinds))
        return replace(scenario, events=kept)

    return left


def with_changes_of_lr(scenario: Scenario) -> Scenario:
    """Changes of other options left out."""
    kept = (
        e for e in scenario.events if not isinstance(e, SetOption) or e.option == "lr"
    )
    return replace(scenario, events=tuple(kept))


# -- options ---------------------------------------------------------------------------


def without_option(name: str, scenario: Scenario) -> Scenario:
    """An option left out wherever it is named."""

    def rest(options: OptionValues) -> OptionValues:
        return {key: value for key, value in options.items() if key != name}

    kept = [
        event
        for event in scenario.events
        if not (isinstance(event, SetOption) and event.option == name)
    ]
    events = tuple(map_options(event, rest) for event in kept)
    return replace(scenario, events=events)


def without_lr_decay(scenario: Scenario) -> Scenario:
    """lr_decay left out, and written counters small.

    A counter on which nothing depends may be kept in any format.
    """

    def small(event: Event) -> Event:
        return (
            replace(event, t=event.t % _SMALL) if isinstance(event, SetState) else event
        )

    return map_events(without_option("lr_decay", scenario), small)


def with_constant(name: str, value: float, scenario: Scenario) -> Scenario:
    """An option at the one value that the port has."""
    plain = without_option(name, scenario)

    def fixed(event: Event) -> Event:
        if not isinstance(event, New):
            return event
        return replace(event, options={**event.options, name: value})

    return map_events(plain, fixed)


def without_zeros(name: str, scenario: Scenario) -> Scenario:
    """An ordinary value wherever an option is 0; tau is left out there."""
    fmt = next(iter(scenario.tensors.values())).fmt
    usual = usual_options(fmt).get(name)

    def ordinary(options: OptionValues) -> OptionValues:
        if options.get(name, 1) != 0:
            return options
        rest = {key: value for key, value in options.items() if key != name}
        return rest if usual is None else {**rest, name: usual}

    kept = tuple(map_options(event, ordinary) for event in scenario.events)
    if usual is None:
        kept = tuple(
            event
            for event in kept
            if not (
                isinstance(event, SetOption)
                and event.option == name
                and event.value == 0
            )
        )
    return replace(scenario, events=kept)


def explicit_defaults(scenario: Scenario) -> Scenario:
    """lr and eps as the document has them, wherever a constructor leaves them out."""
    known = Options()

    def whole(event: Event) -> Event:
        if not isinstance(event, New):
            return event
        options = {"lr": known.lr, "eps": known.eps, **event.options}
        return replace(event, options=options)

    return map_events(scenario, whole)


# -- groups ----------------------------------------------------------------------------


def in_one_group(scenario: Scenario) -> Scenario:
    """All params of a constructor in one group, with the options of the first."""
    sizes: dict[str, int] = {}

    def merged(event: Event) -> Event:
        match event:
            case New(name, groups, options):
                sizes[name] = len(groups)
                params = tuple(p for group in groups for p in group.params)
                first = dict(groups[0].options)
                return replace(
                    event, groups=(Group(params),), options={**options, **first}
                )
            case SetOption(name, number):
                return replace(event, group=max(0, number - sizes.get(name, 1) + 1))
            case Step() | Steps() | AddGroup() | ZeroGrad() | Read() | Save():
                return event
            case Load() | SetState():
                return event
            case _:
                assert_never(event)

    return map_events(scenario, merged)


def added_at_once(scenario: Scenario) -> Scenario | None:
    """The params of a later group in the constructor, as a group of their own."""
    events = list(scenario.events)
    while added := next((e for e in events if isinstance(e, AddGroup)), None):
        place = events.index(added)
        made = [
            number
            for number, event in enumerate(events[:place])
            if isinstance(event, New) and event.optimizer == added.optimizer
        ]
        if not made:
            return None
        new = events[made[-1]]
        assert isinstance(new, New)
        events[made[-1]] = replace(new, groups=(*new.groups, added.group))
        del events[place]
    return replace(scenario, events=tuple(events))


# -- saves and loads -------------------------------------------------------------------


def loaded_otherwise(
    way: LoadWay, gone: Collection[str], scenario: Scenario
) -> Scenario:
    """Another way of loading; none at all where `gone` has the claims of all ways."""
    other = next((w for w in _WAYS if w != way and f"load-{w}" not in gone), None)

    def changed(event: Event) -> Event | None:
        if not isinstance(event, Load) or event.via != way:
            return event
        return None if other is None else replace(event, via=other)

    events = [new for event in scenario.events if (new := changed(event)) is not None]
    return replace(scenario, events=tuple(events))


# -- steps -----------------------------------------------------------------------------


def without_closures(scenario: Scenario) -> Scenario:
    """Steps with their gradients given beforehand."""

    def plain(event: Event) -> Event:
        return replace(event, loss=None) if isinstance(event, Step) else event

    return map_events(scenario, plain)


def one_by_one(scenario: Scenario) -> Scenario:
    """Many steps of one event as events of their own, at most `MANY` of them."""
    events: list[Event] = []
    for event in scenario.events:
        if not isinstance(event, Steps):
            events.append(event)
            continue
        for number in range(min(event.count, MANY)):
            gradients = event.cycle[number % len(event.cycle)]
            events.append(Step(event.optimizer, gradients))
    return replace(scenario, events=tuple(events))


def without_refusals(scenario: Scenario) -> Scenario:
    """The events that are not refused."""
    books, kept = Bookkeeper(scenario), []
    for event in scenario.events:
        if not books.apply(event).refusal:
            kept.append(event)
    return replace(scenario, events=tuple(kept))


def without_empty_steps(scenario: Scenario) -> Scenario:
    """The steps in which some param has a gradient."""
    books, kept = Bookkeeper(scenario), []
    for event in scenario.events:
        effect = books.apply(event)
        taken = effect.updates or (effect.runs and all(effect.runs))
        if not isinstance(event, Step | Steps) or taken or effect.refusal:
            kept.append(event)
    return replace(scenario, events=tuple(kept))


#: The rules that leave out whole kinds of events.
WITHOUT_SAVES = without(Save, Load, Read)
WITHOUT_ZERO_GRAD = without(ZeroGrad)
WITHOUT_CHANGES = without(SetOption)
__all__ += ["WITHOUT_CHANGES", "WITHOUT_SAVES", "WITHOUT_ZERO_GRAD"]
