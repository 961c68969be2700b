"""The scenario language: tensors, optimizers by name, and events, as plain data.

Rule 1.  A scenario holds what is done, never the expected results; expectations.py
         derives these.  It holds no floating-point numbers of its own formats: tensors
         are bits, hyperparameters are binary64.
Rule 2.  Params are shared by all optimizers of a scenario; the state (accumulator and
         step counter) belongs to an optimizer and a param.
Rule 3.  A gradient stays with its param until it is replaced or zeroed, as after a
         backward pass that did not reach the param.
Rule 4.  Anything beyond plain dense steps needs a claim that a port may lack: claims.py
         lists them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from .flags import Flag
from .formats import FORMATS, Format

__all__ = [
    "LEVELS",
    "AddGroup",
    "Event",
    "Gradient",
    "Group",
    "Layout",
    "Load",
    "LoadWay",
    "New",
    "OptionValues",
    "Read",
    "Save",
    "Scenario",
    "SetOption",
    "SetState",
    "Sparse",
    "Step",
    "Steps",
    "Tensor",
    "ZeroGrad",
    "tensor",
]

#: As in RFC 2119, gravest first.
LEVELS = ("MUST", "SHOULD", "MAY")

#: How `struct` packs the encodings of a format, and how it reads its numbers.
_STRUCTS = {
    "binary64": ("Q", "d"),
    "binary32": ("I", "f"),
    "binary16": ("H", "e"),
    "bfloat16": ("I", "f"),  # the upper half of binary32
}

OptionValues = Mapping[str, float | bool]
LoadWay = Literal["same-object", "deepcopy", "bytes", "new-process"]


@dataclass(frozen=True)
class Layout:
    """The place of a tensor in a storage of `length` elements.

    `offset` and `strides` count elements.  The other elements of the storage are
    guards: they hold the encoding `guard` and must never change.
    """

    length: int
    offset: int
    strides: tuple[int, ...]
    guard: int

    def positions(self, shape: tuple[int, ...]) -> list[int]:
        """Storage index of each element, in row-major order; the caller only reads it.

        The list is kept with the layout, which never changes.
        """
        kept: dict[tuple[int, ...], list[int]] = vars(self).setdefault("_places", {})
        if shape not in kept:
            places = [self.offset]
            for size, stride in zip(shape, self.strides, strict=True):
                places = [place + i * stride for place in places for i in range(size)]
            kept[shape] = places
        return kept[shape]

    def problem(self, shape: tuple[int, ...]) -> str | None:
        """The reason why the layout is impossible for a shape; None if it is not."""
        if len(self.strides) != len(shape):
            return f"{len(self.strides)} strides for {len(shape)} dimensions"
        places = self.positions(shape)
        if places and not 0 <= min(places) <= max(places) < self.length:
            return f"the layout leaves its storage of {self.length} elements"
        return None


@dataclass(frozen=True)
class Tensor:
    """Encodings in row-major order; a complex element is two, real and imaginary."""

    format: str
    shape: tuple[int, ...]
    bits: tuple[int, ...]
    complex: bool = False
    layout: Layout | None = None

    @property
    def fmt(self) -> Format:
        """The working format."""
        return FORMATS[self.format]

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def values(self) -> list[float]:
        """The values of the encodings."""
        integer, number = _STRUCTS[self.format]
        wide = self.format == "bfloat16"
        bits = [b << 16 for b in self.bits] if wide else self.bits
        try:
            packed = struct.pack(f"={len(bits)}{integer}", *bits)
        except struct.error:  # one of them does not fit; say which
            return [self.fmt.decode(b) for b in self.bits]
        return list(struct.unpack(f"={len(bits)}{number}", packed))

    @cached_property
    def problem(self) -> str | None:
        """The reason why the tensor is impossible; None if it is not."""
        if self.format not in FORMATS:
            return f"unknown format {self.format!r}; known: {', '.join(FORMATS)}"
        if self.shape and min(self.shape) < 0:
            return f"shape {list(self.shape)} has a negative extent"
        expected = self.size * (2 if self.complex else 1)
        if len(self.bits) != expected:
            return f"shape {list(self.shape)} needs {expected} elements, not " + str(
                len(self.bits)
            )
        if self.layout is None:
            return None
        if self.complex:
            return "a complex tensor cannot have a layout"
        return self.layout.problem(self.shape)


def tensor(
    fmt: Format,
    values: Sequence[float],
    shape: tuple[int, ...] | None = None,
    complex: bool = False,
    layout: Layout | None = None,
) -> Tensor:
    """A tensor of the numbers of the format nearest to `values`.

    Infinities and the signs of zeros stay; every NaN becomes the same one.  A complex
    element is two values.  Without a shape the tensor has one dimension.
    """
    bits = _nearest_encodings(fmt, values)
    size = len(bits) // (2 if complex else 1)
    return Tensor(fmt.name, (size,) if shape is None else shape, bits, complex, layout)


def _nearest_encodings(fmt: Format, values: Sequence[float]) -> tuple[int, ...]:
    """`struct` rounds as `Format.nearest` does, and much faster; not to bfloat16, whose
    encodings are the upper halves of those of binary32.
    """
    if fmt.name == "bfloat16":
        rounded = [fmt.nearest(value) for value in values]
        plain = [math.nan if math.isnan(value) else value for value in rounded]
        halves = struct.unpack(
            f"={len(plain)}I", struct.pack(f"={len(plain)}f", *plain)
        )
        return tuple(bits >> 16 for bits in halves)
    if fmt.name in FORMATS:
        integer, number = _STRUCTS[fmt.name]
        plain = [math.nan if math.isnan(value) else value for value in values]
        with suppress(OverflowError):  # `struct` refuses what becomes an infinity
            packed = struct.pack(f"={len(plain)}{number}", *plain)
            return struct.unpack(f"={len(plain)}{integer}", packed)
    return tuple(fmt.encode(fmt.nearest(value)) for value in values)


@dataclass(frozen=True)
class Sparse:
    """A gradient of `shape` given by rows: row indices[k] gets values[k] (added up)."""

    shape: tuple[int, ...]
    indices: tuple[int, ...]
    values: Tensor  #: of shape (len(indices), *shape[1:])

    @cached_property
    def problem(self) -> str | None:
        """The reason why the gradient is impossible; None if it is not."""
        if not self.shape:
            return "a sparse gradient needs a shape of at least one dimension"
        if any(not 0 <= index < self.shape[0] for index in self.indices):
            return f"an index is not between 0 and {self.shape[0] - 1}"
        if self.values.shape != (len(self.indices), *self.shape[1:]):
            return "the values are not one row for each index"
        return self.values.problem


Gradient = Tensor | Sparse | None


@dataclass(frozen=True)
class Group:
    """Params by name, and the options that override the optimizer's defaults."""

    params: tuple[str, ...]
    options: OptionValues = field(default_factory=dict)


