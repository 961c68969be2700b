"""The conversation with one process: questions in order, some of them sent ahead.

Rule 1.  Questions are numbered; answers come in the order of the questions, each with
         the number of its question and within its own time.
Rule 2.  What was sent ahead and is not asked after all is answered too.  Before
         anything else is sent, those answers are read and dropped.
Rule 3.  While no question is open the process writes nothing.
Rule 4.  A process that breaks a rule, or ends, is killed.  One that reports a refusal
         or a crash of the port in good order goes on.

What a call does in each state, and the state to which it leads (`State`):

              QUIET               OPEN                                      ENDED
    announce  send; OPEN          withdraw, then as in QUIET                nothing
    ask       send, take the      where it is the first open question,      Crash
              answer; QUIET       take its answer: OPEN, or QUIET after
                                  the last; else withdraw, as in QUIET
    withdraw  nothing             drop the answers; QUIET                   nothing
    settle    as `ask`            withdraw, then as `ask`                   nothing

Rule 3 is checked before each sending, and at the end of `settle`.  Every error of
rule 4 leads to ENDED.

`settle` shows that the process has nothing more to write: it asks a question under a
number that the process cannot foresee.  An answer to that one cannot have been written
before, and whatever stands in front of it breaks rule 1.
"""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import assert_never

from adagrad_conformance.adapters.contract import Ask, Malformed, Refused

from . import messages
from .child_process import Child
from .client import Question
from .errors import Crash, Timeout
from .json_lines import check_number, content, outcome, parsed, unasked

__all__ = ["Pipeline", "State"]

#: A step that calls its closure so often does not end.
MAX_CALLS = 1000
#: How many numbers `settle` leaves out.
_LEAP = 100


class State(Enum):
    """What the process may write now."""

    QUIET = auto()  #: nothing: no question is open
    OPEN = auto()  #: the answers to questions that were sent ahead
    ENDED = auto()  #: nothing more: it was killed


class Pipeline:
    """The conversation with `child`; each call has the seconds that an answer may take.

    `takes` are those of `messages.TAKES` that the port allows, known once it has
    answered the first question.
    """

    def __init__(self, child: Child) -> None:
        self.child = child
        self.takes: frozenset[str] = frozenset()
        self._open: collections.deque[tuple[int, Question]] = collections.deque()
        self._number = 0  #: of the last question
        self._ended = False

    @property
    def state(self) -> State:
        """What the process may write now."""
        if self._ended:
            return State.ENDED
        return State.OPEN if self._open else State.QUIET

    # -- the calls of the table --------------------------------------------------------

    def announce(self, questions: Sequence[Question], timeout: float) -> None:
        """Send questions ahead, if the port takes them; raises as `ask`."""
        self.withdraw(timeout)
        if self.state is State.ENDED or "ahead" not in self.takes or not questions:
            return
        self._check_quiet()
        for question in questions:
            message = _message(question, None, self._packed)
            self._open.append((self._post(message), question))
        self.child.push()

    def ask(
        self,
        question: Question,
        timeout: float,
        ask: Ask | None = None,
        payload: bytes | None = None,
    ) -> messages.Json:
        """The content of the answer to a question; `ask` is what a closure calls.

        Raises Crash, Timeout, Malformed, and Refused.
        """
        if self.state is State.OPEN and payload is None:
            number, announced = self._open[0]
            if _is_same(announced, question):
                self._open.popleft()
                return self._answer(number, timeout, ask)
        message = _message(question, payload, self._packed)
        return self.send(message, timeout, ask)

    def send(
        self, message: messages.Json, timeout: float, ask: Ask | None = None
    ) -> messages.Json:
        """`ask`, for a message that cannot have been announced."""
        self.withdraw(timeout)
        if self.state is State.ENDED:
            raise Crash("the process has ended", "not-started")
        self._check_quiet()
        number = self._post(message)
        self.child.push()
        return self._answer(number, timeout, ask)

    def withdraw(self, timeout: float) -> None:
        """Read and drop the answers to open questions; nothing that they say counts.

        A process that does not give them is killed.
        """
        while self.state is State.OPEN:
            number, _ = self._open.popleft()
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._answer(number, timeout, None)

    def settle(self, timeout: float) -> None:
        """Read everything that belongs to the questions so far; raises as `ask`."""
        self.withdraw(timeout)
        if self.state is State.ENDED:
            return
        self._number += _LEAP
        self.ask(Question("begin", {}), timeout)
        self._check_quiet()

    def kill(self) -> None:
        """End the process and the conversation, if they have not ended."""
        if not self._ended:
            self._ended = True
            self._open.clear()
            self.child.kill()

    # -- one question, one answer ------------------------------------------------------

    @property
    def _packed(self) -> bool:
        return "packed" in self.takes

    def _post(self, message: messages.Json) -> int:
        """Put a question into the outgoing lines; its number."""
        self._number += 1
        self.child.put({"seq": self._number, **message})
        return self._number

    def _answer(self, number: int, timeout: float, ask: Ask | None) -> messages.Json:
        with self._killed_on_error():
            answer = self._exchange(number, timeout, ask)
            outcome(answer)
        return content(answer)

    def _exchange(self, number: int, timeout: float, ask: Ask | None) -> messages.Json:
        """The answer to a question, after all calls of a closure."""
        since = time.monotonic()
        for _ in range(MAX_CALLS):
            answer = parsed(self.child.line(timeout, since))
            check_number(answer, number)
            if "ask" not in answer:
                return answer
            if ask is None or answer["ask"] != "closure":
                words = f"{answer['ask']!r} was asked for where there is none"
                raise Malformed(words[:300], "unasked")
            seen = messages.tensors_from_wire(answer.get("params"))
            reply = messages.answer_to_wire(ask(seen), self._packed)
            self.child.put({"seq": number, "answer": reply})
            self.child.push()
        words = f"a closure was called {MAX_CALLS} times in one step"
        raise Malformed(words, "wrong-count")

    def _check_quiet(self) -> None:
        """Check rule 3: nothing has come since the last answer."""
        with self._killed_on_error():
            if (line := self.child.stray()) is not None:
                raise unasked(line)

    @contextlib.contextmanager
    def _killed_on_error(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.kill()
            raise


def _message(question: Question, payload: bytes | None, packed: bool) -> messages.Json:
    match question.op:
        case "begin":
            shown = messages.tensors_to_wire(question.about, packed)
            return {"op": "begin", "tensors": shown}
        case "event":
            shown = messages.event_to_wire(question.about, payload, packed)
            return {"op": "event", **shown}
        case "read":
            return {"op": "read", "optimizer": question.about}
        case _:
            assert_never(question.op)


def _is_same(announced: Question, question: Question) -> bool:
    """Whether a question is the announced one; events and tensors by identity.

    Equal ones need not be the same one of a scenario, and large ones take long to
    compare.
    """
    if question.op == "read":
        return announced == question
    return announced.op == question.op and announced.about is question.about
