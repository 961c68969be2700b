"""TensorFlow's first optimizer, and what optimizers with slots have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.reproducers.literals import python_literal as literal
from adagrad_reference.scenario import Tensor

from .base import Options, keywords
from .tensorflow_ops_port import Variables, slices

__all__ = ["Compat", "Slots"]


class Slots(Variables):
    """An optimizer that keeps accumulators in slots."""

    more = ""  #: further arguments of apply_gradients

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of apply_gradients."""
        pairs = ", ".join(f"({self._tensor(g)}, {p})" for p, g in gradients.items())
        return [f"optimizer.apply_gradients([{pairs}]{self.more})"]

    def _tensor(self, gradient: str) -> str:
        return f"tf.constant({gradient})" if gradient.startswith("np.") else gradient

    def sparse(self, gradient: Sparse) -> str:
        """IndexedSlices."""
        return slices(gradient, self.array(gradient.values))

    def total(self, name: str) -> str:
        """The param's slot as a NumPy array."""
        return f"{self.slot(name)}.numpy()"

    def slot(self, name: str) -> str:
        """The param's slot."""
        return f"optimizer.get_slot({name}, 'accumulator')"


class Compat(Slots):
    """tf.compat.v1.train.AdagradOptimizer; lr decays with the global step.

    In binary64 lr is a tensor, and its decay a number of that format.
    """

    taken = frozenset({"v1"})
    more = ", global_step=count"

    def __init__(self) -> None:
        self.wide = False

    def array(self, tensor: Tensor) -> str:
        """A NumPy array; its format is kept for `new`."""
        self.wide = tensor.format == "binary64"
        return super().array(tensor)

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; the slots are made at once."""
        rest = dict(options)
        rate, decay = rest.pop("lr"), rest.pop("lr_decay", None)
        if self.wide:
            rate = f"tf.constant({rate}, tf.float64)"
            decay = decay and f"np.float64({decay})"
        if decay:
            rate = f"v1.inverse_time_decay({rate}, count, 1, {decay})"
        return [
            "v1 = tf.compat.v1.train; count = tf.Variable(0, dtype=tf.int64)",
            f"optimizer = v1.AdagradOptimizer({', '.join([rate, *keywords(rest)])})",
            f"optimizer._create_slots([{', '.join(params)}])",
        ]

    def count(self, name: str) -> str:
        """The global step."""
        return "int(count)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The values of the slot and of the global step."""
        return [f"{self.slot(name)}.assign({array})", f"count.assign({literal(t)})"]
