"""The doctor's conversation with a port: each question and its answer are reported.

A port that breaks it off, or breaks the protocol in a way that no further answer can be
read after, is killed; `Lost` is raised, and `plan.examine` starts it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from adagrad_conformance.adapters.contract import Malformed, Reading
from adagrad_conformance.transport import messages
from adagrad_conformance.transport.child_process import Child
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.identity import (
    Identity,
    identity_from_wire,
    taken_from_wire,
)
from adagrad_conformance.transport.json_lines import outcome, parsed, unasked
from adagrad_conformance.transport.messages import Json
from adagrad_conformance.transport.response_validation import check_readings
from adagrad_conformance.transport.schema import schema_problem
from adagrad_conformance.transport.targets import is_hosted
from adagrad_reference.scenario import Event, Tensor

from .advice import ADVICE, Look, Opinion, problem_of

__all__ = ["Doctor", "Exchange", "Lost"]

#: Answers the question of a closure: its params in, gradients and loss out, as JSON.
_Closure = Callable[[Any], Json]


class Lost(Exception):
    """The conversation has ended."""


@dataclass(frozen=True)
class Exchange:
    """One question and what came back; `problem` is None where all is in order.

    `note` is what is said beside it.
    """

    title: str
    sent: str = ""
    came: tuple[str, ...] = ()
    problem: str | None = None
    advice: str = ""
    note: str = ""


class Doctor:
    """Examines the port of a command; `report` is called with each exchange.

    `timeout` are the seconds for each answer, `memory_gib` limits the port's data.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        timeout: float,
        memory_gib: float | None,
        report: Callable[[Exchange], None],
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self.report = report
        self.child: Child | None = None
        self.identity = Identity("?", "?", "?", frozenset())
        self.takes: frozenset[str] = frozenset()
        self.tensors: Mapping[str, Tensor] = {}  #: the params of the last `begin`
        self.claim = ""  #: the claim that is examined
        self.losses = 0  #: how often the conversation has ended
        self.shows_gradients = False  #: whether one has been shown
        self._seq = 0

    # -- the process ----------------------------------------------------------------

    def start(self) -> Child:
        """Start the process anew, without a question; raises `Lost`."""
        self.leave()
        try:
            self.child = Child(self.command, self.memory_gib)
        except NotLoaded as error:
            problem, advice = str(error), ADVICE["not-started"]
            self.report(Exchange("start the process", problem=problem, advice=advice))
            raise Lost from None
        self._seq = 0
        return self.child

    def greet(self, title: str) -> None:
        """Start the process and ask what it declares; raises `Lost`."""
        self.start()
        question = {"op": "start", "protocol": messages.PROTOCOL_VERSION}
        if self.ask(title, question, "start-answer", look=self._meet) is None:
            self.leave()
            raise Lost

    def _meet(self, ok: Json) -> None:
        self.identity = identity_from_wire(ok)
        self.takes = taken_from_wire(ok)

    def leave(self) -> None:
        """Kill the process, if there is one."""
        if self.child is not None:
            self.child.kill()
        self.child = None

    # -- one question, one answer -----------------------------------------------------

    def ask(
        self,
        title: str,
        question: Json,
        kind: str,
        expected: str = "ok",
        look: Look | None = None,
        closure: _Closure | None = None,
    ) -> Any:
        """The content of `ok`; None where anything is wrong.  Raises `Lost`.

        `kind` is that of the answer in the schema, `expected` its outcome or "any".
        """
        came: list[str] = []
        message = self._numbered(question)
        try:
            self._check_quiet()
            self._send(message)
            answer = self._answer(message["seq"], came, closure)
        except (Crash, Timeout, Malformed) as error:
            self._lose(title, message, came, error)
        found = problem_of(answer, kind, expected, look, self.claim)
        self.report(Exchange(title, _text(message), tuple(came), *found))
        return answer.get("ok") if found.problem is None else None

    def ask_at_once(self, title: str, questions: list[tuple[Json, str]]) -> None:
        """Send several (question, kind of its answer) in one piece; raises `Lost`."""
        numbered = [self._numbered(question) for question, _ in questions]
        came: list[str] = []
        try:
            self._send(*numbered)
            answers = [self._answer(m["seq"], came, None) for m in numbered]
        except (Crash, Timeout, Malformed) as error:
            self._lose(title, numbered, came, error)
        pairs = zip(answers, questions, strict=True)
        found = [problem_of(a, kind, "ok", None, self.claim) for a, (_, kind) in pairs]
        first = next((x for x in found if x.problem), Opinion())
        self.report(Exchange(title, _text(numbered), tuple(came), *first))

    def peek(self, name: str) -> bool:
        """Whether the process says yes to a question about the adapter itself.

        No where no server of ours holds it.  It forgets its params.  Raises `Lost`.
        """
        if not is_hosted(self.command):
            return False
        message = self._numbered({"op": "check", "name": name})
        try:
            self._send(message)
            answer = self._answer(message["seq"], [], None)
            return bool(messages.native_from_wire(answer.get("ok")).skipped)
        except (Crash, Timeout, Malformed):
            return False

    def skip_numbers(self, count: int) -> None:
        """Leave out so many numbers, which a port cannot foresee."""
        self._seq += count

    def _numbered(self, question: Json) -> Json:
        self._seq += 1
        return {"seq": self._seq, **question}

    def _check_quiet(self) -> None:
        """Nothing may have come before a question; raises `Malformed`."""
        stray = self._process().stray()
        if stray is not None:
            raise unasked(stray)

    def _process(self) -> Child:
        if self.child is None:
            raise Lost
        return self.child

    def _send(self, *message: Json) -> None:
        child = self._process()
        for one in message:
            child.put(one)
        child.push()

    def _answer(self, seq: int, came: list[str], closure: _Closure | None) -> Json:
        """The answer to a question; every line that comes is added to `came`."""
        while True:
            line = self._process().line(self.timeout)
            came.append(line.decode(errors="replace"))
            answer = parsed(line)
            if answer.get("seq") != seq:
                got = f"an answer with seq {answer.get('seq')!r}, not {seq}"
                raise Malformed(got, "wrong-sequence")
            if "ask" not in answer:
                outcome(answer)
                return answer
            if closure is None:
                raise Malformed("a closure is asked for where there is none", "unasked")
            if problem := schema_problem(answer, "closure-ask"):
                raise Malformed(problem)
            self._send({"seq": seq, "answer": closure(answer["params"])})

    def _lose(
        self,
        title: str,
        sent: Any,
        came: list[str],
        error: Crash | Timeout | Malformed,
    ) -> NoReturn:
        advice = ADVICE[error.reason]
        self.report(Exchange(title, _text(sent), tuple(came), str(error), advice))
        self.losses += 1
        self.leave()
        raise Lost

    # -- the questions -----------------------------------------------------------------

    def begin(self, title: str, tensors: Mapping[str, Tensor], **more: Any) -> None:
        """Begin a scenario; `more` are further keys of the message."""
        self.tensors = tensors
        shown = messages.tensors_to_wire(tensors, self.packed)
        self.ask(title, {"op": "begin", "tensors": shown, **more}, "begin-answer")

    def event(
        self,
        title: str,
        event: Event,
        kind: str = "event-answer",
        expected: str = "ok",
        look: Look | None = None,
        closure: _Closure | None = None,
        payload: bytes | None = None,
    ) -> Any:
        """Play an event, as `ask`; `payload` are bytes to load."""
        shown = messages.event_to_wire(event, payload, self.packed)
        question = {"op": "event", **shown}
        return self.ask(title, question, kind, expected, look, closure)

    def read(
        self,
        title: str,
        members: list[str],
        look: Callable[[Mapping[str, Reading]], None] | None = None,
    ) -> None:
        """Read optimizer A, which has these params."""

        def shown(ok: Json) -> None:
            readings = messages.readings_from_wire(ok)
            wide = self.claims("wide-state")
            check_readings(readings, members, self.tensors, wide)
            if look is not None:
                look(readings)

        question = {"op": "read", "optimizer": "A"}
        self.ask(title, question, "read-answer", look=shown)

    @property
    def packed(self) -> bool:
        """Whether the port takes packed bits."""
        return "packed" in self.takes

    def claims(self, *words: str) -> bool:
        """Whether the port makes all of these claims."""
        return self.identity.claims >= set(words)


def _text(message: Any) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
