"""A scenario played exactly: the expectations of every event.

Three tracks are carried from event to event: the box of each numeric class, which holds
every value that a legal port can have stored; the exact result, correctly rounded,
where the state before the step is given; and for binary64 the exact trajectory, as
mpmath intervals that are refined until every rounding is certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .algorithm import adagrad_step
from .array_enclosure import StepBatch, fast_boxes
from .bookkeeping import ScenarioError
from .boxes import Box
from .dialect_bookkeeping import bookkeeper
from .dialects import DOCUMENT, Dialect
from .effects import Effect, Update
from .enclosure import norm_step
from .formats import BINARY64, Format
from .interval import Interval, stored_box
from .numeric_class import CLASSES, NumericClass
from .options import Options
from .rounding import round_ball, round_step, ziv_context
from .row_wise import mean_squares, row_size
from .scenario import Load, Save, Scenario, Steps

__all__ = ["EventExpectation", "ParamExpectation", "Unresolved", "expected", "play"]

#: Precisions for exact trajectories; a scenario unresolved at the last is refused.
TRAJECTORY_PRECISIONS = (200, 400, 800, 1600)


class Unresolved(ArithmeticError):
    """An exact trajectory could not be rounded with certainty."""


@dataclass(frozen=True)
class ParamExpectation:
    """The state of one param after an event; lists are over its elements, row-major."""

    t: int
    theta: Mapping[str, list[Box]] | None  #: by numeric class; None: not moved
    state_sum: Mapping[str, list[Box]]
    exact_theta: list[float] | None = None  #: correctly rounded, where it is defined
    exact_sum: list[float] | None = None


@dataclass(frozen=True)
class EventExpectation:
    """The due outcome of an event; params that are not listed keep every bit."""

    refusal: str | None = None
    params: Mapping[str, ParamExpectation] = field(default_factory=dict)


def play(
    scenario: Scenario, fast: bool = False, dialect: Dialect = DOCUMENT
) -> list[EventExpectation]:
    """The expectation of every event, by the document or by another dialect.

    The boxes are those of the norm.  With `fast`, steps from a given state have the
    boxes of the array enclosure, which are never narrower, and no correctly rounded
    results.  In another dialect there are boxes alone.

    Raises `ScenarioError` for an impossible scenario and `Unresolved` where an exact
    trajectory of binary64 cannot be rounded with certainty.
    """
    for precision in TRAJECTORY_PRECISIONS:
        try:
            return _Player(scenario, precision, fast, dialect).play()
        except Unresolved:
            continue
    raise Unresolved(
        f"{scenario.id}: not resolved at {precision} bits; change an input"
    )


def expected(scenario: Scenario) -> list[EventExpectation]:
    """What a scenario's verdict needs at least: the document's, by the faster engine.

    Raises as `play`.
    """
    return play(scenario, fast=True)


@dataclass
class _Numbers:
    """The numbers of one array on all tracks."""

    boxes: dict[str, list[Interval]]
    exact: list[Any] | None  #: mpmath intervals, for binary64
    given: list[float] | None  #: the values, where they are known without doubt
    rounded: list[float] | None  #: correctly rounded values, where already decided

    def at(self, places: Sequence[int]) -> _Numbers:
        """The elements at some places."""

        def some(column: list[Any] | None) -> list[Any] | None:
            return None if column is None else [column[i] for i in places]

        boxes = {name: [c[i] for i in places] for name, c in self.boxes.items()}
        return _Numbers(boxes, some(self.exact), some(self.given), some(self.rounded))

    def with_moved(self, places: Sequence[int], moved: _Numbers) -> _Numbers:
        """All elements, with those at `places` replaced."""

        def put(old: list[Any] | None, new: list[Any] | None) -> list[Any] | None:
            if old is None or new is None:
                return None
            whole = list(old)
            for i, value in zip(places, new, strict=True):
                whole[i] = value
            return whole

        boxes = {n: put(c, moved.boxes[n]) or [] for n, c in self.boxes.items()}
        return _Numbers(
            boxes,
            put(self.exact, moved.exact),
            put(self.given, moved.given),
            put(self.rounded, moved.rounded),
        )


class _Player:
    def __init__(
        self, scenario: Scenario, precision: int, fast: bool, dialect: Dialect
    ) -> None:
        self.scenario, self.fast, self.dialect = scenario, fast, dialect
        self.books = bookkeeper(scenario, dialect)
        self.ctx = ziv_context(precision)
        self.theta: dict[str, _Numbers] = {}
        self.sums: dict[tuple[str, str], _Numbers] = {}
        self.saved: dict[tuple[str, str], _Numbers] = {}
        for name, tensor in scenario.tensors.items():
            self.theta[name] = self._given(tensor.fmt, tensor.values())

    def play(self) -> list[EventExpectation]:
        return [self._event(event) for event in self.scenario.events]

    def _event(self, event: Any) -> EventExpectation:
        if isinstance(event, Steps):
            raise ScenarioError(
                f"{self.scenario.id}: many steps in one event are judged one by one, "
                "from the port's own state; nothing is expected beforehand"
            )
        effect = self.books.apply(event)
        if effect.refusal:
            return EventExpectation(refusal=effect.refusal)
        if isinstance(event, Save):
            for param in self.books.params(event.optimizer):
                self.saved[event.name, param] = self.sums[event.optimizer, param]
        touched = self._state_changes(event.optimizer, effect)
        for update in effect.updates:
            self._update(event.optimizer, update)
            touched.append(update.param)
        if isinstance(event, Load):
            touched = self.books.params(event.optimizer)
        moved = {update.param for update in effect.updates}
        return EventExpectation(
            params={
                param: self._expect(event.optimizer, param, param in moved)
                for param in touched
            }
        )

    def _state_changes(self, optimizer: str, effect: Effect) -> list[str]:
        for param, tau in effect.fresh:
            self.sums[optimizer, param] = self._initial(param, tau)
        for move in effect.restored:
            self.sums[optimizer, move.param] = self.saved[move.save, move.source]
        touched = [param for param, _ in effect.fresh]
        if effect.written:
            tensor = effect.written.state_sum
            written = self._given(tensor.fmt, tensor.values())
            self.sums[optimizer, effect.written.param] = written
            touched.append(effect.written.param)
        return touched

    def _given(self, fmt: Format, values: list[float]) -> _Numbers:
        boxes = {name: [Interval.point(v) for v in values] for name in CLASSES}
        finite = all(map(math.isfinite, values))
        exact = (
            [self.ctx.mpf(v) for v in values] if fmt == BINARY64 and finite else None
        )
        if self.dialect.changes:
            exact = None
        return _Numbers(boxes, exact, values, values)

    def _initial(self, param: str, tau: float) -> _Numbers:
        """S_0 = tau, stored in the format of the param (ALG-2)."""
        tensor = self.scenario.tensors[param]
        stored, n = stored_box(tensor.fmt, tau), len(tensor.bits)
        if stored.lo == stored.hi:
            return self._given(tensor.fmt, [stored.lo] * n)
        boxes = {name: [Interval.around(stored)] * n for name in CLASSES}
        return _Numbers(boxes, None, None, None)

    def _update(self, optimizer: str, update: Update) -> None:
        place = (optimizer, update.param)
        theta, total = self.theta[update.param], self.sums[place]
        if update.elements is None:
            moved = self._moved(update, theta, total)
        else:
            rows = update.elements
            some = self._moved(update, theta.at(rows), total.at(rows))
            moved = theta.with_moved(rows, some[0]), total.with_moved(rows, some[1])
        self.theta[update.param], self.sums[place] = moved

    def _moved(
        self, update: Update, theta: _Numbers, total: _Numbers
    ) -> tuple[_Numbers, _Numbers]:
        """Theta and S after a step of all elements of both arrays."""
        tensor = self.scenario.tensors[update.param]
        fmt, row = tensor.fmt, row_size(tensor)
        gradient = update.gradient.values()
        t, o = self.dialect.setting(update.t, update.options)
        boxes: tuple[dict[str, list[Interval]], ...] = ({}, {})
        for name, cls in CLASSES.items():
            if self.fast and theta.given is not None and total.given is not None:
                start = (theta.given, total.given, gradient)
                pairs = _fast_pairs(fmt, cls, start, (t, o), self.dialect, row)
            else:
                before = theta.boxes[name]
                squares = mean_squares(
                    fmt, cls, before, gradient, (t, o), self.dialect, row
                )
                elements = zip(
                    before, total.boxes[name], gradient, squares, strict=True
                )
                pairs = [
                    norm_step(fmt, cls, x, s, g, t, o, self.dialect, square)
                    for x, s, g, square in elements
                ]
            boxes[0][name] = [pair[0] for pair in pairs]
            boxes[1][name] = [pair[1] for pair in pairs]
        exact = self._exact(theta, total, gradient, t, o) or (None, None)
        given = None
        if not (self.fast or self.dialect.changes):
            given = _round_given(fmt, theta, total, gradient, t, o)
        rounded = given or (None, None)
        return (
            _Numbers(boxes[0], exact[0], None, rounded[0]),
            _Numbers(boxes[1], exact[1], None, rounded[1]),
        )

    def _exact(
        self, theta: _Numbers, total: _Numbers, g: list[float], t: int, o: Options
    ) -> tuple[list[Any], list[Any]] | None:
        if theta.exact is None or total.exact is None or not all(map(math.isfinite, g)):
            return None
        ctx = self.ctx
        steps = [
            adagrad_step(ctx, x, ctx.mpf(gradient), s, t, o)
            for x, gradient, s in zip(theta.exact, g, total.exact, strict=True)
        ]
        return [s.theta for s in steps], [s.state_sum for s in steps]

    def _expect(self, optimizer: str, param: str, moved: bool) -> ParamExpectation:
        theta, total = self.theta[param], self.sums[optimizer, param]
        return ParamExpectation(
            self.books.counter(optimizer, param),
            _as_boxes(theta) if moved else None,
            _as_boxes(total),
            self._rounded(theta) if moved else None,
            self._rounded(total),
        )

    def _rounded(self, numbers: _Numbers) -> list[float] | None:
        if numbers.rounded is not None or numbers.exact is None:
            return numbers.rounded
        rounded = [round_ball(BINARY64, ball) for ball in numbers.exact]
        if any(x is None for x in rounded):
            raise Unresolved(self.scenario.id)
        return rounded  # type: ignore[return-value]


def _fast_pairs(
    fmt: Format,
    cls: NumericClass,
    start: tuple[list[float], list[float], list[float]],
    setting: tuple[int, Options],
    dialect: Dialect,
    row: int,
) -> list[tuple[Interval, Interval]]:
    theta, total, gradient = (np.array(column, float) for column in start)
    which = np.zeros(len(theta), int)
    rows = np.full(len(theta), row)
    batch = StepBatch(fmt, theta, total, gradient, [setting], which, rows)
    new_theta, new_sum = (
        map(Interval.around, boxes.boxes()) for boxes in fast_boxes(batch, cls, dialect)
    )
    return list(zip(new_theta, new_sum, strict=True))


def _round_given(
    fmt: Format, theta: _Numbers, total: _Numbers, g: list[float], t: int, o: Options
) -> tuple[list[float], list[float]] | None:
    """The correctly rounded single step, where the state before it is given."""
    if theta.given is None or total.given is None:
        return None
    starts = zip(theta.given, g, total.given, strict=True)
    pairs = [round_step(fmt, *start, t, o) for start in starts]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _as_boxes(numbers: _Numbers) -> dict[str, list[Box]]:
    return {
        name: [interval.box() for interval in intervals]
        for name, intervals in numbers.boxes.items()
    }
