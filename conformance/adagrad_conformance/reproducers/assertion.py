"""What a reproducer asserts: where to look after the last event, and what is due there.

Rule 1.  A number is held to the box along the whole trajectory, which holds whatever a
         right port can have by then.  Only where the port's value lies in that box too
         it is held to the one from the port's own state before the step.
Rule 2.  Where the fault is an exception, nothing is asserted: the script ends by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.master_weights import lifted
from adagrad_conformance.grading.verdict import Failure, Verdict
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.boxes import Box
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.expectations import play
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.scenario import Scenario, Step, Steps, Tensor
from adagrad_reference.sparse import exact_elements

__all__ = ["Due", "condition", "due", "ended_at_fault", "in_words"]


#: What is one number, or None, and not one of many elements.
_COUNTS = ("t", "calls", "loss", "members")


@dataclass(frozen=True)
class Due:
    """What must be seen of a param under an optimizer, after the last event.

    `what` is theta, master, S, t, gradient, rows (of a sparse gradient), storage,
    state, calls, asked (the param at the closure's call), loss, members (how many
    params the optimizer has) or refusal.
    """

    what: str
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
        """In words."""
        whole = self.what in _COUNTS or bool(self.values)
        index = "" if whole else f"[{self.element}]"
        name = {"theta": "", "t": " counter"}.get(self.what, f" {self.what}")
        return f"{self.param}{index}{name}".strip()


def ended_at_fault(seen: Observation, verdict: Verdict) -> Scenario:
    """The scenario without the events behind the one at fault."""
    failure = verdict.failure if verdict.status is Status.FAIL else None
    end = (failure.event if failure else len(seen.events)) + 1
    return replace(seen.scenario, events=seen.scenario.events[:end])


def due(
    seen: Observation,
    verdict: Verdict,
    dialect: Dialect = DOCUMENT,
    masters: bool = False,
) -> Due | None:
    """What is due where the verdict saw something else; None: see rule 2.

    `dialect` is that by which the verdict was reached; `masters` tells of the claim
    `master-weights`, with which the verdict is one on binary32 (master.py).
    """
    if masters:
        seen = lifted(seen)
    failure = verdict.failure
    if members := re.match(r"read shows params .*, not (\[.*\])", verdict.message):
        who = seen.scenario.events[len(seen.events)].optimizer
        count = members.group(1).count("'") // 2
        return Due("members", who, exact=str(count))
    if verdict.status is not Status.FAIL or failure is None:
        return None
    message, param = failure.message, failure.param or ""
    found = Due("", _optimizer(seen, failure), param, failure.element or 0)
    if words := re.match(r"accepted, though (.*)", message):
        return replace(found, what="refusal", exact=words.group(1))
    if message.startswith("refused what is legal"):
        return None
    if message.startswith("the closure was called"):
        return replace(found, what="calls", exact="1")
    if message.startswith("step did not return"):
        return replace(found, what="loss", exact=failure.expected)
    if message.startswith("claims 'state'"):
        return replace(found, what="state")
    if message.startswith("at the closure's call"):
        before = _theta_before(seen, found, failure.event)
        return replace(found, what="asked", values=tuple(before.values()))
    if message.startswith("the step counter"):
        return replace(found, what="t", exact=failure.expected)
    if message.startswith("the gradient is not"):
        return replace(found, what="gradient", exact=failure.expected)
    return _number(seen, failure, found, dialect, masters)


def _number(
    seen: Observation, failure: Failure, found: Due, dialect: Dialect, masters: bool
) -> Due | None:
    message, tensor = failure.message, seen.scenario.tensors.get(found.param)
    if tensor is None:
        return None
    if message.startswith("a sparse gradient"):
        return replace(found, what="rows", values=_dense(seen, failure, found))
    if message.startswith("the param is not its master"):
        value = float(failure.expected or "nan")
        text = "nan" if math.isnan(value) else None
        return replace(found, what="theta", box=Box(value, value), exact=text)
    what = "S" if message.startswith("S ") else "theta"
    if message.startswith("the master"):
        what = "master"
    if "keep every bit" in message or message.startswith("memory outside"):
        bits = int(failure.expected or "0", 16)
        value = tensor.fmt.decode(bits)
        if message.startswith("memory"):
            what = "storage"
        elif message.startswith("the gradient"):
            what = "gradient"
        return replace(found, what=what, box=Box(value, value), exact=_odd(value))
    if what == "theta" and masters and _has_master(seen, failure, found):
        what = "master"  # is what was stepped
    if message.startswith("not finite"):
        box = Box(-tensor.fmt.largest, tensor.fmt.largest)
        return replace(found, what=what, box=box)
    if "zero of the wrong sign" in message:
        sign = "-0.0" if failure.observed == "0.0" else "0.0"
        return replace(found, what=what, exact=sign)
    if "stands still" in message:
        return replace(found, what=what, still=float(failure.observed or 0))
    if message.startswith(("theta", "S ")):
        carried = None  # nobody follows masters along the trajectory
        if not masters:
            named = replace(found, what=what)
            carried = _carried(seen.scenario, failure, named, dialect)
        return _boxed(failure, replace(found, what=what), tensor, carried)
    return None


def _has_master(seen: Observation, failure: Failure, found: Due) -> bool:
    reading = seen.events[failure.event].readings.get((found.optimizer, found.param))
    return reading is not None and reading.master is not None


def _odd(value: float) -> str | None:
    """The text of what equality does not tell: NaN, and zeros by their sign."""
    return repr(value) if value == 0 or math.isnan(value) else None


def _boxed(
    failure: Failure, found: Due, tensor: Tensor, carried: Box | None
) -> Due | None:
    observed = float((failure.observed or "nan").split()[0])
    if carried is not None and not _holds(carried, observed):
        return replace(found, box=carried)
    text = failure.expected or ""
    ends = [
        tensor.fmt.decode(int(bits, 16)) for bits in re.findall(r"\[([\da-f]+)\]", text)
    ]
    if text.startswith("NaN alone"):
        return replace(found, box=Box(math.inf, -math.inf, True), own=True)
    if len(ends) == 2:
        return replace(
            found, box=Box(ends[0], ends[1], text.endswith("or NaN")), own=True
        )
    try:
        value = float(text)
    except ValueError:
        return None
    return replace(found, box=Box(value, value), own=True)


def _carried(
    scenario: Scenario, failure: Failure, found: Due, dialect: Dialect
) -> Box | None:
    """The box along the trajectory."""
    if any(isinstance(event, Steps) for event in scenario.events):
        return None  # nothing is expected of many steps beforehand
    events = play(scenario, fast=True, dialect=dialect)
    shown = events[failure.event].params.get(found.param)
    if shown is None:
        return None
    boxes = shown.state_sum if found.what == "S" else shown.theta
    return boxes[LAWFUL.name][found.element] if boxes else None


def _holds(box: Box, value: float) -> bool:
    return box.nan if math.isnan(value) else box.lo <= value <= box.hi


def _optimizer(seen: Observation, failure: Failure) -> str:
    """The one under which the fault was seen; that of the event before any other."""
    books, number = Bookkeeper(seen.scenario), failure.event
    if number >= len(seen.scenario.events):
        return ""
    for event in seen.scenario.events[:number]:
        books.apply(event)
    event = seen.scenario.events[number]
    who, effect = event.optimizer, books.apply(event)
    moved = {(who, update.param) for update in effect.updates}
    readings = seen.events[number].readings if number < len(seen.events) else {}
    places = [place for place in readings if place[1] == failure.param]
    for place in sorted(places, key=lambda place: place[0] != who):
        kept = "keep every bit" in failure.message
        if _shows(readings[place], failure) and not (kept and place in moved):
            counter = books.counter(*place)
            wrong = failure.message.startswith("the step counter")
            if not wrong or str(counter) == failure.expected:
                return place[0]
    return who


def _shows(reading: Reading, failure: Failure) -> bool:
    """Whether this is the reading that the failure tells of."""
    observed, total = failure.observed or "", reading.state_sum
    if failure.message.startswith("the step counter"):
        return str(reading.t) == observed
    if failure.message.startswith("S ") and total is not None:
        bits = total.bits[failure.element or 0]
        value = repr(total.values()[failure.element or 0])
        text = f"{bits:0{total.fmt.hex_digits}x}"
        return text in observed or value == observed
    return True


def _theta_before(seen: Observation, found: Due, event: int) -> Tensor:
    for shown in reversed(seen.events[:event]):
        for (_, param), reading in shown.readings.items():
            if param == found.param:
                return reading.theta
    return seen.scenario.tensors[found.param]


def _dense(seen: Observation, failure: Failure, found: Due) -> tuple[float, ...]:
    """The sparse gradient that was given last, all elements of it."""
    values = [0.0] * len(seen.scenario.tensors[found.param].bits)
    for event in reversed(seen.scenario.events[: failure.event + 1]):
        if isinstance(event, Step) and found.param in event.gradients:
            gradient = event.gradients[found.param]
            if gradient is not None:
                for place, value in exact_elements(gradient).items():
                    values[place] = float(value)
            break
    return tuple(values)


# -- as Python ---------------------------------------------------------------------


def condition(found: Due, name: str = "seen") -> str:
    """The condition that what is called `name` must meet."""
    if found.values:
        return f"{name} == [{', '.join(_texts(found.values))}]"
    if found.still is not None:
        return f"{name} != {_text(found.still)}"
    if found.what in _COUNTS:
        return f"{name} {'is' if found.exact == 'None' else '=='} {found.exact}"
    if found.exact is not None:
        return f"str({name}) == {found.exact!r}"
    assert found.box is not None
    lo, hi, nan = found.box
    if lo > hi:
        return f"{name} != {name}"
    span = f"{_text(lo)} <= {name} <= {_text(hi)}"
    if lo == hi:
        span = f"{name} == {_text(lo)}"
    return f"{name} != {name} or {span}" if nan else span


def in_words(found: Due) -> str:
    """What is found."""
    if found.values:
        return f"{list(found.values)}"
    if found.still is not None:
        return "another number"
    if found.box is None:
        return str(found.exact)
    lo, hi, nan = found.box
    if lo > hi:
        return "NaN alone"
    text = repr(lo) if lo == hi or math.isnan(lo) else f"{lo!r} .. {hi!r}"
    return f"{text} or NaN" if nan else text


def _text(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value!r}")'


def _texts(values: Iterable[float]) -> Iterable[str]:
    return map(_text, values)
