"""All families, in order: those in the vector files, and those generated for a run."""

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
    none_vs_zero,
    numerics,
    parameters,
    plain,
    sizes,
    sparse,
    special_values,
    state_dict,
    weight_decay,
)

__all__ = ["FAMILIES", "GENERATED", "Family"]


class Family(Protocol):
    """What a family's module has."""

    FAMILY: str
    scenarios: Callable[[], Iterator[Scenario]]


#: In vector files.
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

#: Mostly too large for files: generated anew for each run, always the same.
GENERATED: tuple[Family, ...] = tuple(
    cast(Family, module) for module in (sizes, long_runs, corners, plain)
)
