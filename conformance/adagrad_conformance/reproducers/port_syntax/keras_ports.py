"""Keras 3 on its backends, and Keras 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_reference.scenario import Tensor

from .base import Phrases
from .tensorflow_ports import slices

__all__ = ["KerasJax", "KerasSecond", "KerasTensorFlow", "KerasTorch"]

_NAMES = {"lr": "learning_rate", "eps": "epsilon"}
_RATE = "0.001"  #: the documented one


class _Keras(Phrases):
    """Any of them; `keras` is imported by that name."""

    schedule = "keras.optimizers.schedules.InverseTimeDecay"

    def __init__(self) -> None:
        self.rate = {"lr": _RATE, "lr_decay": ""}
        self.format = ""

    def array(self, tensor: Tensor) -> str:
        """As always; its format is kept for `param`."""
        self.format = tensor.format.replace("binary", "float")
        return super().array(tensor)

    def param(self, name: str, array: str) -> list[str]:
        """A variable; its dtype would be floatx, if it were not said."""
        made = f'{name} = keras.Variable({array}, dtype="{self.format}")'
        return [*self.floatx(), made]

    def floatx(self) -> list[str]:
        """What the variables of optimizers are, beside accumulators."""
        wide = self.format == "float64"
        return ['keras.backend.set_floatx("float64")'] if wide else []

    def _rate(self) -> str:
        lr, decay = self.rate["lr"], self.rate["lr_decay"]
        return f"{self.schedule}({lr}, 1, {decay})" if decay else lr

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Construct and build."""
        rest = dict(options)
        self.rate = {"lr": rest.pop("lr", _RATE), "lr_decay": rest.pop("lr_decay", "")}
        if self.rate["lr_decay"] or "lr" in options:
            rest = {"learning_rate": self._rate(), **rest}
        given = ", ".join(f"{_NAMES.get(name, name)}={x}" for name, x in rest.items())
        self.params = tuple(params)
        return [
            f"optimizer = keras.optimizers.Adagrad({given})",
            f"optimizer.build([{', '.join(params)}])",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """apply, which takes tensors of the backend."""
        given = ", ".join(
            "None" if g == "None" else self.tensor(g) for g in gradients.values()
        )
        return [f"optimizer.apply([{given}], [{', '.join(gradients)}])"]

    def tensor(self, array: str) -> str:
        """A dense gradient."""
        if not array.startswith("np."):
            return array
        return f"keras.ops.convert_to_tensor({array})"

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        if option not in self.rate:
            return [f"optimizer.{_NAMES.get(option, option)} = {value}"]
        self.rate[option] = value
        return [f"optimizer.learning_rate = {self._rate()}"]

    def theta(self, name: str) -> str:
        """NumPy again."""
        return f"keras.ops.convert_to_numpy({name})"

    def _accumulator(self, name: str) -> str:
        return f"optimizer.variables[{self.params.index(name) - len(self.params)}]"

    def total(self, name: str) -> str:
        """The optimizer's own variables come last."""
        return f"keras.ops.convert_to_numpy({self._accumulator(name)})"

    def count(self, name: str) -> str:
        """iterations."""
        return "int(optimizer.iterations)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Assign the variables."""
        return [
            f"{self._accumulator(name)}.assign({array})",
            f"optimizer.iterations.assign({t})",
        ]

    def save(self, name: str) -> list[str]:
        """Configuration and variables, as in a saved model."""
        return [
            f"{name} = keras.optimizers.serialize(optimizer), {{}}",
            f"optimizer.save_own_variables({name}[1])",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """An optimizer of that configuration, with these variables."""
        return [
            f"optimizer = keras.optimizers.deserialize({name}[0])",
            f"optimizer.build([{', '.join(self.params)}])",
            f"optimizer.load_own_variables({name}[1])",
        ]


def _on(backend: str, *more: str) -> tuple[str, ...]:
    return (
        f'import os; os.environ["KERAS_BACKEND"] = "{backend}"',
        *more,
        "import keras, ml_dtypes, numpy as np",
    )


class KerasJax(_Keras):
    """On JAX."""

    head = _on("jax", 'os.environ["JAX_ENABLE_X64"] = "1"')


class KerasTorch(_Keras):
    """On torch."""

    head = _on("torch")


class KerasTensorFlow(_Keras):
    """On TensorFlow."""

    head = (*_on("tensorflow"), "import tensorflow as tf")

    def sparse(self, gradient: Sparse) -> str:
        """IndexedSlices."""
        return slices(gradient, self.array(gradient.values))


class KerasSecond(KerasTensorFlow):
    """Keras 2."""

    head = ("import ml_dtypes, numpy as np, tensorflow as tf, tf_keras as keras",)

    def param(self, name: str, array: str) -> list[str]:
        """TensorFlow's own variable."""
        return [*self.floatx(), f"{name} = tf.Variable({array})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """apply_gradients."""
        pairs = ", ".join(f"({self.tensor(g)}, {p})" for p, g in gradients.items())
        return [f"optimizer.apply_gradients([{pairs}])"]

    def tensor(self, array: str) -> str:
        """A dense gradient."""
        return f"tf.constant({array})" if array.startswith("np.") else array

    def theta(self, name: str) -> str:
        """NumPy again."""
        return f"{name}.numpy()"

    def total(self, name: str) -> str:
        """A variable."""
        return f"{self._accumulator(name)}.numpy()"
