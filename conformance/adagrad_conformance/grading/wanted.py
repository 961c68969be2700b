"""What the flags of a scenario ask of a step beside the box."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.array_exact import used_gradient, zeros_of_theta
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
            overflows = np.square(used_gradient(before)) > before.format.largest
        still = overflows & (new_theta == before.theta)
        _note(case, FailureKind.STILL, step, still, new_theta)
    if Flag.SIGN_WANTED in flags:
        for kind, values, zeros in (
            (FailureKind.SUM_SIGN, new_sum, np.zeros(len(before))),
            (FailureKind.THETA_SIGN, new_theta, zeros_of_theta(before)),
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
