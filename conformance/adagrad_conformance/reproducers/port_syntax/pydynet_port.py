"""PyDyNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Options, PortSyntax, keywords

__all__ = ["PyDyNet"]


class PyDyNet(PortSyntax):
    """pydynet.optim.Adagrad, which keeps accumulators in the params' order."""

    head = (
        "import numpy as np",
        "from pydynet import Tensor",
        "from pydynet.nn import Parameter",
        "from pydynet.optim import Adagrad",
    )

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter of the array's dtype."""
        return [
            f"{name} = {array}",
            f"{name} = Parameter(Tensor({name}, dtype={name}.dtype))",
        ]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor."""
        self.params = [*params]
        made = ", ".join([f"[{', '.join(params)}]", *keywords(options)])
        return [f"optimizer = Adagrad({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """The gradients are set, then step() is called."""
        given = [f"{n}.grad = {g}" for n, g in gradients.items() if g != "None"]
        return [*given, "optimizer.step()"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The accumulator at the param's place."""
        return [f"{self.total(name)} = {array}"]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{option} = {value}"]

    def theta(self, name: str) -> str:
        """The Parameter's data."""
        return f"{name}.data"

    def total(self, name: str) -> str:
        """The accumulator at the param's place."""
        return f"optimizer.G[{self.params.index(name)}]"
