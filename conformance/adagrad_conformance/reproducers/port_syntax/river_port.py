"""River."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["River"]

_LIST = ".ravel().tolist()"


class River(PortSyntax):
    """river.optim.AdaGrad over a dictionary with a feature for each element."""

    head = ("import pickle", "import numpy as np", "from river import optim", "w = {}")
    taken = frozenset("gw")

    def param(self, name: str, array: str) -> list[str]:
        """A weight for each element."""
        return [f"{name} = {array}", f"w |= {_features(name, name)}"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; with decay, lr is a scheduler."""
        rest = dict(options)
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        if not decay:
            return [f"optimizer = optim.AdaGrad({', '.join([lr, *keywords(rest)])})"]
        made = ", ".join(["Decaying()", *keywords(rest)])
        return [
            "class Decaying(optim.base.Scheduler):",
            f"    def get(self, t): return {lr} / (1 + t * {decay})",
            f"optimizer = optim.AdaGrad({made})",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A dictionary of gradients, then step()."""
        lines = [
            f"g |= {_features(name, gradient)}"
            for name, gradient in gradients.items()
            if gradient != "None"
        ]
        return ["g = {}", *lines, "w = optimizer.step(w, g)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The accumulators g2, and n_iterations."""
        return [
            f"optimizer.g2.update({_features(name, array)})",
            f"optimizer.n_iterations = {literal(t)}",
        ]

    def save(self, name: str) -> list[str]:
        """The optimizer, pickled."""
        return [f"{name} = pickle.dumps(optimizer)"]

    def load(self, name: str, via: str) -> list[str]:
        """The optimizer, unpickled."""
        return [f"optimizer = pickle.loads({name})"]

    def theta(self, name: str) -> str:
        """The weights as an array."""
        return _array("w", name)

    def total(self, name: str) -> str:
        """The accumulators as an array."""
        return _array("optimizer.g2", name)

    def count(self, name: str) -> str:
        """The counter of the optimizer."""
        return "optimizer.n_iterations"


def _features(name: str, array: str) -> str:
    """A dictionary with a feature for each element of an array."""
    return f"{{({literal(name)}, i): x for i, x in enumerate({array}{_LIST})}}"


def _array(features: str, name: str) -> str:
    return f"np.array([{features}[{literal(name)}, i] for i in range({name}.size)])"
