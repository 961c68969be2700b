"""A port in a child process, spoken to in JSON Lines (wire.py).

Rule 1.  Every answer has a deadline, which begins when the one before it is there.
         Reading and writing never block past it.
Rule 2.  A process that does not answer in time, or not in the protocol, is killed.
         One that reports a crash of the port in good order may go on.
Rule 3.  Standard error is kept (its end only) to be shown, and means nothing.
Rule 4.  A port that allows it is sent ahead what it will be asked.  What is not asked
         after all is answered too; those answers are read and mean nothing.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from adagrad_reference.scenario import Event, Tensor

from . import wire
from .adapters.base import Ask, Malformed, NativeAnswer, Reading, Refused, Reply
from .candidate import (
    Candidate,
    Crash,
    Identity,
    NotLoaded,
    Question,
    Timeout,
    check_claims,
    check_dialect,
)
from .native.table import NATIVE

__all__ = ["ProcessCandidate"]

#: Answers other than `ok`, and what they are here.
_BAD_NEWS = {"refused": Refused, "malformed": Malformed, "crashed": Crash}

#: A line longer than this is no answer.
MAX_LINE = 256 * 2**20
#: How much longer a slow native check may take than any other answer.
SLOW = 5
_STDERR_LINES = 12

#: Threads of a port that wait give way to others, the suite among them.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}

_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))
_DECODER = json.JSONDecoder()


class ProcessCandidate(Candidate):
    """The port that `command` starts; `timeout` in seconds for each answer."""

    def __init__(
        self, command: tuple[str, ...], timeout: float, memory_gib: float | None = None
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self.process: subprocess.Popen[bytes] | None = None
        self._greeted = False
        self._abandoned = False
        self._elsewhere: ProcessCandidate | None = None

    def launch(self) -> None:
        """Start the process and do not wait: it loads while others work.

        `start` goes on from there.  Raises `NotLoaded`.
        """
        self._kill()
        if self._abandoned:
            raise NotLoaded("the run was interrupted")
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**_ENVIRONMENT, **os.environ},
                preexec_fn=self._limit_memory if self.memory_gib else None,
            )
        except OSError as error:
            raise NotLoaded(f"cannot start {self.command[0]!r}: {error}") from None
        self._greeted, self._ahead, self._packed = False, False, False
        self._reset_pipes(self.process)

    def start(self) -> Identity:
        """Start the process, unless it is launched already, and ask who it is."""
        if self.process is None or self._greeted:
            self.launch()
        self._greeted = True
        try:
            ok = self._ask_plainly({"op": "start", "protocol": wire.PROTOCOL_VERSION})
            identity = _identity(ok)
            self._ahead, self._packed = (word in _takes(ok) for word in wire.TAKES)
            return identity
        except (Crash, Timeout, Malformed, Refused) as error:
            self._kill()
            raise NotLoaded(str(error)) from None

    def announce(self, questions: Sequence[Question]) -> None:
        """Send them ahead, if the port allows it."""
        self._forget_answers()
        if self.process is None or not self._ahead:
            return
        for question in questions:
            self._sent.append((self._post(self._message(question)), question))
        self._push()

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario."""
        self._ask(Question("begin", tensors))

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        answer = self._ask(Question("event", event), ask, payload)
        return wire.reply_from_wire(answer)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show an optimizer's params."""
        return wire.readings_from_wire(self._ask(Question("read", optimizer)))

    def native(self, name: str) -> NativeAnswer:
        """Run a native check; one that compiles may take `SLOW` times as long."""
        usual = self.timeout
        if name in NATIVE and NATIVE[name].slow:
            self.timeout = usual * SLOW
        try:
            answer = self._ask_plainly({"op": "check", "name": name})
        finally:
            self.timeout = usual
        return wire.native_from_wire(answer)

    def elsewhere(self) -> Candidate:
        """A second process of the same command."""
        if self._elsewhere is None:
            self._elsewhere = ProcessCandidate(
                self.command, self.timeout, self.memory_gib
            )
        if not self._elsewhere.alive:
            self._elsewhere.start()
        return self._elsewhere

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return self.process is not None

    def close(self) -> None:
        """Ask it to stop, then make sure of it."""
        if self._elsewhere is not None:
            self._elsewhere.close()
        if self.process is not None:
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._ask_plainly({"op": "stop"})
        self._kill()

    def abandon(self) -> None:
        """End it at once and for good; for another thread than the one that asks."""
        self._abandoned = True
        for candidate in (self, self._elsewhere):
            if candidate is not None and candidate.process is not None:
                _kill_group(candidate.process)

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
                shown = wire.tensors_to_wire(tensors, self._packed)
                return {"op": "begin", "tensors": shown}
            case ("event", event):
                shown = wire.event_to_wire(event, payload, self._packed)
                return {"op": "event", **shown}
        return {"op": "read", "optimizer": question.about}

    def _sent_ahead(self, question: Question) -> bool:
        if self.process is None or not self._sent:
            return False
        op, about = self._sent[0][1]
        if op == "read":
            return question == (op, about)
        return op == question.op and about is question.about

    def _ask_plainly(self, message: dict[str, Any], ask: Ask | None = None) -> Any:
        self._forget_answers()
        if self.process is None:
            raise Crash("the process has ended")
        number = self._post(message)
        self._push()
        return self._answer(number, ask)

    def _answer(self, number: int, ask: Ask | None) -> Any:
        try:
            answer = self._converse(number, ask)
        except Exception:
            self._kill()
            raise
        for word, error in _BAD_NEWS.items():
            if word in answer:
                raise error(str(answer[word]).strip())
        return answer["ok"]

    def _converse(self, number: int, ask: Ask | None) -> dict[str, Any]:
        deadline = time.monotonic() + self.timeout
        while True:
            answer = self._read_answer(number, deadline)
            if answer.get("ask") == "closure" and ask is not None:
                seen = wire.tensors_from_wire(answer.get("params"))
                reply = wire.answer_to_wire(ask(seen), self._packed)
                self._unsent += _line({"seq": number, "answer": reply})
                self._push()
            elif "ok" in answer or any(word in answer for word in _BAD_NEWS):
                return answer
            else:
                raise Malformed(f"no 'ok', 'refused' or 'crashed' in {answer}"[:300])

    def _read_answer(self, number: int, deadline: float) -> dict[str, Any]:
        line = self._read_line(deadline)
        try:
            answer = _DECODER.decode(line.decode())
        except (ValueError, RecursionError):
            shown = line[:80].decode(errors="replace")
            raise Malformed(f"not a line of JSON: {shown!r}") from None
        if not isinstance(answer, dict) or answer.get("seq") != number:
            got = answer.get("seq") if isinstance(answer, dict) else answer
            raise Malformed(f"expected an answer with seq {number}, got {got!r}")
        return answer

    def _forget_answers(self) -> None:
        """Read the answers to what was sent ahead and is not asked after all.

        A process that does not give them is killed.
        """
        while self.process is not None and self._sent:
            number, _ = self._sent.popleft()
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._answer(number, None)

    # -- pipes ----------------------------------------------------------------------

    def _reset_pipes(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin.fileno(), process.stdout.fileno()
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe, False)
        self._number, self._unsent = 0, bytearray()
        self._sent: collections.deque[tuple[int, Question]] = collections.deque()
        self._lines: collections.deque[bytes] = collections.deque()
        self._begun: list[bytes] = []  #: pieces of a line that has no end yet
        self._stderr: collections.deque[str] = collections.deque(maxlen=_STDERR_LINES)
        self._drainer = threading.Thread(
            target=_drain, args=(process.stderr, self._stderr), daemon=True
        )
        self._drainer.start()

    def _post(self, message: dict[str, Any]) -> int:
        """Put a question into the outgoing lines; its number."""
        self._number += 1
        self._unsent += _line({"seq": self._number, **message})
        return self._number

    def _push(self) -> None:
        """Write what the pipe takes; the rest goes while an answer is waited for."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self._stdin, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it reads no more; perhaps it has said why
            self._unsent.clear()

    def _read_line(self, deadline: float) -> bytes:
        while not self._lines:
            if self._wait(deadline):
                chunk = os.read(self._stdout, 1 << 20)
                if not chunk:
                    raise self._ended()
                self._take(chunk)
            else:
                self._push()
        return self._lines.popleft()

    def _take(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun.append(first)
        if others:
            self._lines.append(b"".join(self._begun))
            *whole, last = others
            self._lines.extend(whole)
            self._begun = [last]
        elif sum(map(len, self._begun)) > MAX_LINE:
            raise Malformed(f"a line of more than {MAX_LINE >> 20} MiB")

    def _wait(self, deadline: float) -> bool:
        """Wait for the port; whether there is something to read, else to write."""
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        if self._unsent:
            poll.register(self._stdin, select.POLLOUT)
        ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if not ready:
            raise Timeout(f"no answer within {self.timeout:g} s")
        return self._stdout in ready

    # -- life and death -------------------------------------------------------------

    def _ended(self) -> Crash:
        """Why nothing more comes; a process that lives on is not waited for."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=0.2)
        code = self.process.returncode
        if code is None:
            return Crash("the process closed its standard output")
        how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        self._drainer.join(timeout=0.2)
        return Crash("\n".join([f"the process ended ({how})", *self._stderr]))

    def _kill(self) -> None:
        if self.process is None:
            return
        _kill_group(self.process)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process = None

    def _limit_memory(self) -> None:
        import resource

        limit = int((self.memory_gib or 0) * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _drain(stream: IO[bytes], lines: collections.deque[str]) -> None:
    with stream:
        while line := stream.readline(4096):
            lines.append(line.decode(errors="replace").rstrip())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _line(message: dict[str, Any]) -> bytes:
    return _ENCODER.encode(message).encode() + b"\n"


def _takes(ok: dict[str, Any]) -> list[Any]:
    words = ok.get("takes", [])
    if not isinstance(words, list):
        raise Malformed("'takes' must be a list of texts")
    return words


def _identity(ok: Any) -> Identity:
    if not isinstance(ok, dict) or ok.get("protocol") != wire.PROTOCOL_VERSION:
        spoken = ok.get("protocol") if isinstance(ok, dict) else ok
        raise Malformed(
            f"the port speaks protocol {spoken!r}, this program speaks "
            f"{wire.PROTOCOL_VERSION}"
        )
    texts = [ok.get(key) for key in ("name", "version", "language")]
    claims = ok.get("claims")
    if not all(isinstance(x, str) for x in texts) or not isinstance(claims, list):
        raise Malformed("start needs name, version, language (texts) and claims (list)")
    name, version, language = map(str, texts)
    known = check_claims(frozenset(map(str, claims)))
    dialect = check_dialect(ok.get("dialect", Identity.dialect))
    return Identity(name, version, language, known, dialect)
