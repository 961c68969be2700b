"""The hyperparameters of the document, their defaults and their legal values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

__all__ = ["OPTION_NAMES", "Options", "illegal_option"]


@dataclass(frozen=True)
class Options:
    """The hyperparameters of one param group; the numbers are binary64.

    The symbols are the document's: `lr` is gamma, `lr_decay` is eta, `weight_decay`
    is lambda, `initial_accumulator_value` is tau, `eps` is epsilon.
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    maximize: bool = False

    def override(self, options: Mapping[str, float | bool]) -> Options:
        """These options with those of a group in their place."""
        return replace(self, **options)  # type: ignore[arg-type]

    def changed(self) -> dict[str, float | bool]:
        """The options that differ from the defaults, by name."""
        return {k: v for k, v in vars(self).items() if v != getattr(Options, k)}


#: The names of the options, in the document's order.
OPTION_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Options))


def illegal_option(
    options: Mapping[str, float | bool], infinite: bool = False
) -> str | None:
    """The reason why a constructor must refuse `options`; None if they are legal.

    Negative and NaN values are illegal (ruling on "Parameters").  Infinite ones may
    be refused or accepted; only with `infinite` they count as illegal.
    """
    for name, value in options.items():
        if name not in OPTION_NAMES:
            return f"unknown option {name!r}"
        if name != "maximize" and not value >= 0:
            return f"{name}={'NaN' if math.isnan(value) else value} is not >= 0"
        if infinite and math.isinf(value):
            return f"{name}={value} is not finite"
    return None
