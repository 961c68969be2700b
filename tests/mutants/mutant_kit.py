"""What mutants are made of: the NumPy port with its joints open, and its adapter.

`Bent` takes the same step as the port it stems from, in parts that a mutant replaces
one at a time.  It is itself right; test_mutants.py shows that first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["Array", "Bent", "BentAdapter", "Options", "Param", "State", "adapter"]

Array = Any
Options = dict[str, Any]
State = dict[str, Any]


class Bent(Adagrad):
    """Adagrad, whole arrays at a time; 16-bit formats are computed in binary32."""

    def _step_param(self, p: Param, group: Options) -> None:
        state = self.state[p]
        state["step"] += 1
        self.move(p, p.grad, state, group)

    def move(self, p: Param, grad: Array, state: State, o: Options) -> None:
        """Write one step's results into the param and its state."""
        work = np.float32 if p.data.itemsize == 2 else p.data.dtype
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        new_theta, new_s = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"][...] = new_theta, new_s

    def formula(
        self, theta: Array, g: Array, s: Array, clr: float, o: Options
    ) -> tuple[Array, Array]:
        """theta' and S'."""
        g = self.used(theta, g, o)
        s = self.grown(s, g, o)
        return theta - self.update(g, s, clr, o), s

    def rate(self, t: int, o: Options) -> float:
        """The rate of step t."""
        return o["lr"] / (1 + (t - 1) * o["lr_decay"])

    def used(self, theta: Array, g: Array, o: Options) -> Array:
        """The gradient that is used."""
        if o["maximize"]:
            g = -g
        return g + o["weight_decay"] * theta if o["weight_decay"] else g

    def grown(self, s: Array, g: Array, o: Options) -> Array:
        """The new sum."""
        return s + g * g

    def update(self, g: Array, s: Array, clr: float, o: Options) -> Array:
        """What theta loses."""
        return clr * g / (np.sqrt(s) + o["eps"])


class BentAdapter(NumpyAdapter):
    """Drives a class like `numpy_adagrad.Adagrad`, on real dense arrays."""

    claims = NumpyAdapter.claims - {"sparse", "complex"}

    def __init__(self, port: type[Adagrad]) -> None:
        self.port, self.name = port, port.__name__
        self.begin({})

    def make_optimizer(self, params: list[Any], options: Any) -> Any:
        """Construct the optimizer."""
        return self.port(params, **options)


def adapter(port: Any) -> Adapter:
    """A fresh adapter for a mutant of the NumPy port or of the torch port.

    A mutant with a `home` keeps things in its process: each adapter is one.
    """
    if hasattr(port, "home"):
        port = type(port.__name__, (port,), {"home": {}})
    if issubclass(port, Adagrad):
        return BentAdapter(port)
    return TorchAdapter(port.__name__, port)
