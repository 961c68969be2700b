"""pennylane.AdagradOptimizer.

Documented: `apply_grad(grad, args)` gives the new values of the args; one that is not
trainable (`requires_grad=False`) is passed through and has no gradient; the property
`stepsize` can be written; `accumulation` holds the sums of squares.  Nothing is said
of saving an optimizer.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pennylane

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["PennyLaneAdapter"]


class PennyLaneAdapter(ArrayAdapter):
    """Drives `apply_grad` with tensors of `pennylane.numpy`."""

    name, version, language = "pennylane", pennylane.__version__, "Python (NumPy)"
    dialect = "pennylane"
    constants = MappingProxyType(
        {
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
        }
    )
    names = MappingProxyType({"lr": "stepsize"})
    claims = ArrayAdapter.PLAIN | {
        *("binary16", "mixed-formats", "defaults", "zero-eps", "set-lr"),
        "state-write",
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; state begins at the first step."""
        port = pennylane.AdagradOptimizer(**options)
        port.order = list(params)
        return port

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """A call of apply_grad; a param without gradient requires none."""
        args = list(params.values())
        for name, arg in params.items():
            arg.requires_grad = gradients[name] is not None
        given = tuple(g for g in gradients.values() if g is not None)
        return dict(zip(params, port.apply_grad(given, args), strict=True))

    def accumulator(self, port: Any, name: str) -> Any:
        """The param's entry of the accumulation, once there is one."""
        if port.accumulation is None:
            return None
        entry = port.accumulation[port.order.index(name)]
        return None if type(entry) is float else np.asarray(entry)  # 0.0 to begin with

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The param's entry of the accumulation."""
        if port.accumulation is None:
            port.accumulation = [0.0] * len(port.order)
        port.accumulation[port.order.index(name)] = accumulator

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """An attribute."""
        setattr(port, self.names.get(option, option), value)

    def hold(self, name: str, array: Any) -> Any:
        """A trainable tensor."""
        return pennylane.numpy.array(array, requires_grad=True)

    def show(self, param: Any) -> Any:
        """A plain array."""
        return np.asarray(param)
