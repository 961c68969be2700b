"""Visits that every port has."""

from __future__ import annotations

from adagrad_conformance.adapters.contract import Reading
from adagrad_reference.formats import FORMATS, Format
from adagrad_reference.scenario import Tensor

from .advice import Wrong
from .conversation import Doctor
from .fixtures import (
    Readings,
    check_gradients,
    check_same,
    gradient_of,
    new_over,
    params_of,
    step_with,
    tensor_of,
    widest,
)

__all__ = ["begins_twice", "empty_begin", "formats_and_shapes"]


def empty_begin(doctor: Doctor) -> None:
    """A scenario without params, an unknown key, a number that is not the next one."""
    doctor.skip_numbers(1000)
    doctor.begin("begin without params, with a key to be ignored", {}, comment="?")


def formats_and_shapes(doctor: Doctor) -> None:
    """In each claimed format: params as given, and what is shown after a step."""
    for fmt in FORMATS.values():
        if doctor.claims(fmt.name):
            doctor.claim = fmt.name
            _shapes_in(doctor, fmt)


def _shapes_in(doctor: Doctor, fmt: Format) -> None:
    name = fmt.name
    ends = [1.5, -0.0, fmt.eta, -fmt.eta, fmt.largest, -fmt.smallest_normal]
    tensors = {
        "edges": tensor_of(name, ends),
        "scalar": tensor_of(name, [3.0], ()),
        "empty": tensor_of(name, [], (0,)),
        "matrix": tensor_of(name, [1.0, 2.0, 3.0, -4.0, -5.0, -6.0], (2, 3)),
    }
    names = list(tensors)

    def as_given(readings: Readings) -> None:
        for param, tensor in tensors.items():
            check_same(param, "theta", readings[param].theta, tensor)
            if readings[param].gradient is not None:
                raise Wrong(f"{param} has a gradient", "begin gives no gradients")

    doctor.begin(f"begin, {name}: shapes [6], [], [0], [2, 3]", tensors)
    doctor.event(f"new, {name}", new_over(doctor, tuple(names)))
    doctor.read(f"read, {name}: every param as it was given", names, as_given)
    step_with(doctor, *names, title=f"step, {name}")

    def stepped(readings: Readings) -> None:
        for param, tensor in tensors.items():
            _check_state(doctor, param, tensor, readings[param])
        given = {param: gradient_of(tensor) for param, tensor in tensors.items()}
        check_gradients(doctor, readings, given)

    doctor.read(f"read, {name}: what a step leaves", names, stepped)


def _check_state(doctor: Doctor, param: str, tensor: Tensor, shown: Reading) -> None:
    """Check that a read after a step shows what the claims promise."""
    if doctor.claims("state") and shown.state_sum is None and tensor.bits:
        advice = "show the accumulator after a step, or do not claim 'state'"
        raise Wrong(f"sum of {param} is null", advice)
    narrow = tensor.fmt.width == 16
    if doctor.claims("master-weights") and narrow and shown.master is None:
        advice = "show the binary32 copy, or do not claim 'master-weights'"
        raise Wrong(f"master of {param} is null", advice)
    if not doctor.claims("master-weights") and shown.master is not None:
        advice = "claim 'master-weights', or leave 'master' out"
        raise Wrong(f"{param} has a master", advice)


def begins_twice(doctor: Doctor) -> None:
    """After a second `begin` nothing of the first one is left."""
    first = params_of(doctor, "p")
    doctor.begin("begin with p", first)
    doctor.event("new over p", new_over(doctor, ("p",)))
    step_with(doctor, "p")
    fresh = {
        "p": tensor_of(widest(doctor), [7.0, 8.0]),
        "q": params_of(doctor, "q")["q"],
    }

    def anew(readings: Readings) -> None:
        for name, tensor in fresh.items():
            check_same(name, "theta", readings[name].theta, tensor)
            if readings[name].gradient is not None:
                advice = "begin forgets everything, gradients too"
                raise Wrong(f"{name} has a gradient from before", advice)
            if readings[name].t:
                advice = "begin forgets everything, counters too"
                raise Wrong(f"t of {name} is {readings[name].t}", advice)

    doctor.begin("begin again, with another p and with q", fresh)
    doctor.event("new over p and q", new_over(doctor, ("p", "q")))
    doctor.read("read: nothing from before", ["p", "q"], anew)
    doctor.event("new again, over q alone", new_over(doctor, ("q",)))
    doctor.read("read: q alone", ["q"])
