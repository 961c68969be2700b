"""TensorFlow's raw kernels: ResourceApplyAdagradV2, and the first without an eps.

The caller owns param and accumulator, and gives lr (and eps), of the format of the
param, at each call; rows have kernels of their own.  There is nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from adagrad_conformance.adapters.arrays import Arrays
from adagrad_conformance.adapters.bases.tensorflow import TensorFlowAdapter

__all__ = ["FirstAdapter", "SecondAdapter"]


@dataclass
class _Port:
    """What the caller keeps: accumulators, and options of the calls."""

    sums: Arrays
    options: dict[str, Any]


class SecondAdapter(TensorFlowAdapter):
    """Drives `tf.raw_ops.Resource{,Sparse}ApplyAdagradV2`."""

    name = "tensorflow/v2-op"
    dense, sparse = "ResourceApplyAdagradV2", "ResourceSparseApplyAdagradV2"
    start = 0.0  #: what a caller who is told nothing gives as accumulator
    names = MappingProxyType({"eps": "epsilon"})
    claims = (TensorFlowAdapter.PLAIN - {"none-gradient"}) | {
        *("initial-accumulator-value", "zero-accumulator", "zero-eps", "set-option"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """Accumulators like the params; the kernels' caller fills them."""
        tau = options.pop("initial_accumulator_value", self.start)
        sums = {
            name: tf.Variable(tf.fill(p.shape, tf.constant(tau, p.dtype)))
            for name, p in params.items()
        }
        return _Port(sums, options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """One call for each param."""
        for name, gradient in gradients.items():
            var, accum = params[name].handle, port.sums[name].handle
            given = {
                option: tf.constant(value, params[name].dtype)
                for option, value in port.options.items()
            }
            if isinstance(gradient, tf.IndexedSlices):
                getattr(tf.raw_ops, self.sparse)(
                    var=var,
                    accum=accum,
                    grad=gradient.values,
                    indices=gradient.indices,
                    **given,
                )
            else:
                getattr(tf.raw_ops, self.dense)(
                    var=var, accum=accum, grad=gradient, **given
                )

    def accumulator(self, port: Any, name: str) -> Any:
        """The caller's variable."""
        return port.sums[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Assign it."""
        port.sums[name].assign(accumulator)

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """For the calls to come."""
        port.options[self.names.get(option, option)] = value


class FirstAdapter(SecondAdapter):
    """Drives `tf.raw_ops.Resource{,Sparse}ApplyAdagrad`."""

    name, dialect = "tensorflow/v1-op", "tensorflow-v1"
    dense, sparse = "ResourceApplyAdagrad", "ResourceSparseApplyAdagrad"
    start = 0.1  # as the optimizer that has this kernel
    constants = MappingProxyType({"eps": 0.0})
    claims = SecondAdapter.claims - {"eps"}