@dataclass(frozen=True)
class New:
    """Make an optimizer; `options` are its defaults."""

    optimizer: str
    groups: tuple[Group, ...]
    options: OptionValues = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Set gradients, then step.  With a `loss`, a closure sets and returns them."""

    optimizer: str
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    loss: float | None = None


@dataclass(frozen=True)
class Steps:
    """`count` steps in one event, with the sets of gradients of `cycle` in turn.

    Of each step only theta, accumulator and counter are observed, so that long runs fit
    in files and pipes.
    """

    optimizer: str
    cycle: tuple[Mapping[str, Gradient], ...]
    count: int


@dataclass(frozen=True)
class SetOption:
    """Change an option of a group; it holds from the next step on."""

    optimizer: str
    group: int
    option: str
    value: float | bool


@dataclass(frozen=True)
class AddGroup:
    """Add a param group."""

    optimizer: str
    group: Group


@dataclass(frozen=True)
class ZeroGrad:
    """Zero the gradients of the optimizer's params, or set them to None."""

    optimizer: str
    set_to_none: bool


@dataclass(frozen=True)
class Read:
    """Take the state dict; this changes nothing."""

    optimizer: str


@dataclass(frozen=True)
class Save:
    """Keep the state dict under a name, also as a deep copy and as bytes."""

    optimizer: str
    name: str


@dataclass(frozen=True)
class Load:
    """Load a save: the object itself, its copy, its bytes, or these in a new process.

    After `new-process` the optimizer lives in another process, on params of the same
    values.  A `New` of the same name before makes the load one into a fresh optimizer.
    """

    optimizer: str
    name: str
    via: LoadWay


@dataclass(frozen=True)
class SetState:
    """Write a param's accumulator and step counter (claim `state-write`)."""

    optimizer: str
    param: str
    state_sum: Tensor
    t: int


Event = (
    New | Step | Steps | SetOption | AddGroup | ZeroGrad | Read | Save | Load | SetState
)


@dataclass(frozen=True)
class Scenario:
    """A script.  `requirements` names what it decides, the first one foremost.

    `id` is a permanent path of words; `level` is MUST, SHOULD or MAY; `flags` are
    explained in flags.py; `note` says what the scenario is for.
    """

    id: str
    requirements: tuple[str, ...]
    level: str
    tensors: Mapping[str, Tensor]
    events: tuple[Event, ...]
    flags: tuple[Flag, ...] = ()
    note: str = ""
    #: what other modules have computed of the scenario, by the function that did
    derived: dict[Any, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of its params, in order of appearance."""
        return tuple(dict.fromkeys(tensor.format for tensor in self.tensors.values()))
