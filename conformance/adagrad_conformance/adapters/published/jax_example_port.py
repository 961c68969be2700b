"""Adagrad of jax.example_libraries, and of NumPyro, which wraps it; without momentum.

Documented: no eps; the update is 0 where S is 0; the step size is a number or a
schedule of the iteration index, which the caller counts from 0 (NumPyro's state does).
Params and S are both in the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from adagrad_conformance.adapters.bases.jax import (
    JaxAdapter,  # before JAX: it asks for binary64
)

import jax  # isort: skip
import jax.numpy as jnp
from jax.example_libraries import optimizers

from adagrad_conformance.adapters.arrays import Arrays

__all__ = ["ExampleAdapter", "NumPyroAdapter"]


@dataclass
class _Port:
    """The functions of an optimizer, its state and the index of the next step."""

    functions: Any
    state: Any
    index: int = 0


class ExampleAdapter(JaxAdapter):
    """Drives `adagrad(step_size, momentum=0)`."""

    name, version = "jax-example-libraries", jax.__version__
    dialect = "jax-example-libraries"
    constants = MappingProxyType({"eps": 0.0, "initial_accumulator_value": 0.0})
    claims = (JaxAdapter.PLAIN - {"eps", "zero-lr"}) | {  # its step size is positive
        *("lr-decay", "zero-eps", "zero-accumulator"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The triple of functions, and its first state."""
        functions = optimizers.adagrad(_rate(**options), momentum=0.0)
        return _Port(functions, functions[0](params))

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """Calls of opt_update and get_params, from the params as they now are."""
        _, opt_update, get_params = port.functions
        state = _with_params(port.state, params)
        port.state = opt_update(port.index, gradients, state)
        port.index += 1
        return dict(get_params(port.state))

    def accumulator(self, port: Any, name: str) -> Any:
        """The second of the three numbers that are kept for an element."""
        return optimizers.unpack_optimizer_state(port.state)[name].subtree[1]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """An entry of the unpacked state, and the index of the step."""
        marked = optimizers.unpack_optimizer_state(port.state)
        x, _, m = marked[name].subtree
        marked[name] = optimizers.JoinPoint((x, jnp.asarray(accumulator), m))
        port.state = optimizers.pack_optimizer_state(marked)
        port.index = t


def _rate(lr: float, lr_decay: float = 0.0) -> Any:
    """A step size, or a schedule where it decays."""
    return optimizers.inverse_time_decay(lr, 1, lr_decay) if lr_decay else lr


def _with_params(state: Any, params: Arrays) -> Any:
    marked = optimizers.unpack_optimizer_state(state)
    held = {
        name: optimizers.JoinPoint((params[name], *point.subtree[1:]))
        for name, point in marked.items()
    }
    return optimizers.pack_optimizer_state(held)


class NumPyroAdapter(ExampleAdapter):
    """Drives `numpyro.optim.Adagrad`, whose state is an index and the state above."""

    name = "numpyro"

    def __init__(self) -> None:
        import numpyro

        self.version = numpyro.__version__

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The object, and its first state."""
        from numpyro.optim import Adagrad

        port = Adagrad(_rate(**options), momentum=0.0)
        return _Port(port, port.init(params)[1])

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """Calls of update and get_params."""
        state = (jnp.array(port.index), _with_params(port.state, params))
        index, port.state = state = port.functions.update(gradients, state)
        port.index = int(index)
        return dict(port.functions.get_params(state))

    def counter(self, port: Any, name: str) -> int | None:
        """The index in the state."""
        return int(port.index)
