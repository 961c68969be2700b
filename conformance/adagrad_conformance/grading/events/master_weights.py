"""Ports with master weights: 16-bit params that are copies of binary32 numbers.

Such a port holds, beside each 16-bit param, a master copy of it in binary32, and S in
binary32 too (claim `master-weights`).

Rule 1.  The master is what is stepped: a step is one of binary32, from the master and S
         as they were shown, with the gradient as it is given; every 16-bit number is
         one of binary32.
Rule 2.  What a step leaves in the param is the master, rounded to nearest.
Rule 3.  A new master is the param; the first step may make it.  Every other event
         leaves it bit for bit, but a load restores the one that was saved; where that
         does not round to the param, which has moved since, the master may begin from
         the param instead.
Rule 4.  A master belongs to an optimizer and a param, as S does.  Another optimizer's
         steps do not move it.

An observation of such a port is judged in binary32 (binary32_view.py); `Masters` checks
rules 2 to 4.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.execution.observations import EventSeen
from adagrad_conformance.grading.failure import Failure, FailureKind, Number
from adagrad_reference.effects import Effect
from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    Event,
    Load,
    New,
    Save,
    Scenario,
    Tensor,
)

from .binary32_view import departures, rounded

__all__ = ["MASTER", "Masters", "events_before_reload"]

#: The claim.
MASTER = "master-weights"


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

    def failures(
        self,
        number: int,
        event: Event,
        effect: Effect,
        theta: Mapping[str, Tensor],
        shown: EventSeen,
    ) -> Iterator[Failure]:
        """The failures at event `number` of an observation in binary32.

        `theta` holds the params before the event.  The masters that the event shows
        are kept for the next one.
        """
        if isinstance(event, Save):
            held = [
                (p, m) for (who, p), m in self.held.items() if who == event.optimizer
            ]
            for key in [key for key in self.saved if key[0] == event.name]:
                del self.saved[key]
            self.saved.update({(event.name, param): m for param, m in held})
        moved = {
            u.param: u.elements for us in (effect.updates, *effect.runs) for u in us
        }
        for place, reading in shown.readings.items():
            (who, param), master = place, reading.master
            if param not in self.narrow:
                continue
            if master is None:  # it may be made by the first step
                stepped = who == event.optimizer and param in moved
                if who == event.optimizer and any(
                    move.param == param and (move.save, move.source) not in self.saved
                    for move in effect.restored
                ):  # the state that was saved had none yet
                    self.held.pop(place, None)
                if stepped or place in self.held:
                    yield Failure(FailureKind.MASTER_MISSING, number, who, param)
                continue
            if who == event.optimizer and param in moved:
                stale = Failure(FailureKind.MASTER_ROUNDING, number, who, param)
                elements, before = moved[param], theta[param]
                yield from self._stale(stale, elements, before, reading, master)
            else:
                due = self._due(event, effect, place, reading.theta)
                changed = Failure(FailureKind.MASTER_CHANGED, number, who, param)
                yield from _kept(changed, due, master)
            self.held[place] = master

    def _stale(
        self,
        failure: Failure,
        elements: Iterable[int] | None,
        before: Tensor,
        reading: Reading,
        master: Tensor,
    ) -> Iterator[Failure]:
        """Rule 2; elements that a sparse gradient leaves out may stay as they are."""
        assert failure.param is not None
        fmt, now = self.narrow[failure.param], reading.theta.bits
        wrong = departures(fmt, master, reading.theta)
        if elements is not None:
            own = set(elements)
            wrong = [i for i in wrong if i in own or now[i] != before.bits[i]]
        for i in wrong[:1]:
            wide = reading.theta.fmt
            due = Number.of(wide, float(rounded(fmt, master.values())[i]))
            seen = Number(wide, now[i])
            yield replace(failure, element=i, observed=seen, due=due)

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
                    fits = not departures(self.narrow[place[1]], saved, theta)
                    return [saved] if fits else [saved, theta]
        return [self.held.get(place, theta)]


def _kept(failure: Failure, due: Sequence[Tensor], master: Tensor) -> Iterator[Failure]:
    if any(master.bits == one.bits for one in due):
        return
    pairs = enumerate(zip(due[0].bits, master.bits, strict=True))
    element, (a, b) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    kept, seen = Number(master.fmt, a), Number(master.fmt, b)
    yield replace(failure, element=element, observed=seen, due=kept)


def events_before_reload(scenario: Scenario) -> int:
    """How many events the boxes along a trajectory of hidden masters can follow.

    After a later `New` or `Load` the hidden master is unknown, so the boxes end there.
    """
    for number, event in enumerate(scenario.events):
        if number and isinstance(event, New | Load):
            return number
    return len(scenario.events)
