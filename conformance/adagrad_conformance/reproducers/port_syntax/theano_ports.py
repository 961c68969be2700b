"""Ports by Theano: downhill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Phrases

__all__ = ["Downhill"]

_NAMES = {"lr": "learning_rate", "eps": "rms_regularizer"}


class Downhill(Phrases):
    """downhill's updates of params, for a function of the gradients."""

    head = (
        "import os",
        'os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags="  # no compiler, no BLAS',
        "import downhill, numpy as np, theano",
    )
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A shared variable."""
        return [f"{name} = theano.shared({array}, {name!r})"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A loss with these gradients, and what downhill makes of it."""
        self.order = params
        chosen = ", ".join(f"{_NAMES[name]}={text}" for name, text in options.items())
        return [
            f"params = [{', '.join(params)}]",
            "theano.config.floatX = params[0].dtype",
            "grads = [p.type() for p in params]",
            "loss = sum((g * p).sum() for g, p in zip(grads, params))",
            'optimizer = downhill.build("adagrad", loss, params, grads)',
            f"updates = list(optimizer.get_updates({chosen}))",
            "step = theano.function(grads, [], updates=updates)",
            "sums = [v for v, _ in updates if v not in params]",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call."""
        return [f"step({', '.join(gradients.values())})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """set_value."""
        return [f"{self._sum(name)}.set_value({array})"]

    def theta(self, name: str) -> str:
        """Its value."""
        return f"{name}.get_value()"

    def total(self, name: str) -> str:
        """The value of its accumulator."""
        return f"{self._sum(name)}.get_value()"

    def _sum(self, name: str) -> str:
        return f"sums[{list(self.order).index(name)}]"
