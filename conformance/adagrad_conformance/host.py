"""Serves one Python adapter over standard input and output.

The runner starts this as a child process for every Python target, so that a port that
hangs, exits or crashes costs its own check alone.  What the port prints goes to
standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import IO, Any

from adagrad_reference.scenario import Tensor

from . import wire
from .adapters.base import Adapter, ClosureAnswer, Malformed, Refused
from .native import run_native
from .targets import TargetError, load_adapter

__all__ = ["main", "serve"]


def main(argv: list[str] | None = None) -> int:
    """`python -m adagrad_conformance.host TARGET`."""
    target = (sys.argv[1:] if argv is None else argv)[0]
    lines, answers = _private_streams()
    try:
        adapter = load_adapter(target)
    except TargetError as error:
        _send(answers, {"seq": 1, "crashed": str(error), "loading": True})
        return 3
    serve(adapter, lines, answers)
    return 0


def _private_streams() -> tuple[IO[str], IO[str]]:
    """The protocol's streams; afterwards print() writes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    lines = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return lines, answers


def serve(adapter: Adapter, lines: IO[str], answers: IO[str]) -> None:
    """Answer questions until `stop` or the end of the input."""
    for line in lines:
        question = json.loads(line)
        seq = question["seq"]
        if question["op"] == "stop":
            _send(answers, {"seq": seq, "ok": {}})
            return
        try:
            answer: dict[str, Any] = {"ok": _answer(adapter, question, lines, answers)}
        except Refused as error:
            answer = {"refused": str(error)}
        except Malformed as error:
            answer = {"malformed": str(error)}
        except BaseException:  # sys.exit in a port is its crash, not the host's end
            answer = {"crashed": traceback.format_exc(limit=-3)}
        _send(answers, {"seq": seq, **answer})


def _answer(
    adapter: Adapter, question: dict[str, Any], lines: IO[str], answers: IO[str]
) -> dict[str, Any]:
    match question["op"]:
        case "start":
            return {
                "protocol": wire.PROTOCOL_VERSION,
                "name": adapter.name,
                "version": adapter.version,
                "language": adapter.language,
                "claims": sorted(adapter.claims),
            }
        case "begin":
            adapter.begin(wire.tensors_from_wire(question["tensors"]))
            return {}
        case "event":
            return _event(adapter, question, lines, answers)
        case "read":
            return wire.readings_to_wire(adapter.read(question["optimizer"]))
        case "check":
            return wire.native_to_wire(run_native(adapter, question["name"]))
    raise Malformed(f"unknown question {question['op']!r}")


def _event(
    adapter: Adapter, question: dict[str, Any], lines: IO[str], answers: IO[str]
) -> dict[str, Any]:
    event, has_closure, payload = wire.event_from_wire(question)

    def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
        seen = wire.tensors_to_wire(params)
        _send(answers, {"seq": question["seq"], "ask": "closure", "params": seen})
        return wire.answer_from_wire(json.loads(next(lines))["answer"])

    return wire.reply_to_wire(
        adapter.perform(event, ask if has_closure else None, payload)
    )


def _send(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
