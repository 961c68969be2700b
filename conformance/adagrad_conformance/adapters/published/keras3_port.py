"""keras.optimizers.Adagrad of Keras 3 on each of its backends.

S starts at 0.1, eps is 1e-7, lr is 0.001; the rate is a number, held in `floatx`, or a
schedule of the optimizer's iterations.  Weight decay is applied if it is set: where it
is off, it is None.  By the source eps is inside the root, and weight decay pulls the
params directly.  `floatx` is set to binary64 where a param is of binary64, and is
Keras's own default elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from adagrad_conformance.adapters.arrays import NARROW, WIDE, ArrayAdapter, Arrays
from adagrad_conformance.adapters.base import Sparse

__all__ = [
    "KerasAdapter",
    "on_jax",
    "on_tensorflow",
    "on_tensorflow_wide",
    "on_torch",
]

_RATE = 1e-3  #: the documented learning rate, for a schedule without lr


@dataclass
class _Port:
    """The optimizer, its params, and the numbers that its rate is made of."""

    optimizer: Any
    params: Arrays
    lr: float
    lr_decay: float
    scheduled: bool  #: a schedule that is set may not become a number


class KerasAdapter(ArrayAdapter):
    """Drives the optimizer by `build` and `apply`.

    On JAX and TensorFlow an eager step takes milliseconds: too much for long runs.
    """

    dialect = "keras"
    names = MappingProxyType({"lr": "learning_rate", "eps": "epsilon"})
    claims = ArrayAdapter.PLAIN | {
        *("binary16", "bfloat16", "mixed-formats", "set-option", "lr-decay"),
        *("weight-decay", "initial-accumulator-value", "zero-eps", "zero-accumulator"),
        *("defaults", "state-write", "many-steps", "save", "load-bytes"),
        *("load-deepcopy", "load-same-object", "load-new-process"),
        "needs-a-gradient",
    }

    def __init__(self, backend: str) -> None:
        os.environ["KERAS_BACKEND"] = backend
        import keras

        self.keras = keras
        self.name, self.language = f"keras/{backend}", f"Python (Keras, {backend})"
        self.version = keras.__version__

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor and build."""
        lr, decay = options.get("learning_rate", _RATE), options.pop("lr_decay", 0.0)
        if decay or "learning_rate" in options:
            options["learning_rate"] = self.rate(lr, decay) if decay else lr
        if "weight_decay" in options:
            options["weight_decay"] = options["weight_decay"] or None
        wide = any(tensor.format == "binary64" for tensor in self.tensors.values())
        self.keras.backend.set_floatx("float64" if wide else "float32")
        optimizer = self.keras.optimizers.Adagrad(**options)
        optimizer.build(list(params.values()))
        return _Port(optimizer, params, lr, decay, bool(decay))

    def rate(self, lr: float, decay: float) -> Any:
        """The schedule of a rate that decays."""
        return self.keras.optimizers.schedules.InverseTimeDecay(lr, 1, decay)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A call of apply."""
        port.optimizer.apply(list(gradients.values()), list(params.values()))

    def accumulator(self, port: Any, name: str) -> Any:
        """The param's accumulator, which is among the last variables."""
        place = list(port.params).index(name) - len(port.params)
        return port.optimizer.variables[place]

    def counter(self, port: Any, name: str) -> int | None:
        """The iterations of the optimizer."""
        return int(port.optimizer.iterations)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The values of the accumulator and of the iterations."""
        self.accumulator(port, name).assign(accumulator)
        port.optimizer.iterations.assign(t)

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """An attribute; a decaying rate is another schedule, and remains one."""
        if option in ("lr", "lr_decay"):
            port.scheduled |= option == "lr_decay"
            setattr(port, option, value)
            rate = self.rate(port.lr, port.lr_decay) if port.scheduled else port.lr
            port.optimizer.learning_rate = rate
        elif option == "weight_decay":
            port.optimizer.weight_decay = value or None
        else:
            setattr(port.optimizer, self.names.get(option, option), value)

    def state(self, port: Any) -> Any:
        """The configuration and the variables, as in a saved model."""
        store: dict[str, Any] = {}
        port.optimizer.save_own_variables(store)
        config = self.keras.optimizers.serialize(port.optimizer)
        return config, store, port.lr, port.lr_decay, port.scheduled

    def restore(self, port: Any, state: Any) -> Any:
        """An optimizer of that configuration, with these variables."""
        config, store, *rate = state
        optimizer = self.keras.optimizers.deserialize(config)
        optimizer.build(list(port.params.values()))
        optimizer.load_own_variables(store)
        return _Port(optimizer, port.params, *rate)

    def hold(self, name: str, array: Any) -> Any:
        """A variable."""
        return self.keras.Variable(array, dtype=str(array.dtype), name=name)

    def show(self, param: Any) -> Any:
        """A NumPy array."""
        return self.keras.ops.convert_to_numpy(param)

    def give(self, gradient: Any, like: Any) -> Any:
        """A tensor of the backend."""
        return self.keras.ops.convert_to_tensor(gradient)


class _OnTensorFlow(KerasAdapter):
    """Sparse gradients are tf.IndexedSlices there, as an Embedding layer gives them."""

    claims = (KerasAdapter.claims - {"many-steps"}) | {"sparse", "flush-to-zero"}

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """Rows as tf.IndexedSlices."""
        from adagrad_conformance.adapters.bases.tensorflow import slices

        return slices(gradient, values)


def on_jax() -> KerasAdapter:
    """Keras 3 on JAX."""
    os.environ["JAX_ENABLE_X64"] = "1"
    adapter = KerasAdapter("jax")
    adapter.dialect = "keras-jax"
    adapter.claims = (adapter.claims - {"many-steps"}) | {"flush-to-zero"}
    return adapter


def on_torch() -> KerasAdapter:
    """Keras 3 on torch."""
    return KerasAdapter("torch")


def on_tensorflow() -> KerasAdapter:
    """Keras 3 on TensorFlow, in the formats up to binary32."""
    adapter = _OnTensorFlow("tensorflow")
    adapter.claims -= WIDE
    return adapter


def on_tensorflow_wide() -> KerasAdapter:
    """Keras 3 on TensorFlow, in binary64."""
    adapter = _OnTensorFlow("tensorflow")
    adapter.name += "/binary64"
    adapter.claims -= NARROW
    return adapter
