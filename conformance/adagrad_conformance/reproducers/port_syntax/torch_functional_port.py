"""Torch's functional forms: options and state are the caller's, or half of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, keywords
from .torch_tensors import Tensors

__all__ = ["Function", "Functional"]


class Function(Tensors):
    """torch.optim.adagrad.adagrad; accumulators, counters and options are variables."""

    head = ("import torch", "from torch.optim.adagrad import adagrad")

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A dictionary each of options, accumulators and counters."""
        chosen = {"lr_decay": "0.0", "weight_decay": "0.0", "maximize": "False"}
        chosen |= options
        tau = chosen.pop("initial_accumulator_value", "0.0")
        counts = ", ".join(f"{literal(p)}: torch.tensor(0.0)" for p in params)
        return [
            f"options = dict({', '.join(keywords(chosen))})",
            f"sums = {{{', '.join(self._sum(p, tau) for p in params)}}}",
            f"counts = {{{counts}}}",
        ]

    def _sum(self, name: str, tau: str) -> str:
        start = f"complex({tau}, {tau})" if name in self.complex else tau
        return f"{literal(name)}: torch.full_like({name}, {start})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call with the params that have gradients."""
        given = {name: text for name, text in gradients.items() if text != "None"}
        sparse = any("sparse" in text for text in given.values())
        columns = (
            ", ".join(given),
            ", ".join(given.values()),
            ", ".join(f"sums[{literal(name)}]" for name in given),
            ", ".join(f"counts[{literal(name)}]" for name in given),
        )
        lists = ", ".join(f"[{column}]" for column in columns)
        return [f"adagrad({lists}, has_sparse_grad={sparse}, **options)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Entries of both dictionaries."""
        mine, count = literal(name), f"torch.tensor({literal(t)}.0)"
        return [f"sums[{mine}], counts[{mine}] = {array}, {count}"]

    def option(self, option: str, value: str) -> list[str]:
        """An entry of the options."""
        return [f"options[{literal(option)}] = {value}"]

    def total(self, name: str) -> str:
        """The entry of the accumulators."""
        return self.shown(name, f"sums[{literal(name)}]")

    def count(self, name: str) -> str:
        """The entry of the counters."""
        return f"int(counts[{literal(name)}])"


class Functional(Tensors):
    """torch.distributed.optim.functional_adagrad._FunctionalAdagrad."""

    head = (
        "import torch",
        "from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad",
    )

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor."""
        made = ", ".join([f"[{', '.join(params)}]", *keywords(options)])
        return [f"opt = _FunctionalAdagrad({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of step with a list of gradients."""
        return [f"opt.step([{', '.join(gradients.values())}])"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The param's state."""
        count = f"torch.tensor({literal(t)}.0)"
        return [f"opt.state[{name}].update(sum={array}, step={count})"]

    def total(self, name: str) -> str:
        """The accumulator in the param's state."""
        return self.shown(name, f'opt.state[{name}]["sum"]')

    def count(self, name: str) -> str:
        """The counter in the param's state."""
        return f'int(opt.state[{name}]["step"])'
