"""A port in a child process, spoken to in JSON Lines (wire.py).

Rule 1.  Every question has a deadline.  Reading and writing never block past it.
Rule 2.  A process that does not answer in time, or not in the protocol, is killed.
         One that reports a crash of the port in good order may go on.
Rule 3.  Standard error is kept (its end only) to be shown, and means nothing.
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
from collections.abc import Mapping
from typing import IO, Any

from adagrad_reference.scenario import Event, Tensor

from . import wire
from .adapters.base import Ask, Malformed, NativeAnswer, Reading, Refused, Reply
from .candidate import Candidate, Crash, Identity, NotLoaded, Timeout, check_claims

__all__ = ["ProcessCandidate"]

#: Answers other than `ok`, and what they are here.
_BAD_NEWS = {"refused": Refused, "malformed": Malformed, "crashed": Crash}

#: A line longer than this is no answer.
MAX_LINE = 256 * 2**20
_STDERR_LINES = 12


class ProcessCandidate(Candidate):
    """The port that `command` starts; `timeout` in seconds for each answer."""

    def __init__(
        self, command: tuple[str, ...], timeout: float, memory_gib: float | None = None
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self.process: subprocess.Popen[bytes] | None = None
        self._abandoned = False
        self._elsewhere: ProcessCandidate | None = None

    def start(self) -> Identity:
        """Start the process and ask who it is."""
        self._kill()
        if self._abandoned:
            raise NotLoaded("the run was interrupted")
        self._seq, self._buffer = 0, b""
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=self._limit_memory if self.memory_gib else None,
            )
        except OSError as error:
            raise NotLoaded(f"cannot start {self.command[0]!r}: {error}") from None
        self._stderr: collections.deque[str] = collections.deque(maxlen=_STDERR_LINES)
        self._drainer = threading.Thread(
            target=_drain, args=(self.process.stderr, self._stderr), daemon=True
        )
        self._drainer.start()
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
        try:
            ok = self._ask({"op": "start", "protocol": wire.PROTOCOL_VERSION})
            return _identity(ok)
        except (Crash, Timeout, Malformed, Refused) as error:
            self._kill()
            raise NotLoaded(str(error)) from None

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario."""
        self._ask({"op": "begin", "tensors": wire.tensors_to_wire(tensors)})

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        question = {"op": "event", **wire.event_to_wire(event, payload)}
        return wire.reply_from_wire(self._ask(question, ask))

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show an optimizer's params."""
        return wire.readings_from_wire(
            self._ask({"op": "read", "optimizer": optimizer})
        )

    def native(self, name: str) -> NativeAnswer:
        """Run a native check."""
        return wire.native_from_wire(self._ask({"op": "check", "name": name}))

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
                self._ask({"op": "stop"})
        self._kill()

    def abandon(self) -> None:
        """End it at once and for good; for another thread than the one that asks."""
        self._abandoned = True
        for candidate in (self, self._elsewhere):
            if candidate is not None and candidate.process is not None:
                _kill_group(candidate.process)

    # -- one question, one answer -------------------------------------------------

    def _ask(self, question: dict[str, Any], ask: Ask | None = None) -> Any:
        if self.process is None:
            raise Crash("the process has ended")
        try:
            answer = self._converse(question, ask)
        except Exception:
            self._kill()
            raise
        for word, error in _BAD_NEWS.items():
            if word in answer:
                raise error(str(answer[word]).strip())
        return answer["ok"]

    def _converse(self, question: dict[str, Any], ask: Ask | None) -> dict[str, Any]:
        self._seq += 1
        deadline = time.monotonic() + self.timeout
        self._write({"seq": self._seq, **question}, deadline)
        while True:
            answer = self._read_answer(deadline)
            if answer.get("ask") == "closure" and ask is not None:
                seen = wire.tensors_from_wire(answer.get("params"))
                reply = wire.answer_to_wire(ask(seen))
                self._write({"seq": self._seq, "answer": reply}, deadline)
            elif "ok" in answer or any(word in answer for word in _BAD_NEWS):
                return answer
            else:
                raise Malformed(f"no 'ok', 'refused' or 'crashed' in {answer}"[:300])

    def _read_answer(self, deadline: float) -> dict[str, Any]:
        line = self._read_line(deadline)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            shown = line[:80].decode(errors="replace")
            raise Malformed(f"not a line of JSON: {shown!r}") from None
        if not isinstance(answer, dict) or answer.get("seq") != self._seq:
            got = answer.get("seq") if isinstance(answer, dict) else answer
            raise Malformed(f"expected an answer with seq {self._seq}, got {got!r}")
        return answer

    # -- pipes ----------------------------------------------------------------------

    @property
    def _stdin(self) -> Any:
        assert self.process is not None
        return self.process.stdin

    @property
    def _stdout(self) -> Any:
        assert self.process is not None
        return self.process.stdout

    def _write(self, message: dict[str, Any], deadline: float) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            try:
                data = data[os.write(self._stdin.fileno(), data) :]
            except BlockingIOError:
                self._wait(self._stdin, select.POLLOUT, deadline)
            except OSError:  # it reads no more; perhaps it has said why
                return

    def _read_line(self, deadline: float) -> bytes:
        chunks = [self._buffer]
        size = len(self._buffer)
        while b"\n" not in chunks[-1]:
            self._wait(self._stdout, select.POLLIN, deadline)
            chunk = os.read(self._stdout.fileno(), 1 << 20)
            if not chunk:
                raise self._ended()
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_LINE:
                raise Malformed(f"a line of more than {MAX_LINE >> 20} MiB")
        line, _, self._buffer = b"".join(chunks).partition(b"\n")
        return line

    def _wait(self, pipe: Any, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        left = max(0.0, deadline - time.monotonic())
        if not poll.poll(left * 1000):
            raise Timeout(f"no answer within {self.timeout:g} s")

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
    return Identity(name, version, language, check_claims(frozenset(map(str, claims))))
