"""A scenario as a torch port with limits of its own plays it, for its scripts."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from adagrad_reference.events import map_events, map_options, map_tensors
from adagrad_reference.scenario import OptionValues, Scenario, Sparse, Tensor

__all__ = ["as_tables", "without_options"]


def without_options(scenario: Scenario, names: frozenset[str]) -> Scenario:
    """The scenario with these options left out, which are the port's constants."""

    def rest(options: OptionValues) -> OptionValues:
        return {name: value for name, value in options.items() if name not in names}

    return map_events(scenario, lambda event: map_options(event, rest))


def as_tables(scenario: Scenario) -> Scenario:
    """The scenario with all params as tables: a row for each index of the first
    dimension."""
    tensors = {name: _table(name, tensor) for name, tensor in scenario.tensors.items()}
    tables = map_events(scenario, lambda event: map_tensors(event, _table, _rows))
    return replace(tables, tensors=tensors)


def _shape(shape: tuple[int, ...]) -> tuple[int, int]:
    first, *others = shape or (1,)
    return first, prod(others)


def _table(name: str, tensor: Tensor) -> Tensor:
    del name  # the same for every param
    return replace(tensor, shape=_shape(tensor.shape))


def _rows(name: str, gradient: Sparse) -> Sparse:
    values = _table(name, gradient.values)
    return replace(gradient, shape=_shape(gradient.shape), values=values)
