"""What the events of a scenario ask of a port, known before they are played."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adagrad_conformance.transport.client import Question
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.options import Options
from adagrad_reference.scenario import Event, Load, Scenario, Step, Steps

__all__ = ["Plan", "PlannedEvent", "is_move"]


@dataclass(frozen=True)
class PlannedEvent:
    """What the reference knows of an event before it is played."""

    event: Event
    refused: bool
    #: The params of each optimizer that exists afterwards.
    reads: Mapping[str, list[str]]
    #: Params and options of each group of an optimizer that moves, before the move.
    groups: list[tuple[tuple[str, ...], Options]]


def is_move(event: Event) -> bool:
    """Whether the event goes on in a second process."""
    return isinstance(event, Load) and event.via == "new-process"


class Plan:
    """A scenario's events in order, and its questions in batches.

    The questions of a batch can be announced together, for none of them depends on an
    answer to another one.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._books = Bookkeeper(scenario)
        self._events = deque(map(self._planned, scenario.events))
        begin = [Question("begin", scenario.tensors)]
        self._batches = deque(_batches(begin, self._events))
        self._begun = 0  #: questions of the last batch that are not asked yet

    def next(self, event: Event) -> PlannedEvent:
        """The plan of the next event; one that the scenario lacks is planned now."""
        if self._events:
            return self._events.popleft()
        planned = self._planned(event)
        self._batches.extend(_batches([], [planned]))
        return planned

    def due(self) -> list[Question]:
        """The batch that the next question begins; empty where it begins none."""
        batch = [] if self._begun else self._batches.popleft()
        self._begun += len(batch) - 1
        return batch

    def _planned(self, event: Event) -> PlannedEvent:
        groups = self._books.groups(event.optimizer) if is_move(event) else []
        effect = self._books.apply(event)
        reads = {name: self._books.params(name) for name in self._books.optimizers}
        return PlannedEvent(event, bool(effect.refusal), reads, groups)


def _batches(
    batch: list[Question], events: Iterable[PlannedEvent]
) -> Iterator[list[Question]]:
    """The questions of `batch` and of the events, in batches.

    A batch ends behind a closure and behind a refusal, whose answers decide what comes
    next, and before a move, whose questions go to another process.  Many steps begin a
    batch, so that the time of other answers does not count as theirs.
    """
    for planned in events:
        event = planned.event
        moves = is_move(event)
        closure = isinstance(event, Step) and event.loss is not None
        if batch and (moves or isinstance(event, Steps)):
            yield batch
            batch = []
        if not moves:
            batch.append(Question("event", event))
        if batch and (closure or planned.refused):
            yield batch
            batch = []
        batch += [Question("read", optimizer) for optimizer in planned.reads]
    if batch:
        yield batch
