"""MindSpore's two optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords, param_group

__all__ = ["MindSpore", "MindSporeNn"]


class MindSpore(PortSyntax):
    """mindspore.experimental.optim.Adagrad."""

    head = (
        "import os, numpy as np",
        'os.environ["MS_JIT"] = "0"  # not compiled',
        "import mindspore",
        "from mindspore import Parameter, Tensor, nn",
        "from mindspore.experimental import optim",
    )
    made = "optim.Adagrad"
    names: Mapping[str, str] = MappingProxyType({})
    counted = "optimizer.step_t"
    counter_shape: tuple[int, ...] = ()

    def __init__(self) -> None:
        self.params: list[str] = []

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter under its name."""
        return [f"{name} = Parameter(Tensor({array}), name={literal(name)})"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor over params."""
        self.params = [*params]
        return self._made(", ".join(params), keywords(options, self.names))

    def _made(self, listed: str, named: Sequence[str]) -> list[str]:
        return [f"optimizer = {self.made}({', '.join([f'[{listed}]', *named])})"]

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """The constructor over a dictionary for each group."""
        self.params = [name for params, _ in groups for name in params]
        listed = ", ".join(param_group(*group) for group in groups)
        return self._made(listed, keywords(options))

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """A call of add_param_group."""
        self.params += params
        return [f"optimizer.add_param_group({param_group(params, options)})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of the optimizer with a tuple of gradients."""
        given = ", ".join(
            "None" if g == "None" else f"Tensor({g})" for g in gradients.values()
        )
        return [f"optimizer(({given},))"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The data of the accumulator and of the counter."""
        place, shape = self.params.index(name), literal(self.counter_shape)
        count = f"Tensor(np.full({shape}, {literal(t)}, 'i4'))"
        return [
            f"optimizer.accum[{place}].set_data(Tensor({array}))",
            f"{self.counted}.set_data({count})",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An entry of the only group."""
        return [f"optimizer.param_groups[0][{literal(option)}] = {value}"]

    def save(self, name: str) -> list[str]:
        """A checkpoint without the params and the rates."""
        rates = "not k.startswith('learning_rate')"
        kept = f"choice_func=lambda k: k not in {literal(self.params)} and {rates}"
        file = literal(f"{name}.ckpt")
        return [f"mindspore.save_checkpoint(optimizer, {file}, {kept})"]

    def load(self, name: str, via: str) -> list[str]:
        """A strict load; another one takes the entry accum.p for p."""
        state = f"mindspore.load_checkpoint({literal(f'{name}.ckpt')})"
        return [f"mindspore.load_param_into_net(optimizer, {state}, strict_load=True)"]

    def theta(self, name: str) -> str:
        """The Parameter as a NumPy array."""
        return f"{name}.asnumpy()"

    def total(self, name: str) -> str:
        """The accumulator at the param's place."""
        return f"optimizer.accum[{self.params.index(name)}].asnumpy()"

    def has_total(self, name: str) -> list[str]:
        """The assertion that the list of accumulators reaches the param's place."""
        place = self.params.index(name)
        return [f"assert len(optimizer.accum) > {place}, {self.no_total(name)}"]

    def count(self, name: str) -> str:
        """The counter of the optimizer."""
        return f"int({self.counted}.asnumpy().item())"


class MindSporeNn(MindSpore):
    """mindspore.nn.Adagrad."""

    made = "nn.Adagrad"
    names = MappingProxyType(
        {"lr": "learning_rate", "initial_accumulator_value": "accum"}
    )
    counted = "optimizer.global_step"
    counter_shape = (1,)

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """The constructor with the options of the only group."""
        return PortSyntax.groups(self, groups, options)
