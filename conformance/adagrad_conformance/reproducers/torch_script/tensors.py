"""Tensors as torch source: decimals are the shortest that give the very bits back."""

from __future__ import annotations

from typing import assert_never

from adagrad_conformance.reproducers.decimals import listed, shortest
from adagrad_conformance.reproducers.literals import python_literal
from adagrad_reference.scenario import Gradient, Layout, Sparse, Tensor

__all__ = ["MAKERS", "gradient_text", "storage_text", "tensor_text", "view_text"]

#: (format, complex): the name of the function that makes a tensor, and torch's dtype.
MAKERS = {
    ("binary64", False): ("f64", "float64"),
    ("binary32", False): ("f32", "float32"),
    ("bfloat16", False): ("bf16", "bfloat16"),
    ("binary16", False): ("f16", "float16"),
    ("binary64", True): ("c128", "complex128"),
    ("binary32", True): ("c64", "complex64"),
}


def gradient_text(gradient: Gradient) -> str:
    """A gradient: None, dense or sparse."""
    match gradient:
        case None:
            return "None"
        case Tensor():
            return tensor_text(gradient)
        case Sparse(shape=shape, indices=indices, values=values):
            rows = python_literal([list(indices)])
            size = python_literal(shape)
            return f"torch.sparse_coo_tensor({rows}, {tensor_text(values)}, {size})"
        case _:
            assert_never(gradient)


def tensor_text(tensor: Tensor) -> str:
    """A tensor, in its layout."""
    if tensor.layout is not None:
        return storage_text(tensor, tensor.layout) + view_text(tensor, tensor.layout)
    numbers = _numbers(tensor, tensor.bits)
    maker, _ = MAKERS[tensor.format, tensor.complex]
    if not tensor.shape:
        return f"{maker}({numbers[0]})"
    plain = len(tensor.shape) == 1
    shape = "" if plain else f".reshape{python_literal(tensor.shape)}"
    return f"{maker}({listed(numbers)}){shape}"


def storage_text(tensor: Tensor, layout: Layout) -> str:
    """The whole storage, guard included, as one row."""
    width = 2 if tensor.complex else 1
    storage = [layout.guard] * (layout.length * width)
    for k, place in enumerate(layout.positions(tensor.shape)):
        bits = tensor.bits[k * width : (k + 1) * width]
        storage[place * width : (place + 1) * width] = bits
    maker, _ = MAKERS[tensor.format, tensor.complex]
    return f"{maker}({listed(_numbers(tensor, storage))})"


def view_text(tensor: Tensor, layout: Layout) -> str:
    """The call that makes the tensor of its storage."""
    view = (tensor.shape, layout.strides, layout.offset)
    return f".as_strided{python_literal(view)}"


def _numbers(tensor: Tensor, encodings: list[int] | tuple[int, ...]) -> list[str]:
    parts = [shortest(tensor.fmt, tensor.fmt.decode(bits)) for bits in encodings]
    if not tensor.complex:
        return parts
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [f"complex({real}, {imaginary})" for real, imaginary in pairs]
