"""What a script asserts: where it looks after the last event, and what is due there.

Rule 1.  A number is held to the box along the whole trajectory, which holds whatever a
         right port can have by then.  Only where the port's value lies in that box too
         it is held to the one from the port's own state before the step.
Rule 2.  Where the fault is an exception, nothing is asserted: the script ends by it.
Rule 3.  A fault in an event of many steps is looked at right behind the step at fault:
         the event then has no later steps (`reduction.cut_short`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from adagrad_conformance.adapters.contract import WrongMembers
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.events.binary32_view import as_binary32
from adagrad_conformance.grading.failure import (
    Failure,
    FailureKind,
    Number,
    Quantity,
    Span,
)
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.boxes import Box, Comparison
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.expectations import play
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.scenario import Scenario, Step, Steps, Tensor
from adagrad_reference.sparse import exact_elements

from .literals import python_literal

__all__ = [
    "WITHOUT_SCENARIO",
    "Assertion",
    "Look",
    "assertion_of",
    "condition",
    "in_words",
]


class Look(StrEnum):
    """What a script looks at after the last event."""

    THETA = "theta"
    MASTER = "master"
    SUM = "S"
    COUNTER = "t"
    GRADIENT = "gradient"
    ROWS = "rows"  #: of a sparse gradient
    STORAGE = "storage"
    STATE = "state"  #: whether there is an accumulator
    MASTER_STATE = "master-state"  #: whether there is a master
    CALLS = "calls"  #: how often the closure was called
    ASKED = "asked"  #: the param at the closure's call
    LOSS = "loss"
    MEMBERS = "members"  #: how many params the optimizer has
    REFUSAL = "refusal"


#: What is one number, or None, and not one of many elements.
_COUNTS = (Look.COUNTER, Look.CALLS, Look.LOSS, Look.MEMBERS)

#: The array that a failure is seen in -> what a script looks at.
_LOOKS: Mapping[Quantity, Look] = {
    Quantity.THETA: Look.THETA,
    Quantity.SUM: Look.SUM,
    Quantity.MASTER: Look.MASTER,
    Quantity.GRADIENT: Look.GRADIENT,
}

#: Failures of checks that are no scenario, of which no script is written.
WITHOUT_SCENARIO = frozenset(
    {
        FailureKind.OTHER_THETA,
        FailureKind.OTHER_SUM,
        FailureKind.OTHER_COUNTER,
        FailureKind.NATIVE,
        FailureKind.LAW,
    }
)


@dataclass(frozen=True)
class Assertion:
    """What must be seen of a param under an optimizer, after the last event."""

    what: Look
    optimizer: str = ""
    param: str = ""
    element: int = 0
    box: Box | None = None  #: of a number
    exact: str | None = None  #: the text of what is due, where no box says it
    still: float | None = None  #: what the number must not be
    values: tuple[float, ...] = ()  #: of all elements
    own: bool = False  #: the box is that from the port's own state

    @property
    def place(self) -> str:
        """What is looked at, as messages name it: `p[3]`, `p[3] S`, `p counter`."""
        whole = self.what in _COUNTS or bool(self.values)
        index = "" if whole else f"[{self.element}]"
        names = {Look.THETA: "", Look.COUNTER: " counter"}
        return f"{self.param}{index}{names.get(self.what, f' {self.what}')}".strip()


def assertion_of(
    seen: Observation,
    verdict: Verdict,
    dialect: Dialect = DOCUMENT,
    masters: bool = False,
) -> Assertion | None:
    """What is due where the verdict saw something else; None: see rule 2.

    `dialect` is that of the verdict; with `masters` (the claim `master-weights`) the
    verdict is one on binary32 (binary32_view.py).
    """
    if isinstance(verdict.detail, WrongMembers):
        who = seen.scenario.events[len(seen.events)].optimizer
        return Assertion(Look.MEMBERS, who, exact=str(len(verdict.detail.expected)))
    failure = verdict.failure
    if verdict.status is not Status.FAIL or failure is None:
        return None
    if masters:
        seen = as_binary32(seen)
    if failure.kind in _HELD_TO_BOXES:
        carried = None if masters else _carried(seen.scenario, failure, dialect)
        return _boxed(failure, _stepped(seen, failure, masters), carried)
    return _BUILDERS[failure.kind](seen, failure, masters)


def _at(failure: Failure, what: Look) -> Assertion:
    """An assertion at the failure's place, yet without what is due."""
    element = failure.element or 0
    return Assertion(what, failure.optimizer, failure.param or "", element)


