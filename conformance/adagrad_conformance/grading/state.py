"""What grading can tell without arithmetic, and the steps that it gathers.

`collect` compares outcomes, counters, untouched bits, gradients, guards and closures
with what the bookkeeper says, and leaves the steps to `grading.judge`.
"""

from __future__ import annotations

import math
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from adagrad_conformance.adapters.base import Reading, Trace
from adagrad_conformance.checks.kinds import Check, Place
from adagrad_conformance.execution.observations import EventSeen, Observation
from adagrad_conformance.execution.status import Status
from adagrad_reference.bookkeeping import Effect, Update
from adagrad_reference.boxes import Boxes
from adagrad_reference.dialect_bookkeeping import bookkeeper
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.flags import Flag
from adagrad_reference.formats import Format, decimal
from adagrad_reference.interval import Interval, NormArithmetic
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.options import Options
from adagrad_reference.row_wise import row_size
from adagrad_reference.scenario import (
    Event,
    Save,
    Scenario,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.sparse import exact_elements

from .master_weights import (
    MASTER,
    Masters,
    followed,
    lifted,
    rounded_boxes,
    shows_masters,
)
from .verdict import Failure

__all__ = ["Case", "Expectations", "StepsSeen", "collect", "report_outside"]

#: The black-box expectations of a scenario, made only when they are needed.
Expectations = Callable[[Scenario], Sequence[EventExpectation]]


Bits = tuple[int, ...]


@dataclass(frozen=True)
class StepsSeen:
    """Steps of one param as observed, to be judged in a batch.

    The columns hold encodings, one step behind the other, a step for each (t, options)
    of `settings`.  `places` are the positions in the param of a step's elements, where
    not all of them moved; `numbers` are those of the steps in a longer run.  Each `row`
    encodings are a row of the param (rows.py).
    """

    event: int
    param: str
    format: Format
    settings: tuple[tuple[int, Options], ...]
    gradient: Bits
    theta: Bits
    state_sum: Bits
    new_theta: Bits
    new_sum: Bits
    places: tuple[int, ...] | None = None
    numbers: tuple[int, ...] | None = None
    row: int = 1

    @property
    def width(self) -> int:
        """Elements of one step."""
        return len(self.gradient) // len(self.settings)

    def where(self, i: int) -> tuple[int, str]:
        """The element's position in its param, and words on the step it is of."""
        step, element = divmod(i, self.width)
        place = self.places[element] if self.places else element
        return place, f" in step {self.numbers[step] + 1}" if self.numbers else ""


@dataclass
class Case:
    """All that is to be said of one check."""

    check: Check
    trouble: Status | None = None
    message: str = ""
    failures: list[Failure] = field(default_factory=list)
    steps: list[StepsSeen] = field(default_factory=list)
    grades: list[str] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    boxed: int = 0  #: elements judged by boxes along the trajectory
    margins: list[float] = field(default_factory=list)  #: of the failures, in ulp
    reason: str | None = None  #: of the trouble

    def fail(
        self, event: int, message: str, margin: float = math.inf, **where: Any
    ) -> None:
        """Note a failure; `margin` is how far a value lies outside, in ulp."""
        self.failures.append(Failure(event, message, **where))
        self.margins.append(margin)


def collect(
    seen: Observation,
    claims: frozenset[str],
    expect: Expectations,
    dialect: Dialect = DOCUMENT,
) -> Case:
    """Compare outcomes, counters, untouched bits and closures; gather the steps."""
    case = Case(seen.check, seen.status, seen.message)
    masters = Masters.of(seen.scenario) if MASTER in claims else None
    if masters is not None:
        seen = lifted(seen)
    elif shows_masters(seen):
        case.trouble, case.reason = Status.MALFORMED, "wrong-content"
        case.message = f"a master copy is shown, but '{MASTER}' is not claimed"
        return case
    collector = _Collector(seen.scenario, case, claims, dialect, masters)
    if "state" not in claims and any(isinstance(e, Step) for e in seen.scenario.events):
        collector.expected = expect(seen.scenario)
    for number, (event, shown) in enumerate(
        zip(seen.scenario.events, seen.events, strict=False)
    ):
        collector.event(number, event, shown)
        if collector.stop:
            break
    return case


class _Collector:
    def __init__(
        self,
        scenario: Scenario,
        case: Case,
        claims: frozenset[str],
        dialect: Dialect,
        masters: Masters | None,
    ) -> None:
        self.scenario, self.case, self.claims = scenario, case, claims
        self.dialect, self.masters = dialect, masters
        self.books = bookkeeper(self.scenario, dialect)
        self.theta: dict[str, Tensor] = dict(self.scenario.tensors)
        self.sums: dict[Place, Tensor | None] = {}
        self.saved: dict[tuple[str, str], Tensor | None] = {}
        self.expected: Sequence[EventExpectation] | None = None
        self.stop = False
        self.has_closure = any(
            isinstance(event, Step) and event.loss is not None
            for event in self.scenario.events
        )

    def event(self, number: int, event: Event, shown: EventSeen) -> None:
        effect = self.books.apply(event)
        if isinstance(event, Step) and self.has_closure:
            self._closure(number, event, shown)
        if not self._outcome(number, effect, shown):
            return
        if isinstance(event, Steps):
            self._run(number, event, effect, shown)
        if isinstance(event, Save) and not effect.refusal:
            for param in self.books.params(event.optimizer):
                place = (event.optimizer, param)
                self.saved[event.name, param] = self.sums.get(place)
        updates = {(event.optimizer, u.param): u for u in effect.updates}
        written = self._written(event.optimizer, effect)
        moved = {u.param for step in (effect.updates, *effect.runs) for u in step}
        for place, reading in shown.readings.items():
            ran = isinstance(event, Steps) and place[0] == event.optimizer
            if self.expected is None and not ran:
                self._state(number, place, reading, updates.get(place), written)
            if place[1] not in moved:
                self._same_theta(number, place, reading)
            self._gradient(number, event, place, reading)
            self._guard(number, place, reading)
        if self.expected is not None:
            self._boxed(number, event.optimizer, shown, moved)
        elif self.masters is not None and "state" in self.claims:
            for fault in self.masters.faults(event, effect, self.theta, shown):
                self.case.fail(number, **fault._asdict())
        for (optimizer, param), reading in shown.readings.items():
            self.theta[param] = reading.theta
            self.sums[optimizer, param] = reading.state_sum

    def _outcome(self, number: int, effect: Effect, shown: EventSeen) -> bool:
        if effect.refusal and not shown.refusal:
            self.case.fail(number, f"accepted, though {effect.refusal}")
            self.stop = True  # the port and the reference are now in other states
        elif effect.refusal and Flag.OUTCOME_ONLY in self.scenario.flags:
            self.stop = True
        if shown.refusal and not effect.refusal:
            self.case.fail(number, f"refused what is legal: {shown.refusal}")
            self.stop = True
        return not self.stop

    def _closure(self, number: int, event: Step, shown: EventSeen) -> None:
        if len(shown.calls) != (event.loss is not None):
            self.case.fail(number, f"the closure was called {len(shown.calls)} times")
        for call in shown.calls[:1]:
            for param in self.books.params(event.optimizer):
                given = call.params.get(param)
                if given is None or given.bits != self.theta[param].bits:
                    message = "at the closure's call the param was not as before"
                    self.case.fail(number, message, param=param)
        if not _same_loss(shown.loss, event.loss):
            message = "step did not return the closure's loss, or None without one"
            seen: dict[str, Any] = {
                "observed": str(shown.loss),
                "expected": str(event.loss),
            }
            self.case.fail(number, message, **seen)

    def _written(self, optimizer: str, effect: Effect) -> dict[Place, Any]:
        """S where the event itself restores, writes or begins it."""
        places: dict[Place, Any] = {}
        for param, tau in effect.fresh:
            places[optimizer, param] = tau
        for move in effect.restored:
            places[optimizer, move.param] = self.saved.get((move.save, move.source))
        if effect.written:
            places[optimizer, effect.written.param] = effect.written.state_sum
        return places

    def _state(
        self,
        number: int,
        place: Place,
        reading: Reading,
        update: Update | None,
        written: Mapping[Place, Any],
    ) -> None:
        param, t = place[1], self.books.counter(*place)
        if reading.state_sum is None:
            if update is not None or self._has_state(place, t, written):
                self.case.fail(number, "claims 'state' but shows none", param=param)
            return
        if reading.t is not None and reading.t != t:
            self.case.fail(
                number,
                "the step counter is wrong",
                param=param,
                observed=str(reading.t),
                expected=str(t),
            )
        before = self.sums.get(place)
        if update is not None:
            if before is None:
                before = self._fresh(param, update)
            theta = reading.master or reading.theta
            self._step(number, place, update, before, theta, reading.state_sum)
            return
        due = written.get(place, before)
        if isinstance(due, float | int):
            self._check_initial(number, param, due, reading.state_sum)
        elif due is not None:
            self._same_bits(number, param, "S", due, reading.state_sum)

    def _fresh(self, param: str, update: Update) -> Tensor:
        """What S is without a state yet: the first step starts from tau."""
        tau = self.dialect.initial_sum(update.options, update.options)
        return self._initial(param, tau)

    def _has_state(self, place: Place, t: int, written: Mapping[Place, Any]) -> bool:
        """Whether its state has begun; t alone says so where each param has its own."""
        if self.dialect.counter == "param":
            return t > 0
        return self.sums.get(place) is not None or isinstance(
            written.get(place), Tensor
        )

    def _stepped(self, place: Place) -> Tensor:
        """What the next step starts from: the master where there is one, or theta."""
        held = self.masters.held if self.masters else {}
        return held.get(place, self.theta[place[1]])

    def _step(
        self,
        number: int,
        place: Place,
        update: Update,
        total: Tensor,
        theta: Tensor,
        new: Tensor,
    ) -> None:
        """Gather a step; elements that a sparse gradient leaves out keep their bits."""
        param, places = update.param, update.elements
        before = self._stepped(place)

        def moved(column: Tensor) -> Bits:
            bits = column.bits
            return bits if places is None else tuple(bits[i] for i in places)

        if places is not None:
            absent = set(range(len(before.bits))) - set(places)
            what = "theta" if before is self.theta[param] else "the master"
            self._same_bits(number, param, what, before, theta, absent)
            self._same_bits(number, param, "S", total, new, absent)
        settings = (self.dialect.setting(update.t, update.options),)
        fmt = self.scenario.tensors[param].fmt
        self.case.steps.append(
            StepsSeen(
                number,
                param,
                fmt,
                settings,
                update.gradient.bits,
                moved(before),
                moved(total),
                moved(theta),
                moved(new),
                places,
                row=row_size(self.scenario.tensors[param]),
            )
        )

    def _run(self, number: int, event: Steps, effect: Effect, shown: EventSeen) -> None:
        """Many steps of every param, each from what was seen before it."""
        for param, trace in (shown.trace or {}).items():
            place = (event.optimizer, param)
            taken = {
                i: update
                for i, updates in enumerate(effect.runs)
                for update in updates
                if update.param == param
            }
            self._run_of(number, place, trace, taken, effect)
            reading = shown.readings[place]
            width = len(reading.theta.bits)
            stepped = reading.master or reading.theta
            last = replace(stepped, bits=trace.theta[len(trace.theta) - width :])
            what = "theta" if reading.master is None else "the master"
            self._same_bits(number, param, what, last, stepped)
            if reading.state_sum is not None:
                bits = trace.state_sum[len(trace.state_sum) - width :]
                total = replace(reading.state_sum, bits=bits)
                self._same_bits(number, param, "S", total, reading.state_sum)

    def _run_of(
        self,
        number: int,
        place: Place,
        trace: Trace,
        taken: Mapping[int, Update],
        effect: Effect,
    ) -> None:
        param, total = place[1], self.sums.get(place)
        if total is None:
            if 0 not in taken:
                self.case.fail(number, "claims 'state' but shows none", param=param)
                return
            total = self._fresh(param, taken[0])
        self._counters(number, place, trace, effect)
        theta = (*self._stepped(place).bits, *trace.theta)
        sums = (*total.bits, *trace.state_sum)
        width = len(total.bits)

        def rows(column: Bits, shift: int) -> Bits:
            """The column's rows before (0) or after (1) each step that was taken."""
            taken_rows: list[int] = []
            for first, last in _spans(taken):
                taken_rows += column[(first + shift) * width : (last + shift) * width]
            return tuple(taken_rows)

        for i in range(len(effect.runs)):
            if i in taken:
                continue
            start, middle, end = i * width, (i + 1) * width, (i + 2) * width
            if (
                theta[start:middle] != theta[middle:end]
                or sums[start:middle] != sums[middle:end]
            ):
                message = f"theta or S changed in step {i + 1}, without a gradient"
                self.case.fail(number, message, param=param)
        if taken:
            self.case.steps.append(
                StepsSeen(
                    number,
                    param,
                    self.scenario.tensors[param].fmt,
                    tuple(
                        self.dialect.setting(update.t, update.options)
                        for update in taken.values()
                    ),
                    tuple(b for u in taken.values() for b in u.gradient.bits),
                    rows(theta, 0),
                    rows(sums, 0),
                    rows(theta, 1),
                    rows(sums, 1),
                    numbers=tuple(taken),
                    row=row_size(self.scenario.tensors[param]),
                )
            )

    def _counters(
        self, number: int, place: Place, trace: Trace, effect: Effect
    ) -> None:
        """A counter advances in the steps that count; the last one is the books'."""
        if trace.t is None or effect.run is None:
            return
        run, param = effect.run, place[1]
        counted = [param in run.counting[i] for i in run.numbers()]
        begun, to_come = False, sum(counted)
        for i, counts in enumerate(counted):
            begun |= counts
            to_come -= counts
            t = self.books.counter(*place) - to_come if begun else run.counters[param]
            if trace.t[i] != t:
                self.case.fail(
                    number,
                    f"the step counter is wrong after step {i + 1}",
                    param=place[1],
                    observed=str(trace.t[i]),
                    expected=str(t),
                )
                return

    def _initial(self, param: str, tau: float) -> Tensor:
        like = self.scenario.tensors[param]
        stored = NormArithmetic(like.fmt).store(Interval.point(tau))
        bits = like.fmt.encode(float(stored.lo))
        return Tensor(like.format, like.shape, (bits,) * len(like.bits))

    def _check_initial(
        self, number: int, param: str, tau: float, shown: Tensor
    ) -> None:
        stored = NormArithmetic(shown.fmt).store(Interval.point(tau))
        lo, hi = float(stored.lo), float(stored.hi)
        for element, value in enumerate(shown.values()):
            if not lo <= value <= hi:
                self.case.fail(
                    number,
                    "S does not start at initial_accumulator_value",
                    param=param,
                    element=element,
                    observed=repr(value),
                    expected=repr(lo),
                )
                return

    def _same_theta(self, number: int, place: Place, reading: Reading) -> None:
        param = place[1]
        self._same_bits(number, param, "theta", self.theta[param], reading.theta)

    def _same_bits(
        self,
        number: int,
        param: str,
        what: str,
        due: Tensor,
        shown: Tensor,
        elements: Collection[int] | None = None,
    ) -> None:
        if due.bits == shown.bits:
            return
        digits = due.fmt.hex_digits
        for element, (a, b) in enumerate(zip(due.bits, shown.bits, strict=True)):
            if a != b and (elements is None or element in elements):
                self.case.fail(
                    number,
                    f"{what} changed though it must keep every bit",
                    param=param,
                    element=element,
                    observed=f"{b:0{digits}x}",
                    expected=f"{a:0{digits}x}",
                )
                return

    def _gradient(
        self, number: int, event: Event, place: Place, reading: Reading
    ) -> None:
        if "gradients" not in self.claims:
            return
        param, shown = place[1], reading.gradient
        due = self.books.gradients[param]
        if due is None and shown is None:
            return
        if due is None or shown is None:
            zeros = isinstance(shown, Tensor) and not any(shown.values())
            if due is None and zeros and self._may_bring_zeros(event):
                self.books.gradients[param] = shown  # from now on they are zeros
                return
            self.case.fail(
                number,
                "the gradient is not what it must be",
                param=param,
                observed="None" if shown is None else "a tensor",
                expected="None" if due is None else "a tensor",
            )
        elif isinstance(due, Sparse) or isinstance(shown, Sparse):
            if exact_elements(due) != exact_elements(shown):
                self.case.fail(number, "a sparse gradient changed", param=param)
        else:
            if isinstance(event, ZeroGrad) and shown.values() == due.values():
                return  # -0 is zero too
            self._same_bits(number, param, "the gradient", due, shown)

    def _may_bring_zeros(self, event: Event) -> bool:
        """Zeros where there was None are accepted, unless the scenario is about it."""
        zeroing = isinstance(event, ZeroGrad) and not event.set_to_none
        return zeroing and Flag.NONE_WANTED not in self.scenario.flags

    def _guard(self, number: int, place: Place, reading: Reading) -> None:
        tensor = self.scenario.tensors[place[1]]
        if tensor.layout is None or reading.storage is None:
            return
        own = set(tensor.layout.positions(tensor.shape))
        for position, bits in enumerate(reading.storage):
            if position not in own and bits != tensor.layout.guard:
                digits = tensor.fmt.hex_digits
                self.case.fail(
                    number,
                    "memory outside the param was written",
                    param=place[1],
                    element=position,
                    observed=f"{bits:0{digits}x}",
                    expected=f"{tensor.layout.guard:0{digits}x}",
                )
                return

    def _boxed(
        self, number: int, optimizer: str, shown: EventSeen, moved: set[str]
    ) -> None:
        assert self.expected is not None
        if self.masters is not None and number >= followed(self.scenario):
            return
        for param in sorted(moved):
            reading = shown.readings.get((optimizer, param))
            due = self.expected[number].params[param].theta
            if reading is None or due is None:
                continue
            lo, hi, nan = (
                np.array([box[end] for box in due[LAWFUL.name]]) for end in range(3)
            )
            boxes = Boxes(lo.astype(float), hi.astype(float), nan.astype(bool))
            if self.masters is not None and param in self.masters.narrow:
                boxes = rounded_boxes(self.masters.narrow[param], boxes)
            values = np.array(reading.theta.values(), float)
            self.case.boxed += len(values)
            fmt = self.scenario.tensors[param].fmt
            report_outside(self.case, fmt, number, param, "theta", boxes, values)


def _same_loss(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return a == b or (math.isnan(a) and math.isnan(b))


def _spans(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of every run of consecutive numbers; they ascend."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1] + 1


def _whole(i: int) -> tuple[int, str]:
    return i, ""


def report_outside(
    case: Case,
    fmt: Format,
    event: int,
    param: str,
    what: str,
    boxes: Boxes,
    values: Any,
    where: Callable[[int], tuple[int, str]] = _whole,
) -> bool:
    """Note the first element outside its box; whether all are inside.

    `where` tells an element's position and words on the step.
    """
    outside = np.flatnonzero(~boxes.holds(values))
    if not len(outside):
        return True
    i = int(outside[0])
    element, step = where(i)
    lo, hi = float(boxes.lo[i]), float(boxes.hi[i])
    span = f"{_show(fmt, lo)} .. {_show(fmt, hi)}" if lo <= hi else "NaN alone"
    if boxes.nan[i] and lo <= hi:
        span += " or NaN"
    count = "" if len(outside) == 1 else f" ({len(outside)} elements)"
    case.fail(
        event,
        f"{what} is a value that no legal evaluation gives{step}{count}",
        _margin(fmt, boxes, values, outside),
        param=param,
        element=element,
        observed=_show(fmt, float(values[i])),
        expected=span,
    )
    return False


def _margin(fmt: Format, boxes: Boxes, values: Any, outside: Any) -> float:
    """The largest distance from a box to a value outside it, in ulp of its near end."""
    lo, hi, x = boxes.lo[outside], boxes.hi[outside], values[outside]
    end = np.where(x < lo, lo, hi)
    with np.errstate(all="ignore"):
        distances = np.abs(x - end) / [fmt.ulp(float(e)) for e in end]
    whole = np.isfinite(distances)
    return float(distances.max()) if whole.all() else math.inf


def _show(fmt: Format, value: float) -> str:
    return f"{decimal(fmt, value)} [{fmt.to_hex(value)}]"
