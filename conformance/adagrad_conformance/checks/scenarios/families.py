"""The families of scenarios: those in vector files, and those generated for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast

from adagrad_reference.scenario import Scenario

from . import (
    algorithm,
    complex,
    corners,
    groups,
    layout,
    long_runs,
    lr_decay,
    maximize,
    meetings,
    none_vs_zero,
    numerics,
    odd_moments,
    parameters,
    plain,
    repeated_events,
    sizes,
    sparse,
    special_numbers,
    special_values,
    state_dict,
    weight_decay,
)

__all__ = ["FAMILIES", "GENERATED", "Family"]


class Family(Protocol):
    """The module of a family: its name, with which all ids begin, and its scenarios."""

    FAMILY: str
    scenarios: Callable[[], Iterator[Scenario]]


#: The families in vector files, in the order of the manifest.
FAMILIES: tuple[Family, ...] = tuple(
    cast(Family, module)
    for module in (
        algorithm,
        lr_decay,
        weight_decay,
        maximize,
        none_vs_zero,
        parameters,
        groups,
        state_dict,
        layout,
        special_values,
        numerics,
        sparse,
        complex,
    )
)

#: The families that each run generates, the same every time: most are too large for
#: files.
GENERATED: tuple[Family, ...] = tuple(
    cast(Family, module)
    for module in (
        sizes,
        long_runs,
        corners,
        plain,
        repeated_events,
        special_numbers,
        odd_moments,
        meetings,
    )
)
