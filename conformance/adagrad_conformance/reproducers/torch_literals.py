"""Tensors as torch source: decimals are the shortest that give the very bits back."""

from __future__ import annotations

import math

from adagrad_reference.formats import BINARY32, BINARY64, Format
from adagrad_reference.scenario import Gradient, Sparse, Tensor

__all__ = [
    "MAKERS",
    "gradient_text",
    "listed",
    "shortest",
    "storage_text",
    "tensor_text",
    "view_text",
]

#: (format, complex): the name of the maker, and torch's dtype.
MAKERS = {
    ("binary64", False): ("f64", "float64"),
    ("binary32", False): ("f32", "float32"),
    ("bfloat16", False): ("bf16", "bfloat16"),
    ("binary16", False): ("f16", "float16"),
    ("binary64", True): ("c128", "complex128"),
    ("binary32", True): ("c64", "complex64"),
}
_DIGITS = 17  # enough for every format


def gradient_text(gradient: Gradient) -> str:
    """A gradient: None, dense or sparse."""
    if gradient is None:
        return "None"
    if isinstance(gradient, Tensor):
        return tensor_text(gradient)
    return _rows(gradient)


def _rows(gradient: Sparse) -> str:
    indices, shape = list(gradient.indices), gradient.shape
    values = tensor_text(gradient.values)
    return f"torch.sparse_coo_tensor([{indices}], {values}, {shape})"


def tensor_text(tensor: Tensor) -> str:
    """A tensor, in its layout."""
    if tensor.layout is not None:
        return storage_text(tensor) + view_text(tensor)
    numbers = _numbers(tensor, tensor.bits)
    maker, _ = MAKERS[tensor.format, tensor.complex]
    if not tensor.shape:
        return f"{maker}({numbers[0]})"
    shape = "" if len(tensor.shape) == 1 else f".reshape{tensor.shape}"
    return f"{maker}({listed(numbers)}){shape}"


def storage_text(tensor: Tensor) -> str:
    """The whole storage, guard included, as one row."""
    layout, width = tensor.layout, 2 if tensor.complex else 1
    assert layout is not None
    storage = [layout.guard] * (layout.length * width)
    for k, place in enumerate(layout.positions(tensor.shape)):
        bits = tensor.bits[k * width : (k + 1) * width]
        storage[place * width : (place + 1) * width] = bits
    maker, _ = MAKERS[tensor.format, tensor.complex]
    return f"{maker}({listed(_numbers(tensor, storage))})"


def view_text(tensor: Tensor) -> str:
    """What makes a view of the storage."""
    layout = tensor.layout
    assert layout is not None
    return f".as_strided({tensor.shape}, {layout.strides}, {layout.offset})"


def _numbers(tensor: Tensor, encodings: list[int] | tuple[int, ...]) -> list[str]:
    parts = [shortest(tensor.fmt, tensor.fmt.decode(bits)) for bits in encodings]
    if not tensor.complex:
        return parts
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [f"complex({real}, {imaginary})" for real, imaginary in pairs]


def shortest(fmt: Format, value: float) -> str:
    """The shortest decimal that torch reads as `value`: it goes through binary32."""
    if math.isnan(value) or math.isinf(value) or value == int(value):
        return repr(value)
    for digits in range(1, _DIGITS):
        short = float(f"{value:.{digits}g}")
        if math.isfinite(short) and fmt.nearest(short) == value:
            through = short if fmt == BINARY64 else BINARY32.nearest(short)
            if fmt.nearest(through) == value:
                return repr(short)
    return repr(value)


def listed(numbers: list[str]) -> str:
    """A list; a long one that repeats its beginning is written so."""
    for period in range(1, 6 if len(numbers) > 8 else 0):
        times, rest = divmod(len(numbers), period)
        if numbers == numbers[:period] * times + numbers[:rest]:
            text = f"[{', '.join(numbers[:period])}] * {times}"
            return f"{text} + [{', '.join(numbers[:rest])}]" if rest else text
    return f"[{', '.join(numbers)}]"
