"""Params, gradients and questions that the visits share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.contract import Reading
from adagrad_conformance.adapters.native.handing import SHOWS_GRADIENTS
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Gradient,
    Group,
    New,
    OptionValues,
    Sparse,
    Step,
    Tensor,
)

from .advice import OfThePort, Wrong
from .conversation import Doctor

__all__ = [
    "OPTIONS",
    "Readings",
    "check_gradients",
    "check_same",
    "gradient_of",
    "make_ready",
    "new_over",
    "params_of",
    "plain_options",
    "step_with",
    "tensor_of",
    "widest",
]

Readings = Mapping[str, Reading]

#: A legal value of each option.
OPTIONS: Mapping[str, float | bool] = {
    "lr": 0.5,
    "lr_decay": 0.25,
    "weight_decay": 0.125,
    "initial_accumulator_value": 0.5,
    "eps": 0.0078125,
    "maximize": True,
}


def tensor_of(
    fmt: str, values: Sequence[float], shape: tuple[int, ...] | None = None
) -> Tensor:
    """A tensor of numbers of the format; in one dimension unless a shape is given."""
    bits = tuple(FORMATS[fmt].encode(x) for x in values)
    return Tensor(fmt, (len(values),) if shape is None else shape, bits)


def widest(doctor: Doctor) -> str:
    """The widest format that the port claims."""
    return next(name for name in FORMATS if doctor.claims(name))


def params_of(doctor: Doctor, *names: str) -> dict[str, Tensor]:
    """Params of three numbers, in the port's widest format."""
    fmt = widest(doctor)
    return {name: tensor_of(fmt, [1.5 + i, -2.0, 0.25]) for i, name in enumerate(names)}


def gradient_of(tensor: Tensor) -> Tensor:
    """A dense gradient for a param."""
    count = len(tensor.bits)
    values = [(0.5, -0.25, 1.0, -2.0)[i % 4] for i in range(count)]
    bits = tuple(tensor.fmt.encode(x) for x in values)
    return Tensor(tensor.format, tensor.shape, bits, tensor.complex)


def plain_options(doctor: Doctor) -> dict[str, float | bool]:
    """The fewest options that a port needs: lr, and eps where it can be chosen."""
    eps = {"eps": OPTIONS["eps"]} if doctor.claims("eps") else {}
    return {"lr": doctor.identity.constants.get("lr", OPTIONS["lr"]), **eps}


def new_over(
    doctor: Doctor, *groups: tuple[str, ...], options: OptionValues | None = None
) -> New:
    """Optimizer A over groups of params."""
    listed = tuple(Group(params) for params in groups)
    return New("A", listed, plain_options(doctor) if options is None else options)


def make_ready(doctor: Doctor, *names: str) -> list[str]:
    """Begin with these params, all in one optimizer."""
    doctor.begin("begin", params_of(doctor, *names))
    doctor.event("new", new_over(doctor, names))
    return list(names)


def step_with(doctor: Doctor, *names: str, title: str = "step") -> None:
    """Give these params a gradient and step."""
    gradients = {name: gradient_of(doctor.tensors[name]) for name in names}
    doctor.event(title, Step("A", gradients))


def check_gradients(
    doctor: Doctor, readings: Readings, given: Mapping[str, Tensor | None]
) -> None:
    """Raise `OfThePort` where the port has changed a gradient, `Wrong` otherwise.

    A port may work in the gradient, let go of it, or make zeros of none.  What looks
    like a number that was rounded on the way is the adapter's.  Nothing is looked at
    unless the port claims `gradients`.
    """
    if not doctor.claims("gradients"):
        return
    of_the_port = None
    for param, tensor in given.items():
        try:
            _check_gradient(doctor, param, readings[param].gradient, tensor)
        except OfThePort as error:
            of_the_port = of_the_port or error
    if of_the_port is not None:
        raise of_the_port


def _check_gradient(
    doctor: Doctor, param: str, shown: Gradient, given: Tensor | None
) -> None:
    doctor.shows_gradients |= shown is not None
    if isinstance(shown, Sparse):
        raise Wrong(f"the gradient of {param} is sparse", "it was given dense")
    if given is None:
        if shown is not None and any(shown.values()):
            advice = "hand null on as no gradient; show what is held now"
            raise Wrong(f"gradient of {param} is a tensor, not null", advice)
        if shown is not None:
            raise OfThePort(f"zeros stand where {param} has no gradient")
        return
    if shown is None and (doctor.shows_gradients or doctor.peek(SHOWS_GRADIENTS)):
        raise OfThePort(f"the gradient of {param} is gone")
    if shown is None or shown == given or _form(shown) != _form(given):
        check_same(param, "gradient", shown, given)
        return
    pairs = list(zip(shown.values(), given.values(), strict=True))
    theta = doctor.tensors[param]
    if all(abs(a - b) <= 0.001 * abs(b) for a, b in pairs) or shown.bits == theta.bits:
        check_same(param, "gradient", shown, given)
    raise OfThePort(f"the gradient of {param} is overwritten")


def check_same(param: str, what: str, shown: Tensor | None, given: Tensor) -> None:
    """Raise `Wrong` where a tensor is not shown bit for bit as it was given."""
    if shown == given:
        return
    if shown is None:
        raise Wrong(f"{what} of {param} is null", f"show the {what} that is held")
    if _form(shown) != _form(given):
        what = f"{what} of {param} is {shown.format} of shape {list(shown.shape)}"
        advice = "keep formats and shapes as they are given"
        raise Wrong(f"{what}, not {given.format} of shape {list(given.shape)}", advice)
    if shown.complex != given.complex:
        raise Wrong(f"{what} of {param} should be complex: {given.complex}")
    digits = given.fmt.hex_digits
    pairs = zip(shown.bits, given.bits, strict=True)
    where = next((i, a, b) for i, (a, b) in enumerate(pairs) if a != b)
    raise Wrong(
        f"{what} of {param} did not read back: element {where[0]} is "
        f"{where[1]:0{digits}x}, not {where[2]:0{digits}x}",
        "carry the bits of a number, most significant first; never go through decimals",
    )


def _form(tensor: Tensor) -> tuple[str, tuple[int, ...], int]:
    return tensor.format, tensor.shape, len(tensor.bits)
