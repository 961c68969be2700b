"""A scenario as a torch port with limits of its own plays it, for its scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    New,
    OptionValues,
    Scenario,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
)

__all__ = ["as_tables", "without_options"]


def without_options(scenario: Scenario, names: frozenset[str]) -> Scenario:
    """The scenario with these options left out, which are the port's constants."""

    def rest(options: OptionValues) -> OptionValues:
        return {name: value for name, value in options.items() if name not in names}

    def changed(event: Event) -> Event:
        if isinstance(event, New):
            groups = tuple(Group(g.params, rest(g.options)) for g in event.groups)
            return replace(event, groups=groups, options=rest(event.options))
        if isinstance(event, AddGroup):
            group = Group(event.group.params, rest(event.group.options))
            return replace(event, group=group)
        return event

    return replace(scenario, events=tuple(map(changed, scenario.events)))


def as_tables(scenario: Scenario) -> Scenario:
    """The scenario with all params as tables: a row for each index of the first
    dimension."""

    def table(tensor: Any) -> Any:
        if tensor is None:
            return None
        first, *others = tensor.shape or (1,)
        found = replace(tensor, shape=(first, prod(others)))
        if isinstance(found, Sparse):
            found = replace(found, values=table(found.values))
        return found

    def tables(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: table(tensor) for name, tensor in given.items()}

    def changed(event: Event) -> Event:
        if isinstance(event, Step):
            return replace(event, gradients=tables(event.gradients))
        if isinstance(event, Steps):
            return replace(event, cycle=tuple(map(tables, event.cycle)))
        if isinstance(event, SetState):
            total: Tensor = table(event.state_sum)
            return replace(event, state_sum=total)
        return event

    events = tuple(map(changed, scenario.events))
    return replace(scenario, tensors=tables(scenario.tensors), events=events)
