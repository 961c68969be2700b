"""Whether what a port shows has the shape of what it was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from adagrad_conformance.adapters.base import Malformed, Reading, Trace
from adagrad_conformance.adapters.contract import WrongMembers, WrongWidth
from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import Sparse, Tensor

__all__ = ["check_reading", "check_readings", "check_traces"]


def check_readings(
    readings: Mapping[str, Reading],
    expected: Collection[str],
    tensors: Mapping[str, Tensor],
) -> None:
    """Exactly the expected params, each of the shape it was given in.

    Raises `Malformed`, as all functions here.
    """
    if set(readings) != set(expected):
        raise Malformed(
            f"read shows params {sorted(readings)}, not {list(expected)}",
            "wrong-count",
            WrongMembers(tuple(expected)),
        )
    for name, reading in readings.items():
        check_reading(name, tensors[name], reading)


def check_reading(name: str, tensor: Tensor, reading: Reading) -> None:
    """Format, shape and number of elements of all that is shown of a param."""
    whole = (tensor.format, tensor.shape, len(tensor.bits))
    gradient = reading.gradient
    if isinstance(gradient, Sparse):
        if problem := gradient.problem:
            raise Malformed(f"gradient of {name}: {problem}")
        if gradient.shape != tensor.shape:
            raise Malformed(f"gradient of {name} has shape {gradient.shape}")
        gradient = None
    if reading.master is not None and tensor.fmt.width != 16:
        raise Malformed(f"a master of {name}, which is {tensor.format}")
    wide = whole if reading.master is None else (BINARY32.name, *whole[1:])
    parts = (
        ("theta", reading.theta, whole),
        ("gradient", gradient, whole),
        ("sum", reading.state_sum, wide),
        ("master", reading.master, wide),
    )
    for what, shown, due in parts:
        if shown is None:
            continue
        got = (shown.format, shown.shape, len(shown.bits))
        if what == "sum" and got[0] != due[0] and got[1:] == due[1:]:
            words = _other_width(name, got[0], tensor.format, reading)
            detail = None if reading.master is not None else WrongWidth(name)
            raise Malformed(words, detail=detail)
        if got != due:
            raise Malformed(
                f"{what} of {name} is {got[0]} of shape {list(got[1])}, "
                f"not {due[0]} of shape {list(due[1])}"
            )
    length = tensor.layout.length if tensor.layout else None
    if length is not None and len(reading.storage or ()) != length:
        raise Malformed(f"storage of {name} is not {length} elements", "wrong-count")


def _other_width(name: str, width: str, param: str, reading: Reading) -> str:
    """Why an accumulator of this width cannot be judged."""
    if reading.master is not None:
        return f"the accumulator of {name} is {width}, its master binary32"
    return (
        f"the accumulator of {name} is {width}, the param {param}: state of another "
        "width is judged only in binary32 beside a binary32 master of a 16-bit param "
        f"(claim master-weights); else do not claim {param}"
    )


def check_traces(
    traces: Mapping[str, Trace] | None, stepped: Mapping[str, Tensor], count: int
) -> Mapping[str, Trace]:
    """A trace of `count` steps for each of the params (or masters) that are stepped."""
    if traces is None or set(traces) != set(stepped):
        shown = None if traces is None else sorted(traces)
        raise Malformed(
            f"many steps show params {shown}, not {list(stepped)}", "wrong-count"
        )
    for name, trace in traces.items():
        tensor = stepped[name]
        numbers = count * len(tensor.bits)
        lengths = {len(trace.theta), len(trace.state_sum)}
        whole = trace.t is None or len(trace.t) == count
        if trace.format != tensor.format or lengths != {numbers} or not whole:
            raise Malformed(f"the trace of {name} has not {count} steps", "wrong-count")
    return traces
