"""Numbers, tensors and gradients as JSON values and back.

Rule 1.  Numbers are encodings as hexadecimal digits, most significant first.  Tensors
         use their own format, hyperparameters and losses binary64.  A `decimal` beside
         them is for people and is never read.
Rule 2.  An unknown name, or a field of the wrong kind, is a `CodecError`.
Rule 3.  The encodings of a tensor are a list of texts, or, packed, one text.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .formats import (
    FORMATS,
    Format,
    decimal,
    float_from_hex_bits,
    float_to_hex_bits,
)
from .json_fields import CodecError, Json, field, integers
from .names import shown
from .options import OPTION_NAMES
from .scenario import Gradient, Layout, OptionValues, Sparse, Tensor

__all__ = [
    "encodings_from_json",
    "encodings_from_text",
    "encodings_to_json",
    "encodings_to_text",
    "gradient_from_json",
    "gradient_to_json",
    "number_from_json",
    "number_to_json",
    "option_from_json",
    "options_from_json",
    "options_to_json",
    "tensor_from_json",
    "tensor_to_json",
]


# -- numbers and options -------------------------------------------------------------


def number_to_json(value: float | bool) -> Any:
    """A hyperparameter: a flag as such, a number as binary64 bits."""
    if isinstance(value, bool):
        return value
    return {"bits": float_to_hex_bits(value), "decimal": repr(float(value))}


def number_from_json(data: Any, where: str = "number") -> float | bool:
    """The inverse of `number_to_json`."""
    if isinstance(data, bool):
        return data
    try:
        return float_from_hex_bits(field(data, "bits", str, where))
    except ValueError as error:
        raise CodecError(f"{where}: {error}") from None


def options_to_json(options: OptionValues) -> Json:
    """Options by name."""
    return {name: number_to_json(value) for name, value in options.items()}


def options_from_json(data: Json) -> dict[str, float | bool]:
    """The inverse of `options_to_json`."""
    return {name: option_from_json(name, value) for name, value in data.items()}


def option_from_json(name: str, data: Any) -> float | bool:
    """The value of the option of that name."""
    if name not in OPTION_NAMES:
        known = ", ".join(OPTION_NAMES)
        raise CodecError(f"unknown option {shown(name)}; known: {known}")
    value = number_from_json(data, name)
    if isinstance(value, bool) != (name == "maximize"):
        kind = "a flag" if name == "maximize" else "a number"
        raise CodecError(f"{name} must be {kind}")
    return value


# -- tensors and gradients -----------------------------------------------------------


def tensor_to_json(tensor: Tensor, decimals: bool = True, packed: bool = False) -> Json:
    """A tensor; with its `decimals` beside the bits; with its bits `packed`."""
    fmt = tensor.fmt
    encoded = encodings_to_text if packed else encodings_to_json
    data: Json = {
        "format": tensor.format,
        "shape": list(tensor.shape),
        "bits": encoded(fmt, tensor.bits),
    }
    if decimals:
        data["decimal"] = [decimal(fmt, value) for value in tensor.values()]
    if tensor.complex:
        data["complex"] = True
    if tensor.layout:
        data["layout"] = {
            "length": tensor.layout.length,
            "offset": tensor.layout.offset,
            "strides": list(tensor.layout.strides),
            "guard": f"{tensor.layout.guard:0{fmt.hex_digits}x}",
        }
    return data


def tensor_from_json(data: Any) -> Tensor:
    """The inverse of `tensor_to_json`."""
    name = field(data, "format", str, "tensor")
    if name not in FORMATS:
        raise CodecError(f"unknown format {shown(name)}; known: {', '.join(FORMATS)}")
    shape, bits = integers(data, "shape", "tensor"), data.get("bits")
    is_complex, layout = data.get("complex", False), data.get("layout")
    if not isinstance(is_complex, bool):
        raise CodecError("tensor: 'complex' must be a flag")
    if isinstance(bits, str) and layout is None and len(bits) <= _MUCH:
        return _unpacked(name, shape, bits, is_complex)
    if isinstance(bits, str):
        encodings = encodings_from_text(FORMATS[name], bits)
    else:
        bits = field(data, "bits", list, "tensor")
        encodings = encodings_from_json(FORMATS[name], bits)
    if layout is not None:
        layout = _layout_from_json(FORMATS[name], layout)
    return _sound(Tensor(name, shape, encodings, is_complex, layout))


#: Tensors with bits up to this length are cached.
_MUCH = 1 << 10


@lru_cache(256)
def _unpacked(name: str, shape: tuple[int, ...], text: str, is_complex: bool) -> Tensor:
    """A tensor whose bits are one text; most tensors are shown after every event."""
    bits = encodings_from_text(FORMATS[name], text)
    return _sound(Tensor(name, shape, bits, is_complex))


def _sound(tensor: Tensor) -> Tensor:
    if problem := tensor.problem:
        raise CodecError(f"tensor: {problem}")
    return tensor


def _layout_from_json(fmt: Format, data: Any) -> Layout:
    return Layout(
        field(data, "length", int, "layout"),
        field(data, "offset", int, "layout"),
        integers(data, "strides", "layout"),
        encodings_from_json(fmt, [field(data, "guard", str, "layout")])[0],
    )


#: How `struct` packs unsigned numbers of so many bits.
_CODES = {64: "Q", 32: "I", 16: "H"}


def encodings_to_text(fmt: Format, bits: Sequence[int]) -> str:
    """Encodings as hexadecimal digits, one behind the other."""
    return struct.pack(f">{len(bits)}{_CODES[fmt.width]}", *bits).hex()


def encodings_from_text(fmt: Format, text: str) -> tuple[int, ...]:
    """The inverse of `encodings_to_text`."""
    count = len(text) // fmt.hex_digits
    try:
        packed = bytes.fromhex(text)  # it passes over white space
    except (TypeError, ValueError):
        packed = b""
    if 2 * len(packed) != len(text) or count * fmt.hex_digits != len(text):
        raise CodecError(f"not hexadecimal digits: {shown(text)}")
    return struct.unpack(f">{count}{_CODES[fmt.width]}", packed)


def encodings_to_json(fmt: Format, bits: Sequence[int]) -> list[str]:
    """Encodings as texts of hexadecimal digits."""
    packed = struct.pack(f">{len(bits)}{_CODES[fmt.width]}", *bits)
    return packed.hex(" ", fmt.width // 8).split()


def encodings_from_json(fmt: Format, digits: Sequence[Any]) -> tuple[int, ...]:
    """Encodings from texts of hexadecimal digits, exactly as many as the format has."""
    try:
        if set(map(len, digits)) <= {fmt.hex_digits}:
            return encodings_from_text(fmt, "".join(digits))
    except TypeError:
        pass  # there is something else among them
    wrong = next(
        x for x in digits if not isinstance(x, str) or len(x) != fmt.hex_digits
    )
    raise CodecError(f"{shown(wrong)} is not {fmt.hex_digits} hex digits ({fmt.name})")


def gradient_to_json(
    gradient: Gradient, decimals: bool = True, packed: bool = False
) -> Json | None:
    """None, a dense tensor, or a sparse gradient; as `tensor_to_json`."""
    if isinstance(gradient, Sparse):
        return {
            "shape": list(gradient.shape),
            "indices": list(gradient.indices),
            "values": tensor_to_json(gradient.values, decimals, packed),
        }
    return None if gradient is None else tensor_to_json(gradient, decimals, packed)


def gradient_from_json(data: Any) -> Gradient:
    """The inverse of `gradient_to_json`."""
    if data is None:
        return None
    if isinstance(data, dict) and "indices" in data:
        shape, indices = (integers(data, k, "gradient") for k in ("shape", "indices"))
        values = tensor_from_json(field(data, "values", dict, "gradient"))
        sparse = Sparse(shape, indices, values)
        if problem := sparse.problem:
            raise CodecError(f"gradient: {problem}")
        return sparse
    return tensor_from_json(data)
