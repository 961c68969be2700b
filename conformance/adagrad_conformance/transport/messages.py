"""The messages of the protocol as JSON objects, one a line.

A question has a sequence number; its answer has the same one and exactly one of

    {"seq": n, "ok": {...}}          done; the content depends on the question
    {"seq": n, "refused": "why"}     the port refuses the event
    {"seq": n, "crashed": "why"}     the port failed in any other way
    {"seq": n, "malformed": "why"}   the adapter finds that an answer is impossible

During a step with a closure the port sends {"seq": n, "ask": "closure", "params":
{...}}, and the suite answers {"seq": n, "answer": {"gradients": {...}, "loss":
{...}}}.  conformance/PROTOCOL.md is the specification for authors of ports; events are
written as in vector files.

With `packed` the bits of a tensor are one text, for ports that take that.  Functions
`..._from_wire` read messages of a port and raise `Malformed` for anything wrong in
them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adagrad_conformance.adapters.contract import (
    ClosureAnswer,
    Malformed,
    NativeAnswer,
    Reading,
    Reply,
    StepTaken,
    Trace,
)
from adagrad_reference.formats import FORMATS, Format
from adagrad_reference.json_fields import CodecError
from adagrad_reference.scenario import Event, Step, Tensor
from adagrad_reference.scenario_json import event_from_json, event_to_json
from adagrad_reference.tensor_json import (
    encodings_from_json,
    encodings_from_text,
    encodings_to_text,
    gradient_from_json,
    gradient_to_json,
    number_from_json,
    number_to_json,
    options_from_json,
    options_to_json,
    tensor_from_json,
    tensor_to_json,
)

__all__ = [
    "PROTOCOL_VERSION",
    "TAKES",
    "answer_from_wire",
    "answer_to_wire",
    "constants_from_wire",
    "constants_to_wire",
    "event_from_wire",
    "event_to_wire",
    "native_from_wire",
    "native_to_wire",
    "readings_from_wire",
    "readings_to_wire",
    "reply_from_wire",
    "reply_to_wire",
    "tensors_from_wire",
    "tensors_to_wire",
]

PROTOCOL_VERSION = 1

#: What a port may allow beyond the plain protocol: further questions before it has
#: answered the earlier ones, and packed bits.
TAKES = ("ahead", "packed")

Json = dict[str, Any]


def event_to_wire(
    event: Event, payload: bytes | None = None, packed: bool = False
) -> Json:
    """An event; gradients and loss of a closure are not sent before it is called."""
    if isinstance(event, Step) and event.loss is not None:
        bare = event_to_json(replace(event, gradients={}, loss=None))
        return {"event": {**bare, "closure": True}}
    data: Json = {"event": event_to_json(event, False, packed)}
    if payload is not None:
        data["payload"] = base64.b64encode(payload).decode()
    return data


def event_from_wire(data: Json) -> tuple[Event, bool, bytes | None]:
    """The event, whether it has a closure, and the bytes to load."""
    raw = data["event"]
    payload = data.get("payload")
    return (
        event_from_json(raw),
        bool(raw.get("closure")),
        None if payload is None else base64.b64decode(payload),
    )


def constants_to_wire(constants: Mapping[str, float]) -> Json:
    """Fixed options and their values."""
    return {name: number_to_json(value) for name, value in constants.items()}


def constants_from_wire(data: Any) -> dict[str, float]:
    """Fixed options and their values."""
    try:
        return {name: float(number_from_json(x)) for name, x in data.items()}
    except (AttributeError, CodecError, ValueError, TypeError, KeyError) as error:
        raise Malformed(f"constants: {error}") from None


def tensors_to_wire(tensors: Mapping[str, Tensor], packed: bool = False) -> Json:
    """Tensors by name."""
    return {name: tensor_to_json(t, False, packed) for name, t in tensors.items()}


def tensors_from_wire(data: Any) -> dict[str, Tensor]:
    """Tensors by name."""
    if not isinstance(data, dict):
        raise Malformed("tensors must be an object by name")
    try:
        return {name: tensor_from_json(tensor) for name, tensor in data.items()}
    except (CodecError, ValueError, TypeError, KeyError) as error:
        raise Malformed(str(error)) from None


def answer_to_wire(answer: ClosureAnswer, packed: bool = False) -> Json:
    """The suite's answer to a closure: gradients and loss."""
    gradients = {
        name: gradient_to_json(gradient, False, packed)
        for name, gradient in answer.gradients.items()
    }
    return {"gradients": gradients, "loss": number_to_json(answer.loss)}


def answer_from_wire(data: Json) -> ClosureAnswer:
    """Gradients and loss of a closure; the suite writes them, so they are right."""
    gradients = {name: gradient_from_json(g) for name, g in data["gradients"].items()}
    return ClosureAnswer(gradients, float(number_from_json(data["loss"])))


