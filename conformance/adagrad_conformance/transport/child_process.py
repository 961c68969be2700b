"""A process and its pipes: lines go in, lines come out.

Rule 1.  No call blocks past its deadline.  The end of the process is noticed at once,
         even where another process holds its pipes open.
Rule 2.  The last lines of standard error are kept as part of error messages; they have
         no other effect.
Rule 3.  All processes of the child's process group end with it.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import threading
import time
from typing import IO, Any

from adagrad_conformance.adapters.base import Malformed

from .errors import Crash, NotLoaded, Timeout
from .json_lines import crash

__all__ = ["MAX_LINE", "Child"]

#: A longer line (in bytes) is malformed.
MAX_LINE = 256 * 2**20
#: How long a process may take to end once it has closed a pipe (seconds).
_GRACE = 1.0
_STDERR_LINES = 12

#: A waiting OpenMP thread sleeps: one that spins takes a core from the suite.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}

_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class Child:
    """The process of `command`, whose data is limited to `memory_gib`, if given.

    Raises `NotLoaded` where it cannot be started.  The methods raise Crash, Timeout or
    Malformed.
    """

    def __init__(
        self, command: tuple[str, ...], memory_gib: float | None = None
    ) -> None:
        try:
            self.process = subprocess.Popen(
                _limited(command, memory_gib) if memory_gib else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**_ENVIRONMENT, **os.environ},
            )
        except OSError as error:
            raise NotLoaded(f"cannot start {command[0]!r}: {error}") from None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin = self.process.stdin.fileno()
        self._stdout = self.process.stdout.fileno()
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe, False)
        self._death = _death_of(self.process.pid)
        self._unsent = bytearray()
        self._input_closed = False  #: the process reads no more
        self._lines: collections.deque[bytes] = collections.deque()
        self._begun: list[bytes] = []  #: pieces of a line without its end
        self._length = 0  #: of these pieces together
        self.stderr: collections.deque[str] = collections.deque(maxlen=_STDERR_LINES)
        self._drainer = threading.Thread(
            target=_drain, args=(self.process.stderr, self.stderr), daemon=True
        )
        self._drainer.start()

    # -- lines ----------------------------------------------------------------------

    def put(self, message: dict[str, Any]) -> None:
        """Queue a message as one line; `push` and `line` write it."""
        self._unsent += _ENCODER.encode(message).encode() + b"\n"

    def push(self) -> None:
        """Write as much as the pipe takes; `line` writes the rest while it waits."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self._stdin, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # the process reads no more; its output may say why
            self._unsent.clear()
            self._input_closed = True

    def line(self, timeout: float, since: float | None = None) -> bytes:
        """The next line without its newline.

        It may take `timeout` seconds from `since` on, a time of `time.monotonic()`;
        the default is now.
        """
        deadline = (time.monotonic() if since is None else since) + timeout
        while not self._lines:
            ready = self._wait(deadline, timeout)
            if self._stdin in ready:
                self.push()
            if self._stdout in ready or self._death in ready:
                self._read(self._death in ready)
        return self._lines.popleft()

    def stray(self) -> bytes | None:
        """The next line if it has come already; it stays the next one."""
        with contextlib.suppress(BlockingIOError):
            while not self._lines and (chunk := os.read(self._stdout, 1 << 20)):
                self._take(chunk)
        return self._lines[0] if self._lines else None

    def _read(self, dead: bool) -> None:
        try:
            chunk = os.read(self._stdout, 1 << 20)
        except BlockingIOError:
            if dead:  # another process holds the pipe open
                raise self._ended() from None
            return
        if not chunk:
            raise self._ended()
        self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun.append(first)
        self._length += len(first)
        if others:
            self._lines.append(b"".join(self._begun))
            *whole, last = others
            self._lines.extend(whole)
            self._begun, self._length = [last], len(last)
        elif self._length > MAX_LINE:
            words = f"a line of more than {MAX_LINE >> 20} MiB"
            raise Malformed(words, "too-long")

    def _wait(self, deadline: float, timeout: float) -> set[int]:
        """The pipes that can be read or written now; raises at the deadline."""
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        if self._death >= 0:
            poll.register(self._death, select.POLLIN)
        if not self._input_closed:  # poll reports a closed pipe even for 0
            poll.register(self._stdin, select.POLLOUT if self._unsent else 0)
        left = max(0.0, deadline - time.monotonic())
        if self._input_closed:  # without questions, only final output can come
            left = min(left, _GRACE)
        found = dict(poll.poll(left * 1000))
        self._input_closed |= bool(
            found.get(self._stdin, 0) & (select.POLLERR | select.POLLHUP)
        )
        if found:
            return set(found)
        if self._input_closed:
            raise Crash("the process closed its standard input", "closed-input")
        if self._length:
            begun = b"".join(self._begun)[:60].decode(errors="replace")
            words = f"a line was begun and not ended within {timeout:g} s: {begun!r}"
            raise Timeout(words, "half-a-line")
        raise Timeout(f"no answer within {timeout:g} s", "no-answer")

    # -- life and death -------------------------------------------------------------

    def end_input(self) -> None:
        """Close the standard input of the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def end(self, timeout: float) -> int | None:
        """The exit code of a process that ends within `timeout` seconds, else None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        return self.process.returncode

    def _ended(self) -> Crash:
        """Why the output has ended; waits `_GRACE` for the end of the process."""
        code = self.end(_GRACE)
        if code is None:
            return Crash("the process closed its standard output", "closed-output")
        how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        self._drainer.join(_GRACE if self.stderr else 0.2)
        words = "\n".join([f"the process ended ({how})", *self.stderr])
        return crash(words, "signal" if code < 0 else "exited")

    def end_group(self) -> None:
        """Kill the process group; for any thread."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the process group, and close the pipes."""
        self.end_group()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._death >= 0:
            os.close(self._death)
            self._death = -1


#: A shell that limits its own data to "$0" KiB and becomes the command "$@".
_LIMIT = 'ulimit -d "$0" && exec "$@"'


def _limited(command: tuple[str, ...], gib: float) -> tuple[str, ...]:
    """The command with its data limited, and that of all that it starts.

    The limit holds before the command exists, on every system with a POSIX shell.
    `resource.prlimit` on the running process would come a moment late, in which it can
    allocate, or fork a process without a limit; and only Linux has it.  A `preexec_fn`
    runs Python between fork and exec: a lock that another thread held at the fork stays
    locked there.
    """
    if shutil.which(command[0]) is None:
        return command  # Popen raises the error that belongs to it
    limit = int(gib * 2**20)
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if most != resource.RLIM_INFINITY:  # which only root may raise
        limit = min(limit, most // 2**10)
    return ("/bin/sh", "-c", _LIMIT, str(limit), *command)


def _death_of(pid: int) -> int:
    """A file descriptor that is readable after the end of the process, or -1.

    Without one (it is Linux's), the end is noticed by the closed pipes alone.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _drain(stream: IO[bytes], lines: collections.deque[str]) -> None:
    with stream:
        while line := stream.readline(4096):
            lines.append(line.decode(errors="replace").rstrip())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
