"""Grading: observations in, verdicts out.  Pure; nothing is played here.

Rule 1.  Where a port shows its state, every step is judged from the port's own theta
         and S as last read, with the reference's t.  Errors cannot hide by adding up,
         and a legal early difference is never held against a later step.
Rule 2.  Every other event leaves theta, S and t bit for bit, except what the event
         itself restores or writes.
Rule 3.  Where a port shows no state, theta is held to the boxes carried along.
Rule 4.  A value passes if it lies inside the lawful box; NaN passes only where the box
         says so.  Never a tolerance.

`collect` compares everything that needs no arithmetic and gathers the steps; `judge`
runs the enclosure over the steps of all observations in batches, one for each format.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adagrad_reference.bookkeeping import Bookkeeper, Effect, Update
from adagrad_reference.codec import decimal
from adagrad_reference.enclosure import LAWFUL, TIGHT
from adagrad_reference.fast import Boxes, StepBatch, fast_boxes
from adagrad_reference.fast_exact import exact_steps
from adagrad_reference.formats import FORMATS, Format
from adagrad_reference.interval import Interval, NormArithmetic
from adagrad_reference.play import EventExpectation
from adagrad_reference.scenario import (
    Event,
    Save,
    Scenario,
    Step,
    Tensor,
    ZeroGrad,
)

from .adapters.base import Reading
from .runner import EventSeen, Observation, Place
from .verdict import GRADES, Failure, Verdict

__all__ = ["Expectations", "collect", "judge"]

#: The black-box expectations of a scenario, made only when they are needed.
Expectations = Callable[[Scenario], Sequence[EventExpectation]]

#: NaN, though legal, fails a scenario with this flag.
FINITE_WANTED = "finite-wanted"


@dataclass(frozen=True)
class StepSeen:
    """One param's step as observed, to be judged in a batch."""

    event: int
    update: Update
    format: Format
    theta: Tensor
    state_sum: Tensor
    new_theta: Tensor
    new_sum: Tensor


@dataclass
class Case:
    """All that is to be said of one observation."""

    observation: Observation
    failures: list[Failure] = field(default_factory=list)
    steps: list[StepSeen] = field(default_factory=list)
    grades: list[str] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    boxed: int = 0  #: elements judged by boxes along the trajectory

    def fail(self, event: int, message: str, **where: Any) -> None:
        """Note a failure."""
        self.failures.append(Failure(event, message, **where))


def judge(
    observations: Iterable[Observation], claims: frozenset[str], expect: Expectations
) -> list[Verdict]:
    """The verdict of every observation, in order."""
    cases = [collect(seen, claims, expect) for seen in observations]
    by_format: dict[str, list[tuple[Case, StepSeen]]] = defaultdict(list)
    for case in cases:
        for step in case.steps:
            by_format[step.format.name].append((case, step))
    for name, pairs in by_format.items():
        _judge_steps(FORMATS[name], pairs)
    return [_verdict(case) for case in cases]


# -- what needs no arithmetic --------------------------------------------------------


