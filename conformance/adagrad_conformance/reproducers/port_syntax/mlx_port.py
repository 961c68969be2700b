"""MLX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["Mlx", "MlxInit"]


class Mlx(PortSyntax):
    """mlx.optimizers.Adagrad over a dictionary of params."""

    head = (
        "import numpy as np",
        "import mlx.core as mx",
        "from mlx.optimizers import Adagrad",
        "from mlx.utils import tree_flatten, tree_unflatten",
        "mx.set_default_device(mx.cpu); params = {}",
    )

    def param(self, name: str, array: str) -> list[str]:
        """An entry of the dictionary."""
        return [f"params[{literal(name)}] = {self._array(array)}"]

    def _array(self, array: str) -> str:
        if "bfloat16" in array:
            return f"mx.array({array}.view(np.uint16)).view(mx.bfloat16)"
        kind = next(x for x in ("float16", "float32", "float64") if x in array)
        return f"mx.array({array}, mx.{kind})"

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; lr is a function of the step."""
        rest = dict(options)
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        if decay:
            lr += f" / (1 + step.item() * {decay})"
        lr = f"lambda step: mx.array({lr}, mx.float64)"
        return [f"optimizer = Adagrad({', '.join([lr, *keywords(rest)])})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of apply_gradients; absent gradients are left out."""
        given = ", ".join(
            f"{literal(name)}: {self._array(gradient)}"
            for name, gradient in gradients.items()
            if gradient != "None"
        )
        return [f"params |= optimizer.apply_gradients({{{given}}}, params)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Entries of the state, which init begins."""
        mine = literal(name)
        return [
            f"optimizer.init({{{mine}: params[{mine}]}})",
            f"optimizer.state[{mine}]['v'] = {self._array(array)}",
            f"optimizer.state['step'] = mx.array({literal(t)}, mx.uint64)",
        ]

    def save(self, name: str) -> list[str]:
        """A file of savez."""
        file = literal(f"{name}.npz")
        return [f"mx.savez({file}, **dict(tree_flatten(optimizer.state)))"]

    def load(self, name: str, via: str) -> list[str]:
        """The tree of the file."""
        loaded = f"mx.load({literal(f'{name}.npz')})"
        return [f"optimizer.state = tree_unflatten(list({loaded}.items()))"]

    def theta(self, name: str) -> str:
        """The param in binary64; NumPy has no bfloat16."""
        return f"np.array(params[{literal(name)}].astype(mx.float64))"

    def total(self, name: str) -> str:
        """The entry `v` of the param's state."""
        return f"np.array(optimizer.state[{literal(name)}]['v'].astype(mx.float64))"

    def count(self, name: str) -> str:
        """The counter of the optimizer."""
        return "optimizer.state['step'].item()"


class MlxInit(Mlx):
    """The same optimizer; init is called before the first step."""

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor and init."""
        return [*super().new(params, options), "optimizer.init(params)"]
