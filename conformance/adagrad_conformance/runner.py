"""Plays scenarios on a port and writes down what is seen.  It never judges.

After every event all optimizers are read.  A port that fails costs the scenario that
was being played; the next one starts afresh.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.formats import BINARY32, FORMATS
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    Event,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Sparse,
    Step,
    Steps,
    Tensor,
)

from .adapters.base import (
    ClosureAnswer,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Trace,
)
from .candidate import Candidate, Crash, Identity, NotLoaded, Question, Timeout
from .checks import Adaptive, Check, NativeCheck, Place, Relation, needed_claims

__all__ = [
    "AdaptiveSeen",
    "ClosureCall",
    "EventSeen",
    "NativeSeen",
    "NotPlayed",
    "Observation",
    "RelationSeen",
    "Seen",
    "Session",
    "observe",
    "perform",
    "play",
    "smoke_test",
]

#: After so many failures of the process in a row the rest is not tried.
MAX_FAILURES = 5


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
    trace: Mapping[str, Trace] | None = None


@dataclass
class Observation:
    """What was seen of one scenario; `trouble` is why it broke off, if it did."""

    scenario: Scenario
    events: list[EventSeen] = field(default_factory=list)
    trouble: str | None = None  #: crash, timeout, malformed, error or not-claimed
    message: str = ""

    @property
    def check(self) -> Scenario:
        """What was played."""
        return self.scenario


@dataclass
class RelationSeen:
    """What was seen of the two runs of a relation."""

    check: Relation
    left: Observation
    right: Observation

    @property
    def trouble(self) -> str | None:
        """Why one of them broke off."""
        return self.left.trouble or self.right.trouble

    @property
    def message(self) -> str:
        """More on that."""
        return self.left.message or self.right.message


@dataclass
class NativeSeen:
    """What a native check found."""

    check: NativeCheck
    answer: NativeAnswer | None = None
    trouble: str | None = None
    message: str = ""


@dataclass
class AdaptiveSeen:
    """What was seen of a run that was written while it was played."""

    check: Adaptive
    observation: Observation

    @property
    def trouble(self) -> str | None:
        """Why it broke off."""
        return self.observation.trouble

    @property
    def message(self) -> str:
        """More on that."""
        return self.observation.message


@dataclass
class NotPlayed:
    """A check that was not even begun, and why."""

    check: Check
    trouble: str
    message: str


Seen = Observation | RelationSeen | NativeSeen | AdaptiveSeen | NotPlayed


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
    candidate: Candidate, identity: Identity, checks: Iterable[Check]
) -> Iterator[Seen]:
    """Perform every check that the port claims; the rest is noted as not claimed."""
    failures = 0
    for check in checks:
        if missing := needed_claims(check) - identity.claims:
            yield NotPlayed(check, "not-claimed", ", ".join(sorted(missing)))
            continue
        if failures >= MAX_FAILURES:
            message = f"not tried after {failures} failures in a row"
            yield NotPlayed(check, "error", message)
            continue
        seen = perform(candidate, check)
        failures = 0 if candidate.alive else failures + 1
        if problem := _revived(candidate):
            failures = MAX_FAILURES
            yield NotPlayed(
                check,
                seen.trouble or "crash",
                f"{seen.message}\nand it could not be started again: {problem}",
            )
            continue
        yield seen


def _revived(candidate: Candidate) -> str | None:
    """Start it again if it has ended; why that failed, if it did."""
    if candidate.alive:
        return None
    try:
        candidate.start()
    except NotLoaded as error:
        return str(error)
    return None


def perform(candidate: Candidate, check: Check) -> Seen:
    """Perform one check to its end or to the first trouble."""
    match check:
        case Scenario():
            return play(candidate, check)
        case Relation(left=left, right=right):
            first = play(candidate, left)
            _revived(candidate)
            return RelationSeen(check, first, play(candidate, right))
        case NativeCheck():
            native = NativeSeen(check)
            with _noting(native):
                native.answer = candidate.native(check.id)
            return native
    return _adapt(candidate, check)


def play(candidate: Candidate, scenario: Scenario) -> Observation:
    """Play one scenario to its end or to the first trouble."""
    seen = Observation(scenario)
    with _noting(seen):
        session = Session(candidate, scenario)
        for event in scenario.events:
            seen.events.append(session.do(event))
            if session.parted:
                break
    return seen


def _adapt(candidate: Candidate, check: Adaptive) -> AdaptiveSeen:
    """Play events as they are written, answered by the readings after them."""
    blank = Scenario(check.id, check.requirements, check.level, check.tensors, ())
    seen = Observation(blank)
    with _noting(seen):
        session, writer = Session(candidate, blank), check.events()
        event = next(writer)
        while True:
            seen.scenario = replace(blank, events=(*seen.scenario.events, event))
            seen.events.append(session.do(event))
            if session.parted:
                break
            try:
                event = writer.send(session.last)
            except StopIteration:
                break
    return AdaptiveSeen(check, seen)


@contextmanager
def _noting(seen: Observation | NativeSeen) -> Iterator[None]:
    """Note trouble in what is seen."""
    try:
        yield
    except Malformed as error:
        seen.trouble, seen.message = "malformed", str(error)
    except Timeout as error:
        seen.trouble, seen.message = "timeout", str(error)
    except (Crash, NotLoaded, Refused) as error:
        seen.trouble, seen.message = "crash", str(error)


@dataclass(frozen=True)
class _Cue:
    """What is known of an event before it is played."""

    event: Event
    refused: bool
    looks: Mapping[str, list[str]]  #: the params that each optimizer must then show
    groups: list[tuple[tuple[str, ...], Options]]  #: of an optimizer that moves, before


class Session:
    """A scenario in the making: its tensors are given, its events come one by one.

    The port is told what it will be asked (`Candidate.announce`): all events of the
    scenario, as far as the questions do not hang on its answers, or else each event
    with the readings after it.
    """

    def __init__(self, candidate: Candidate, scenario: Scenario) -> None:
        self.candidate, self.scenario = candidate, scenario
        self.home = candidate  #: where it began
        self.books = Bookkeeper(scenario)
        self.payloads: dict[str, bytes] = {}
        self.last: Mapping[Place, Reading] = {}  #: the readings after the last event
        self.parted = False  #: port and reference disagree on an outcome
        self.cues = deque(map(self._cue, scenario.events))
        begin = [Question("begin", scenario.tensors)]
        self.batches, self.announced = deque(_batches(begin, self.cues)), 0
        with self._ended_by_trouble():
            self._announce()
            candidate.begin(scenario.tensors)

    def do(self, event: Event) -> EventSeen:
        """Play an event and read everything; raises as `Candidate` does."""
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
        for candidate in (self.candidate, self.home):
            candidate.announce(())

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
            self.candidate.announce(batch)
            self.announced = len(batch)
        self.announced -= 1

    def _perform(self, cue: _Cue, seen: EventSeen) -> None:
        event = cue.event

        def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
            if not isinstance(event, Step) or event.loss is None:
                raise Malformed("a closure was asked for where there is none")
            seen.calls.append(ClosureCall(dict(params)))
            return ClosureAnswer(event.gradients, event.loss)

        payload, here = None, self.candidate
        try:
            if isinstance(event, Load) and event.via == "new-process":
                self._move(event, cue.groups)
                payload = self.payloads[event.name]
            else:
                self._announce()
            reply = self.candidate.event(event, ask, payload)
        except Refused as refusal:
            seen.refusal = str(refusal) or "refused without a message"
            self.candidate = here  # a refused move ends where it began
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
        expected = cue.looks[event.optimizer]
        if traces is None or set(traces) != set(expected):
            shown = None if traces is None else sorted(traces)
            raise Malformed(f"many steps show params {shown}, not {expected}")
        for name, trace in traces.items():
            tensor = self.scenario.tensors[name]
            before = self.last.get((event.optimizer, name))
            stepped = (before and before.master) or tensor
            numbers = event.count * len(tensor.bits)
            lengths = {len(trace.theta), len(trace.state_sum)}
            whole = trace.t is None or len(trace.t) == event.count
            if trace.format != stepped.format or lengths != {numbers} or not whole:
                raise Malformed(f"the trace of {name} has not {event.count} steps")
        return traces

    def _move(self, event: Load, groups: list[tuple[tuple[str, ...], Options]]) -> None:
        """Go on in another process: the same params, a fresh optimizer."""
        tensors = {
            name: self._current(name, tensor)
            for name, tensor in self.scenario.tensors.items()
        }
        self.candidate = self.candidate.elsewhere()
        self.candidate.begin(tensors)
        made = New(
            event.optimizer,
            tuple(Group(params, options.changed()) for params, options in groups),
        )
        self.candidate.event(made, _no_closure)

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
        readings = self.candidate.read(optimizer)
        if set(readings) != set(expected):
            raise Malformed(f"read shows params {sorted(readings)}, not {expected}")
        for name, reading in readings.items():
            self._check_shape(name, reading)
        return {name: readings[name] for name in expected}

    def _check_shape(self, name: str, reading: Reading) -> None:
        tensor = self.scenario.tensors[name]
        whole = (tensor.format, tensor.shape, len(tensor.bits))
        gradient = reading.gradient
        if isinstance(gradient, Sparse):
            if problem := gradient.problem():
                raise Malformed(f"gradient of {name}: {problem}")
            if gradient.shape != tensor.shape:
                raise Malformed(f"gradient of {name} has shape {gradient.shape}")
            gradient = None
        if reading.master is not None and tensor.fmt.width != 16:
            raise Malformed(f"a master of {name}, which is {tensor.format}")
        wide = whole if reading.master is None else (BINARY32.name, *whole[1:])
        parts = (
            ("theta", reading.theta, whole),
            ("gradient", gradient, whole),
            ("sum", reading.state_sum, wide),
            ("master", reading.master, wide),
        )
        for what, shown, due in parts:
            if shown is None:
                continue
            got = (shown.format, shown.shape, len(shown.bits))
            if what == "sum" and got[0] != due[0] and got[1:] == due[1:]:
                raise Malformed(_other_width(name, got[0], tensor.format, reading))
            if got != due:
                raise Malformed(
                    f"{what} of {name} is {got[0]} of shape {list(got[1])}, "
                    f"not {due[0]} of shape {list(due[1])}"
                )
        length = tensor.layout.length if tensor.layout else None
        if length is not None and len(reading.storage or ()) != length:
            raise Malformed(f"storage of {name} is not {length} elements")


def _other_width(name: str, width: str, param: str, reading: Reading) -> str:
    """Why an accumulator of this width cannot be judged."""
    if reading.master is not None:
        return f"the accumulator of {name} is {width}, its master binary32"
    return (
        f"the accumulator of {name} is {width}, the param {param}: state of another "
        "width is judged only in binary32 beside a binary32 master of a 16-bit param "
        f"(claim master-weights); else do not claim {param}"
    )


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
    raise Malformed("a closure was asked for where there is none")
