"""Visits about gradients, and about complex params and views."""

from __future__ import annotations

from collections.abc import Callable

from adagrad_conformance.adapters.contract import Reading
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Gradient, Layout, Sparse, Step, Tensor, ZeroGrad

from .advice import Doubt, OfThePort, Wrong
from .conversation import Doctor
from .fixtures import (
    OPTIONS,
    Readings,
    check_gradients,
    check_same,
    make_ready,
    new_over,
    plain_options,
    step_with,
    tensor_of,
    widest,
)

__all__ = [
    "complex_param",
    "none_gradient",
    "refused_empty",
    "refused_sparse",
    "sparse_rows",
    "view",
    "zero_grad",
]


def _no_gradient(doctor: Doctor) -> Callable[[Readings], None]:
    """The check that p has no gradient, where the port shows gradients."""
    return lambda readings: check_gradients(doctor, readings, {"p": None})


def _some_gradient(doctor: Doctor) -> Callable[[Readings], None] | None:
    """The check that p has a gradient, where the port shows gradients."""
    if not doctor.claims("gradients"):
        return None

    def look(readings: Readings) -> None:
        if readings["p"].gradient is not None:
            return
        if doctor.shows_gradients:
            raise OfThePort("p has no gradient any more")
        raise Wrong("gradient of p is null, not a tensor")

    return look


def none_gradient(doctor: Doctor) -> None:
    """A step in which the param has no gradient."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    doctor.event("step with null for p", Step("A", {"p": None}))
    doctor.read("read", ["p"], _no_gradient(doctor))


def zero_grad(doctor: Doctor) -> None:
    """Gradients set to zeros, and then to None."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    doctor.event("zero-grad to zeros", ZeroGrad("A", False))
    doctor.read("read", ["p"], _some_gradient(doctor))
    doctor.event("zero-grad to none", ZeroGrad("A", True))
    doctor.read("read", ["p"], _no_gradient(doctor))


def sparse_rows(doctor: Doctor) -> None:
    """A gradient of three rows, two of them the same."""
    fmt = widest(doctor)
    matrix = tensor_of(fmt, [float(i) for i in range(10)], (5, 2))
    values = tensor_of(fmt, [0.5, -0.25, 1.0, 2.0, -1.0, 0.125], (3, 2))
    gradients: dict[str, Gradient] = {"p": Sparse((5, 2), (3, 0, 3), values)}
    doctor.begin("begin", {"p": matrix})
    doctor.event("new", new_over(doctor, ("p",)))
    doctor.event("step with sparse rows", Step("A", gradients))
    doctor.read("read", ["p"], _some_gradient(doctor))


def refused_sparse(doctor: Doctor) -> None:
    """A step that the document refuses: sparse rows with weight_decay."""
    fmt = widest(doctor)
    options = {**plain_options(doctor), "weight_decay": OPTIONS["weight_decay"]}
    doctor.begin("begin", {"p": tensor_of(fmt, [float(i) for i in range(10)], (5, 2))})
    doctor.event("new with weight_decay", new_over(doctor, ("p",), options=options))
    values = tensor_of(fmt, [0.5, -0.25], (1, 2))
    _refused_step(doctor, "step with sparse rows", Sparse((5, 2), (3,), values))


def refused_empty(doctor: Doctor) -> None:
    """A step that a port refuses as it documents: without any gradient."""
    make_ready(doctor, "p")
    _refused_step(doctor, "step without gradients", None)


def _refused_step(doctor: Doctor, title: str, gradient: Gradient) -> None:
    """After a step that the port refuses nothing is changed."""
    before: dict[str, Reading] = {}
    step_with(doctor, "p")
    doctor.read("read", ["p"], before.update)
    took = doctor.event(title, Step("A", {"p": gradient}), expected="any")
    if took is not None or "p" not in before:
        return  # a port may take it: run judges that

    def the_same(readings: Readings) -> None:
        for what, is_, was in (
            ("theta", readings["p"].theta, before["p"].theta),
            ("sum", readings["p"].state_sum, before["p"].state_sum),
            ("t", readings["p"].t, before["p"].t),
        ):
            if is_ != was:
                raise Doubt(
                    f"{what} of p has changed, though the step was refused; look at "
                    "what the adapter does before the port refuses: if nothing, the "
                    "port itself is judged for it"
                )

    doctor.read("read: nothing has changed", ["p"], the_same)


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
