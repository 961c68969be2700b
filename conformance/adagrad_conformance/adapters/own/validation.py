"""The refusals that all ports of this folder have in common."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["OPTIONS", "check_counter", "check_options", "check_sizes", "entry"]

Group = dict[str, Any]

NUMBERS = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
OPTIONS = (*NUMBERS, "maximize")


def entry(saved: Group, name: str) -> Any:
    """saved[name]; raises ValueError where it is missing."""
    if name not in saved:
        raise ValueError(f"{name!r} is missing")
    return saved[name]


def check_options(options: Group) -> None:
    """Raise ValueError for an option that is missing, negative, infinite or NaN."""
    for name in OPTIONS:
        value = entry(options, name)
        if name in NUMBERS and not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {value}")


def check_sizes(groups: list[Group], saved: list[Group]) -> None:
    """Raise ValueError where saved groups do not fit in number, params or options."""
    sizes = [len(group["params"]) for group in groups]
    if [len(entry(group, "params")) for group in saved] != sizes:
        raise ValueError(f"the state dict does not have groups of {sizes} params")
    for group in saved:
        check_options(group)


def check_counter(saved: Any, key: object) -> int:
    """A saved step counter (int, float or tensor) as int; ValueError if it is none."""
    t = float(saved)
    if not (t >= 0 and t.is_integer()):
        raise ValueError(f"the step of param {key} is not a count: {t}")
    return int(saved)
