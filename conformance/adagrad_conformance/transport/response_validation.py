"""Checks of what a port shows: names, formats, shapes and counts, never values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from adagrad_conformance.adapters.contract import (
    Malformed,
    Reading,
    Trace,
    WrongMembers,
    WrongWidth,
)
from adagrad_reference.formats import BINARY32, FORMATS
from adagrad_reference.scenario import Sparse, Tensor

__all__ = ["check_reading", "check_readings", "check_traces"]

#: Format, shape and number of encodings.
_Form = tuple[str, tuple[int, ...], int]


def check_readings(
    readings: Mapping[str, Reading],
    expected: Collection[str],
    tensors: Mapping[str, Tensor],
    wide_state: bool = False,
) -> None:
    """Check that a read shows the expected params, each as `tensors` have it.

    With `wide_state` (the claim) S may be wider than its param.  Raises `Malformed`,
    as all functions here.
    """
    if set(readings) != set(expected):
        raise Malformed(
            f"read shows params {sorted(readings)}, not {list(expected)}",
            "wrong-count",
            WrongMembers(tuple(expected)),
        )
    for name, reading in readings.items():
        check_reading(name, tensors[name], reading, wide_state)


def check_reading(
    name: str, tensor: Tensor, reading: Reading, wide_state: bool = False
) -> None:
    """Check format, shape and number of elements of all parts of a reading.

    All have those of the param, but for a binary32 accumulator beside a master, and a
    wide state that is claimed.
    """
    gradient = reading.gradient
    if isinstance(gradient, Sparse):
        _check_sparse(name, tensor, gradient)
        gradient = None
    if reading.master is not None and tensor.fmt.width != 16:
        raise Malformed(f"a master of {name}, which is {tensor.format}")
    whole = (tensor.format, tensor.shape, len(tensor.bits))
    wide = whole if reading.master is None else (BINARY32.name, *whole[1:])
    _check_part(f"theta of {name}", reading.theta, whole)
    _check_part(f"gradient of {name}", gradient, whole)
    total = reading.state_sum
    if wide_state and total is not None and total.fmt.width > tensor.fmt.width:
        wide = (total.format, *whole[1:])
    _check_sum_width(name, reading, wide)
    _check_part(f"sum of {name}", reading.state_sum, wide)
    _check_part(f"master of {name}", reading.master, (BINARY32.name, *whole[1:]))
    length = tensor.layout.length if tensor.layout else None
    if length is not None and len(reading.storage or ()) != length:
        raise Malformed(f"storage of {name} is not {length} elements", "wrong-count")


def _check_sparse(name: str, tensor: Tensor, gradient: Sparse) -> None:
    if problem := gradient.problem:
        raise Malformed(f"gradient of {name}: {problem}")
    if gradient.shape != tensor.shape:
        raise Malformed(f"gradient of {name} has shape {gradient.shape}")


def _check_part(what: str, shown: Tensor | None, expected: _Form) -> None:
    if shown is not None and _form(shown) != expected:
        raise Malformed(
            f"{what} is {shown.format} of shape {list(shown.shape)}, "
            f"not {expected[0]} of shape {list(expected[1])}"
        )


def _check_sum_width(name: str, reading: Reading, expected: _Form) -> None:
    """An accumulator that differs by its format alone has a message of its own."""
    if reading.state_sum is None:
        return
    width, *rest = _form(reading.state_sum)
    if width != expected[0] and rest == list(expected[1:]):
        words = _other_width(name, width, reading)
        detail = None if reading.master is not None else WrongWidth(name)
        raise Malformed(words, detail=detail)


def _form(tensor: Tensor) -> _Form:
    return tensor.format, tensor.shape, len(tensor.bits)


def _other_width(name: str, width: str, reading: Reading) -> str:
    """The message for an accumulator of a width that cannot be judged."""
    if reading.master is not None:
        return f"the accumulator of {name} is {width}, its master binary32"
    param = reading.theta.fmt
    words = f"the accumulator of {name} is {width}, the param {param.name}"
    if FORMATS[width].width < param.width:
        return f"{words}: narrower state is not judged, so do not claim {param.name}"
    masters = ", beside a binary32 master also master-weights" * (param.width == 16)
    return f"{words}: claim wide-state for state that is wider{masters}"


def check_traces(
    traces: Mapping[str, Trace] | None, stepped: Mapping[str, Tensor], count: int
) -> Mapping[str, Trace]:
    """The traces, checked: `count` steps of each param, or master, in `stepped`."""
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
