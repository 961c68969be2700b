"""downhill, on Theano."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["Downhill"]

_NAMES = {"lr": "learning_rate", "eps": "rms_regularizer"}


class Downhill(PortSyntax):
    """downhill's updates of params, for a function of the gradients."""

    head = (
        "import os",
        'os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags="  # no compiler, no BLAS',
        "import downhill, numpy as np, theano",
    )

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """A shared variable under its name."""
        return [f"{name} = theano.shared({array}, {literal(name)})"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A loss with these gradients, downhill's updates of it, and a function."""
        self.params = [*params]
        chosen = ", ".join(keywords(options, _NAMES))
        return [
            f"params = [{', '.join(params)}]",
            "theano.config.floatX = params[0].dtype",
            "grads = [param.type() for param in params]",
            "loss = sum((grad * param).sum() for grad, param in zip(grads, params))",
            'optimizer = downhill.build("adagrad", loss, params, grads)',
            f"updates = list(optimizer.get_updates({chosen}))",
            "step = theano.function(grads, [], updates=updates)",
            "sums = [v for v, _ in updates if v not in params]",
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
