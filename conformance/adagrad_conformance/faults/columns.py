"""The elements of steps as columns, for the rules that are tried on them.

A row is one element in one step: what it was before, what the document's line needs,
and what the port made of it.  All values are float64 or wider.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from adagrad_conformance.grading.arrays import decode_array
from adagrad_reference.formats import Format
from adagrad_reference.scenario import Tensor

from .units import Unit

__all__ = ["SLACK", "Columns", "columns_of", "given"]

Array = Any

#: How far what a rule predicts may be off, in ulp at the scale of what is added up.
SLACK = 12.0


@dataclass
class Columns:
    """One entry a row; `unit` is the number of the unit that a row belongs to."""

    unit: Array
    theta: Array
    total: Array
    gradient: Array
    new_theta: Array
    new_total: Array
    t: Array
    lr: Array
    lr_decay: Array
    weight_decay: Array
    eps: Array
    sign: Array  #: of the gradient: -1 to maximize
    tau: Array
    place: Array  #: the position in the param, in row-major order
    size: Array  #: elements of the param
    precision: Array  #: bits of the format's significand
    narrowest: Array  #: the format's smallest positive number
    largest: Array  #: and its largest
    slack: Array  #: how many ulp a rule may be off
    real: Array  #: False for the elements of complex params
    made_lr: Array  #: the constructor's options
    made_lr_decay: Array
    made_weight_decay: Array
    made_eps: Array
    last_gradient: Array  #: of the step before; the gradient where that is not known
    other_gradient: Array  #: of the first other param of that shape; or the gradient
    old_lr: Array  #: the options before they were changed
    old_lr_decay: Array
    old_weight_decay: Array
    old_eps: Array

    def __len__(self) -> int:
        return len(self.unit)

    def take(self, index: Array) -> Columns:
        """Some rows."""
        return Columns(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def but(self, **changes: Array) -> Columns:
        """The same rows with other entries."""
        return Columns(
            **({f.name: getattr(self, f.name) for f in fields(self)} | changes)
        )


def columns_of(units: Sequence[Unit], most: int) -> Columns:
    """The rows of units that took steps: at most `most` a unit, evenly."""
    parts: dict[str, list[Array]] = {f.name: [] for f in fields(Columns)}
    for number, unit in enumerate(units):
        steps = unit.steps
        if steps is None:
            continue
        count = len(steps.gradient)
        chosen = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
        if not count:
            continue
        fmt, width = steps.format, steps.width
        of_sums = steps.sum_format or fmt
        setting = np.array(
            [
                (
                    t, o.lr, o.lr_decay, o.weight_decay, o.eps,
                    -1.0 if o.maximize else 1.0, o.initial_accumulator_value,
                )
                for t, o in steps.settings
            ],
            float,
        )[chosen // width]  # fmt: skip
        places = np.array(steps.places or range(width), int)

        n = len(chosen)
        parts["unit"].append(np.full(n, number))
        parts["theta"].append(_decoded(fmt, steps.theta, chosen))
        parts["total"].append(_decoded(of_sums, steps.state_sum, chosen))
        parts["gradient"].append(_decoded(fmt, steps.gradient, chosen))
        for word in ("last", "other"):
            values = _other_values(unit.features.get(f"{word} gradient"), fmt, count)
            parts[f"{word}_gradient"].append(
                parts["gradient"][-1] if values is None else values[chosen]
            )
        parts["new_theta"].append(_decoded(fmt, steps.new_theta, chosen))
        parts["new_total"].append(_decoded(of_sums, steps.new_sum, chosen))
        for i, name in enumerate(
            ("t", "lr", "lr_decay", "weight_decay", "eps", "sign", "tau")
        ):
            parts[name].append(setting[:, i])
        parts["place"].append(places[chosen % width])
        parts["size"].append(np.full(n, unit.features.get("size", width)))
        parts["precision"].append(np.full(n, fmt.precision))
        parts["narrowest"].append(np.full(n, fmt.smallest_normal))
        parts["largest"].append(np.full(n, fmt.largest))
        parts["slack"].append(np.full(n, SLACK))
        parts["real"].append(np.full(n, not unit.features.get("complex", False)))
        for word in ("made", "old"):
            given = unit.features.get(word, {})
            for i, name in (
                (1, "lr"),
                (2, "lr_decay"),
                (3, "weight_decay"),
                (4, "eps"),
            ):
                values = setting[:, i]
                if name in given:
                    values = np.full(n, float(given[name]))
                parts[f"{word}_{name}"].append(values)
    whole = {name: np.concatenate(p) if p else np.empty(0) for name, p in parts.items()}
    return Columns(**whole)


def _other_values(given: object, fmt: Format, count: int) -> Array | None:
    """The values of another gradient; None where it does not fit."""
    if not isinstance(given, Tensor) or given.format != fmt.name:
        return None
    return np.array(given.values(), float) if len(given.bits) == count else None


def _decoded(fmt: Format, bits: Sequence[int], chosen: Array) -> Array:
    return decode_array(fmt, [bits[i] for i in chosen])


def given(f: Callable[..., Any], *values: Any) -> Callable[[Any], Any]:
    """A function of one argument: `f` with those after the first given."""

    def of_first(first: Any) -> Any:
        return f(first, *values)

    return of_first
