"""pymc.adagrad, on PyTensor.

Documented: `adagrad(gradients, params, learning_rate, epsilon)` gives a dictionary of
updates of shared variables, for `pytensor.function`.  Constants take part in `floatX`,
so the params of one optimizer are all of that format.  FAST_COMPILE is PyTensor's own
mode without compiled code: compiling a function takes longer than whole scenarios.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pymc
import pytensor
from pymc.variational.updates import adagrad

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["PyMcAdapter"]


@dataclass
class _Port:
    step: Any
    sums: Arrays


class PyMcAdapter(ArrayAdapter):
    """Calls the function of all gradients."""

    name, version, language = "pymc", pymc.__version__, "Python (PyTensor)"
    dialect = "pymc"
    constants = MappingProxyType(
        {
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
        }
    )
    claims = (ArrayAdapter.PLAIN - {"none-gradient"}) | {"zero-eps", "state-write"}

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The updates, and a function of the gradients."""
        shared = list(params.values())
        given = {"lr": "learning_rate", "eps": "epsilon"}
        chosen = {given[name]: value for name, value in options.items()}
        with pytensor.config.change_flags(floatX=shared[0].type.dtype):
            gradients = [param.type() for param in shared]
            updates = adagrad(gradients, shared, **chosen)
            step = pytensor.function(
                gradients, [], updates=updates, mode="FAST_COMPILE"
            )
        sums = [variable for variable in updates if variable not in shared]
        return _Port(step, dict(zip(params, sums, strict=True)))

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """One step; the params change in place."""
        port.step(*gradients.values())

    def accumulator(self, port: Any, name: str) -> Any:
        """The shared variable of the param's accumulator."""
        return port.sums[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The value of the accumulator."""
        port.sums[name].set_value(accumulator)

    def hold(self, name: str, array: Any) -> Any:
        """A shared variable."""
        return pytensor.shared(array, name=name)

    def show(self, param: Any) -> Any:
        """The value of the variable."""
        return param.get_value()
