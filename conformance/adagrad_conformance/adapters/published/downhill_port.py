"""downhill's ADAGRAD, on Theano.

Documented: `downhill.build("adagrad", loss).get_updates(learning_rate=...)` gives the
updates of the params and of its own shared variables, for `theano.function`;
`rms_regularizer` is eps, added to sqrt(S); momentum and limits of the gradient are 0,
which is off.  Constants take part in `floatX`, so the params of one optimizer are all
of that format.  The loss is the sum of each param times its gradient.

`documented` is judged by that formula; `inside` with eps inside the root, as in the
code, so that this fault hides no others.

Flags of Theano turn its compiler and its BLAS off.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags="

import downhill
import theano

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["DownhillAdapter", "documented", "inside"]


@dataclass
class _Port:
    step: Any
    sums: Arrays


class DownhillAdapter(ArrayAdapter):
    """Calls a function of all gradients, which makes the updates."""

    version, language = downhill.__version__, "Python (Theano)"
    constants = MappingProxyType(
        {"lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0}
    )
    names = MappingProxyType({"lr": "learning_rate", "eps": "rms_regularizer"})
    claims = (ArrayAdapter.PLAIN - {"none-gradient"}) | frozenset(
        ["binary16", "zero-eps", "state-write", "many-steps"]
    )

    def __init__(self, name: str, dialect: str) -> None:
        self.name, self.dialect = name, dialect

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The updates, and a function of the gradients."""
        shared = list(params.values())
        with theano.change_flags(floatX=shared[0].dtype):
            gradients = [param.type() for param in shared]
            products = zip(gradients, shared, strict=True)
            loss = sum((gradient * param).sum() for gradient, param in products)
            optimizer = downhill.build("adagrad", loss, shared, gradients)
            updates = list(optimizer.get_updates(**options))
            step = theano.function(gradients, [], updates=updates)
        sums = [variable for variable, _ in updates if variable not in shared]
        return _Port(step, dict(zip(params, sums, strict=True)))

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """One step; the params change in place."""
        port.step(*gradients.values())

    def accumulator(self, port: Any, name: str) -> Any:
        """The shared variable of the param's accumulator."""
        return port.sums[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The value of the accumulator; the optimizer has no counter."""
        port.sums[name].set_value(accumulator)

    def hold(self, name: str, array: Any) -> Any:
        """A shared variable."""
        return theano.shared(array, name=name)

    def show(self, param: Any) -> Any:
        """The value of the variable."""
        return param.get_value()


def documented() -> DownhillAdapter:
    """Judged by the formula of the documentation."""
    return DownhillAdapter("downhill", "document")


def inside() -> DownhillAdapter:
    """Judged by the formula of the code."""
    return DownhillAdapter("downhill/eps-inside", "eps-inside")
