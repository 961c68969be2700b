"""One scenario in the making: questions are sent ahead, answers become observations."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from adagrad_conformance.adapters.base import (
    ClosureAnswer,
    Malformed,
    Reading,
    Refused,
    Trace,
)
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.transport.client import Client, Question
from adagrad_conformance.transport.response_validation import (
    check_readings,
    check_traces,
)
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    Event,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Steps,
    Tensor,
)

from .observations import ClosureCall, EventSeen

__all__ = ["Session"]


@dataclass(frozen=True)
class _Cue:
    """What is known of an event before it is played."""

    event: Event
    refused: bool
    looks: Mapping[str, list[str]]  #: the params that each optimizer must then show
    groups: list[tuple[tuple[str, ...], Options]]  #: of an optimizer that moves, before


class Session:
    """A scenario in the making: its tensors are given, its events come one by one.

    The port is told what it will be asked (`Client.announce`): all events of the
    scenario, as far as the questions do not hang on its answers, or else each event
    with the readings after it.
    """

    def __init__(self, client: Client, scenario: Scenario) -> None:
        self.client, self.scenario = client, scenario
        self.home = client  #: where it began
        self.books = Bookkeeper(scenario)
        self.payloads: dict[str, bytes] = {}
        self.last: Mapping[Place, Reading] = {}  #: the readings after the last event
        self.parted = False  #: port and reference disagree on an outcome
        self.cues = deque(map(self._cue, scenario.events))
        begin = [Question("begin", scenario.tensors)]
        self.batches, self.announced = deque(_batches(begin, self.cues)), 0
        with self._ended_by_trouble():
            self._announce()
            client.begin(scenario.tensors)

    def do(self, event: Event) -> EventSeen:
        """Play an event and read everything; raises as `Client` does."""
        seen = EventSeen()
        if self.cues:
            cue = self.cues.popleft()
        else:
            cue = self._cue(event)
            self.batches.extend(_batches([], [cue]))
        with self._ended_by_trouble():
            self._perform(cue, seen)
            self.parted = bool(seen.refusal) != cue.refused
            if not self.parted:
                seen.readings = self.last = {
                    (optimizer, param): reading
                    for optimizer, params in cue.looks.items()
                    for param, reading in self._read(optimizer, params).items()
                }
        if self.parted:
            self._end()
        return seen

    @contextmanager
    def _ended_by_trouble(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._end()
            raise

    def _end(self) -> None:
        """What was announced and not asked yet is not asked any more."""
        for client in (self.client, self.home):
            client.announce(())

    def _cue(self, event: Event) -> _Cue:
        moves = isinstance(event, Load) and event.via == "new-process"
        groups = self.books.groups(event.optimizer) if moves else []
        effect = self.books.apply(event)
        looks = {name: self.books.params(name) for name in self.books.optimizers}
        return _Cue(event, bool(effect.refusal), looks, groups)

    def _announce(self) -> None:
        """Announce the next batch before its first question is asked."""
        if not self.announced:
            batch = self.batches.popleft()
            self.client.announce(batch)
            self.announced = len(batch)
        self.announced -= 1

    def _perform(self, cue: _Cue, seen: EventSeen) -> None:
        event = cue.event

        def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
            if not isinstance(event, Step) or event.loss is None:
                raise Malformed(
                    "a closure was asked for where there is none", "unasked"
                )
            seen.calls.append(ClosureCall(dict(params)))
            return ClosureAnswer(event.gradients, event.loss)

        payload, here = None, self.client
        try:
            if isinstance(event, Load) and event.via == "new-process":
                self._move(event, cue.groups)
                payload = self.payloads[event.name]
            else:
                self._announce()
            reply = self.client.event(event, ask, payload)
        except Refused as refusal:
            seen.refusal = str(refusal) or "refused without a message"
            self.client = here  # a refused move ends where it began
            return
        seen.loss = reply.loss
        if isinstance(event, Steps):
            seen.trace = self._checked(event, cue, reply.trace)
        if isinstance(event, Save):
            if reply.saved is None:
                raise Malformed("save gave no bytes")
            self.payloads[event.name] = reply.saved

    def _checked(
        self, event: Steps, cue: _Cue, traces: Mapping[str, Trace] | None
    ) -> Mapping[str, Trace]:
        stepped = {}
        for name in cue.looks[event.optimizer]:
            before = self.last.get((event.optimizer, name))
            stepped[name] = (before and before.master) or self.scenario.tensors[name]
        return check_traces(traces, stepped, event.count)

    def _move(self, event: Load, groups: list[tuple[tuple[str, ...], Options]]) -> None:
        """Go on in another process: the same params, a fresh optimizer."""
        tensors = {
            name: self._current(name, tensor)
            for name, tensor in self.scenario.tensors.items()
        }
        self.client = self.client.elsewhere()
        self.client.begin(tensors)
        made = New(
            event.optimizer,
            tuple(Group(params, options.changed()) for params, options in groups),
        )
        self.client.event(made, _no_closure)

    def _current(self, name: str, tensor: Tensor) -> Tensor:
        """The param as it was last read, whichever optimizer holds it."""
        shown = (r for (_, param), r in self.last.items() if param == name)
        reading = next(shown, None)
        if reading is None or reading.theta.shape != tensor.shape:
            return tensor
        bits = reading.theta.bits
        return Tensor(tensor.format, tensor.shape, bits, tensor.complex, tensor.layout)

    def _read(self, optimizer: str, expected: list[str]) -> dict[str, Reading]:
        self._announce()
        readings = self.client.read(optimizer)
        check_readings(readings, expected, self.scenario.tensors)
        return {name: readings[name] for name in expected}


def _batches(
    questions: list[Question], cues: Iterable[_Cue]
) -> Iterator[list[Question]]:
    """The questions and those of the cues, cut where only an answer tells the next.

    That is at closures, at loads elsewhere and at refusals; many steps begin a batch
    of their own, for their time counts alone.
    """
    for cue in cues:
        event, looks = cue.event, [Question("read", name) for name in cue.looks]
        moves = isinstance(event, Load) and event.via == "new-process"
        closure = isinstance(event, Step) and event.loss is not None
        if questions and (moves or isinstance(event, Steps)):
            yield questions
            questions = []
        if not moves:
            questions.append(Question("event", event))
        if questions and (moves or closure or cue.refused):
            yield questions
            questions = []
        questions += looks
    if questions:
        yield questions


def _no_closure(params: Mapping[str, Tensor]) -> ClosureAnswer:
    raise Malformed("a closure was asked for where there is none", "unasked")
