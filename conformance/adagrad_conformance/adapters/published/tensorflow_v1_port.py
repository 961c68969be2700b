"""tf.compat.v1.train.AdagradOptimizer, run eagerly.

Documented: no eps; S starts at 0.1, or at another number above 0; the rate is a number,
a tensor, or a callable such as `inverse_time_decay` makes of a global step; a param
without a gradient is skipped.  TensorFlow reads a Python float as binary32: in binary64
the rate is handed over as a tensor, and its decay as a NumPy number.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from adagrad_conformance.adapters.arrays import NARROW, WIDE, Arrays
from adagrad_conformance.adapters.bases.tensorflow import TensorFlowAdapter

__all__ = ["CompatAdapter", "WideAdapter"]

v1 = tf.compat.v1.train

_CLAIMS = (TensorFlowAdapter.PLAIN - {"eps"}) | {
    *("initial-accumulator-value", "lr-decay", "zero-eps", "needs-a-gradient"),
}


@dataclass
class _Port:
    """The optimizer, its params and the global step."""

    optimizer: Any
    params: Arrays
    count: Any


class CompatAdapter(TensorFlowAdapter):
    """Drives `apply_gradients`, in the formats up to binary32."""

    name, dialect = "tensorflow/v1", "tensorflow-v1"
    constants = MappingProxyType({"eps": 0.0})
    claims = _CLAIMS - WIDE

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The optimizer and its slots, which the first step would make otherwise."""
        lr, decay = options.pop("lr"), options.pop("lr_decay", 0.0)
        count = tf.Variable(0, dtype=tf.int64, name="global_step")
        rate, decay = self.rate(lr), self.number(decay)
        if decay:
            rate = v1.inverse_time_decay(rate, count, 1, decay)
        optimizer = v1.AdagradOptimizer(rate, **options)
        optimizer._create_slots(list(params.values()))
        return _Port(optimizer, params, count)

    def rate(self, lr: float) -> Any:
        """The rate as it is handed over."""
        return lr

    def number(self, value: float) -> Any:
        """A number that is no rate."""
        return value

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A call of apply_gradients."""
        pairs = [(gradients[name], params[name]) for name in params]
        port.optimizer.apply_gradients(pairs, global_step=port.count)

    def accumulator(self, port: Any, name: str) -> Any:
        """The param's slot."""
        return port.optimizer.get_slot(port.params[name], "accumulator")

    def counter(self, port: Any, name: str) -> int | None:
        """The global step."""
        return int(port.count)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The values of the slot and of the global step."""
        self.accumulator(port, name).assign(accumulator)
        port.count.assign(t)


class WideAdapter(CompatAdapter):
    """The same optimizer, in binary64."""

    name = "tensorflow/v1/binary64"
    claims = _CLAIMS - NARROW

    def rate(self, lr: float) -> Any:
        """A tensor of binary64."""
        return tf.constant(lr, tf.float64)

    def number(self, value: float) -> Any:
        """A number of binary64."""
        return np.float64(value)
