"""Tensors of scenarios as NumPy arrays and back, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from adagrad_conformance.adapters.base import Malformed, Tensor

__all__ = ["COMPLEX", "DTYPES", "integers_of", "storage_of", "to_array", "to_tensor"]

#: Format -> (dtype of its numbers, dtype of its encodings).
DTYPES: dict[str, tuple[Any, Any]] = {
    "binary64": (np.dtype(np.float64), np.uint64),
    "binary32": (np.dtype(np.float32), np.uint32),
    "binary16": (np.dtype(np.float16), np.uint16),
}
#: The formats that NumPy has complex numbers of, with their dtypes.
COMPLEX = {"binary64": np.dtype(np.complex128), "binary32": np.dtype(np.complex64)}

try:  # NumPy alone has no bfloat16
    import ml_dtypes
except ImportError:
    pass
else:
    DTYPES["bfloat16"] = (np.dtype(ml_dtypes.bfloat16), np.uint16)

_FORMATS = {dtype: name for name, (dtype, _) in DTYPES.items()}
_COMPLEX_FORMATS = {dtype: name for name, dtype in COMPLEX.items()}


def integers_of(name: str) -> Any:
    """The dtype of a format's encodings."""
    return DTYPES[name][1]


def storage_of(tensor: Tensor) -> Any:
    """The storage of a tensor as a flat array, guard elements included."""
    dtype, integers = DTYPES[tensor.format]
    if tensor.layout is None:
        return np.array(tensor.bits, integers).view(dtype)
    whole = np.full(tensor.layout.length, tensor.layout.guard, integers)
    whole[tensor.layout.positions(tensor.shape)] = tensor.bits
    return whole.view(dtype)


def to_array(tensor: Tensor) -> Any:
    """An array of the tensor's bits, in the storage that its layout describes."""
    storage = storage_of(tensor)
    if tensor.complex:  # in binary64 and binary32, and without a layout
        return storage.view(COMPLEX[tensor.format]).reshape(tensor.shape)
    if tensor.layout is None:
        return storage.reshape(tensor.shape)
    strides = [stride * storage.itemsize for stride in tensor.layout.strides]
    offset = tensor.layout.offset * storage.itemsize
    return np.ndarray(tensor.shape, storage.dtype, storage, offset, strides)


def to_tensor(array: Any) -> Tensor:
    """The array's bits, row-major; raises `Malformed` for a dtype that is no format."""
    name = _FORMATS.get(array.dtype) or _COMPLEX_FORMATS.get(array.dtype)
    if name is None:
        raise Malformed(f"an array has dtype {array.dtype}")
    flat = np.ascontiguousarray(array).reshape(-1).view(DTYPES[name][1])
    return Tensor(
        name, array.shape, tuple(flat.tolist()), array.dtype in _COMPLEX_FORMATS
    )
