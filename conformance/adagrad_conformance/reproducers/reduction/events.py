"""Moves that leave something out: events, optimizers, groups, params, options.

Each yields smaller scenarios, the boldest first.  Not all of them are possible; whoever
tries them checks `Limits.allows` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from adagrad_reference.events import vary_gradients, vary_options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
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
    "chunks",
    "fewer_events",
    "fewer_gradients",
    "fewer_groups",
    "fewer_options",
    "fewer_params",
    "fewer_steps",
    "with_event",
]

#: Of more elements or events than these, only the ends are tried.
_LONG = 24
#: Many steps that are no more than these are written as steps of their own.
_FEW = 2


def chunks(length: int) -> Iterator[tuple[int, int]]:
    """(first, end) of what may be left out: long pieces first, each from the end.

    Of what is very long, pieces at its ends alone; first of all everything behind a
    short beginning.
    """
    if length > _LONG:
        keep = 1
        while keep < length:
            yield keep, length
            keep = 2 * keep - (keep > 1)
    size = max(1, length // 2) if length else 0
    while size:
        ends = range(length, 0, -size)
        for end in ends if length <= _LONG else (length, size):
            yield max(0, end - size), end
        size //= 2


def with_event(scenario: Scenario, number: int, *events: Event) -> Scenario:
    """The scenario with other events in the place of one."""
    before, after = scenario.events[:number], scenario.events[number + 1 :]
    return replace(scenario, events=(*before, *events, *after))


def fewer_events(scenario: Scenario) -> Iterator[Scenario]:
    """Without an optimizer, without a save, without some events."""
    events = scenario.events
    for name in dict.fromkeys(event.optimizer for event in events):
        kept = tuple(event for event in events if event.optimizer != name)
        yield replace(scenario, events=kept)
    for name in dict.fromkeys(e.name for e in events if isinstance(e, Save)):
        saves = [e for e in events if isinstance(e, Save | Load) and e.name == name]
        kept = tuple(event for event in events if event not in saves)
        yield replace(scenario, events=kept)
    for first, end in chunks(len(events)):
        yield replace(scenario, events=events[:first] + events[end:])


def fewer_steps(scenario: Scenario) -> Iterator[Scenario]:
    """Many steps become fewer, a cycle becomes shorter, a closure a plain step."""
    for number, event in enumerate(scenario.events):
        if isinstance(event, Step) and event.loss is not None:
            yield with_event(scenario, number, replace(event, loss=None))
        if not isinstance(event, Steps):
            continue
        if event.count <= _FEW:
            given = (event.cycle * event.count)[: event.count]
            steps = [Step(event.optimizer, gradients) for gradients in given]
            yield with_event(scenario, number, *steps)
        for first, end in chunks(event.count):
            if first:
                fewer = replace(event, count=event.count - (end - first))
                yield with_event(scenario, number, fewer)
        for first, end in chunks(len(event.cycle)):
            if end - first < len(event.cycle):
                cycle = event.cycle[:first] + event.cycle[end:]
                yield with_event(scenario, number, replace(event, cycle=cycle))


def fewer_params(scenario: Scenario) -> Iterator[Scenario]:
    """Without one of the params, the last one first."""
    for name in list(scenario.tensors)[::-1]:
        if len(scenario.tensors) > 1:
            yield _without(scenario, name)


def _without(scenario: Scenario, name: str) -> Scenario:
    """Everything but a param; groups that it leaves empty go, and their numbers."""
    tensors = {key: t for key, t in scenario.tensors.items() if key != name}
    places: dict[str, list[int | None]] = {}  #: where each group of old is now
    events: list[Event] = []
    for event in scenario.events:
        mine = places.setdefault(event.optimizer, [])
        match event:
            case New(groups=groups):
                left = [_group_without(group, name) for group in groups]
                places[event.optimizer] = _places(left)
                kept = tuple(group for group in left if group.params)
                if kept:
                    events.append(replace(event, groups=kept))
            case AddGroup(group=group):
                rest = _group_without(group, name)
                taken = sum(place is not None for place in mine)
                mine.append(taken if rest.params else None)
                if rest.params:
                    events.append(replace(event, group=rest))
            case SetOption(group=number):
                now = mine[number] if number < len(mine) else None
                if now is not None:
                    events.append(replace(event, group=now))
            case Step(gradients=gradients):
                events.append(replace(event, gradients=_but(gradients, name)))
            case Steps(cycle=cycle):
                shorter = tuple(_but(gradients, name) for gradients in cycle)
                events.append(replace(event, cycle=shorter))
            case SetState(param=param):
                if param != name:
                    events.append(event)
            case ZeroGrad() | Read() | Save() | Load():
                events.append(event)
            case _:
                assert_never(event)
    return replace(scenario, tensors=tensors, events=tuple(events))


def _group_without(group: Group, name: str) -> Group:
    return replace(group, params=tuple(p for p in group.params if p != name))


def _places(groups: Sequence[Group]) -> list[int | None]:
    taken, places = 0, list[int | None]()
    for group in groups:
        places.append(taken if group.params else None)
        taken += bool(group.params)
    return places


def _but(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def fewer_groups(scenario: Scenario) -> Iterator[Scenario]:
    """One group in the place of several."""
    for number, event in enumerate(scenario.events):
        if isinstance(event, New) and len(event.groups) > 1:
            params = tuple(p for group in event.groups for p in group.params)
            for group in event.groups:
                merged = (replace(group, params=params),)
                yield with_event(scenario, number, replace(event, groups=merged))


def fewer_options(scenario: Scenario) -> Iterator[Scenario]:
    """Without one of the options, of an optimizer or a group."""
    for number, event in enumerate(scenario.events):
        for shorter in vary_options(event, _fewer):
            yield with_event(scenario, number, shorter)


def _fewer(options: OptionValues) -> Iterator[OptionValues]:
    for name in options:
        yield _but(options, name)


def fewer_gradients(scenario: Scenario) -> Iterator[Scenario]:
    """A gradient less: the one before stays, or there is none."""
    for number, event in enumerate(scenario.events):
        for fewer in vary_gradients(event, _fewer_given):
            yield with_event(scenario, number, fewer)


def _fewer_given(gradients: Mapping[str, Gradient]) -> Iterator[dict[str, Gradient]]:
    for name, gradient in gradients.items():
        yield _but(gradients, name)
        if gradient is not None:
            yield {**gradients, name: None}
