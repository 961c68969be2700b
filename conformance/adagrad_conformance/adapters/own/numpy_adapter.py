"""The adapter of the suite's own NumPy port."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from adagrad_conformance import __version__
from adagrad_conformance.adapters.base import (
    PLAIN_CLAIMS,
    Gradient,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
    Trace,
)
from adagrad_conformance.adapters.bases.encodings import DTYPES, to_array, to_tensor
from adagrad_conformance.adapters.bases.torch_like import OptimizerAdapter, Snapshot
from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param, Rows

__all__ = ["NumpyAdapter"]

#: NumPy alone has no bfloat16.
_LACKING = {"torch", "pickle", "compile"}
_LACKING |= set() if "bfloat16" in DTYPES else {"bfloat16"}


class NumpyAdapter(OptimizerAdapter):
    """Drives `own.numpy_adagrad.Adagrad`."""

    name = "numpy"
    version = __version__
    language = "Python (NumPy)"
    claims = PLAIN_CLAIMS - _LACKING

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """An `Adagrad` over `Param`s or groups of them."""
        return Adagrad(params, **options)  # type: ignore[arg-type]

    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A `Param` over an array of the tensor's bits."""
        return Param(self.make_tensor(tensor), name=name)

    def make_tensor(self, tensor: Tensor) -> Any:
        """An array, whose base is the storage that the layout describes."""
        return to_array(tensor)

    def make_rows(self, gradient: Sparse) -> Any:
        """The sparse gradient as `Rows`."""
        values = self.make_tensor(gradient.values)
        return Rows(gradient.shape, gradient.indices, values)

    def show_param(self, param: Any) -> Tensor:
        """The bits of a param."""
        return to_tensor(param.data)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Replace accumulator and counter in the state of the param."""
        state = self.optimizers[optimizer].state[self.params[param]]
        state["sum"], state["step"] = self.make_tensor(state_sum), t

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Param, gradient, state and, for a view, the storage, as encodings."""
        p = self.params[name]
        state = optimizer.state[p]
        return Reading(
            to_tensor(p.data),
            _gradient(p.grad),
            to_tensor(state["sum"]),
            state["step"],
            to_tensor(p.data.base.view(p.data.dtype)).bits
            if self.tensors[name].layout
            else None,
        )

    def snapshot(self, name: str, optimizer: Any) -> Snapshot:
        """Copies of param and accumulator, and the counter."""
        p = self.params[name]
        state = optimizer.state[p]
        return p.data.copy(), state["sum"].copy(), state["step"]

    def trace(self, rows: Sequence[Snapshot]) -> Trace:
        """The encodings of all snapshots, converted at once."""
        theta = to_tensor(np.stack([row[0] for row in rows]))
        total = to_tensor(np.stack([row[1] for row in rows]))
        counters = tuple(row[2] for row in rows if row[2] is not None)
        return Trace(theta.format, theta.bits, total.bits, counters)

    def to_bytes(self, state_dict: Any) -> bytes:
        """The state dict as JSON, in which arrays are hexadecimal digits."""
        return json.dumps(state_dict, default=_array_to_json).encode()

    def from_bytes(self, raw: bytes) -> Any:
        """The state dict of such JSON; the keys of `state` become integers again."""
        saved: dict[str, Any] = json.loads(raw)
        saved["state"] = {int(key): state for key, state in saved["state"].items()}
        for state in saved["state"].values():
            data = state["sum"]
            flat = np.frombuffer(bytes.fromhex(data["hex"]), np.dtype(data["dtype"]))
            state["sum"] = flat.reshape(data["shape"]).copy()
        return saved


def _array_to_json(array: Any) -> dict[str, Any]:
    shape = list(array.shape)
    return {"dtype": array.dtype.name, "shape": shape, "hex": array.tobytes().hex()}


def _gradient(grad: Any) -> Gradient:
    if isinstance(grad, Rows):
        rows = tuple(grad.indices.tolist())
        return Sparse(grad.shape, rows, to_tensor(grad.values))
    return None if grad is None else to_tensor(grad)
