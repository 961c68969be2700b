"""Boxes of theta along scenarios, for ports that show no state.

The start of a step is a box itself here, and the array enclosure takes it as such.
Many scenarios are followed side by side: the k-th steps of all of them are one batch
for each format, so that a scenario costs microseconds.

The boxes are those of the class `lawful`, by default.  They hold those of the norm
(expectations.py), which steps one element at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .array_enclosure import StepBatch, fast_boxes
from .boxes import Box, Boxes
from .dialect_bookkeeping import bookkeeper
from .dialects import DOCUMENT, Dialect
from .effects import Effect, Update
from .formats import FORMATS
from .interval import stored_box
from .numeric_class import LAWFUL, NumericClass
from .options import Options
from .row_wise import row_size
from .scenario import Save, Scenario, Tensor

__all__ = ["Trajectory", "trajectories"]

#: For each event the boxes of theta of every param that it moves.
Trajectory = Sequence[Mapping[str, Boxes]]

_Pair = tuple[Boxes, Boxes]  #: of theta and S


@dataclass(frozen=True)
class _Wanted:
    """One step of some elements: from where, and by what."""

    format: str
    start: _Pair
    gradient: Any
    setting: tuple[int, Options]
    row: int


_Steps = Generator[Sequence[_Wanted], Sequence[_Pair], list[Mapping[str, Boxes]]]


def trajectories(
    scenarios: Iterable[Scenario],
    dialect: Dialect = DOCUMENT,
    cls: NumericClass = LAWFUL,
    quantum: float = 0.0,
) -> list[Trajectory]:
    """The trajectory of each scenario in a class, in order.

    What S is off by in a port that keeps it in few bits is at most `quantum` of the
    largest S of its param.  Raises `ScenarioError` for an impossible scenario.
    """
    runs = [_follow(scenario, dialect, cls, quantum) for scenario in scenarios]
    found: list[Trajectory] = [[] for _ in runs]
    answers: dict[int, Any] = dict.fromkeys(range(len(runs)))
    while answers:
        wanted: dict[int, Sequence[_Wanted]] = {}
        for number, answer in answers.items():
            try:
                wanted[number] = runs[number].send(answer)
            except StopIteration as end:
                found[number] = end.value
        answers = _answered(wanted, dialect, cls)
    return found


def _answered(
    wanted: Mapping[int, Sequence[_Wanted]], dialect: Dialect, cls: NumericClass
) -> dict[int, list[_Pair]]:
    """The boxes after the steps that each run asks for, one batch a format."""
    places: dict[str, list[tuple[int, _Wanted]]] = defaultdict(list)
    answers: dict[int, list[_Pair]] = {number: [] for number in wanted}
    for number, steps in wanted.items():
        for step in steps:
            places[step.format].append((number, step))
    taken: dict[int, _Pair] = {}
    for name, listed in places.items():
        pairs = _taken(name, [step for _, step in listed], dialect, cls)
        for (_, step), pair in zip(listed, pairs, strict=True):
            taken[id(step)] = pair
    for number, steps in wanted.items():
        answers[number] = [taken[id(step)] for step in steps]
    return answers


def _taken(
    name: str, steps: Sequence[_Wanted], dialect: Dialect, cls: NumericClass
) -> list[_Pair]:
    sizes = [len(step.gradient) for step in steps]
    numbers = {setting: i for i, setting in enumerate({s.setting: 0 for s in steps})}
    batch = StepBatch.from_boxes(
        FORMATS[name],
        (
            _joined([step.start[0] for step in steps]),
            _joined([step.start[1] for step in steps]),
        ),
        np.concatenate([step.gradient for step in steps]),
        list(numbers),
        np.repeat([numbers[step.setting] for step in steps], sizes),
        np.repeat([step.row for step in steps], sizes),
    )
    theta, total = fast_boxes(batch, cls, dialect)
    ends = np.cumsum(sizes)
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [(theta.at(part), total.at(part)) for part in parts]


def _joined(boxes: Sequence[Boxes]) -> Boxes:
    return Boxes(*(np.concatenate(column) for column in zip(*boxes, strict=True)))


def _follow(
    scenario: Scenario, dialect: Dialect, cls: NumericClass, quantum: float
) -> _Steps:
    """Plays one scenario; yields the steps that it needs, and gets their boxes."""
    books = bookkeeper(scenario, dialect)
    theta = {name: _known(tensor) for name, tensor in scenario.tensors.items()}
    sums: dict[tuple[str, str], Boxes] = {}
    saved: dict[tuple[str, str], Boxes] = {}
    found: list[Mapping[str, Boxes]] = []
    for event in scenario.events:
        effect, who = books.apply(event), event.optimizer
        if isinstance(event, Save) and not effect.refusal:
            for param in books.params(who):
                saved[event.name, param] = sums[who, param]
        _change_state(scenario, who, effect, sums, saved, cls.keeps_sum)
        moved: set[str] = set()
        for updates in (effect.updates, *effect.runs):
            if not updates:
                continue
            yielded = [
                _wanted(scenario, update, theta, sums[who, update.param], dialect)
                for update in updates
            ]
            for update, pair in zip(updates, (yield yielded), strict=True):
                place = who, update.param
                before = theta[update.param], sums[place]
                theta[update.param], sums[place] = (
                    _put(old, update.elements, new)
                    for old, new in zip(before, pair, strict=True)
                )
                if quantum:
                    sums[place] = sums[place].within(quantum)
                moved.add(update.param)
        found.append({param: theta[param] for param in moved})
    return found


def _change_state(
    scenario: Scenario,
    who: str,
    effect: Effect,
    sums: dict[tuple[str, str], Boxes],
    saved: Mapping[tuple[str, str], Boxes],
    keeps: bool,
) -> None:
    """S where an event begins, restores or writes it; one that is kept wide may begin
    at tau itself.
    """
    for param, tau in effect.fresh:
        tensor = scenario.tensors[param]
        box, count = stored_box(tensor.fmt, tau), len(tensor.bits)
        if keeps:
            box = Box(min(box.lo, tau), max(box.hi, tau), False)
        sums[who, param] = Boxes(*(np.full(count, end) for end in box))
    for move in effect.restored:
        sums[who, move.param] = saved[move.save, move.source]
    if effect.written:
        sums[who, effect.written.param] = _known(effect.written.state_sum)


def _known(tensor: Tensor) -> Boxes:
    """The boxes of numbers that are given."""
    return Boxes.of_numbers(np.array(tensor.values(), float))


def _wanted(
    scenario: Scenario,
    update: Update,
    theta: Mapping[str, Boxes],
    total: Boxes,
    dialect: Dialect,
) -> _Wanted:
    tensor, start = scenario.tensors[update.param], theta[update.param]
    if update.elements is not None:
        places = np.array(update.elements, int)
        start, total = start.at(places), total.at(places)
    return _Wanted(
        tensor.format,
        (start, total),
        np.array(update.gradient.values(), float),
        dialect.setting(update.t, update.options),
        row_size(tensor),
    )


def _put(old: Boxes, elements: Sequence[int] | None, new: Boxes) -> Boxes:
    """The boxes of a whole param in which some elements have moved."""
    if elements is None:
        return new
    whole = Boxes(*(column.copy() for column in old))
    for column, moved in zip(whole, new, strict=True):
        column[list(elements)] = moved
    return whole
