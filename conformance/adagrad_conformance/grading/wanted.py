"""What the flags of a scenario ask of a step beside the box."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adagrad_reference.array_enclosure import StepBatch, setting_columns
from adagrad_reference.flags import Flag

from .case import Case, StepsSeen
from .failure import Failure, FailureKind, Number

__all__ = ["check_wanted"]


def check_wanted(
    case: Case,
    flags: frozenset[Flag],
    step: StepsSeen,
    before: StepBatch,
    new_theta: Any,
    new_sum: Any,
) -> None:
    """Note elements without what the flags ask for; arrays have a value an element."""
    if Flag.FINITE_WANTED in flags:
        bad = ~np.isfinite(new_theta)
        _note(case, FailureKind.NOT_FINITE, step, bad, new_theta)
    if Flag.MOVES_WANTED in flags:
        with np.errstate(over="ignore"):
            overflows = np.square(_used(before)) > before.format.largest
        still = overflows & (new_theta == before.theta)
        _note(case, FailureKind.STILL, step, still, new_theta)
    if Flag.SIGN_WANTED in flags:
        for kind, values, zeros in (
            (FailureKind.SUM_SIGN, new_sum, np.zeros(len(before))),
            (FailureKind.THETA_SIGN, new_theta, _due_zeros(before)),
        ):
            differ = np.signbit(values) != np.signbit(zeros)
            _note(case, kind, step, (values == 0) & (zeros == 0) & differ, values)


def _note(
    case: Case, kind: FailureKind, step: StepsSeen, bad: Any, values: Any
) -> None:
    places = np.flatnonzero(bad)
    if not len(places):
        return
    seen = Number.of(step.format, float(values[places[0]]))
    failure = Failure(kind, step.event, step.optimizer, step.param)
    element, number = step.where(int(places[0]))
    found = replace(failure, element=element, step=number, observed=seen)
    case.fail(replace(found, count=len(places), among=len(values)))


def _used(before: StepBatch) -> Any:
    """The gradient that is used (ALG-9, ALG-5), in binary64."""
    columns = setting_columns(before.settings)
    decay, sign = columns.weight_decay[before.which], columns.sign[before.which]
    g = sign * before.gradient
    with np.errstate(all="ignore"):
        return np.where(decay != 0, g + decay * before.theta, g)


def _due_zeros(before: StepBatch) -> Any:
    """The zero that theta' is where it is one; NaN where both signs are legal.

    Every order of the update, fused or not, gives it the sign of the used gradient:
    so theta - update is a difference of zeros where both are.  Where theta and the
    update are equal and not zero it is +0, as any x - x.  An update that underflows
    may have either sign; where theta is not zero, the scenario's numbers must be such
    that all orders form the update exactly.
    """
    used, theta = _used(before), before.theta
    zeros = np.where(theta == 0, theta - used, 0.0)
    return np.where((theta == 0) & (used != 0), np.nan, zeros)
