"""numpy-ml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["NumpyMl"]


class NumpyMl(PortSyntax):
    """numpy_ml.neural_nets.optimizers.AdaGrad, which knows params by name."""

    head = (
        "import collections, collections.abc, copy, pickle",
        "import numpy as np",
        "collections.Hashable = collections.abc.Hashable  # gone since Python 3.10",
        "from numpy_ml.neural_nets.optimizers import AdaGrad",
    )

    def __init__(self) -> None:
        self.made = ""

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor."""
        self.made = f"optimizer = AdaGrad({', '.join(keywords(options))})"
        return [self.made]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of update for each param that has a gradient."""
        return [
            f"{name} = optimizer.update({name}, {gradient}, {literal(name)})"
            for name, gradient in gradients.items()
            if gradient != "None"
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """An entry of the cache."""
        return [f"{self.total(name)} = {array}"]

    def option(self, option: str, value: str) -> list[str]:
        """A call of set_params."""
        return [f"optimizer.set_params({{{literal(option)}: {value}}})"]

    def save(self, name: str) -> list[str]:
        """Both dictionaries of the optimizer, pickled."""
        return [f"{name} = pickle.dumps((optimizer.hyperparameters, optimizer.cache))"]

    def load(self, name: str, via: str) -> list[str]:
        """A call of set_params; another process begins with a new optimizer."""
        anew = [self.made] if via == "new-process" else []
        return [*anew, f"optimizer.set_params(*pickle.loads({name}))"]

    def total(self, name: str) -> str:
        """The entry of the cache."""
        return f"optimizer.cache[{literal(name)}]"

    def has_total(self, name: str) -> list[str]:
        """The assertion that the cache has an entry."""
        there = f"{literal(name)} in optimizer.cache"
        return [f"assert {there}, {self.no_total(name)}"]
