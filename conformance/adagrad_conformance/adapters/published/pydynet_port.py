"""pydynet.optim.Adagrad.

Documented: options lr, weight_decay and eps, with the document's defaults; a Parameter
has a gradient of zeros from the beginning.  By its source, eps is added to the sum, and
decay is computed where it is 0 too.
"""

from __future__ import annotations

from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
from pydynet import Tensor
from pydynet.nn import Parameter
from pydynet.optim import Adagrad

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["PyDyNetAdapter"]


class PyDyNetAdapter(ArrayAdapter):
    """Drives `step()`."""

    name, version, language = "pydynet", version("pydynet"), "Python (NumPy)"
    dialect = "pydynet"  # the square and the root of a scalar are NumPy's powers
    constants = MappingProxyType({"lr_decay": 0.0, "initial_accumulator_value": 0.0})
    claims = (ArrayAdapter.PLAIN - {"none-gradient"}) | {
        *("binary16", "mixed-formats", "weight-decay", "defaults", "zero-eps"),
        *("set-lr", "state-write"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; the document's names are the port's."""
        return Adagrad(list(params.values()), **options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """One step; the params change in place."""
        for name, param in params.items():
            if gradients[name] is not None:
                param.grad = gradients[name]
        port.step()

    def accumulator(self, port: Any, name: str) -> Any:
        """The param's entry of `G`."""
        return port.G[self._place(port, name)]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The param's entry of `G`."""
        port.G[self._place(port, name)] = accumulator

    def _place(self, port: Any, name: str) -> int:
        return next(i for i, p in enumerate(port.params) if p is self.params[name])

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """An attribute."""
        setattr(port, option, value)

    def hold(self, name: str, array: Any) -> Any:
        """A Parameter."""
        return Parameter(Tensor(array, dtype=array.dtype))

    def show(self, param: Any) -> Any:
        """The data of a Parameter; an accumulator is an array already."""
        return param if isinstance(param, np.ndarray) else np.asarray(param.data)
