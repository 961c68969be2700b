"""PennyLane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Options, PortSyntax, keywords

__all__ = ["PennyLane"]

_NAMES = {"lr": "stepsize"}


class PennyLane(PortSyntax):
    """pennylane.AdagradOptimizer, which keeps accumulators in the params' order."""

    head = ("import pickle", "import numpy as np, pennylane as qml")

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """A tensor."""
        return [f"{name} = qml.numpy.array({array}, requires_grad=True)"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor."""
        self.params = [*params]
        made = ", ".join(keywords(options, _NAMES))
        return [f"optimizer = qml.AdagradOptimizer({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of apply_grad; a param without gradient requires none."""
        given = [g for g in gradients.values() if g != "None"]
        names = ", ".join(gradients)
        frozen = [
            f"{name}.requires_grad = {gradient != 'None'}"
            for name, gradient in gradients.items()
            if "None" in gradients.values()
        ]
        call = f"optimizer.apply_grad([{', '.join(given)}], [{names}])"
        return [*frozen, f"[{names}] = {call}"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """An accumulator in the list, which begins as zeros."""
        begin = f"optimizer.accumulation or [0.0] * {len(self.params)}"
        place = self.params.index(name)
        return [
            f"optimizer.accumulation = {begin}",
            f"optimizer.accumulation[{place}] = {array}",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{_NAMES.get(option, option)} = {value}"]

    def save(self, name: str) -> list[str]:
        """The optimizer, pickled."""
        return [f"{name} = pickle.dumps(optimizer)"]

    def load(self, name: str, via: str) -> list[str]:
        """The optimizer, unpickled."""
        return [f"optimizer = pickle.loads({name})"]

    def theta(self, name: str) -> str:
        """The tensor as a NumPy array."""
        return f"np.asarray({name})"

    def total(self, name: str) -> str:
        """The accumulator at the param's place."""
        return f"np.asarray(optimizer.accumulation[{self.params.index(name)}])"
