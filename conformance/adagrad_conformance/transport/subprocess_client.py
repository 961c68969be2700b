"""A port in a child process, spoken to in JSON Lines (messages.py).

Rule 1.  Every answer has a deadline, which begins when the one before it is there.
Rule 2.  A process that does not answer in time, or not in the protocol, is killed.
         One that reports a crash of the port in good order may go on.
Rule 3.  A port that allows it is sent ahead what it will be asked.  What is not asked
         after all is answered too; those answers are read and mean nothing.
Rule 4.  Whatever a port writes is held against the check in which it wrote it: at the
         end of a check (`settle`) it is asked something whose answer comes after all
         else, under a number that it could not know.
"""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.adapters.base import (
    Ask,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Reply,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_reference.scenario import Event, Tensor

from . import messages
from .child_process import Child
from .client import Client, Question
from .errors import Crash, NotLoaded, Timeout
from .identity import Identity, check_claims, check_constants, check_dialect
from .json_lines import crash, outcome, parsed, unasked

__all__ = ["SubprocessClient", "identity_of", "words_taken"]

#: How much longer a slow native check may take than any other answer.
SLOW = 5
#: So often no step calls its closure.
MAX_CALLS = 1000
#: How far numbers leap at the end of a check.
_LEAP = 100


class SubprocessClient(Client):
    """The port that `command` starts; `timeout` in seconds for each answer."""

    def __init__(
        self, command: tuple[str, ...], timeout: float, memory_gib: float | None = None
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self.child: Child | None = None
        self._greeted = False
        self._abandoned = False
        self._second: SubprocessClient | None = None
        self._moved = False  #: to the second process, in this check

    def launch(self) -> None:
        """Start the process and do not wait: it loads while others work.

        `start` goes on from there.  Raises `NotLoaded`.
        """
        self._kill()
        if self._abandoned:
            raise NotLoaded("the run was interrupted")
        self.child = Child(self.command, self.memory_gib)
        self._greeted, self._ahead, self._packed = False, False, False
        self._number = 0
        self._sent: collections.deque[tuple[int, Question]] = collections.deque()

    def start(self) -> Identity:
        """Start the process, unless it is launched already, and ask who it is."""
        if self.child is None or self._greeted:
            self.launch()
        self._greeted = True
        try:
            ok = self._ask_plainly(
                {"op": "start", "protocol": messages.PROTOCOL_VERSION}
            )
            identity = identity_of(ok)
            self._ahead, self._packed = (
                word in words_taken(ok) for word in messages.TAKES
            )
            return identity
        except (Crash, Timeout, Malformed, Refused) as error:
            self._kill()
            raise NotLoaded(str(error)) from None

    def announce(self, questions: Sequence[Question]) -> None:
        """Send them ahead, if the port allows it."""
        self._forget_answers()
        if self.child is None or not self._ahead or not questions:
            return
        self._check_quiet()
        for question in questions:
            self._sent.append((self._post(self._message(question)), question))
        self.child.push()

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario."""
        self._ask(Question("begin", tensors))

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        answer = self._ask(Question("event", event), ask, payload)
        return messages.reply_from_wire(answer)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show an optimizer's params."""
        return messages.readings_from_wire(self._ask(Question("read", optimizer)))

    def native(self, name: str) -> NativeAnswer:
        """Run a native check; one that compiles may take `SLOW` times as long."""
        usual = self.timeout
        if name in NATIVE and NATIVE[name].slow:
            self.timeout = usual * SLOW
        try:
            answer = self._ask_plainly({"op": "check", "name": name})
        finally:
            self.timeout = usual
        return messages.native_from_wire(answer)

    def second_process(self) -> Client:
        """A second process of the same command."""
        if self._second is None:
            self._second = SubprocessClient(self.command, self.timeout, self.memory_gib)
        if not self._second.alive:
            self._second.start()
        self._moved = True
        return self._second

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return self.child is not None

    @property
    def quiet(self) -> bool:
        """Whether it has written nothing that it was not asked for."""
        try:
            return self.child is None or self.child.stray() is None
        except Malformed:
            return False

    def settle(self) -> None:
        """See to it that everything was heard that belongs to the check before."""
        self._forget_answers()
        moved, self._moved = self._moved, False
        if self.child is not None:
            self._number += _LEAP
            self._ask_plainly({"op": "begin", "tensors": {}})
            self._check_quiet()
        if moved and self._second is not None:
            self._second.settle()

    def close(self) -> None:
        """Ask it to stop, then make sure of it."""
        if self._second is not None:
            self._second.close()
        if self.child is not None:
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._ask_plainly({"op": "stop"})
        self._kill()

    def abandon(self) -> None:
        """End it at once and for good; for another thread than the one that asks."""
        self._abandoned = True
        for client in (self, self._second):
            if client is not None and client.child is not None:
                client.child.end_group()

    # -- one question, one answer -------------------------------------------------

    def _ask(
        self, question: Question, ask: Ask | None = None, payload: bytes | None = None
    ) -> Any:
        if self._sent_ahead(question) and payload is None:
            number, _ = self._sent.popleft()
            return self._answer(number, ask)
        return self._ask_plainly(self._message(question, payload), ask)

    def _message(
        self, question: Question, payload: bytes | None = None
    ) -> dict[str, Any]:
        match question:
            case ("begin", tensors):
                shown = messages.tensors_to_wire(tensors, self._packed)
                return {"op": "begin", "tensors": shown}
            case ("event", event):
                shown = messages.event_to_wire(event, payload, self._packed)
                return {"op": "event", **shown}
        return {"op": "read", "optimizer": question.about}

    def _sent_ahead(self, question: Question) -> bool:
        if self.child is None or not self._sent:
            return False
        op, about = self._sent[0][1]
        if op == "read":
            return question == (op, about)
        return op == question.op and about is question.about

    def _ask_plainly(self, message: dict[str, Any], ask: Ask | None = None) -> Any:
        self._forget_answers()
        if self.child is None:
            raise Crash("the process has ended", "not-started")
        self._check_quiet()
        number = self._post(message)
        self.child.push()
        return self._answer(number, ask)

    def _post(self, message: dict[str, Any]) -> int:
        """Put a question into the outgoing lines; its number."""
        self._number += 1
        self._child.put({"seq": self._number, **message})
        return self._number

    def _answer(self, number: int, ask: Ask | None) -> Any:
        with self._killed_by_trouble():
            answer = self._converse(number, ask)
            word = outcome(answer)
        said = str(answer[word]).strip()
        if word == "refused":
            raise Refused(said)
        if word == "malformed":
            raise Malformed(said)
        if word == "crashed":
            raise crash(said)
        if not isinstance(answer["ok"], dict):
            raise Malformed(f"'ok' must be an object, not {said}"[:300])
        return answer["ok"]

    def _converse(self, number: int, ask: Ask | None) -> dict[str, Any]:
        """The answer to a question, by way of all calls of a closure."""
        since = time.monotonic()
        for _ in range(MAX_CALLS):
            answer = parsed(self._child.line(self.timeout, since))
            _check_number(answer, number)
            if "ask" not in answer:
                return answer
            if ask is None or answer["ask"] != "closure":
                words = f"{answer['ask']!r} was asked for where there is none"
                raise Malformed(words[:300], "unasked")
            seen = messages.tensors_from_wire(answer.get("params"))
            reply = messages.answer_to_wire(ask(seen), self._packed)
            self._child.put({"seq": number, "answer": reply})
            self._child.push()
        words = f"a closure was called {MAX_CALLS} times in one step"
        raise Malformed(words, "wrong-count")

    def _forget_answers(self) -> None:
        """Read the answers to what was sent ahead and is not asked after all.

        A process that does not give them is killed.
        """
        while self.child is not None and self._sent:
            number, _ = self._sent.popleft()
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._answer(number, None)

    def _check_quiet(self) -> None:
        """Nothing may be there while nothing is asked."""
        with self._killed_by_trouble():
            if (line := self._child.stray()) is not None:
                raise unasked(line)

    # -- life and death -------------------------------------------------------------

    @property
    def _child(self) -> Child:
        assert self.child is not None
        return self.child

    @contextlib.contextmanager
    def _killed_by_trouble(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._kill()
            raise

    def _kill(self) -> None:
        if self.child is not None:
            self.child.kill()
        self.child = None


def _check_number(answer: dict[str, Any], number: int) -> None:
    got = answer.get("seq")
    if type(got) is int and got == number:
        return
    if "crashed" in answer:  # perhaps its last words, which nobody asked for
        raise crash(str(answer["crashed"]).strip())
    words = f"expected an answer with seq {number}, got {got!r}"[:300]
    if type(got) is int and 0 < got < number:
        raise Malformed(f"{words}, which was answered before", "unasked")
    raise Malformed(words, "wrong-sequence")


def words_taken(ok: dict[str, Any]) -> list[Any]:
    """What the port takes beyond the plain protocol; raises `Malformed`."""
    words = ok.get("takes", [])
    if not isinstance(words, list):
        raise Malformed("'takes' must be a list of texts")
    return words


def identity_of(ok: Any) -> Identity:
    """Who the port says it is, in answer to `start`; raises `Malformed`."""
    if not isinstance(ok, dict) or ok.get("protocol") != messages.PROTOCOL_VERSION:
        spoken = ok.get("protocol") if isinstance(ok, dict) else ok
        raise Malformed(
            f"the port speaks protocol {spoken!r}, this program speaks "
            f"{messages.PROTOCOL_VERSION}"
        )
    texts = [ok.get(key) for key in ("name", "version", "language")]
    claims = ok.get("claims")
    if not all(isinstance(x, str) for x in texts) or not isinstance(claims, list):
        raise Malformed("start needs name, version, language (texts) and claims (list)")
    name, version, language = map(str, texts)
    known = check_claims(frozenset(map(str, claims)))
    dialect = check_dialect(ok.get("dialect", Identity.dialect))
    constants = check_constants(messages.constants_from_wire(ok.get("constants", {})))
    return Identity(name, version, language, known, dialect, constants)
