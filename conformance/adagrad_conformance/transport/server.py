"""Serves one Python adapter over standard input and output.

The runner starts this as a child process for every Python target, so that a port that
hangs, exits or crashes costs its own check alone.  What the port prints goes to
standard error.
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

from adagrad_conformance.adapters.base import Adapter, ClosureAnswer, Malformed, Refused
from adagrad_conformance.adapters.native import run_native
from adagrad_reference.scenario import Step, Steps, Tensor

from . import messages
from .identity import identity_to_wire
from .loading import TargetError, load_adapter

__all__ = ["SERVED", "Answers", "main", "serve"]

#: The environment variable that names the target in the process of a port, and in all
#: processes which that one starts.
SERVED = "ADAGRAD_CONFORMANCE_SERVED"

#: Answers wait for company, but no longer than this (seconds).
_PATIENCE = 0.05

_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class Answers(Protocol):
    """Where answers go; `flush` sends what was written."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> None:
        """Send it."""


def main(argv: list[str] | None = None) -> int:
    """`python -m adagrad_conformance.host TARGET`."""
    target = (sys.argv[1:] if argv is None else argv)[0]
    gc.set_threshold(100_000, 50, 100)  # what a framework makes in loading lives on
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
    """The protocol's streams; afterwards print() writes to standard error."""
    answers = _Answers(os.dup(1))
    lines = _lines(os.dup(0), answers)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return lines, answers


class _Answers:
    """Texts for a file descriptor, which a fork of this process does not send twice."""

    def __init__(self, file: int) -> None:
        self.file, self.texts, self.due = file, list[str](), 0.0

    def wait(self) -> None:
        """Keep texts for a while from now on."""
        self.due = time.monotonic() + _PATIENCE

    def write(self, text: str) -> None:
        """Keep it, or send it if much time has passed: its reader has a deadline."""
        self.texts.append(text)
        if time.monotonic() >= self.due:
            self.flush()
            self.wait()

    def flush(self) -> None:
        """Send everything."""
        data, self.texts = "".join(self.texts).encode(), []
        while data:
            data = data[os.write(self.file, data) :]


def _lines(file: int, answers: _Answers) -> Iterator[str]:
    """Lines of a file descriptor; answers are sent before any wait for more."""
    ready: deque[bytes] = deque()
    begun: list[bytes] = []
    while True:
        while ready:
            yield ready.popleft().decode()
        answers.flush()
        chunk = os.read(file, 1 << 20)
        answers.wait()
        if not chunk:
            return
        begun.append(chunk)
        if b"\n" in chunk:
            *whole, last = b"".join(begun).split(b"\n")
            ready.extend(whole)
            begun = [last]


def serve(adapter: Adapter, lines: Iterator[str], answers: Answers) -> None:
    """Answer questions until `stop` or the end of the input."""
    for line in lines:
        question = json.loads(line)
        seq = question["seq"]
        if question["op"] == "stop":
            _send(answers, {"seq": seq, "ok": {}})
            break
        try:
            answer: dict[str, Any] = {"ok": _answer(adapter, question, lines, answers)}
        except Refused as error:
            answer = {"refused": str(error)}
        except Malformed as error:
            answer = {"malformed": str(error)}
        except BaseException:  # sys.exit in a port is its crash, not the host's end
            answer = {"crashed": traceback.format_exc(limit=-3)}
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
    raise Malformed(f"unknown question {question['op']!r}")


def _event(
    adapter: Adapter, question: dict[str, Any], lines: Iterator[str], answers: Answers
) -> dict[str, Any]:
    event, has_closure, payload = messages.event_from_wire(question)
    if isinstance(event, Step | Steps):
        answers.flush()  # it may never end, which no earlier answer is to blame for

    def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
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
