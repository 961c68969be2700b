"""Talks to a port message by message and tells what is wrong with its manners.

Rule 1.  Every answer is held to the schema first and to its meaning then.  No number
         that a port computes is judged.
Rule 2.  Each visit (visits.py) begins anew, so that a fault costs one visit; a
         port that breaks off the conversation is started again for the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adagrad_conformance.adapters.base import Malformed, Reading
from adagrad_conformance.transport import messages
from adagrad_conformance.transport.child_process import Child
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.identity import (
    Identity,
    identity_from_wire,
    taken_from_wire,
)
from adagrad_conformance.transport.json_lines import outcome, parsed, unasked
from adagrad_conformance.transport.response_validation import check_readings
from adagrad_conformance.transport.schema import schema_problem
from adagrad_reference.scenario import Event, Tensor

__all__ = ["ADVICE", "Doctor", "Lost", "Step", "Wrong"]

Json = dict[str, Any]
#: What looks at the content of `ok`; raises `Wrong` or `Malformed`.
Look = Callable[[Any], None]

#: What to do about each reason in `execution.status.REASONS` but `given-up`.
ADVICE: Mapping[str, str] = {
    "raised": "mend the error in the port; --show prints all that it said",
    "refused": "only events can be refused; what cannot be done is not claimed",
    "signal": "the process was killed: look for a wrong memory access",
    "exited": "answer, and wait for the next line; only stop ends the port",
    "closed-output": "keep standard output open until stop",
    "closed-input": "keep standard input open until stop",
    "out-of-memory": "use less memory, or raise --memory",
    "no-answer": "answer each line, end the answer with a newline, and flush",
    "half-a-line": "end each answer with a newline, and flush",
    "not-json": "write one JSON object a line to standard output and nothing else; "
    "all other output belongs on standard error",
    "too-long": "end each answer with a newline",
    "unasked": "write one line for each question, and never without one",
    "wrong-sequence": "repeat the seq of the question in its answer",
    "no-outcome": "give each answer exactly one of ok, refused, crashed",
    "wrong-count": "show exactly what was asked for",
    "wrong-content": "compare with conformance/PROTOCOL.md",
    "not-started": "check the command: the program must exist and be executable",
}


class Wrong(Exception):
    """What is wrong with an answer that is one by its form, and what to do about it."""

    def __init__(self, problem: str, advice: str = ADVICE["wrong-content"]) -> None:
        super().__init__(problem)
        self.advice = advice


class Lost(Exception):
    """The conversation has ended."""


@dataclass(frozen=True)
class Step:
    """One question and what came back; `problem` is None where all is in order."""

    title: str
    sent: str = ""
    came: tuple[str, ...] = ()
    problem: str | None = None
    advice: str = ""
    note: str = ""


class Doctor:
    """Examines the port of a command; each step is told to `tell` as it is made."""

    def __init__(
        self,
        command: tuple[str, ...],
        timeout: float,
        memory_gib: float | None,
        tell: Callable[[Step], None],
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self.tell = tell
        self.child: Child | None = None
        self.identity = Identity("?", "?", "?", frozenset())
        self.takes: frozenset[str] = frozenset()
        self.tensors: Mapping[str, Tensor] = {}
        self.about = ""  #: the claim that is looked at
        self.losses = 0
        self._seq = 0

    # -- the process ----------------------------------------------------------------

    def start(self) -> Child:
        """Start the process, without a word; raises `Lost`."""
        self.leave()
        try:
            self.child = Child(self.command, self.memory_gib)
        except NotLoaded as error:
            problem, advice = str(error), ADVICE["not-started"]
            self.tell(Step("start the process", problem=problem, advice=advice))
            raise Lost from None
        self._seq = 0
        return self.child

    def greet(self, title: str) -> None:
        """Start the process and ask who it is; raises `Lost`."""
        self.start()
        question = {"op": "start", "protocol": messages.PROTOCOL_VERSION}
        if self.ask(title, question, "start-answer", look=self._meet) is None:
            self.leave()
            raise Lost

    def _meet(self, ok: Json) -> None:
        self.identity = identity_from_wire(ok)
        self.takes = taken_from_wire(ok)

    def leave(self) -> None:
        """End the process, if there is one."""
        if self.child is not None:
            self.child.kill()
        self.child = None

    # -- one question, one answer -----------------------------------------------------

    def ask(
        self,
        title: str,
        question: Json,
        kind: str,
        due: str = "ok",
        look: Look | None = None,
        closure: Callable[[Any], Json] | None = None,
    ) -> Any:
        """The content of `ok`; None where anything is wrong.  Raises `Lost`.

        `kind` is that of the answer in the schema, `due` its outcome or "any".
        """
        child = self._listener()
        came: list[str] = []
        message = self.numbered(question)
        try:
            self.stay_quiet()
            child.put(message)
            child.push()
            answer = self._converse(message["seq"], came, closure)
        except (Crash, Timeout, Malformed) as error:
            self._lose(title, message, came, error)
        problem, advice = self._judged(answer, kind, due, look)
        self.tell(Step(title, _text(message), tuple(came), problem, advice))
        return answer.get("ok") if problem is None else None

    def ask_at_once(self, title: str, questions: list[tuple[Json, str]]) -> None:
        """Send several questions in one piece; their answers come in order."""
        child = self._listener()
        numbered = [self.numbered(question) for question, _ in questions]
        came: list[str] = []
        try:
            for message in numbered:
                child.put(message)
            child.push()
            for message in numbered:
                self._converse(message["seq"], came, None)
        except (Crash, Timeout, Malformed) as error:
            self._lose(title, numbered, came, error)
        pairs = zip(came, questions, strict=True)
        found = [self._judged(parsed(a.encode()), k, "ok", None) for a, (_, k) in pairs]
        problem, advice = next((x for x in found if x[0]), (None, ""))
        self.tell(Step(title, _text(numbered), tuple(came), problem, advice))

    def numbered(self, question: Json) -> Json:
        """The question with its number."""
        self._seq += 1
        return {"seq": self._seq, **question}

    def skip_numbers(self, count: int) -> None:
        """Go on with a number that a port cannot guess."""
        self._seq += count

    def stay_quiet(self) -> None:
        """Nothing may be there before something is asked; raises `Malformed`."""
        stray = self._listener().stray()
        if stray is not None:
            raise unasked(stray)

    def _listener(self) -> Child:
        if self.child is None:
            raise Lost
        return self.child

    def _converse(
        self, seq: int, came: list[str], closure: Callable[[Any], Json] | None
    ) -> Json:
        child = self._listener()
        while True:
            line = child.line(self.timeout)
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
            child.put({"seq": seq, "answer": closure(answer["params"])})
            child.push()

    def _judged(
        self, answer: Json, kind: str, due: str, look: Look | None
    ) -> tuple[str | None, str]:
        """What is wrong with an answer, and what to do about it."""
        word = outcome(answer)
        if problem := schema_problem(answer, kind):
            return problem, ADVICE["refused" if word == "refused" else "wrong-content"]
        if due not in ("any", word):
            said = str(answer[word]).strip().splitlines()
            what = f"{word}: {said[-1]}" if said and word != "ok" else word
            return f"the answer should be {due}, not {what}", self._otherwise(word)
        try:
            if look is not None and word == "ok":
                look(answer["ok"])
        except Wrong as error:
            return str(error), error.advice
        except Malformed as error:
            return str(error), ADVICE[error.reason]
        return None, ""

    def _otherwise(self, word: str) -> str:
        unclaimed = f", or do not claim '{self.about}'" if self.about else ""
        if word == "ok":
            return f"answer by the implementation's own error{unclaimed}"
        do = "let it be taken" if word == "refused" else "mend the error in the port"
        return f"{do}{unclaimed}"

    def _lose(
        self,
        title: str,
        sent: Any,
        came: list[str],
        error: Crash | Timeout | Malformed,
    ) -> None:
        advice = ADVICE[error.reason]
        self.tell(Step(title, _text(sent), tuple(came), str(error), advice))
        self.losses += 1
        self.leave()
        raise Lost

    # -- the questions -----------------------------------------------------------------

    def begin(self, title: str, tensors: Mapping[str, Tensor], **more: Any) -> None:
        """Begin a scenario."""
        self.tensors = tensors
        shown = messages.tensors_to_wire(tensors, self.packed)
        self.ask(title, {"op": "begin", "tensors": shown, **more}, "begin-answer")

    def event(
        self,
        title: str,
        event: Event,
        kind: str = "event-answer",
        due: str = "ok",
        look: Look | None = None,
        closure: Callable[[Any], Json] | None = None,
        payload: bytes | None = None,
    ) -> Any:
        """Play an event; as `ask`."""
        question = {
            "op": "event",
            **messages.event_to_wire(event, payload, self.packed),
        }
        return self.ask(title, question, kind, due, look, closure)

    def read(
        self,
        title: str,
        members: list[str],
        look: Callable[[Mapping[str, Reading]], None] | None = None,
    ) -> None:
        """Read optimizer A, which holds these params."""

        def shown(ok: Json) -> None:
            readings = messages.readings_from_wire(ok)
            check_readings(readings, members, self.tensors)
            if look is not None:
                look(readings)

        question = {"op": "read", "optimizer": "A"}
        self.ask(title, question, "read-answer", look=shown)

    @property
    def packed(self) -> bool:
        """Whether the port takes packed bits."""
        return "packed" in self.takes

    def claims(self, *words: str) -> bool:
        """Whether the port claims all of these."""
        return self.identity.claims >= set(words)


def _text(message: Any) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
