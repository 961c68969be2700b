"""The suite's own NumPy port."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from adagrad_conformance import __version__
from adagrad_conformance.candidates.numpy_adagrad import Adagrad, Param

from .base import (
    CLAIMS,
    Adapter,
    Ask,
    Gradient,
    Group,
    Malformed,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
)

__all__ = ["NumpyAdapter"]

_DTYPES: dict[str, tuple[Any, Any]] = {
    "binary64": (np.dtype(np.float64), np.uint64),
    "binary32": (np.dtype(np.float32), np.uint32),
    "binary16": (np.dtype(np.float16), np.uint16),
}
_LATER = {"sparse", "complex", "bfloat16"}

try:  # NumPy itself has no bfloat16
    import ml_dtypes
except ImportError:
    pass
else:
    _DTYPES["bfloat16"] = (np.dtype(ml_dtypes.bfloat16), np.uint16)
    _LATER.remove("bfloat16")

_FORMATS = {dtype: name for name, (dtype, _) in _DTYPES.items()}


class NumpyAdapter(Adapter):
    """Drives `candidates.numpy_adagrad.Adagrad`."""

    name = "numpy"
    version = __version__
    language = "Python (NumPy)"
    claims = frozenset(CLAIMS) - _LATER

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Hold these params."""
        self.storages = {name: _storage(tensor) for name, tensor in tensors.items()}
        self.layouts = {name for name, tensor in tensors.items() if tensor.layout}
        self.params = {
            name: Param(_view(self.storages[name], tensor), name=name)
            for name, tensor in tensors.items()
        }
        self.optimizers: dict[str, Adagrad] = {}
        self.saves: dict[str, tuple[Any, Any, bytes]] = {}

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Construct the optimizer."""
        listed = [self._group(group) for group in groups]
        self.optimizers[optimizer] = Adagrad(listed, **options)  # type: ignore[arg-type]

    def add_group(self, optimizer: str, group: Group) -> None:
        """add_param_group."""
        self.optimizers[optimizer].add_param_group(self._group(group))

    def _group(self, group: Group) -> dict[str, Any]:
        return {"params": [self.params[name] for name in group.params], **group.options}

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Assign .grad."""
        if isinstance(gradient, Sparse):
            raise NotImplementedError("sparse")
        array = None if gradient is None else _view(_storage(gradient), gradient)
        self.params[param].grad = array

    def step(self, optimizer: str) -> None:
        """step()."""
        self.optimizers[optimizer].step()

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """step(closure)."""

        def closure() -> float:
            answer = ask({n: _tensor(p.data) for n, p in self.params.items()})
            for name, gradient in answer.gradients.items():
                self.set_gradient(name, gradient)
            return answer.loss

        loss = self.optimizers[optimizer].step(closure)
        return None if loss is None else float(loss)

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Write into param_groups."""
        self.optimizers[optimizer].param_groups[group][option] = value

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """zero_grad(set_to_none=...)."""
        self.optimizers[optimizer].zero_grad(set_to_none=set_to_none)

    def save(self, optimizer: str, name: str) -> bytes:
        """state_dict() as it is, deeply copied, and as bytes."""
        state = self.optimizers[optimizer].state_dict()
        raw = pickle.dumps(state)
        self.saves[name] = (state, copy.deepcopy(state), raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """load_state_dict."""
        if via == "same-object":
            state = self.saves[name][0]
        elif via == "deepcopy":
            state = copy.deepcopy(self.saves[name][1])
        else:
            state = pickle.loads(
                payload if payload is not None else self.saves[name][2]
            )
        self.optimizers[optimizer].load_state_dict(state)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write into the state of the param."""
        state = self.optimizers[optimizer].state[self.params[param]]
        state["sum"], state["step"] = _view(_storage(state_sum), state_sum), t

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Params, gradients and state as they are."""
        port = self.optimizers[optimizer]
        readings = {}
        for group in port.param_groups:
            for p in group["params"]:
                state = port.state[p]
                readings[p.name] = Reading(
                    _tensor(p.data),
                    None if p.grad is None else _tensor(p.grad),
                    _tensor(state["sum"]),
                    state["step"],
                    _tensor(self.storages[p.name]).bits
                    if p.name in self.layouts
                    else None,
                )
        return readings


def _storage(tensor: Tensor) -> Any:
    dtype, integers = _DTYPES[tensor.format]
    if tensor.layout is None:
        return np.array(tensor.bits, integers).view(dtype)
    whole = np.full(tensor.layout.length, tensor.layout.guard, integers)
    whole[tensor.layout.positions(tensor.shape)] = tensor.bits
    return whole.view(dtype)


def _view(storage: Any, tensor: Tensor) -> Any:
    if tensor.layout is None:
        return storage.reshape(tensor.shape)
    strides = [stride * storage.itemsize for stride in tensor.layout.strides]
    start = storage[tensor.layout.offset :]
    return np.lib.stride_tricks.as_strided(start, tensor.shape, strides)


def _tensor(array: Any) -> Tensor:
    if array.dtype not in _FORMATS:
        raise Malformed(f"an array has dtype {array.dtype}")
    name = _FORMATS[array.dtype]
    flat = np.ascontiguousarray(array).reshape(-1).view(_DTYPES[name][1])
    return Tensor(name, array.shape, tuple(flat.tolist()))