#: Makes the assertion of a failure; the flag is the claim `master-weights`.
_Builder = Callable[[Observation, Failure, bool], Assertion | None]


def _nothing(seen: Observation, failure: Failure, masters: bool) -> None:
    return None


def _present(what: Look, exact: str | None = None) -> _Builder:
    """Something is there, or not; `exact` says which, where both can be due."""
    return lambda seen, failure, masters: replace(_at(failure, what), exact=exact)


def _counted(what: Look) -> _Builder:
    """A count, a loss or a reason, due as its text."""
    return lambda seen, failure, masters: replace(
        _at(failure, what), exact=str(failure.due)
    )


def _kept(what: Look) -> _Builder:
    """A number that is due exactly."""
    return lambda seen, failure, masters: _exactly(_at(failure, what), failure.due)


def _asked(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    values = tuple(_theta_before(seen, failure).values())
    return replace(_at(failure, Look.ASKED), values=values)


def _rows(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    return replace(_at(failure, Look.ROWS), values=_dense(seen, failure))


def _finite(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    assert isinstance(failure.observed, Number)
    most = failure.observed.fmt.largest
    return replace(_stepped(seen, failure, masters), box=Box(-most, most))


def _moving(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    assert isinstance(failure.observed, Number)
    return replace(_stepped(seen, failure, masters), still=failure.observed.value)


def _other_zero(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    assert isinstance(failure.observed, Number)
    text = str(-failure.observed.value)
    return replace(_stepped(seen, failure, masters), exact=text)


#: Every kind but those that are held to boxes.
_BUILDERS: Mapping[FailureKind, _Builder] = {
    FailureKind.ACCEPTED: _counted(Look.REFUSAL),
    FailureKind.REFUSED: _nothing,
    FailureKind.CALLS: _counted(Look.CALLS),
    FailureKind.CLOSURE_PARAM: _asked,
    FailureKind.LOSS: _counted(Look.LOSS),
    FailureKind.STATE_MISSING: _present(Look.STATE),
    FailureKind.COUNTER: _counted(Look.COUNTER),
    FailureKind.NOT_FINITE: _finite,
    FailureKind.STILL: _moving,
    FailureKind.THETA_SIGN: _other_zero,
    FailureKind.SUM_SIGN: _other_zero,
    FailureKind.THETA_CHANGED: _kept(Look.THETA),
    FailureKind.SUM_CHANGED: _kept(Look.SUM),
    FailureKind.MASTER_CHANGED: _kept(Look.MASTER),
    FailureKind.GRADIENT_CHANGED: _kept(Look.GRADIENT),
    FailureKind.ROWS_CHANGED: _rows,
    FailureKind.GRADIENT_MISSING: _present(Look.GRADIENT, "a tensor"),
    FailureKind.GRADIENT_APPEARED: _present(Look.GRADIENT, "None"),
    FailureKind.STORAGE: _kept(Look.STORAGE),
    FailureKind.MASTER_MISSING: _present(Look.MASTER_STATE),
    FailureKind.MASTER_ROUNDING: _kept(Look.THETA),
    **dict.fromkeys(WITHOUT_SCENARIO, _nothing),
}
_HELD_TO_BOXES = (FailureKind.THETA, FailureKind.SUM, FailureKind.INITIAL_SUM)

assert set(_BUILDERS) | set(_HELD_TO_BOXES) == set(FailureKind), "a kind is forgotten"


def _stepped(seen: Observation, failure: Failure, masters: bool) -> Assertion:
    """At the array that was stepped: the master where the port has one."""
    assert failure.quantity is not None
    look = _LOOKS[failure.quantity]
    place = (failure.optimizer, failure.param or "")
    reading = seen.events[failure.event].readings.get(place)
    has_master = masters and reading is not None and reading.master is not None
    return _at(failure, Look.MASTER if look is Look.THETA and has_master else look)


def _exactly(found: Assertion, due: object) -> Assertion:
    """Equal to a number; by its text where equality is blind (NaN, a zero's sign)."""
    assert isinstance(due, Number)
    value = due.value
    text = str(value) if value == 0 or math.isnan(value) else None
    return replace(found, box=Box(value, value), exact=text)


def _boxed(failure: Failure, found: Assertion, carried: Box | None) -> Assertion:
    """In the box along the trajectory, or that from the port's own state (rule 1)."""
    assert isinstance(failure.observed, Number)
    if carried is not None and not carried.holds(failure.observed.value):
        return replace(found, box=carried)
    if isinstance(failure.due, Span):
        return replace(found, box=failure.due.box, own=True)
    assert isinstance(failure.due, Number)
    return replace(found, box=Box.of(failure.due.value), own=True)


def _carried(scenario: Scenario, failure: Failure, dialect: Dialect) -> Box | None:
    """The box along the trajectory; None where no event's boxes are computed."""
    if any(isinstance(event, Steps) for event in scenario.events):
        return None
    events = play(scenario, fast=True, dialect=dialect)
    shown = events[failure.event].params.get(failure.param or "")
    if shown is None:
        return None
    boxes = shown.state_sum if failure.quantity is Quantity.SUM else shown.theta
    return boxes[LAWFUL.name][failure.element or 0] if boxes else None


def _theta_before(seen: Observation, failure: Failure) -> Tensor:
    """The param as it was last read before the event at fault."""
    for shown in reversed(seen.events[: failure.event]):
        for (_, param), reading in shown.readings.items():
            if param == failure.param:
                return reading.theta
    return seen.scenario.tensors[failure.param or ""]


def _dense(seen: Observation, failure: Failure) -> tuple[float, ...]:
    """All elements of the sparse gradient that was given last."""
    param = failure.param or ""
    values = [0.0] * len(seen.scenario.tensors[param].bits)
    for event in reversed(seen.scenario.events[: failure.event + 1]):
        if isinstance(event, Step) and param in event.gradients:
            gradient = event.gradients[param]
            if gradient is not None:
                for place, value in exact_elements(gradient).items():
                    values[place] = float(value)
            break
    return tuple(values)


# -- as Python ---------------------------------------------------------------------


def condition(found: Assertion, name: str = "seen") -> str:
    """The Python condition that the value called `name` must meet."""
    if found.values:
        return f"{name} == {python_literal(list(found.values))}"
    if found.still is not None:
        return f"{name} != {python_literal(found.still)}"
    if found.what in _COUNTS:
        return _is_count(name, found.exact or "None")
    if found.exact is not None:
        return f"str({name}) == {python_literal(found.exact)}"
    assert found.box is not None
    return Comparison(
        nan=f"{name} != {name}",
        equal=f"{name} == {{lo}}",
        between=f"{{lo}} <= {name} <= {{hi}}",
        either="{nan} or {numbers}",
        number=python_literal,
    ).test(found.box)


def _is_count(name: str, exact: str) -> str:
    """The condition on a count or a loss; anything but a number is a ValueError."""
    if exact == "None":
        return f"{name} is None"
    number = int(exact) if exact.lstrip("-").isdecimal() else float(exact)
    return f"{name} == {python_literal(number)}"


def in_words(found: Assertion) -> str:
    """What is due, as messages show it."""
    if found.values:
        return f"{list(found.values)}"
    if found.still is not None:
        return "another number"
    return str(found.exact) if found.box is None else found.box.words()