def collect(seen: Observation, claims: frozenset[str], expect: Expectations) -> Case:
    """Compare outcomes, counters, untouched bits and closures; gather the steps."""
    case = Case(seen)
    if seen.trouble == "not-claimed" or not seen.events:
        return case
    collector = _Collector(case, claims)
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
    def __init__(self, case: Case, claims: frozenset[str]) -> None:
        self.case, self.claims = case, claims
        self.scenario = case.observation.scenario
        self.books = Bookkeeper(self.scenario)
        self.theta: dict[str, Tensor] = dict(self.scenario.tensors)
        self.sums: dict[Place, Tensor | None] = {}
        self.saved: dict[tuple[str, str], Tensor | None] = {}
        self.expected: Sequence[EventExpectation] | None = None
        self.stop = False

    def event(self, number: int, event: Event, shown: EventSeen) -> None:
        effect = self.books.apply(event)
        if isinstance(event, Step) and event.loss is not None:
            self._closure(number, event, shown)
        if not self._outcome(number, effect, shown):
            return
        if isinstance(event, Save) and not effect.refusal:
            for param in self.books.params(event.optimizer):
                place = (event.optimizer, param)
                self.saved[event.name, param] = self.sums.get(place)
        updates = {(event.optimizer, u.param): u for u in effect.updates}
        written = self._written(event.optimizer, effect)
        moved = {u.param for u in effect.updates}
        for place, reading in shown.readings.items():
            if self.expected is None:
                self._state(number, place, reading, updates.get(place), written)
            if place[1] not in moved:
                self._same_theta(number, place, reading)
            self._gradient(number, event, place, reading)
            self._guard(number, place, reading)
        if self.expected is not None:
            self._boxed(number, event.optimizer, shown, moved)
        for (optimizer, param), reading in shown.readings.items():
            self.theta[param] = reading.theta
            self.sums[optimizer, param] = reading.state_sum

    def _outcome(self, number: int, effect: Effect, shown: EventSeen) -> bool:
        if effect.refusal and not shown.refusal:
            self.case.fail(number, f"accepted, though {effect.refusal}")
            self.stop = True  # the port and the reference are now in other states
        if shown.refusal and not effect.refusal:
            self.case.fail(number, f"refused what is legal: {shown.refusal}")
            self.stop = True
        return not self.stop

    def _closure(self, number: int, event: Step, shown: EventSeen) -> None:
        if len(shown.calls) != 1:
            self.case.fail(number, f"the closure was called {len(shown.calls)} times")
        for call in shown.calls[:1]:
            for param in self.books.params(event.optimizer):
                given = call.params.get(param)
                if given is None or given.bits != self.theta[param].bits:
                    message = "at the closure's call the param was not as before"
                    self.case.fail(number, message, param=param)
        if shown.loss != event.loss:
            message = "step did not return the closure's loss"
            seen = {"observed": str(shown.loss), "expected": str(event.loss)}
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
            if t > 0:
                self.case.fail(number, "claims 'state' but shows none", param=param)
            return
        if (reading.t or 0) != t:
            self.case.fail(
                number,
                "the step counter is wrong",
                param=param,
                observed=str(reading.t),
                expected=str(t),
            )
        before = self.sums.get(place)
        if update is not None:
            if before is None:  # no state yet: the first step starts from tau
                before = self._initial(param, update.options.initial_accumulator_value)
            self.case.steps.append(
                StepSeen(
                    number,
                    update,
                    self.scenario.tensors[param].fmt,
                    self.theta[param],
                    before,
                    reading.theta,
                    reading.state_sum,
                )
            )
            return
        due = written.get(place, before)
        if isinstance(due, float | int):
            self._check_initial(number, param, due, reading.state_sum)
        elif due is not None:
            self._same_bits(number, param, "S", due, reading.state_sum)

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
        self, number: int, param: str, what: str, due: Tensor, shown: Tensor
    ) -> None:
        digits = due.fmt.hex_digits
        for element, (a, b) in enumerate(zip(due.bits, shown.bits, strict=True)):
            if a != b:
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
            zeros = shown is not None and not any(shown.values())
            if due is None and zeros and _keeps_none(event):
                return  # zeros where there was None are accepted
            self.case.fail(
                number,
                "the gradient is not what it must be",
                param=param,
                observed="None" if shown is None else "a tensor",
                expected="None" if due is None else "a tensor",
            )
        elif isinstance(due, Tensor):
            if isinstance(event, ZeroGrad) and shown.values() == due.values():
                return  # -0 is zero too
            self._same_bits(number, param, "the gradient", due, shown)

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
        for param in sorted(moved):
            reading = shown.readings.get((optimizer, param))
            due = self.expected[number].params[param].theta
            if reading is None or due is None:
                continue
            lo, hi, nan = (
                np.array([box[end] for box in due[LAWFUL.name]]) for end in range(3)
            )
            boxes = Boxes(lo.astype(float), hi.astype(float), nan.astype(bool))
            values = np.array(reading.theta.values(), float)
            self.case.boxed += len(values)
            _report_outside(self.case, number, param, "theta", boxes, values)


def _keeps_none(event: Event) -> bool:
    return isinstance(event, ZeroGrad) and not event.set_to_none


# -- arithmetic, in batches ------------------------------------------------------------


