"""Adagrad of Keras 2 (tf_keras): the legacy optimizer, and the one that came after it.

The legacy optimizer has TensorFlow's second kernel, `decay` by its iterations and no
weight decay; a number that is its rate, or its decay, is held in binary32 for params of
every format.  The later one is as in Keras 3; its schedules have the format of the rate
that they are given, in binary64 that of a NumPy number.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import tf_keras

from adagrad_conformance.adapters.arrays import NARROW, WIDE, Arrays
from adagrad_conformance.adapters.bases.tensorflow import TensorFlowAdapter

from .keras3_port import KerasAdapter

__all__ = [
    "LegacyAdapter",
    "SecondAdapter",
    "WideLegacyAdapter",
    "WideSecondAdapter",
]

_LEGACY = (TensorFlowAdapter.PLAIN - {"many-steps"}) | {
    *("set-option", "lr-decay", "initial-accumulator-value", "zero-accumulator"),
    *("zero-eps", "defaults", "save", "load-bytes", "load-deepcopy"),
    *("load-same-object", "load-new-process", "needs-a-gradient"),
}
_SECOND = (KerasAdapter.claims - {"many-steps"}) | {"sparse", "flush-to-zero"}


@dataclass
class _Port:
    """The optimizer and its params."""

    optimizer: Any
    params: Arrays

    def __post_init__(self) -> None:
        """Make the weights: iterations, the rate, and a slot for each param."""
        self.optimizer._create_all_weights(list(self.params.values()))


class LegacyAdapter(TensorFlowAdapter):
    """Drives `tf_keras.optimizers.legacy.Adagrad`, in formats up to binary32."""

    name, version, dialect = "tensorflow/legacy", tf_keras.__version__, "tensorflow"
    names = MappingProxyType(
        {"lr": "learning_rate", "lr_decay": "decay", "eps": "epsilon"}
    )
    claims = _LEGACY - WIDE

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor."""
        return _Port(tf_keras.optimizers.legacy.Adagrad(**options), params)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A call of apply_gradients."""
        pairs = [(gradients[name], params[name]) for name in params]
        port.optimizer.apply_gradients(pairs)

    def accumulator(self, port: Any, name: str) -> Any:
        """The param's slot."""
        return port.optimizer.get_slot(port.params[name], "accumulator")

    def counter(self, port: Any, name: str) -> int | None:
        """The iterations of the optimizer."""
        return int(port.optimizer.iterations)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The values of the slot and of the iterations."""
        self.accumulator(port, name).assign(accumulator)
        port.optimizer.iterations.assign(t)

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """An attribute."""
        setattr(port.optimizer, self.names.get(option, option), value)

    def state(self, port: Any) -> Any:
        """The configuration and the weights, as in a saved model."""
        return port.optimizer.get_config(), port.optimizer.get_weights()

    def restore(self, port: Any, state: Any) -> Any:
        """An optimizer of that configuration, with these weights."""
        config, weights = state
        made = tf_keras.optimizers.legacy.Adagrad.from_config(config)
        restored = _Port(made, port.params)
        made.set_weights(weights)
        return restored


class WideLegacyAdapter(LegacyAdapter):
    """The legacy optimizer, in binary64."""

    name, dialect = "tensorflow/legacy/binary64", "tensorflow-legacy-binary64"
    claims = _LEGACY - NARROW


class SecondAdapter(KerasAdapter):
    """Drives `tf_keras.optimizers.Adagrad`, in formats up to binary32."""

    name, version = "tensorflow/keras-2", tf_keras.__version__
    language = TensorFlowAdapter.language
    claims = _SECOND - WIDE
    hold, show = TensorFlowAdapter.hold, TensorFlowAdapter.show
    give, rows = TensorFlowAdapter.give, TensorFlowAdapter.rows

    def __init__(self) -> None:
        self.keras = tf_keras

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A call of apply_gradients."""
        pairs = [(gradients[name], params[name]) for name in params]
        port.optimizer.apply_gradients(pairs)


class WideSecondAdapter(SecondAdapter):
    """The later optimizer, in binary64."""

    name = "tensorflow/keras-2/binary64"
    claims = _SECOND - NARROW

    def rate(self, lr: float, decay: float) -> Any:
        """A schedule in binary64."""
        return super().rate(np.float64(lr), np.float64(decay))
