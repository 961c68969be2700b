"""Walks over events: what an event brings, and the event with that changed.

The kinds of events are matched here, so that code which only wants options, gradients
or tensors is right for every kind, also for a new one.

Rule 1.  What an event brings is listed in the order of its fields.
Rule 2.  A change keeps the kind, and all names but in `map_names`.
Rule 3.  Every match ends in `assert_never`: the type checker names each function that
         a new kind of event has been forgotten in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from .scenario import (
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
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

__all__ = [
    "changes_state",
    "gradients_of",
    "groups_of",
    "map_events",
    "map_gradients",
    "map_names",
    "map_options",
    "map_tensors",
    "number_of_steps",
    "options_of",
    "tensors_of",
    "vary_gradients",
    "vary_options",
]

Gradients = Mapping[str, Gradient]


# -- what an event brings --------------------------------------------------------------


def groups_of(event: Event) -> tuple[Group, ...]:
    """The param groups that an event makes."""
    match event:
        case New(groups=groups):
            return groups
        case AddGroup(group=group):
            return (group,)
        case Step() | Steps() | SetOption() | ZeroGrad() | Read() | Save():
            return ()
        case Load() | SetState():
            return ()
        case _:
            assert_never(event)


def options_of(event: Event) -> tuple[OptionValues, ...]:
    """The sets of options that an event names: defaults, then those of each group."""
    match event:
        case New(options=options):
            return (options, *(group.options for group in event.groups))
        case AddGroup(group=group):
            return (group.options,)
        case SetOption(option=option, value=value):
            return ({option: value},)
        case Step() | Steps() | ZeroGrad() | Read() | Save() | Load() | SetState():
            return ()
        case _:
            assert_never(event)


def gradients_of(event: Event) -> tuple[Gradients, ...]:
    """The sets of gradients that an event brings, each by the name of the param."""
    match event:
        case Step(gradients=gradients):
            return (gradients,)
        case Steps(cycle=cycle):
            return cycle
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save():
            return ()
        case Load() | SetState():
            return ()
        case _:
            assert_never(event)


def tensors_of(event: Event) -> Iterator[Tensor]:
    """The tensors of an event: gradients, of sparse ones the values, and states."""
    match event:
        case Step() | Steps():
            for gradients in gradients_of(event):
                for gradient in gradients.values():
                    if isinstance(gradient, Sparse):
                        yield gradient.values
                    elif gradient is not None:
                        yield gradient
        case SetState(state_sum=total):
            yield total
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save() | Load():
            pass
        case _:
            assert_never(event)


def number_of_steps(event: Event) -> int:
    """How many steps an event takes."""
    match event:
        case Step():
            return 1
        case Steps(count=count):
            return count
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save():
            return 0
        case Load() | SetState():
            return 0
        case _:
            assert_never(event)


def changes_state(event: Event) -> bool:
    """Whether the optimizer's state dict can be another after an event.

    If it can, a live state dict that was saved before is no longer what it was.  `New`
    makes another optimizer, and leaves the state dict of the one before as it is.
    """
    match event:
        case Step() | Steps() | SetOption() | AddGroup() | Load() | SetState():
            return True
        case New() | ZeroGrad() | Read() | Save():
            return False
        case _:
            assert_never(event)


# -- the event with that changed -------------------------------------------------------


def map_events(scenario: Scenario, change: Callable[[Event], Event]) -> Scenario:
    """The scenario with every event changed."""
    return replace(scenario, events=tuple(map(change, scenario.events)))


def map_options(event: Event, change: Callable[[OptionValues], OptionValues]) -> Event:
    """The event with each set of its options changed.

    The option of a `SetOption` is a set of one; without it the event stays as it is.
    """
    match event:
        case New(groups=groups, options=options):
            changed = tuple(replace(g, options=change(g.options)) for g in groups)
            return replace(event, groups=changed, options=change(options))
        case AddGroup(group=group):
            return replace(event, group=replace(group, options=change(group.options)))
        case SetOption(option=option, value=value):
            return replace(event, value=change({option: value}).get(option, value))
        case Step() | Steps() | ZeroGrad() | Read() | Save() | Load() | SetState():
            return event
        case _:
            assert_never(event)


def vary_options(
    event: Event, vary: Callable[[OptionValues], Iterable[OptionValues]]
) -> Iterator[Event]:
    """The event with one set of its options replaced, by each of its variants.

    A variant of a `SetOption` must hold its option; others are passed over.
    """
    match event:
        case New(groups=groups, options=options):
            for other in vary(options):
                yield replace(event, options=other)
            for i, group in enumerate(groups):
                for other in vary(group.options):
                    changed = replace(group, options=other)
                    listed = (*groups[:i], changed, *groups[i + 1 :])
                    yield replace(event, groups=listed)
        case AddGroup(group=group):
            for other in vary(group.options):
                yield replace(event, group=replace(group, options=other))
        case SetOption(option=option, value=value):
            for other in vary({option: value}):
                if option in other:
                    yield replace(event, value=other[option])
        case Step() | Steps() | ZeroGrad() | Read() | Save() | Load() | SetState():
            pass
        case _:
            assert_never(event)


def map_gradients(event: Event, change: Callable[[Gradients], Gradients]) -> Event:
    """The event with each set of its gradients changed."""
    match event:
        case Step(gradients=gradients):
            return replace(event, gradients=change(gradients))
        case Steps(cycle=cycle):
            return replace(event, cycle=tuple(map(change, cycle)))
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save():
            return event
        case Load() | SetState():
            return event
        case _:
            assert_never(event)


def vary_gradients(
    event: Event, vary: Callable[[Gradients], Iterable[Gradients]]
) -> Iterator[Event]:
    """The event with one set of its gradients replaced, by each of its variants."""
    match event:
        case Step(gradients=gradients):
            for other in vary(gradients):
                yield replace(event, gradients=other)
        case Steps(cycle=cycle):
            for i, gradients in enumerate(cycle):
                for other in vary(gradients):
                    yield replace(event, cycle=(*cycle[:i], other, *cycle[i + 1 :]))
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save():
            pass
        case Load() | SetState():
            pass
        case _:
            assert_never(event)


def map_tensors(
    event: Event,
    change: Callable[[str, Tensor], Tensor],
    change_rows: Callable[[str, Sparse], Sparse] | None = None,
) -> Event:
    """The event with every tensor changed; `change` takes the param's name and it.

    A sparse gradient is changed in its values, or as a whole by `change_rows`.
    """

    def one(name: str, gradient: Gradient) -> Gradient:
        if isinstance(gradient, Sparse):
            if change_rows is not None:
                return change_rows(name, gradient)
            return replace(gradient, values=change(name, gradient.values))
        return None if gradient is None else change(name, gradient)

    match event:
        case Step() | Steps():
            return map_gradients(
                event, lambda given: {name: one(name, g) for name, g in given.items()}
            )
        case SetState(param=param, state_sum=total):
            return replace(event, state_sum=change(param, total))
        case New() | SetOption() | AddGroup() | ZeroGrad() | Read() | Save() | Load():
            return event
        case _:
            assert_never(event)


def map_names(
    event: Event,
    optimizer: Callable[[str], str],
    param: Callable[[str], str],
    save: Callable[[str], str],
) -> Event:
    """The event with every name of an optimizer, a param or a save changed."""

    def group(old: Group) -> Group:
        return replace(old, params=tuple(map(param, old.params)))

    def gradients(old: Gradients) -> Gradients:
        return {param(name): gradient for name, gradient in old.items()}

    event = replace(event, optimizer=optimizer(event.optimizer))
    match event:
        case New(groups=groups):
            return replace(event, groups=tuple(map(group, groups)))
        case AddGroup():
            return replace(event, group=group(event.group))
        case Step() | Steps():
            return map_gradients(event, gradients)
        case SetState():
            return replace(event, param=param(event.param))
        case Save(name=name) | Load(name=name):
            return replace(event, name=save(name))
        case SetOption() | ZeroGrad() | Read():
            return event
        case _:
            assert_never(event)
