"""Visits about gradients, and about complex params and views."""

from __future__ import annotations

from collections.abc import Callable

from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Gradient, Layout, Sparse, Step, Tensor, ZeroGrad

from .advice import Wrong
from .conversation import Doctor
from .fixtures import (
    Readings,
    check_same,
    make_ready,
    new_over,
    step_with,
    tensor_of,
    widest,
)

__all__ = ["complex_param", "none_gradient", "sparse_rows", "view", "zero_grad"]


def _gradient_is(doctor: Doctor, expected: bool) -> Callable[[Readings], None] | None:
    """The check of whether p has a gradient, where the port shows gradients."""
    if not doctor.claims("gradients"):
        return None

    def look(readings: Readings) -> None:
        shown = readings["p"].gradient
        if (shown is not None) != expected:
            is_, should = ("null", "a tensor") if expected else ("a tensor", "null")
            raise Wrong(f"gradient of p is {is_}, not {should}")

    return look


def none_gradient(doctor: Doctor) -> None:
    """A step in which the param has no gradient."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    doctor.event("step with null for p", Step("A", {"p": None}))
    doctor.read("read", ["p"], _gradient_is(doctor, False))


def zero_grad(doctor: Doctor) -> None:
    """Gradients set to zeros, and then to None."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    doctor.event("zero-grad to zeros", ZeroGrad("A", False))
    doctor.read("read", ["p"], _gradient_is(doctor, True))
    doctor.event("zero-grad to none", ZeroGrad("A", True))
    doctor.read("read", ["p"], _gradient_is(doctor, False))


def sparse_rows(doctor: Doctor) -> None:
    """A gradient of three rows, two of them the same."""
    fmt = widest(doctor)
    matrix = tensor_of(fmt, [float(i) for i in range(10)], (5, 2))
    values = tensor_of(fmt, [0.5, -0.25, 1.0, 2.0, -1.0, 0.125], (3, 2))
    gradients: dict[str, Gradient] = {"p": Sparse((5, 2), (3, 0, 3), values)}
    doctor.begin("begin", {"p": matrix})
    doctor.event("new", new_over(doctor, ("p",)))
    doctor.event("step with sparse rows", Step("A", gradients))
    doctor.read("read", ["p"], _gradient_is(doctor, True))


def complex_param(doctor: Doctor) -> None:
    """A complex param is held and stepped."""
    fmt = widest(doctor)
    bits = tensor_of(fmt, [1.0, -2.0, 0.5, 4.0]).bits
    tensor = Tensor(fmt, (2,), bits, complex=True)
    doctor.begin("begin with a complex param", {"p": tensor})
    doctor.event("new", new_over(doctor, ("p",)))

    def as_given(readings: Readings) -> None:
        check_same("p", "theta", readings["p"].theta, tensor)

    doctor.read("read: as it was given", ["p"], as_given)
    step_with(doctor, "p")
    doctor.read("read", ["p"])


def view(doctor: Doctor) -> None:
    """A transposed view with gaps: the whole storage is shown."""
    fmt = FORMATS[widest(doctor)]
    guard = fmt.encode(-7.0)
    bits = tuple(fmt.encode(x) for x in (1.0, 2.0, 3.0, 4.0))
    layout = Layout(9, 1, (1, 3), guard)  # a transposed view with gaps
    tensor = Tensor(fmt.name, (2, 2), bits, layout=layout)
    storage = [guard] * 9
    for place, encoding in zip(layout.positions((2, 2)), bits, strict=True):
        storage[place] = encoding

    def as_given(readings: Readings) -> None:
        check_same("p", "theta", readings["p"].theta, Tensor(fmt.name, (2, 2), bits))
        if readings["p"].storage != tuple(storage):
            advice = "strides and offset count elements; all else is the guard"
            raise Wrong("the storage of p is not what its layout says", advice)

    doctor.begin("begin with a view of strides 1 and 3", {"p": tensor})
    doctor.event("new", new_over(doctor, ("p",)))
    doctor.read("read: the whole storage", ["p"], as_given)
    step_with(doctor, "p")
    doctor.read("read", ["p"])
