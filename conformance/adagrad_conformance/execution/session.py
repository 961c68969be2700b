"""One scenario in play: its tensors are given, its events become observations.

Rule 1.  Questions are announced in batches (plan.py), so that a client can send them
         ahead; none depends on an answer to another one of its batch.
Rule 2.  After each event every optimizer is read.
Rule 3.  Where the port and the reference disagree on an outcome, the scenario ends: its
         further events no longer mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from adagrad_conformance.adapters.base import (
    ClosureAnswer,
    Malformed,
    Reading,
    Refused,
    Reply,
    Trace,
)
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.response_validation import (
    check_readings,
    check_traces,
)
from adagrad_reference.scenario import (
    Event,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Steps,
    Tensor,
)

from .observations import ClosureCall, EventSeen
from .plan import Plan, PlannedEvent, is_move
from .second_process import current_tensors, moved

__all__ = ["Session"]


class Session:
    """A scenario that has begun on a port; raises as `Client.begin`.

    `last` are the readings after the last event, `diverged` is whether port and
    reference disagreed on its outcome.
    """

    def __init__(self, client: Client, scenario: Scenario) -> None:
        self.client, self.scenario = client, scenario
        self.last: Mapping[Place, Reading] = {}
        self.diverged = False
        self._first = client  #: where the scenario began
        self._plan = Plan(scenario)
        self._saved: dict[str, bytes] = {}
        with self._withdrawn_on_error():
            self._announce()
            client.begin(scenario.tensors)

    def do(self, event: Event) -> EventSeen:
        """Play an event and read every optimizer; raises as the methods of `Client`."""
        planned, seen = self._plan.next(event), EventSeen()
        with self._withdrawn_on_error():
            self._perform(planned, seen)
            self.diverged = bool(seen.refusal) != planned.refused
            if not self.diverged:
                seen.readings = self.last = self._read_all(planned)
        if self.diverged:
            self._withdraw()
        return seen

    # -- what is announced -------------------------------------------------------------

    def _announce(self) -> None:
        if batch := self._plan.due():
            self.client.announce(batch)

    def _withdraw(self) -> None:
        """Whatever was announced and not asked yet is not asked any more."""
        for client in (self.client, self._first):
            client.announce(())

    @contextmanager
    def _withdrawn_on_error(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._withdraw()
            raise

    # -- an event and its answer -------------------------------------------------------

    def _perform(self, planned: PlannedEvent, seen: EventSeen) -> None:
        here = self.client
        try:
            reply = self._reply(planned, seen)
        except Refused as refusal:
            seen.refusal = str(refusal) or "refused without a message"
            self.client = here  # a refused load keeps the old process
            return
        seen.loss = reply.loss
        if isinstance(planned.event, Steps):
            seen.trace = self._checked(planned.event, planned, reply.trace)
        if isinstance(planned.event, Save):
            self._saved[planned.event.name] = _bytes_of(reply)

    def _reply(self, planned: PlannedEvent, seen: EventSeen) -> Reply:
        event = planned.event

        def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
            if not isinstance(event, Step) or event.loss is None:
                words = "a closure was asked for where there is none"
                raise Malformed(words, "unasked")
            seen.calls.append(ClosureCall(dict(params)))
            return ClosureAnswer(event.gradients, event.loss)

        if not (isinstance(event, Load) and is_move(event)):
            self._announce()
            return self.client.event(event, ask)
        tensors = current_tensors(self.scenario.tensors, self.last)
        named = _named(self.scenario, event.optimizer)
        self.client = moved(
            self.client, tensors, event.optimizer, planned.groups, named
        )
        return self.client.event(event, ask, self._saved[event.name])

    def _read_all(self, planned: PlannedEvent) -> dict[Place, Reading]:
        return {
            (optimizer, param): reading
            for optimizer, params in planned.reads.items()
            for param, reading in self._read(optimizer, params).items()
        }

    def _read(self, optimizer: str, params: list[str]) -> dict[str, Reading]:
        self._announce()
        readings = self.client.read(optimizer)
        wide = self._first.wide_state
        check_readings(readings, params, self.scenario.tensors, wide)
        return {name: readings[name] for name in params}

    def _checked(
        self, event: Steps, planned: PlannedEvent, traces: Mapping[str, Trace] | None
    ) -> Mapping[str, Trace]:
        """The traces of many steps, those of master weights in the masters' format."""
        stepped = {}
        for name in planned.reads[event.optimizer]:
            before = self.last.get((event.optimizer, name))
            stepped[name] = (before and before.master) or self.scenario.tensors[name]
        return check_traces(traces, stepped, event.count)


def _named(scenario: Scenario, optimizer: str) -> set[str]:
    """The options that a scenario gives to a constructor."""
    made = (e for e in scenario.events if isinstance(e, New))
    return {name for e in made if e.optimizer == optimizer for name in e.options}


def _bytes_of(reply: Reply) -> bytes:
    if reply.saved is None:
        raise Malformed("save gave no bytes")
    return reply.saved
