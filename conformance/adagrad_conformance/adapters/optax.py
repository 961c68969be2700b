"""optax.adagrad on JAX.

Documented: `where(S > 0, rsqrt(S + eps), 0) * g`, S starting at 0.1, eps 1e-7; the rate
is a number or a schedule of the count of updates, which begins at 0; weight decay is
chained in front of it (`add_decayed_weights`), as for the other optimizers of optax.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["JAX_ENABLE_X64"] = "1"

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .arrays import ArrayAdapter, Arrays

__all__ = ["OptaxAdapter"]


class _Port:
    def __init__(self, params: Arrays, chain: Any) -> None:
        self.chain = chain
        self.state = chain.init(params)

    @property
    def root(self) -> Any:
        """The state that has the accumulators."""
        return next(s for s in _flat(self.state) if hasattr(s, "sum_of_squares"))


def _flat(state: Any) -> list[Any]:
    if hasattr(state, "_fields") or not isinstance(state, tuple):
        return [state]
    return [leaf for part in state for leaf in _flat(part)]


class OptaxAdapter(ArrayAdapter):
    """Drives `optax.adagrad` as its documentation shows."""

    name, version, language = "optax", optax.__version__, "Python (JAX)"
    dialect = "optax"
    claims = (ArrayAdapter.PLAIN - {"none-gradient"}) | {
        *("binary16", "bfloat16", "mixed-formats", "lr-decay", "weight-decay"),
        *("initial-accumulator-value", "zero-accumulator", "zero-eps"),
        *("state-write", "save", "load-bytes", "load-deepcopy", "load-same-object"),
        *("load-new-process", "flush-to-zero"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The chain and its state."""
        lr, decay = options.pop("lr"), options.pop("lr_decay", 0.0)
        weight_decay = options.pop("weight_decay", None)
        rate = (lambda count: lr / (1 + count * decay)) if decay else lr
        chain = optax.adagrad(rate, **options)
        if weight_decay is not None:
            chain = optax.chain(optax.add_decayed_weights(weight_decay), chain)
        return _Port(params, chain)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """tx.update, apply_updates."""
        updates, port.state = port.chain.update(gradients, port.state, params)
        return dict(optax.apply_updates(params, updates))

    def accumulator(self, port: Any, name: str) -> Any:
        """sum_of_squares."""
        return port.root.sum_of_squares[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Into the state's named tuples."""

        def changed(state: Any) -> Any:
            if hasattr(state, "sum_of_squares"):
                sums = {**state.sum_of_squares, name: jnp.asarray(accumulator)}
                return state._replace(sum_of_squares=sums)
            if hasattr(state, "count"):
                return state._replace(count=jnp.asarray(t, jnp.int32))
            is_chain = isinstance(state, tuple) and not hasattr(state, "_fields")
            return tuple(map(changed, state)) if is_chain else state

        port.state = changed(port.state)

    def state(self, port: Any) -> Any:
        """The tree of arrays, fetched."""
        return jax.device_get(port.state)

    def restore(self, port: Any, state: Any) -> None:
        """State is a value."""
        port.state = state

    def hold(self, name: str, array: Any) -> Any:
        """A JAX array."""
        return jnp.asarray(array)

    def show(self, param: Any) -> Any:
        """NumPy again."""
        return np.asarray(param)

    def give(self, gradient: Any, like: Any) -> Any:
        """A JAX array."""
        return jnp.asarray(gradient)
