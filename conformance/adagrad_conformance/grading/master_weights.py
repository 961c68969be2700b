"""Ports with master weights: 16-bit params that are copies of binary32 numbers.

Such a port holds, beside each 16-bit param, a master copy of it in binary32, and S in
binary32 too (claim `master-weights`).

Rule 1.  The master is what is stepped: a step is one of binary32, from the master and S
         as they were shown, with the gradient as it is given; every 16-bit number is
         one of binary32.
Rule 2.  What a step leaves in the param is the master, rounded to nearest.
Rule 3.  A new master is the param.  Every other event leaves it bit for bit, but a load
         restores the one that was saved; where that does not round to the param, which
         has moved since, the master may begin from the param instead.
Rule 4.  A master belongs to an optimizer and a param, as S does.  Another optimizer's
         steps do not move it.

`lifted` writes an observation down as one of binary32 params, so that it is judged as
any other; `Masters` watches over rules 2 to 4.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.execution.observations import (
    ClosureCall,
    EventSeen,
    Observation,
)
from adagrad_reference.bookkeeping import Effect
from adagrad_reference.boxes import Boxes
from adagrad_reference.events import map_events, map_tensors
from adagrad_reference.formats import BFLOAT16, BINARY32, FORMATS, Format
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Load,
    New,
    Save,
    Scenario,
    Sparse,
    Tensor,
)

__all__ = [
    "MASTER",
    "Fault",
    "Masters",
    "followed",
    "lifted",
    "rounded",
    "rounded_boxes",
    "shows_masters",
    "widened",
]

#: The claim.
MASTER = "master-weights"


# -- numbers ---------------------------------------------------------------------------


@cache
def _wide_bits(name: str) -> Sequence[int]:
    """The binary32 encoding of each 16-bit one; those of NaN stay apart."""
    codes = np.arange(1 << 16, dtype=np.uint32)
    if FORMATS[name] == BFLOAT16:  # the upper half of binary32
        return [int(bits) for bits in codes << 16]
    values = codes.astype(np.uint16).view(np.float16)
    wide = values.astype(np.float32).view(np.uint32)
    sign, fraction = (codes & 0x8000) << 16, (codes & 0x3FF) << 13
    wide = np.where(np.isnan(values), sign | 0x7F800000 | fraction, wide)
    return [int(bits) for bits in wide]


def widened(tensor: Tensor) -> Tensor:
    """The same numbers in binary32, if they are 16 bits wide."""
    if tensor.fmt.width != 16:
        return tensor
    table, layout = _wide_bits(tensor.format), tensor.layout
    return replace(
        tensor,
        format=BINARY32.name,
        bits=tuple(table[bits] for bits in tensor.bits),
        layout=layout and replace(layout, guard=table[layout.guard]),
    )


def rounded(fmt: Format, values: Any) -> Any:
    """Numbers of binary32 rounded to nearest in a 16-bit format, ties to even."""
    with np.errstate(all="ignore"):
        single = np.asarray(values, np.float32)
        if fmt != BFLOAT16:
            return single.astype(np.float16).astype(float)
        bits: Any = single.view(np.uint32).astype(np.uint64)
        upper = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        kept = (upper << 16).astype(np.uint32).view(np.float32)
        return np.where(np.isnan(single), np.nan, kept).astype(float)


def rounded_boxes(fmt: Format, boxes: Boxes) -> Boxes:
    """Where a number may lie whose master lies in a box: rounding is monotone."""
    return Boxes(rounded(fmt, boxes.lo), rounded(fmt, boxes.hi), boxes.nan)


def _departs(fmt: Format, master: Tensor, theta: Tensor) -> list[int]:
    """The elements of (widened) theta that are not the master rounded, by value."""
    due, shown = rounded(fmt, master.values()), np.array(theta.values(), float)
    same = (due == shown) | (np.isnan(due) & np.isnan(shown))
    return [int(i) for i in np.flatnonzero(~same)]


# -- an observation in binary32 --------------------------------------------------------


def shows_masters(seen: Observation) -> bool:
    """Whether a master copy is shown anywhere."""
    readings = (r for event in seen.events for r in event.readings.values())
    return any(reading.master is not None for reading in readings)


def lifted(seen: Observation) -> Observation:
    """What was seen, as of params that are all of binary32 where they are narrower."""
    if not any(t.fmt.width == 16 for t in seen.scenario.tensors.values()):
        return seen
    scenario, events = _lifted_scenario(seen.scenario), map(_lifted_seen, seen.events)
    return replace(seen, scenario=scenario, events=list(events))


def _lifted_scenario(scenario: Scenario) -> Scenario:
    tensors = {name: widened(tensor) for name, tensor in scenario.tensors.items()}
    wide = map_events(
        scenario, lambda event: map_tensors(event, lambda _, tensor: widened(tensor))
    )
    return replace(wide, tensors=tensors)


def _wide_gradient(gradient: Gradient) -> Gradient:
    if isinstance(gradient, Sparse):
        return replace(gradient, values=widened(gradient.values))
    return None if gradient is None else widened(gradient)


def _lifted_seen(shown: EventSeen) -> EventSeen:
    calls = [
        ClosureCall({name: widened(tensor) for name, tensor in call.params.items()})
        for call in shown.calls
    ]
    readings = {place: _lifted_reading(r) for place, r in shown.readings.items()}
    return replace(shown, calls=calls, readings=readings)


def _lifted_reading(reading: Reading) -> Reading:
    fmt, storage, total = reading.theta.fmt, reading.storage, reading.state_sum
    if fmt.width == 16 and storage is not None:
        storage = tuple(_wide_bits(fmt.name)[bits] for bits in storage)
    return replace(
        reading,
        theta=widened(reading.theta),
        gradient=_wide_gradient(reading.gradient),
        state_sum=total and widened(total),
        storage=storage,
    )


# -- masters over the events -----------------------------------------------------------


class Fault(NamedTuple):
    """What is wrong with a master or with the param beside it."""

    message: str
    param: str
    element: int | None = None
    observed: str | None = None
    expected: str | None = None


@dataclass
class Masters:
    """The masters as they were last shown; `narrow` are the formats of the params."""

    narrow: Mapping[str, Format]
    held: dict[Place, Tensor] = field(default_factory=dict)
    saved: dict[tuple[str, str], Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario: Scenario) -> Masters:
        """Of the 16-bit params of a scenario that is not lifted."""
        tensors = scenario.tensors.items()
        return cls({n: t.fmt for n, t in tensors if t.fmt.width == 16})

    def faults(
        self, event: Event, effect: Effect, theta: Mapping[str, Tensor], seen: EventSeen
    ) -> Iterator[Fault]:
        """What is wrong after an event of a lifted observation; then it is past.

        `theta` is what the params were before it.
        """
        if isinstance(event, Save):
            held = [
                (p, m) for (who, p), m in self.held.items() if who == event.optimizer
            ]
            self.saved.update({(event.name, param): m for param, m in held})
        moved = {
            u.param: u.elements for us in (effect.updates, *effect.runs) for u in us
        }
        for place, reading in seen.readings.items():
            (who, param), master = place, reading.master
            if param not in self.narrow:
                continue
            if master is None:
                if reading.state_sum is not None or place in self.held:
                    yield Fault(f"claims '{MASTER}' but shows no master", param)
                continue
            if who == event.optimizer and param in moved:
                elements = moved[param]
                yield from self._stale(param, elements, theta[param], reading, master)
            else:
                due = self._due(event, effect, place, reading.theta)
                yield from _kept(param, due, master)
            self.held[place] = master

    def _stale(
        self,
        param: str,
        elements: Iterable[int] | None,
        before: Tensor,
        reading: Reading,
        master: Tensor,
    ) -> Iterator[Fault]:
        """Rule 2; elements that a sparse gradient leaves out may stay as they are."""
        fmt, shown = self.narrow[param], reading.theta.values()
        wrong = _departs(fmt, master, reading.theta)
        if elements is not None:
            own, now = set(elements), reading.theta.bits
            wrong = [i for i in wrong if i in own or now[i] != before.bits[i]]
        for i in wrong[:1]:
            due = float(rounded(fmt, master.values())[i])
            yield Fault(
                "the param is not its master rounded",
                param,
                i,
                repr(shown[i]),
                repr(due),
            )

    def _due(
        self, event: Event, effect: Effect, place: Place, theta: Tensor
    ) -> list[Tensor]:
        """What a master may be after an event that does not step it (rule 3)."""
        if place[0] == event.optimizer:
            if place[1] in dict(effect.fresh):
                return [theta]
            for move in effect.restored:
                if move.param == place[1]:
                    saved = self.saved.get((move.save, move.source))
                    if saved is None:
                        return [theta]
                    fits = not _departs(self.narrow[place[1]], saved, theta)
                    return [saved] if fits else [saved, theta]
        return [self.held.get(place, theta)]


def _kept(param: str, due: Sequence[Tensor], master: Tensor) -> Iterator[Fault]:
    if any(master.bits == one.bits for one in due):
        return
    pairs = enumerate(zip(due[0].bits, master.bits, strict=True))
    element, (a, b) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    words = "the master changed though it must keep every bit"
    yield Fault(words, param, element, f"{b:08x}", f"{a:08x}")


def followed(scenario: Scenario) -> int:
    """How many events black boxes along the trajectory of hidden masters can follow.

    Whoever begins anew or loads holds another master than the one that was followed.
    """
    for number, event in enumerate(scenario.events):
        if number and isinstance(event, New | Load):
            return number
    return len(scenario.events)
