"""Serves one Python adapter over standard input and output.

Every Python target runs in a child process that starts here, so that a port that hangs,
exits or crashes costs its own check alone.

Rule 1.  Each question has one answer, in order, whatever the port raises.
Rule 2.  What the port prints goes to standard error.
Rule 3.  Answers are sent together, but none is kept back while the server waits for
         input, during a step, or for longer than `_PATIENCE`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.contract import ClosureAnswer, Malformed, Refused
from adagrad_conformance.adapters.line_trace import line_trace
from adagrad_conformance.adapters.native import run_native
from adagrad_reference.scenario import Step, Steps, Tensor

from . import messages
from .identity import identity_to_wire
from .loading import TargetError, load_adapter

__all__ = ["SERVED", "Answers", "main", "serve"]

#: The environment variable that names the target in the process of a port, and in all
#: processes which that one starts.
SERVED = "ADAGRAD_CONFORMANCE_SERVED"

#: Answers are batched for at most this long (seconds).
_PATIENCE = 0.05

_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class Answers(Protocol):
    """A buffered text stream for answers."""

    def write(self, text: str, /) -> object:
        """Add a text to the buffer."""

    def flush(self) -> None:
        """Send the buffer."""


def main(argv: list[str] | None = None) -> int:
    """`python -m adagrad_conformance.host TARGET`; returns the exit code.

    It is 3 where the target cannot be loaded.
    """
    target = (sys.argv[1:] if argv is None else argv)[0]
    gc.set_threshold(100_000, 50, 100)  # objects made by loading a framework stay alive
    lines, answers = _private_streams()
    os.environ[SERVED] = target
    try:
        adapter = load_adapter(target)
    except TargetError as error:
        _send(answers, {"seq": 1, "crashed": str(error), "loading": True})
        answers.flush()
        return 3
    serve(adapter, lines, answers)
    return 0


def _private_streams() -> tuple[Iterator[str], Answers]:
    """Questions and answers (rule 2): copies of the standard streams.

    Afterwards file descriptor 1 is standard error, and 0 is empty.
    """
    answers = _Answers(os.dup(1))
    lines = _lines(os.dup(0), answers)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return lines, answers


class _Answers:
    """A buffer before a file descriptor.

    Unlike that of a text file, it is not flushed by the exit of a forked process, which
    would send its content twice.
    """

    def __init__(self, file: int) -> None:
        self.file, self.texts, self.deadline = file, list[str](), 0.0

    def keep(self) -> None:
        """Buffer for `_PATIENCE` from now on."""
        self.deadline = time.monotonic() + _PATIENCE

    def write(self, text: str) -> None:
        """Add a text; send everything after the deadline."""
        self.texts.append(text)
        if time.monotonic() >= self.deadline:
            self.flush()
            self.keep()

    def flush(self) -> None:
        """Send the buffer."""
        data, self.texts = "".join(self.texts).encode(), []
        while data:
            data = data[os.write(self.file, data) :]


def _lines(file: int, answers: _Answers) -> Iterator[str]:
    """Lines of a file descriptor; answers are sent before each wait for input."""
    ready: deque[bytes] = deque()
    begun: list[bytes] = []
    while True:
        while ready:
            yield ready.popleft().decode()
        answers.flush()
        chunk = os.read(file, 1 << 20)
        answers.keep()
        if not chunk:
            return
        begun.append(chunk)
        if b"\n" in chunk:
            *whole, last = b"".join(begun).split(b"\n")
            ready.extend(whole)
            begun = [last]


def serve(adapter: Adapter, lines: Iterator[str], answers: Answers) -> None:
    """Answer questions until `stop` or the end of the input (rule 1)."""
    trace = line_trace()
    for line in lines:
        question = json.loads(line)
        seq = question["seq"]
        if trace and question["op"] == "begin":
            trace.begin()
        if question["op"] == "stop":
            _send(answers, {"seq": seq, "ok": {}})
            break
        try:
            answer: dict[str, Any] = {"ok": _answer(adapter, question, lines, answers)}
        except Refused as error:
            answer = {"refused": str(error)}
        except Malformed as error:
            answer = {"malformed": str(error)}
        except BaseException:  # SystemExit too: it is a crash of the port
            answer = {"crashed": traceback.format_exc(limit=-8)}
        _send(answers, {"seq": seq, **answer})
    answers.flush()


def _answer(
    adapter: Adapter, question: dict[str, Any], lines: Iterator[str], answers: Answers
) -> dict[str, Any]:
    match question["op"]:
        case "start":
            return identity_to_wire(adapter)
        case "begin":
            adapter.begin(messages.tensors_from_wire(question["tensors"]))
            return {}
        case "event":
            return _event(adapter, question, lines, answers)
        case "read":
            return messages.readings_to_wire(adapter.read(question["optimizer"]))
        case "check":
            return messages.native_to_wire(run_native(adapter, question["name"]))
        case unknown:
            raise Malformed(f"unknown question {unknown!r}")


def _event(
    adapter: Adapter, question: dict[str, Any], lines: Iterator[str], answers: Answers
) -> dict[str, Any]:
    event, has_closure, payload = messages.event_from_wire(question)
    if isinstance(event, Step | Steps):
        answers.flush()  # a step may hang; the answers before it must not wait for it

    def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
        """Send the params to the suite, which answers by gradients and a loss."""
        seen = messages.tensors_to_wire(params, packed=True)
        _send(answers, {"seq": question["seq"], "ask": "closure", "params": seen})
        answers.flush()
        return messages.answer_from_wire(json.loads(next(lines))["answer"])

    return messages.reply_to_wire(
        adapter.perform(event, ask if has_closure else None, payload)
    )


def _send(answers: Answers, message: dict[str, Any]) -> None:
    answers.write(_ENCODER.encode(message) + "\n")


if __name__ == "__main__":
    sys.exit(main())
