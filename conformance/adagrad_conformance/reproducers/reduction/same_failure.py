"""When a smaller scenario shows the same fault.

That is: the same status, kind of event, kind of failure and sort of value observed (a
number, an infinity, NaN).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.failure import Failure, FailureKind, Number, Value
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.scenario import (
    Steps,
)

__all__ = ["Fault", "failing_event", "fault", "without_numbers"]


@dataclass(frozen=True)
class Fault:
    """What a smaller scenario must share with the one that failed."""

    status: Status
    event: str  #: the kind of the event at fault
    complaint: str  #: the kind of failure, or how the port broke off
    value: str  #: the sort of value observed


def fault(seen: Observation, verdict: Verdict) -> Fault:
    """The fault of a failed scenario (rule 1)."""
    number = failing_event(seen, verdict)
    kind = "begin"
    if number < len(seen.scenario.events):
        event = seen.scenario.events[number]
        kind = "Step" if isinstance(event, Steps) else type(event).__name__
    failure = verdict.failure if verdict.status is Status.FAIL else None
    if failure is None:
        return Fault(verdict.status, kind, _trouble(verdict.message), "")
    return Fault(verdict.status, kind, _complaint(failure), _sort(failure.observed))


def failing_event(seen: Observation, verdict: Verdict) -> int:
    """The number of the event that failed, or in which the port broke off."""
    if verdict.status is Status.FAIL and verdict.failure is not None:
        return verdict.failure.event
    return len(seen.events)


def _complaint(failure: Failure) -> str:
    """The kind of failure, with what separates several faults of one kind."""
    match failure.kind:
        case FailureKind.CALLS:
            return f"{failure.kind} {failure.observed}"
        case FailureKind.REFUSED:  # the port's own words, of which the first names it
            words = re.match(r"\w+", str(failure.observed))
            return f"{failure.kind} {words.group() if words else ''}"
        case FailureKind.ACCEPTED:
            return f"{failure.kind} {without_numbers(str(failure.due))}"
    return failure.kind


def without_numbers(text: str) -> str:
    """The text with `#` in the place of each number."""
    return re.sub(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", text)


def _trouble(message: str) -> str:
    """How the port broke off: in its own words, the exception's name or the signal."""
    lines = message.strip().splitlines() or [""]
    if lines[0].startswith("the process ended"):
        return lines[0]
    name = re.match(r"[\w.]+(?=:|$)", lines[-1])
    return name.group() if name else re.sub(r"\d+", "#", lines[-1])


def _sort(observed: Value) -> str:
    value = observed.value if isinstance(observed, Number) else observed
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "infinity"
    return type(value).__name__
