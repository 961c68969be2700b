"""The base of adapters for ports on JAX."""

from __future__ import annotations

import os
from typing import Any

os.environ["JAX_ENABLE_X64"] = "1"

import jax.numpy as jnp
import numpy as np

from adagrad_conformance.adapters.arrays import ArrayAdapter

__all__ = ["JaxAdapter"]


class JaxAdapter(ArrayAdapter):
    """Params, gradients and accumulators are JAX arrays."""

    language = "Python (JAX)"
    #: Without `none-gradient`: a tree of gradients has a leaf for every param.
    PLAIN = (ArrayAdapter.PLAIN - {"none-gradient"}) | {
        *("binary16", "bfloat16", "mixed-formats", "state-write", "many-steps"),
        "flush-to-zero",
    }

    def hold(self, name: str, array: Any) -> Any:
        """The array as a JAX array."""
        return jnp.asarray(array)

    def show(self, param: Any) -> Any:
        """The param as a NumPy array."""
        return np.asarray(param)

    def give(self, gradient: Any, like: Any) -> Any:
        """The gradient as a JAX array."""
        return jnp.asarray(gradient)
