"""TensorFlow's raw kernels: ResourceApplyAdagradV2, and the first one without eps.

The caller owns param and accumulator, and passes lr (and eps), in the format of the
param, with each call; sparse gradients have kernels of their own, which go from row to
row.  To sum rows that occur twice is the caller's part, as it is that of TensorFlow's
own optimizers.
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
    """The accumulators and the options, which the caller keeps."""

    sums: Arrays
    options: dict[str, Any]


def _each_row_once(gradient: Any) -> dict[str, Any]:
    """The rows of slices, those that occur several times summed."""
    rows, places = tf.unique(gradient.indices)
    total = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return {"grad": total, "indices": rows}


class SecondAdapter(TensorFlowAdapter):
    """Drives `tf.raw_ops.Resource{,Sparse}ApplyAdagradV2`."""

    name = "tensorflow/v2-op"
    dense, sparse = "ResourceApplyAdagradV2", "ResourceSparseApplyAdagradV2"
    start = 0.0  #: the accumulator that a caller passes without that option
    names = MappingProxyType({"eps": "epsilon"})
    claims = (TensorFlowAdapter.PLAIN - {"none-gradient"}) | {
        *("initial-accumulator-value", "zero-accumulator", "zero-eps", "set-option"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """A variable for each accumulator, which the caller of the kernels fills."""
        tau = options.pop("initial_accumulator_value", self.start)
        sums = {
            name: tf.Variable(tf.fill(p.shape, tf.constant(tau, p.dtype)))
            for name, p in params.items()
        }
        return _Port(sums, options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A call for each param."""
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
                    **_each_row_once(gradient),
                    **given,
                )
            else:
                getattr(tf.raw_ops, self.dense)(
                    var=var, accum=accum, grad=gradient, **given
                )

    def accumulator(self, port: Any, name: str) -> Any:
        """The variable of the accumulator."""
        return port.sums[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The value of the variable."""
        port.sums[name].assign(accumulator)

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """An option of the calls to come."""
        port.options[self.names.get(option, option)] = value


class FirstAdapter(SecondAdapter):
    """Drives `tf.raw_ops.Resource{,Sparse}ApplyAdagrad`."""

    name, dialect = "tensorflow/v1-op", "tensorflow-v1"
    dense, sparse = "ResourceApplyAdagrad", "ResourceSparseApplyAdagrad"
    start = 0.1  # as in the optimizer that has this kernel
    constants = MappingProxyType({"eps": 0.0})
    claims = SecondAdapter.claims - {"eps"}
