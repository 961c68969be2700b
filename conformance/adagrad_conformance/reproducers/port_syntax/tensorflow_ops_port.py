"""TensorFlow's kernels, and what all its scripts have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax

__all__ = ["HEAD", "FirstOp", "SecondOp", "Variables", "slices"]

#: The first lines of scripts.
HEAD = ("import numpy as np, tensorflow as tf",)


def slices(gradient: Sparse, values: str) -> str:
    """Rows as TensorFlow's optimizers take them."""
    rows = f"tf.constant({values}), tf.constant({literal([*gradient.indices])})"
    return f"tf.IndexedSlices({rows}, tf.constant({literal([*gradient.shape])}))"


class Variables(PortSyntax):
    """Params are variables."""

    head: tuple[str, ...] = HEAD

    def param(self, name: str, array: str) -> list[str]:
        """A variable."""
        return [f"{name} = tf.Variable({array})"]

    def theta(self, name: str) -> str:
        """The variable as a NumPy array."""
        return f"{name}.numpy()"


class SecondOp(Variables):
    """ResourceApplyAdagradV2; accumulators and options are the caller's."""

    kernel, start = "ApplyAdagradV2", "0.0"

    def __init__(self) -> None:
        self.options: dict[str, str] = {}

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A variable for each accumulator."""
        self.options = dict(options)
        tau = self.options.pop("initial_accumulator_value", self.start)
        return [
            f"{p}_sum = tf.Variable(tf.fill({p}.shape, tf.constant({tau}, {p}.dtype)))"
            for p in params
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call for each param."""
        return [self._call(param, given) for param, given in gradients.items()]

    def _call(self, param: str, gradient: str) -> str:
        named = {"lr": "lr", "eps": "epsilon"}
        scalars = ", ".join(
            f"{named[option]}=tf.constant({value}, {param}.dtype)"
            for option, value in self.options.items()
        )
        kind = "Sparse" if "indices=" in gradient else ""
        return (
            f"tf.raw_ops.Resource{kind}{self.kernel}(var={param}.handle, "
            f"accum={param}_sum.handle, {scalars}, grad={gradient})"
        )

    def sparse(self, gradient: Sparse) -> str:
        """Two arguments of the kernel, with each row once."""
        values, indices = self.array(gradient.values), gradient.indices
        rows = list(dict.fromkeys(indices))
        if len(rows) < len(indices):
            places = literal([rows.index(index) for index in indices])
            values = f"tf.math.unsorted_segment_sum({values}, {places}, {len(rows)})"
        return f"{values}, indices={literal(rows)}"

    def option(self, option: str, value: str) -> list[str]:
        """Nothing is written: each call takes the options."""
        self.options[option] = value
        return []

    def total(self, name: str) -> str:
        """The accumulator's variable as a NumPy array."""
        return f"{name}_sum.numpy()"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The value of the accumulator's variable."""
        return [f"{name}_sum.assign({array})"]


class FirstOp(SecondOp):
    """ResourceApplyAdagrad."""

    kernel, start = "ApplyAdagrad", "0.1"