def _judge_steps(fmt: Format, pairs: Sequence[tuple[Case, StepSeen]]) -> None:
    batch, new_theta, new_sum = _batch(fmt, [step for _, step in pairs])
    lawful, tight = fast_boxes(batch, LAWFUL), fast_boxes(batch, TIGHT)
    exact = exact_steps(batch)
    errors = exact.errors(fmt, new_theta)
    is_tight = tight[0].hold(new_theta) & tight[1].hold(new_sum)
    is_exact = _equal(exact.theta, new_theta) & _equal(exact.state_sum, new_sum)
    start = 0
    for case, step in pairs:
        part = slice(start, start + len(step.theta.bits))
        start = part.stop
        fine = True
        for what, boxes, values in (
            ("S", lawful[1], new_sum),
            ("theta", lawful[0], new_theta),
        ):
            box = Boxes(*(end[part] for end in boxes))
            param = step.update.param
            fine &= _report_outside(case, step.event, param, what, box, values[part])
        case.errors.append(errors[part])
        if not fine:
            case.grades.append("fail")
        elif is_exact[part].all():
            case.grades.append("exact")
        else:
            case.grades.append("tight" if is_tight[part].all() else "lawful")
        _finite(case, step, new_theta[part])


def _batch(fmt: Format, steps: Sequence[StepSeen]) -> tuple[StepBatch, Any, Any]:
    def column(tensors: Iterable[Tensor]) -> Any:
        bits = [b for tensor in tensors for b in tensor.bits]
        return decode_array(fmt, bits)

    settings = [(s.update.t, s.update.options) for s in steps]
    counts = [len(s.theta.bits) for s in steps]
    batch = StepBatch(
        fmt,
        column(s.theta for s in steps),
        column(s.state_sum for s in steps),
        column(s.update.gradient for s in steps),
        settings,
        np.repeat(np.arange(len(steps)), counts),
    )
    return batch, column(s.new_theta for s in steps), column(s.new_sum for s in steps)


def decode_array(fmt: Format, bits: Sequence[int]) -> Any:
    """The values of encodings as a float64 array."""
    if fmt.width == 64:
        return np.array(bits, np.uint64).view(np.float64)
    if fmt.precision == 8:  # bfloat16 is the upper half of binary32
        wide = np.array(bits, np.uint32) << np.uint32(16)
        return wide.view(np.float32).astype(np.float64)
    kinds: dict[int, tuple[Any, Any]] = {
        32: (np.uint32, np.float32),
        16: (np.uint16, np.float16),
    }
    integers, floats = kinds[fmt.width]
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
        return np.array(bits, integers).view(floats).astype(np.float64)


def _equal(a: Any, b: Any) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _report_outside(
    case: Case, event: int, param: str, what: str, boxes: Boxes, values: Any
) -> bool:
    """Note the first element outside its box; whether all are inside."""
    outside = np.flatnonzero(~boxes.hold(values))
    if not len(outside):
        return True
    i = outside[0]
    fmt = case.observation.scenario.tensors[param].fmt
    lo, hi = float(boxes.lo[i]), float(boxes.hi[i])
    span = f"{_show(fmt, lo)} .. {_show(fmt, hi)}" if lo <= hi else "NaN alone"
    if boxes.nan[i] and lo <= hi:
        span += " or NaN"
    count = "" if len(outside) == 1 else f" ({len(outside)} elements)"
    case.fail(
        event,
        f"{what} is a value that no legal evaluation gives{count}",
        param=param,
        element=int(i),
        observed=_show(fmt, float(values[i])),
        expected=span,
    )
    return False


def _show(fmt: Format, value: float) -> str:
    return f"{decimal(fmt, value)} [{fmt.to_hex(value)}]"


def _finite(case: Case, step: StepSeen, values: Any) -> None:
    if FINITE_WANTED not in case.observation.scenario.flags:
        return
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        case.fail(
            step.event,
            f"not finite in {len(bad)} of {len(values)} elements",
            param=step.update.param,
            element=int(bad[0]),
            observed=repr(float(values[bad[0]])),
            expected="a finite number",
        )


# -- verdicts --------------------------------------------------------------------------


def _verdict(case: Case) -> Verdict:
    seen = case.observation
    scenario = seen.scenario
    errors = np.concatenate([np.empty(0), *case.errors])
    measured = errors[np.isfinite(errors)]
    first = min(case.failures, key=lambda f: f.event) if case.failures else None
    status = seen.trouble or ("fail" if first else "pass")
    order = list(GRADES)
    grades = [*case.grades, *(["box"] if case.boxed else [])]
    grade: str | None = max(grades, key=order.index) if grades else None
    return Verdict(
        scenario.id,
        scenario.requirements,
        scenario.level,
        status,
        grade,
        float(measured.max()) if len(measured) else None,
        float(measured.mean()) if len(measured) else None,
        len(errors) + case.boxed,
        first,
        seen.message,
    )
