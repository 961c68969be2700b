"""A scenario as a torch port with limits of its own plays it, for its scripts."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from adagrad_reference.events import map_events, map_options, map_tensors
from adagrad_reference.scenario import (
    OptionValues,
    Scenario,
    Sparse,
    Tensor,
)

__all__ = ["as_tables", "without_options"]


def without_options(scenario: Scenario, names: frozenset[str]) -> Scenario:
    """The scenario with these options left out, which are the port's constants."""

    def rest(options: OptionValues) -> OptionValues:
        return {name: value for name, value in options.items() if name not in names}

    return map_events(scenario, lambda event: map_options(event, rest))


def as_tables(scenario: Scenario) -> Scenario:
    """The scenario with all params as tables: a row for each index of the first
    dimension."""

    def table(tensor: Tensor) -> Tensor:
        return replace(tensor, shape=_as_table(tensor.shape))

    def rows(sparse: Sparse) -> Sparse:
        return Sparse(_as_table(sparse.shape), sparse.indices, table(sparse.values))

    tables = map_events(
        scenario,
        lambda event: map_tensors(
            event, lambda _, tensor: table(tensor), lambda _, sparse: rows(sparse)
        ),
    )
    params = {name: table(tensor) for name, tensor in scenario.tensors.items()}
    return replace(tables, tensors=params)


def _as_table(shape: tuple[int, ...]) -> tuple[int, int]:
    first, *others = shape or (1,)
    return first, prod(others)
