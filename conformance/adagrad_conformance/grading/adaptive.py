"""Runs that are written while they are played: judged as scenarios, and by a law."""

from __future__ import annotations

from adagrad_conformance.execution.observations import AdaptiveSeen
from adagrad_reference.trajectories import Trajectory

from .case import Case, Terms
from .events.walk import collect
from .failure import Failure, FailureKind

__all__ = ["adaptive_case"]


def adaptive_case(
    seen: AdaptiveSeen, terms: Terms, expected: Trajectory | None
) -> Case:
    """Judged as the scenario that it became, and by its own law."""
    judged = collect(seen.observation, terms, expected)
    case = Case(seen.check, seen.status, seen.message, judged.failures, judged.steps)
    case.margins = judged.margins
    if seen.status:
        return case
    param = next(iter(seen.check.tensors))
    thetas = [
        reading.theta
        for event in seen.observation.events
        for (_, name), reading in event.readings.items()
        if name == param
    ]
    if problem := seen.check.problem(thetas):
        last = len(seen.observation.events) - 1
        case.fail(Failure(FailureKind.LAW, last, observed=problem))
    return case
