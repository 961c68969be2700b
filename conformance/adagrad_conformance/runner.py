"""Plays scenarios on a port and writes down what is seen.  It never judges.

After every event all optimizers are read.  A port that fails costs the scenario that
was being played; the next one starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from adagrad_reference.bookkeeping import Bookkeeper, claims_needed
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Event,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Tensor,
)

from .adapters.base import ClosureAnswer, Malformed, Reading, Refused
from .candidate import Candidate, Crash, Identity, NotLoaded, Timeout

__all__ = ["ClosureCall", "EventSeen", "Observation", "observe", "play", "smoke_test"]

#: After so many failures of the process in a row the rest is not tried.
MAX_FAILURES = 5

#: (optimizer, param)
Place = tuple[str, str]


@dataclass(frozen=True)
class ClosureCall:
    """One call of the closure: the params at that moment."""

    params: Mapping[str, Tensor]


@dataclass
class EventSeen:
    """What was seen of one event."""

    refusal: str | None = None
    readings: Mapping[Place, Reading] = field(default_factory=dict)
    calls: list[ClosureCall] = field(default_factory=list)
    loss: float | None = None


@dataclass
class Observation:
    """What was seen of one scenario; `trouble` is why it broke off, if it did."""

    scenario: Scenario
    events: list[EventSeen] = field(default_factory=list)
    trouble: str | None = None  #: crash, timeout, malformed, error or not-claimed
    message: str = ""


def smoke_test(candidate: Candidate, identity: Identity) -> str | None:
    """What is wrong with the adapter's manners, if anything.

    In each claimed format params are held and shown bit for bit, and an optimizer with
    default options can be made over them.
    """
    formats = [fmt for name, fmt in FORMATS.items() if name in identity.claims]
    for fmt in formats:
        bits = (fmt.encode(1.5), fmt.encode(-fmt.eta))
        tensor = Tensor(fmt.name, (2,), bits)
        group = New("A", (Group(("p",)),), {})
        scenario = Scenario("smoke", (), "MUST", {"p": tensor}, (group,))
        seen = play(candidate, scenario)
        if seen.trouble:
            return f"{seen.trouble}: {seen.message}"
        event = seen.events[0]
        if event.refusal:
            return f"an optimizer with default options was refused: {event.refusal}"
        reading = event.readings.get(("A", "p"))
        if reading is None or reading.theta != tensor:
            return f"a {fmt.name} param did not read back as it was given"
    return None if formats else "no format is claimed"


def observe(
    candidate: Candidate, identity: Identity, scenarios: Iterable[Scenario]
) -> Iterator[Observation]:
    """Play every scenario that the port claims; the rest is noted as not claimed."""
    failures = 0
    for scenario in scenarios:
        if missing := claims_needed(scenario) - identity.claims:
            words = ", ".join(sorted(missing))
            yield Observation(scenario, trouble="not-claimed", message=words)
            continue
        if failures >= MAX_FAILURES:
            message = f"not tried after {failures} failures in a row"
            yield Observation(scenario, trouble="error", message=message)
            continue
        seen = play(candidate, scenario)
        if not candidate.alive:
            failures += 1
            try:
                candidate.start()
            except NotLoaded as error:
                failures = MAX_FAILURES
                seen.message += f"\nand it could not be started again: {error}"
        else:
            failures = 0
        yield seen


def play(candidate: Candidate, scenario: Scenario) -> Observation:
    """Play one scenario to its end or to the first trouble."""
    seen = Observation(scenario)
    try:
        for event in _Play(candidate, scenario).events():
            seen.events.append(event)
    except Malformed as error:
        seen.trouble, seen.message = "malformed", str(error)
    except Timeout as error:
        seen.trouble, seen.message = "timeout", str(error)
    except (Crash, NotLoaded) as error:
        seen.trouble, seen.message = "crash", str(error)
    return seen


class _Play:
    def __init__(self, candidate: Candidate, scenario: Scenario) -> None:
        self.candidate, self.scenario = candidate, scenario
        self.books = Bookkeeper(scenario)
        self.payloads: dict[str, bytes] = {}
        self.last: Mapping[Place, Reading] = {}

    def events(self) -> Iterator[EventSeen]:
        """Play on until the port and the reference disagree on an outcome."""
        self.candidate.begin(self.scenario.tensors)
        for event in self.scenario.events:
            seen = EventSeen()
            self._perform(event, seen)
            effect = self.books.apply(event)
            if bool(seen.refusal) == bool(effect.refusal):
                seen.readings = self.last = {
                    (optimizer, param): reading
                    for optimizer in self.books.optimizers
                    for param, reading in self._read(optimizer).items()
                }
                yield seen
            else:  # from here on the two are in different states
                yield seen
                return

    def _perform(self, event: Event, seen: EventSeen) -> None:
        def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
            if not isinstance(event, Step) or event.loss is None:
                raise Malformed("a closure was asked for where there is none")
            seen.calls.append(ClosureCall(dict(params)))
            return ClosureAnswer(event.gradients, event.loss)

        payload, here = None, self.candidate
        try:
            if isinstance(event, Load) and event.via == "new-process":
                self._move(event)
                payload = self.payloads[event.name]
            reply = self.candidate.event(event, ask, payload)
        except Refused as refusal:
            seen.refusal = str(refusal) or "refused without a message"
            self.candidate = here
            return
        seen.loss = reply.loss
        if isinstance(event, Save):
            if reply.saved is None:
                raise Malformed("save gave no bytes")
            self.payloads[event.name] = reply.saved

    def _move(self, event: Load) -> None:
        """Go on in another process: the same params, a fresh optimizer."""
        groups = self.books.groups(event.optimizer)
        tensors = {
            name: self._current(event.optimizer, name, tensor)
            for name, tensor in self.scenario.tensors.items()
        }
        self.candidate = self.candidate.elsewhere()
        self.candidate.begin(tensors)
        made = New(
            event.optimizer,
            tuple(Group(params, options.changed()) for params, options in groups),
        )
        self.candidate.event(made, _no_closure)

    def _current(self, optimizer: str, name: str, tensor: Tensor) -> Tensor:
        reading = self.last.get((optimizer, name))
        if reading is None or reading.theta.shape != tensor.shape:
            return tensor
        bits = reading.theta.bits
        return Tensor(tensor.format, tensor.shape, bits, tensor.complex, tensor.layout)

    def _read(self, optimizer: str) -> dict[str, Reading]:
        readings = self.candidate.read(optimizer)
        expected = self.books.params(optimizer)
        if set(readings) != set(expected):
            raise Malformed(f"read shows params {sorted(readings)}, not {expected}")
        for name, reading in readings.items():
            self._check_shape(name, reading)
        return {name: readings[name] for name in expected}

    def _check_shape(self, name: str, reading: Reading) -> None:
        tensor = self.scenario.tensors[name]
        whole = (tensor.format, tensor.shape, len(tensor.bits))
        parts = (("theta", reading.theta), ("gradient", reading.gradient))
        for what, shown in (*parts, ("sum", reading.state_sum)):
            if shown is None:
                continue
            got = (shown.format, shown.shape, len(shown.bits))
            if what == "sum" and got[0] != whole[0] and got[1:] == whole[1:]:
                raise Malformed(
                    f"the accumulator of {name} is {got[0]}, the param {whole[0]}: "
                    "state of another width cannot be judged yet; "
                    f"do not claim {whole[0]}"
                )
            if got != whole:
                raise Malformed(
                    f"{what} of {name} is {got[0]} of shape {list(got[1])}, "
                    f"not {whole[0]} of shape {list(whole[1])}"
                )
        length = tensor.layout.length if tensor.layout else None
        if length is not None and len(reading.storage or ()) != length:
            raise Malformed(f"storage of {name} is not {length} elements")


def _no_closure(params: Mapping[str, Tensor]) -> ClosureAnswer:
    raise Malformed("a closure was asked for where there is none")
