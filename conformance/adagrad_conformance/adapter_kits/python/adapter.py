"""Puts a port of Adagrad before the conformance suite.

It works as it stands; README.md says how to run it.  To make it yours:

1. Replace the toy port by an import of your own.
2. Say in the adapter how yours is called.  It only translates: what your port does not
   do, do not do for it.
3. Claim what your port can do and no more.  A method whose claim goes may go too.

For a torch.optim.Optimizer, `adagrad_conformance.adapters.torch_optim.TorchAdapter`
needs fewer lines; with Adagrad's constructor it needs no adapter at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays
from adagrad_conformance.adapters.base import ALL_OPTIONS

__all__ = ["Adapter", "ToyAdagrad"]

# -- the port: a toy, to be replaced by yours ------------------------------------------


class ToyAdagrad:
    """Works on NumPy arrays by name."""

    def __init__(self, params: Arrays, **options: Any) -> None:
        standard = {"lr": 0.01, "lr_decay": 0.0, "weight_decay": 0.0, "eps": 1e-10}
        self.options = {**standard, "maximize": False, **options}
        first = self.options.pop("initial_accumulator_value", 0.0)
        self.sums = {name: np.full_like(p, first) for name, p in params.items()}
        self.t = dict.fromkeys(params, 0)

    def step(self, params: Arrays, gradients: Arrays) -> Arrays:
        """The params that have a gradient, moved."""
        o = self.options
        moved = {}
        for name, g in gradients.items():
            if g is None:
                continue
            theta = params[name]
            g = -g if o["maximize"] else g
            if o["weight_decay"]:
                g = g + o["weight_decay"] * theta
            rate = o["lr"] / (1 + self.t[name] * o["lr_decay"])
            self.t[name] += 1
            self.sums[name] = self.sums[name] + g * g
            moved[name] = theta - rate * g / (np.sqrt(self.sums[name]) + o["eps"])
        return moved


# -- the adapter: your lines -----------------------------------------------------------


class Adapter(ArrayAdapter):
    """More can be claimed with more methods: `adapters/arrays.py` lists them."""

    name, version = "my-adagrad", "1"
    claims = (ArrayAdapter.PLAIN | ALL_OPTIONS) | {
        *("defaults", "zero-eps", "zero-accumulator", "state-write", "many-steps"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """A new optimizer over these params."""
        return ToyAdagrad(params, **options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """One step; the params that changed."""
        return port.step(params, gradients)  # type: ignore[no-any-return]

    def accumulator(self, port: Any, name: str) -> Any:
        """S of a param."""
        return port.sums[name]

    def counter(self, port: Any, name: str) -> int | None:
        """The steps it took."""
        return int(port.t[name])

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Write both."""
        port.sums[name], port.t[name] = accumulator, t
