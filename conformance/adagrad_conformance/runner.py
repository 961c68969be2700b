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
from adagrad_reference.formats import FORMATS
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

from .adapters.base import (
    ClosureAnswer,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Trace,
)
from .candidate import Candidate, Crash, Identity, NotLoaded, Question, Timeout
from .checks import Adaptive, Check, NativeCheck, Place, Relation
from .fitting import missing_claims
from .readings import check_readings, check_traces

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
    cause: str | None = None  #: of the trouble, one of verdict.CAUSES

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

    @property
    def cause(self) -> str | None:
        """Its cause."""
        return self.left.cause or self.right.cause


@dataclass
class NativeSeen:
    """What a native check found."""

    check: NativeCheck
    answer: NativeAnswer | None = None
    trouble: str | None = None
    message: str = ""
    cause: str | None = None


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

    @property
    def cause(self) -> str | None:
        """Its cause."""
        return self.observation.cause


@dataclass
class NotPlayed:
    """A check that was not even begun, and why."""

    check: Check
    trouble: str
    message: str
    cause: str | None = None


Seen = Observation | RelationSeen | NativeSeen | AdaptiveSeen | NotPlayed


def smoke_test(candidate: Candidate, identity: Identity) -> str | None:
    """What is wrong with the adapter's manners, if anything.

    In each claimed format params are held and shown bit for bit, and an optimizer with
    default options can be made over them.
    """
    formats = [fmt for name, fmt in FORMATS.items() if name in identity.claims]
    for fmt in formats:
        bits = (fmt.encode(1.5), fmt.encode(-fmt.eta))
        tensor = Tensor(fmt.name, (2, 1), bits)
        group = New("A", (Group(("p",)),), _plain_options(identity))
        scenario = Scenario("smoke", (), "MUST", {"p": tensor}, (group,))
        seen = play(candidate, scenario)
        if seen.trouble:
            return f"{seen.trouble}: {seen.message}"
        event = seen.events[0]
        if event.refusal:
            return f"an optimizer with plain options was refused: {event.refusal}"
        reading = event.readings.get(("A", "p"))
        if reading is None or reading.theta != tensor:
            return f"a {fmt.name} param did not read back as it was given"
    return None if formats else "no format is claimed"


def _plain_options(identity: Identity) -> dict[str, float | bool]:
    """None at all, where the port has the document's defaults; else lr and eps."""
    if "defaults" in identity.claims:
        return {}
    eps = {"eps": 0.0078125} if "eps" in identity.claims else {}
    return {"lr": 0.5, **eps}


def observe(
    candidate: Candidate, identity: Identity, checks: Iterable[Check]
) -> Iterator[Seen]:
    """Perform every check that the port claims; the rest is noted as not claimed."""
    failures, gone = 0, None
    for check in checks:
        if missing := missing_claims(check, identity.claims, identity.constants):
            yield NotPlayed(check, "not-claimed", ", ".join(sorted(missing)))
            continue
        if failures >= MAX_FAILURES:
            message = f"not tried after {failures} failures in a row"
            yield NotPlayed(check, "error", message, "given-up")
            continue
        gone = gone or _revived(candidate)
        if gone:
            message = f"not tried: it could not be started again: {gone}"
            yield NotPlayed(check, "error", message, NotLoaded.cause)
            continue
        seen = perform(candidate, check)
        _settle(candidate, seen)
        failures = 0 if candidate.alive else failures + 1
        yield seen


def _settle(candidate: Candidate, seen: Seen) -> None:
    """What the port does after its last answer is still held against this check."""
    match seen:
        case RelationSeen():
            end: Observation | NativeSeen = seen.right
        case AdaptiveSeen():
            end = seen.observation
        case Observation() | NativeSeen():
            end = seen
        case NotPlayed():
            return
    if candidate.alive:
        with _noting(end):
            candidate.settle()


def _revived(candidate: Candidate) -> str | None:
    """Start it again if it has ended, or speaks unasked; why that failed, if it did."""
    if candidate.alive and candidate.quiet:
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


#: The status of each kind of trouble.
_STATUS: Mapping[type[Exception], str] = {
    Malformed: "malformed",
    Timeout: "timeout",
    Crash: "crash",
    NotLoaded: "crash",
    Refused: "crash",
}


@contextmanager
def _noting(seen: Observation | NativeSeen) -> Iterator[None]:
    """Note trouble in what is seen, unless there was some before."""
    try:
        yield
    except tuple(_STATUS) as error:
        if seen.trouble is None:
            seen.trouble, seen.message = _STATUS[type(error)], str(error)
            seen.cause = getattr(error, "cause", "refused")


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
                raise Malformed(
                    "a closure was asked for where there is none", "unasked"
                )
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
