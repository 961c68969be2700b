"""Which requirement a failure breaks: that of the event which failed.

A scenario is foremost about one requirement, and may fail before it comes to that.

Rule 1.  A gradient that a step changes, memory written around a param, and a start of S
         have requirements of their own.
Rule 2.  A requirement about a kind of event, its subject, is broken only from the first
         such event on.  What fails before is the algorithm, or the event itself.
Rule 3.  In all other cases it is the foremost one.
Rule 4.  The level of the check stays, but for a step that is refused where g * g
         overflows: an arithmetic that raises instead of going on with infinity gives no
         wrong number, and no document forbids it.  That is `numerics/overflow`, SHOULD.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Mapping
from typing import assert_never

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.requirements.classification import SUBJECTS
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.events import gradients_of
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

from .failure import Failure, FailureKind

__all__ = ["broken_requirement", "failed_level"]

_OVERFLOW = "numerics/overflow"
_GRADIENT = {
    FailureKind.GRADIENT_CHANGED,
    FailureKind.ROWS_CHANGED,
    FailureKind.GRADIENT_MISSING,
    FailureKind.GRADIENT_APPEARED,
}
#: Requirements that say themselves where S starts.
_STARTS = (
    *("*/own-initial-accumulator", "parameters/defaults", "groups/add"),
    *("state-dict/*", "algorithm/initial-accumulator"),
)


def broken_requirement(check: Check, failure: Failure) -> str | None:
    """The id; None for a check that names no requirement."""
    if not check.requirements:
        return None
    first = check.requirements[0]
    if not isinstance(check, Scenario) or failure.event >= len(check.events):
        return first
    event = check.events[failure.event]
    if _traps(event, failure):
        return _OVERFLOW
    match failure.kind:
        case kind if kind in _GRADIENT and isinstance(event, Step | Steps):
            return "gradients/untouched"
        case FailureKind.STORAGE:
            return "layout/strided-param"
        case FailureKind.INITIAL_SUM if not _is_like(first, _STARTS):
            return "algorithm/initial-accumulator"
    if not _is_early(check, first, failure.event):
        return first
    if first == "layout/after-load" and isinstance(event, Step | Steps):
        return "layout/strided-param"
    return _plain(event, failure) or first


def failed_level(check: Check, failure: Failure | None) -> str:
    """The level at which a check fails (rule 4)."""
    if not isinstance(check, Scenario) or not failure or check.level != "MUST":
        return check.level
    inside = failure.event < len(check.events)
    traps = inside and _traps(check.events[failure.event], failure)
    return "SHOULD" if traps else "MUST"


def _traps(event: Event, failure: Failure) -> bool:
    """Whether a step is refused in which the square of a gradient overflows."""
    if failure.kind is not FailureKind.REFUSED or not isinstance(event, Step | Steps):
        return False
    return any(
        isinstance(g, Tensor | Sparse) and _squares_overflow(g)
        for given in gradients_of(event)
        for g in given.values()
    )


def _squares_overflow(gradient: Tensor | Sparse) -> bool:
    values = gradient if isinstance(gradient, Tensor) else gradient.values
    numbers = [abs(values.fmt.decode(bits)) for bits in values.bits]
    finite = max((x for x in numbers if math.isfinite(x)), default=0.0)
    return finite > math.sqrt(values.fmt.largest)


def _is_early(scenario: Scenario, requirement: str, number: int) -> bool:
    """Whether the event comes before the first that the requirement is about."""
    known = REQUIREMENTS.get(requirement)
    subject = known.classification.subject if known else None
    if subject is None:
        return False
    return not any(map(_IS_ABOUT[subject], scenario.events[: number + 1]))


def _plain(event: Event, failure: Failure) -> str | None:
    """What an event breaks that has nothing special to it."""
    if failure.kind is FailureKind.COUNTER:
        return "lr-decay/own-counter"
    match event:
        case Step() | Steps():
            accumulates = failure.kind is FailureKind.SUM
            return "algorithm/accumulator" if accumulates else "algorithm/update"
        case New():
            return "algorithm/all-inputs"
        case AddGroup():
            return "groups/add"
        case SetOption():
            return "groups/option-change"
        case ZeroGrad(set_to_none=to_none):
            return "zero-grad/to-none" if to_none else "zero-grad/to-zero"
        case Read() | Save() | Load() | SetState():
            return None
        case _:
            assert_never(event)


# -- what requirements are about -------------------------------------------------------


def _is(*kinds: type) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, kinds)


def _has_gradient(is_meant: Callable[[object], bool]) -> Callable[[Event], bool]:
    return lambda event: any(
        is_meant(g) for given in gradients_of(event) for g in given.values()
    )


def _is_zero(gradient: object) -> bool:
    """Whether a tensor has nothing but zeros, of either sign."""
    return isinstance(gradient, Tensor) and not any(
        gradient.fmt.decode(bits) for bits in gradient.bits
    )


def _is_like(requirement: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(requirement, pattern) for pattern in patterns)


#: Whether an event is one of a subject (`classification.SUBJECTS`).
_IS_ABOUT: Mapping[str, Callable[[Event], bool]] = {
    "state-dict": _is(Read, Save, Load),
    "add-group": _is(AddGroup),
    "set-option": _is(SetOption),
    "zero-grad": _is(ZeroGrad),
    "zero-gradient": _has_gradient(_is_zero),
    "sparse": _has_gradient(lambda g: isinstance(g, Sparse)),
    "closure": lambda event: isinstance(event, Step) and event.loss is not None,
}
assert set(_IS_ABOUT) == set(SUBJECTS)
