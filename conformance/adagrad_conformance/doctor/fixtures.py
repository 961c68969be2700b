"""Params, gradients and questions that the visits share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.contract import Reading
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Group, New, OptionValues, Step, Tensor

from .advice import Wrong
from .conversation import Doctor

__all__ = [
    "OPTIONS",
    "Readings",
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


def check_same(param: str, what: str, shown: Tensor | None, given: Tensor) -> None:
    """Raise `Wrong` where a tensor is not shown bit for bit as it was given."""
    if shown == given:
        return
    if shown is None:
        raise Wrong(f"{what} of {param} is null", f"show the {what} that is held")
    if (shown.format, shown.shape, len(shown.bits)) != (
        given.format,
        given.shape,
        len(given.bits),
    ):
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
