"""Keras 2: its optimizer, and its legacy one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, keywords
from .keras3_port import KerasTensorFlow
from .tensorflow_ops_port import HEAD
from .tensorflow_v1_port import Slots

__all__ = ["KerasSecond", "Legacy"]


class KerasSecond(KerasTensorFlow):
    """tf_keras.optimizers.Adagrad."""

    head = ("import numpy as np, tensorflow as tf, tf_keras as keras",)

    def param(self, name: str, array: str) -> list[str]:
        """TensorFlow's own variable."""
        return [*self.floatx(), f"{name} = tf.Variable({array})"]

    def number_of(self, value: str) -> str:
        """In binary64 a NumPy number; a Python float would be binary32."""
        return f"np.float64({value})" if self.format == "float64" else value

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of apply_gradients."""
        pairs = ", ".join(f"({self.tensor(g)}, {p})" for p, g in gradients.items())
        return [f"optimizer.apply_gradients([{pairs}])"]

    def tensor(self, gradient: str) -> str:
        """A gradient as a tensor; rows are one already."""
        return f"tf.constant({gradient})" if gradient.startswith("np.") else gradient

    def theta(self, name: str) -> str:
        """The variable as a NumPy array."""
        return f"{name}.numpy()"

    def total(self, name: str) -> str:
        """The param's accumulator as a NumPy array."""
        return f"{self.accumulator(name)}.numpy()"


class Legacy(Slots):
    """tf_keras.optimizers.legacy.Adagrad."""

    head = (*HEAD, "from tf_keras.optimizers.legacy import Adagrad")
    names: Mapping[str, str] = MappingProxyType(
        {"lr": "learning_rate", "lr_decay": "decay", "eps": "epsilon"}
    )

    def __init__(self) -> None:
        self.params = ""

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; the slots are made at once."""
        self.params = ", ".join(params)
        return [
            f"optimizer = Adagrad({', '.join(keywords(options, self.names))})",
            f"optimizer._create_all_weights([{self.params}])",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{self.names.get(option, option)} = {value}"]

    def count(self, name: str) -> str:
        """The iterations of the optimizer."""
        return "int(optimizer.iterations)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The values of the slot and of the iterations."""
        return [
            f"{self.slot(name)}.assign({array})",
            f"optimizer.iterations.assign({literal(t)})",
        ]

    def save(self, name: str) -> list[str]:
        """The configuration and the weights."""
        return [f"{name} = optimizer.get_config(), optimizer.get_weights()"]

    def load(self, name: str, via: str) -> list[str]:
        """An optimizer of that configuration, with these weights."""
        return [
            f"optimizer = Adagrad.from_config({name}[0])",
            f"optimizer._create_all_weights([{self.params}])",
            f"optimizer.set_weights({name}[1])",
        ]