def reply_to_wire(reply: Reply) -> Json:
    """The content of `ok` after an event."""
    data: Json = {}
    if reply.loss is not None:
        data["loss"] = number_to_json(reply.loss)
    if reply.saved is not None:
        data["saved"] = base64.b64encode(reply.saved).decode()
    if reply.trace is not None:
        data["trace"] = {n: _trace_to_wire(trace) for n, trace in reply.trace.items()}
    return data


def _trace_to_wire(trace: Trace) -> Json:
    """A trace; the encodings of all steps are one text of hex digits."""
    fmt = FORMATS[trace.format]
    return {
        "format": trace.format,
        "theta": encodings_to_text(fmt, trace.theta),
        "sum": encodings_to_text(fmt, trace.state_sum),
        "t": None if trace.t is None else list(trace.t),
    }


def _trace_from_wire(raw: Json) -> Trace:
    fmt = FORMATS[raw["format"]]
    counters = raw.get("t")
    if counters is not None and not all(type(t) is int for t in counters):
        raise ValueError("t must be a list of counts")
    return Trace(
        fmt.name,
        encodings_from_text(fmt, raw["theta"]),
        encodings_from_text(fmt, raw["sum"]),
        None if counters is None else tuple(counters),
    )


def reply_from_wire(data: Any) -> Reply:
    """The content of `ok` after an event."""
    try:
        loss, saved, trace = (data.get(k) for k in ("loss", "saved", "trace"))
        if isinstance(loss, bool):
            raise ValueError("a loss is a number")
        return Reply(
            None if loss is None else float(number_from_json(loss)),
            None if saved is None else base64.b64decode(saved, validate=True),
            None
            if trace is None
            else {name: _trace_from_wire(raw) for name, raw in trace.items()},
        )
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise Malformed(f"an event's answer: {error}") from None


def readings_to_wire(readings: Mapping[str, Reading]) -> Json:
    """The content of `ok` after `read`; its bits are always packed."""
    return {"params": {name: _reading_to_wire(r) for name, r in readings.items()}}


def _reading_to_wire(reading: Reading) -> Json:
    data: Json = {"t": reading.t}
    data["gradient"] = gradient_to_json(reading.gradient, False, True)
    for name, tensor in (("theta", reading.theta), ("sum", reading.state_sum)):
        data[name] = tensor and tensor_to_json(tensor, False, True)
    if reading.master is not None:
        data["master"] = tensor_to_json(reading.master, False, True)
    if reading.storage is not None:
        data["storage"] = encodings_to_text(reading.theta.fmt, reading.storage)
    return data


def readings_from_wire(data: Any) -> dict[str, Reading]:
    """The content of `ok` after `read`."""
    if not isinstance(data, dict) or not isinstance(data.get("params"), dict):
        raise Malformed("a read's answer needs 'params', an object by name")
    try:
        return {n: _reading_from_wire(raw) for n, raw in data["params"].items()}
    except (CodecError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"a read's answer: {error}") from None


def _reading_from_wire(raw: Json) -> Reading:
    total, master, t = (raw.get(key) for key in ("sum", "master", "t"))
    if t is not None and (type(t) is not int or t < 0):
        raise ValueError(f"t must be a count, not {t!r}")
    theta = tensor_from_json(raw["theta"])
    return Reading(
        theta,
        gradient_from_json(raw.get("gradient")),
        None if total is None else tensor_from_json(total),
        t,
        _storage_from_wire(theta.fmt, raw.get("storage")),
        None if master is None else tensor_from_json(master),
    )


def _storage_from_wire(fmt: Format, raw: Any) -> tuple[int, ...] | None:
    if raw is None:
        return None
    if isinstance(raw, str):
        return encodings_from_text(fmt, raw)
    return encodings_from_json(fmt, raw)


# -- native checks ---------------------------------------------------------------------

_TENSORS = ("theta", "state_sum", "gradient", "new_theta", "new_sum")


def native_to_wire(answer: NativeAnswer) -> Json:
    """The content of `ok` after `check`."""
    return {
        "problem": answer.problem,
        "skipped": answer.skipped,
        "steps": [
            {
                "t": step.t,
                "options": options_to_json(step.options),
                **{
                    name: tensor_to_json(getattr(step, name), False, True)
                    for name in _TENSORS
                },
            }
            for step in answer.steps
        ],
    }


def native_from_wire(data: Any) -> NativeAnswer:
    """The content of `ok` after `check`."""
    try:
        problem, skipped = data.get("problem"), data.get("skipped")
        if not all(
            text is None or isinstance(text, str) for text in (problem, skipped)
        ):
            raise ValueError("problem and skipped are texts or null")
        steps = tuple(_step_taken(raw) for raw in data.get("steps", ()))
        return NativeAnswer(problem, skipped, steps)
    except (CodecError, AttributeError, ValueError, TypeError, KeyError) as error:
        raise Malformed(f"a check's answer: {error}") from None


def _step_taken(raw: Json) -> StepTaken:
    tensors = {name: tensor_from_json(raw[name]) for name in _TENSORS}
    if type(raw["t"]) is not int:
        raise ValueError("t is a count")
    return StepTaken(t=raw["t"], options=options_from_json(raw["options"]), **tensors)
