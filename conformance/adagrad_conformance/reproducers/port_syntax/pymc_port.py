"""PyMC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Options, PortSyntax, keywords

__all__ = ["PyMc"]

_NAMES = {"lr": "learning_rate", "eps": "epsilon"}


class PyMc(PortSyntax):
    """pymc.adagrad, updates of shared variables for a function of the gradients."""

    head = (
        "import numpy as np, pytensor",
        "from pymc.variational.updates import adagrad",
    )

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """A shared variable."""
        return [f"{name} = pytensor.shared({array})"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The updates, and a function of the gradients that makes them."""
        self.params = [*params]
        made = ", ".join(["grads", "params", *keywords(options, _NAMES)])
        return [
            f"params = [{', '.join(params)}]",
            "pytensor.config.floatX = params[0].type.dtype",
            "grads = [param.type() for param in params]",
            f"updates = adagrad({made})",
            'step = pytensor.function(grads, [], updates=updates, mode="FAST_COMPILE")',
            "sums = [v for v in updates if v not in params]",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of the function."""
        return [f"step({', '.join(gradients.values())})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The value of the param's accumulator."""
        return [f"{self._sum(name)}.set_value({array})"]

    def theta(self, name: str) -> str:
        """The value of the variable."""
        return f"{name}.get_value()"

    def total(self, name: str) -> str:
        """The value of the param's accumulator."""
        return f"{self._sum(name)}.get_value()"

    def _sum(self, name: str) -> str:
        return f"sums[{self.params.index(name)}]"
