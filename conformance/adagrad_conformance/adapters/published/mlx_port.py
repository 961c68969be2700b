"""mlx.optimizers.Adagrad on the CPU.

Documented: `apply_gradients(gradients, parameters)`, where parameters may be a superset
of the gradients; the optimizer begins its state by itself at the first call (`init`
only shows it earlier); the rate is a number or a function of the optimizer's `step`,
which begins at 0; `state`, flattened, is kept with `savez`, and has the step and the
rate but not eps.  (`save_safetensors` has no float64.)

A rate that is a float becomes an array of float32, and comes back with the state; a
function may return an array of float64, and is asked at each step, whatever was loaded.
Here it is always a function: so the rate has the width that the params need, and a
state means the same with decay and without.
"""

from __future__ import annotations

import io
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.optimizers import Adagrad
from mlx.utils import tree_flatten, tree_unflatten

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays
from adagrad_conformance.adapters.bases.encodings import DTYPES

__all__ = ["BegunAdapter", "MlxAdapter"]

mx.set_default_device(mx.cpu)

_BFLOAT16 = DTYPES["bfloat16"][0] if "bfloat16" in DTYPES else None


class MlxAdapter(ArrayAdapter):
    """Drives `apply_gradients` with a dictionary."""

    name, version, language = "mlx", version("mlx"), "Python (MLX)"
    dialect = "mlx"
    constants = MappingProxyType(
        {"weight_decay": 0.0, "initial_accumulator_value": 0.0}
    )
    names = MappingProxyType({"lr": "learning_rate"})
    claims = ArrayAdapter.PLAIN | {
        *("binary16", "mixed-formats", "lr-decay", "state-write"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
        *(["bfloat16"] if _BFLOAT16 else []),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; the rate is a function of the step."""
        lr, decay = options.pop("learning_rate"), options.pop("lr_decay", 0.0)
        options["learning_rate"] = lambda step: mx.array(
            lr / (1 + step.item() * decay), mx.float64
        )
        return Adagrad(**options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """A call of apply_gradients; absent gradients are left out."""
        given = {k: g for k, g in gradients.items() if g is not None}
        changed = port.apply_gradients(given, params)
        mx.eval(changed, port.state)
        return dict(changed)

    def accumulator(self, port: Any, name: str) -> Any:
        """The entry `v` of the param's state."""
        return port.state[name]["v"] if port.state.get(name) else None

    def counter(self, port: Any, name: str) -> int:
        """The counter of the optimizer."""
        return int(port.state["step"].item())

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Entries of the state, which init begins."""
        if name not in port.state:
            port.init({name: self.params[name]})
        port.state[name]["v"] = self.hold(name, accumulator)
        port.state["step"] = mx.array(t, mx.uint64)

    def state(self, port: Any) -> Any:
        """The state as a flat dictionary."""
        return dict(tree_flatten(port.state))

    def restore(self, port: Any, state: Any) -> None:
        """The state, assigned."""
        port.state = tree_unflatten(list(state.items()))

    def to_bytes(self, state: Any) -> bytes:
        """A file of savez."""
        file = io.BytesIO()
        mx.savez(file, **state)
        return file.getvalue()

    def from_bytes(self, raw: bytes) -> Any:
        """The arrays of the file."""
        return mx.load(io.BytesIO(raw), format="npz")

    def hold(self, name: str, array: Any) -> Any:
        """An array of the same format."""
        if array.dtype == _BFLOAT16:
            return mx.array(array.view(np.uint16)).view(mx.bfloat16)
        return mx.array(array, dtype=getattr(mx, array.dtype.name))

    def give(self, gradient: Any, like: Any) -> Any:
        """A gradient of the same format."""
        return self.hold("", gradient)

    def show(self, param: Any) -> Any:
        """A NumPy array."""
        if param.dtype == mx.bfloat16:
            return np.array(param.view(mx.uint16)).view(_BFLOAT16)
        return np.array(param)


class BegunAdapter(MlxAdapter):
    """The same optimizer; `init` begins the state of all params."""

    name = "mlx/init"

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor and init."""
        port = super().make(params, options)
        port.init(params)
        return port
