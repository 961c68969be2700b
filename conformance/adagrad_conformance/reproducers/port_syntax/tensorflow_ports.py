"""TensorFlow's kernels, its first optimizer and the legacy one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse

from .base import Phrases

__all__ = ["Compat", "FirstOp", "Legacy", "SecondOp", "slices"]

_HEAD = ("import ml_dtypes, numpy as np, tensorflow as tf",)


def slices(gradient: Sparse, values: str) -> str:
    """Rows as TensorFlow's optimizers take them."""
    rows = f"tf.constant({values}), tf.constant({list(gradient.indices)})"
    return f"tf.IndexedSlices({rows}, tf.constant({list(gradient.shape)}))"


class _Variables(Phrases):
    """Params are variables."""

    head: tuple[str, ...] = _HEAD

    def param(self, name: str, array: str) -> list[str]:
        """A variable."""
        return [f"{name} = tf.Variable({array})"]

    def theta(self, name: str) -> str:
        """NumPy again."""
        return f"{name}.numpy()"


class SecondOp(_Variables):
    """ResourceApplyAdagradV2."""

    kernel, start = "ApplyAdagradV2", "0.0"

    def __init__(self) -> None:
        self.options: dict[str, str] = {}

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """The caller's accumulators."""
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
        """Two arguments of the kernel."""
        values = self.array(gradient.values)
        return f"{values}, indices={list(gradient.indices)}"

    def option(self, option: str, value: str) -> list[str]:
        """Given at each call."""
        self.options[option] = value
        return []

    def total(self, name: str) -> str:
        """The caller's variable."""
        return f"{name}_sum.numpy()"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Assign it."""
        return [f"{name}_sum.assign({array})"]


class FirstOp(SecondOp):
    """ResourceApplyAdagrad."""

    kernel, start = "ApplyAdagrad", "0.1"


class _Optimizer(_Variables):
    """Optimizers with slots."""

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """apply_gradients."""
        pairs = ", ".join(f"({self.tensor(g)}, {p})" for p, g in gradients.items())
        return [f"optimizer.apply_gradients([{pairs}]{self.more})"]

    more = ""  #: further arguments

    def tensor(self, array: str) -> str:
        """A dense gradient."""
        return f"tf.constant({array})" if array.startswith("np.") else array

    def sparse(self, gradient: Sparse) -> str:
        """IndexedSlices."""
        return slices(gradient, self.array(gradient.values))

    def total(self, name: str) -> str:
        """The slot."""
        return f"optimizer.get_slot({name}, 'accumulator').numpy()"


class Compat(_Optimizer):
    """tf.compat.v1.train.AdagradOptimizer."""

    more = ", global_step=count"

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Construct; lr decays with the global step."""
        rest = dict(options)
        rate, decay = rest.pop("lr"), rest.pop("lr_decay", None)
        if decay:
            rate = f"v1.inverse_time_decay({rate}, count, 1, {decay})"
        more = "".join(f", {name}={value}" for name, value in rest.items())
        return [
            "v1 = tf.compat.v1.train; count = tf.Variable(0, dtype=tf.int64)",
            f"optimizer = v1.AdagradOptimizer({rate}{more})",
            f"optimizer._create_slots([{', '.join(params)}])",
        ]

    def count(self, name: str) -> str:
        """The global step."""
        return "int(count)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Assign the slot."""
        return [
            f"optimizer.get_slot({name}, 'accumulator').assign({array})",
            f"count.assign({t})",
        ]


class Legacy(_Optimizer):
    """tf_keras.optimizers.legacy.Adagrad."""

    head = (*_HEAD, "from tf_keras.optimizers.legacy import Adagrad")
    names: Mapping[str, str] = {
        "lr": "learning_rate",
        "lr_decay": "decay",
        "eps": "epsilon",
    }

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Construct."""
        given = ", ".join(f"{self.names.get(x, x)}={v}" for x, v in options.items())
        self.params = ", ".join(params)
        return [
            f"optimizer = Adagrad({given})",
            f"optimizer._create_all_weights([{self.params}])",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{self.names.get(option, option)} = {value}"]

    def count(self, name: str) -> str:
        """iterations."""
        return "int(optimizer.iterations)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Assign the weights."""
        return [
            f"optimizer.get_slot({name}, 'accumulator').assign({array})",
            f"optimizer.iterations.assign({t})",
        ]

    def save(self, name: str) -> list[str]:
        """Configuration and weights."""
        return [f"{name} = optimizer.get_config(), optimizer.get_weights()"]

    def load(self, name: str, via: str) -> list[str]:
        """An optimizer of that configuration, with these weights."""
        return [
            f"optimizer = Adagrad.from_config({name}[0])",
            f"optimizer._create_all_weights([{self.params}])",
            f"optimizer.set_weights({name}[1])",
        ]
