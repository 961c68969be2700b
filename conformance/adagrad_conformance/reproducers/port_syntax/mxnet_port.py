"""MXNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["Mxnet"]


class Mxnet(PortSyntax):
    """mxnet.optimizer.AdaGrad by an updater, which knows params by index."""

    head = (
        "import mxnet as mx, numpy as np",
        "mx.util.set_np_shape(True)  # for scalars, and arrays without elements",
    )

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """An NDArray."""
        return [f"{name} = {self._array(array)}"]

    def _array(self, array: str) -> str:
        kind = next(x for x in ("float16", "float32", "float64") if x in array)
        return f"mx.nd.array({array}, dtype={literal(kind)})"

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """An updater of the optimizer."""
        self.params = [*params]
        named = keywords(options, {"lr": "learning_rate", "weight_decay": "wd"})
        made = f"mx.optimizer.AdaGrad({', '.join(named)})"
        return [f"updater = mx.optimizer.get_updater({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call for each param that has a gradient."""
        return [
            f"updater({self.params.index(name)}, {self._array(gradient)}, {name})"
            for name, gradient in gradients.items()
            if gradient != "None"
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The accumulator in the updater's states."""
        place = self.params.index(name)
        return [
            f"updater.states[{place}] = {self._array(array)}",
            f"updater.states_synced[{place}] = True",
        ]

    def save(self, name: str) -> list[str]:
        """The bytes of get_states."""
        return [f"{name} = updater.get_states(dump_optimizer=True)"]

    def load(self, name: str, via: str) -> list[str]:
        """A call of set_states."""
        return [f"updater.set_states({name})"]

    def theta(self, name: str) -> str:
        """The param as a NumPy array."""
        return f"{name}.asnumpy()"

    def total(self, name: str) -> str:
        """The accumulator in the updater's states."""
        return f"updater.states[{self.params.index(name)}].asnumpy()"
