"""Keras 3 on its backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.reproducers.literals import python_literal as literal
from adagrad_reference.scenario import Tensor

from .base import Options, PortSyntax, keywords
from .tensorflow_ops_port import slices

__all__ = ["Keras", "KerasJax", "KerasTensorFlow", "KerasTorch"]

_NAMES = {"lr": "learning_rate", "eps": "epsilon"}
_RATE = "0.001"  #: the documented default
_ZEROS = ("0.0", "-0.0", "0")


def _set(weight_decay: str) -> str:
    """Weight decay, which is None where it is off."""
    return "None" if weight_decay in _ZEROS else weight_decay


class Keras(PortSyntax):
    """Any Keras; the module is imported as `keras`."""

    def __init__(self) -> None:
        self.rate = {"lr": _RATE, "lr_decay": ""}
        self.scheduled = False
        self.format = ""
        self.params: tuple[str, ...] = ()

    def array(self, tensor: Tensor) -> str:
        """A NumPy array; its format is kept for `param`."""
        self.format = tensor.format.replace("binary", "float")
        return super().array(tensor)

    def param(self, name: str, array: str) -> list[str]:
        """A variable of the array's format; its default would be floatx."""
        made = f"{name} = keras.Variable({array}, dtype={literal(self.format)})"
        return [*self.floatx(), made]

    def floatx(self) -> list[str]:
        """The format of an optimizer's variables other than accumulators."""
        wide = self.format == "float64"
        return ['keras.backend.set_floatx("float64")'] if wide else []

    def _rate(self) -> str:
        lr, decay = self.rate["lr"], self.rate["lr_decay"] or "0.0"
        if not self.scheduled:
            return lr
        schedule = "keras.optimizers.schedules.InverseTimeDecay"
        return f"{schedule}({self.number_of(lr)}, 1, {self.number_of(decay)})"

    def number_of(self, value: str) -> str:
        """A number of a schedule."""
        return value

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor and build."""
        rest = dict(options)
        self.rate = {"lr": rest.pop("lr", _RATE), "lr_decay": rest.pop("lr_decay", "")}
        self.scheduled = self.rate["lr_decay"] not in ("", *_ZEROS)
        if self.scheduled or "lr" in options:
            rest = {"lr": self._rate(), **rest}
        if "weight_decay" in rest:
            rest["weight_decay"] = _set(rest["weight_decay"])
        chosen = ", ".join(keywords(rest, _NAMES))
        self.params = tuple(params)
        return [
            f"optimizer = keras.optimizers.Adagrad({chosen})",
            f"optimizer.build([{', '.join(params)}])",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of apply, which takes tensors of the backend."""
        given = ", ".join(
            "None" if g == "None" else self.tensor(g) for g in gradients.values()
        )
        return [f"optimizer.apply([{given}], [{', '.join(gradients)}])"]

    def tensor(self, gradient: str) -> str:
        """A gradient as a tensor of the backend; rows are one already."""
        if not gradient.startswith("np."):
            return gradient
        return f"keras.ops.convert_to_tensor({gradient})"

    def option(self, option: str, value: str) -> list[str]:
        """An attribute; lr and lr_decay together are the learning rate."""
        if option == "weight_decay":
            return [f"optimizer.weight_decay = {_set(value)}"]
        if option not in self.rate:
            return [f"optimizer.{_NAMES.get(option, option)} = {value}"]
        self.scheduled |= option == "lr_decay"
        self.rate[option] = value
        return [f"optimizer.learning_rate = {self._rate()}"]

    def theta(self, name: str) -> str:
        """The variable as a NumPy array."""
        return f"keras.ops.convert_to_numpy({name})"

    def accumulator(self, name: str) -> str:
        """The param's accumulator, which is among the last variables."""
        return f"optimizer.variables[{self.params.index(name) - len(self.params)}]"

    def total(self, name: str) -> str:
        """The param's accumulator as a NumPy array."""
        return f"keras.ops.convert_to_numpy({self.accumulator(name)})"

    def count(self, name: str) -> str:
        """The iterations of the optimizer."""
        return "int(optimizer.iterations)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The values of the accumulator and of the iterations."""
        return [
            f"{self.accumulator(name)}.assign({array})",
            f"optimizer.iterations.assign({literal(t)})",
        ]

    def save(self, name: str) -> list[str]:
        """The configuration and the variables, as in a saved model."""
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
        "import keras, numpy as np",
    )


class KerasJax(Keras):
    """Keras 3 on JAX."""

    head = _on("jax", 'os.environ["JAX_ENABLE_X64"] = "1"')


class KerasTorch(Keras):
    """Keras 3 on torch."""

    head = _on("torch")


class KerasTensorFlow(Keras):
    """Keras 3 on TensorFlow."""

    head = (*_on("tensorflow"), "import tensorflow as tf")

    def sparse(self, gradient: Sparse) -> str:
        """IndexedSlices."""
        return slices(gradient, self.array(gradient.values))
