"""The base of adapters for ports on TensorFlow: variables, tensors and slices."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_conformance.adapters.base import Sparse

__all__ = ["TensorFlowAdapter", "slices"]


def slices(gradient: Sparse, values: Any) -> Any:
    """The sparse gradient as TensorFlow gives that of a gather, IndexedSlices."""
    indices = tf.constant(gradient.indices, tf.int64)
    shape = tf.constant(gradient.shape, tf.int64)
    return tf.IndexedSlices(tf.convert_to_tensor(values), indices, shape)


class TensorFlowAdapter(ArrayAdapter):
    """Params and accumulators are variables, gradients are tensors or slices."""

    version, language = tf.__version__, "Python (TensorFlow)"
    PLAIN = ArrayAdapter.PLAIN | {
        *("binary16", "bfloat16", "mixed-formats", "sparse", "state-write"),
        *("many-steps", "flush-to-zero"),
    }

    def hold(self, name: str, array: Any) -> Any:
        """The array as a variable."""
        return tf.Variable(array, name=name)

    def show(self, param: Any) -> Any:
        """The param as a NumPy array."""
        return param.numpy()

    def give(self, gradient: Any, like: Any) -> Any:
        """The gradient as a constant tensor."""
        return tf.constant(gradient)

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """The sparse gradient as IndexedSlices."""
        return slices(gradient, values)
