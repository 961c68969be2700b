"""A port driven by hand, through its adapter: what usual tests of optimizers need."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from adagrad_conformance.adapters.base import (
    Adapter,
    ClosureAnswer,
    Reading,
    Refused,
    Tensor,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.scenarios.builders import optimizer, rng
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Event, Step, tensor

__all__ = [
    "DTYPES",
    "Drive",
    "Make",
    "gaussian",
    "native",
    "oracle",
    "refused",
    "same",
]

Make = Callable[[], Adapter]
Tensors = Mapping[str, Tensor]

DTYPES = {
    "binary64": torch.float64,
    "binary32": torch.float32,
    "bfloat16": torch.bfloat16,
    "binary16": torch.float16,
}


def oracle() -> Adapter:
    """What ports are compared with today: torch.optim.Adagrad as it comes."""
    return TorchAdapter("torch/default", torch.optim.Adagrad)


class Drive:
    """One port with its params; events are performed at once."""

    def __init__(self, make: Make, tensors: Tensors) -> None:
        self.adapter = make()
        self.adapter.begin(tensors)
        self.tensors = tensors

    def new(self, name: str = "A", **options: Any) -> Drive:
        """An optimizer over all params."""
        return self.do(optimizer(self.tensors, name, **options))

    def do(self, *events: Event) -> Drive:
        """Perform events; raises as the adapter does."""
        for event in events:
            self.adapter.perform(event)
        return self

    def step(self, gradients: Mapping[str, Any], name: str = "A") -> Drive:
        """A step with these gradients."""
        return self.do(Step(name, gradients))

    def closure(self, answer: Callable[[Tensors], ClosureAnswer]) -> None:
        """A step with a closure, which is given the params."""
        self.adapter.perform(Step("A", loss=0.0), lambda params: answer(params))

    def read(self, name: str = "A") -> dict[str, Reading]:
        """What the optimizer shows."""
        return self.adapter.read(name)

    def thetas(self, name: str = "A") -> dict[str, Any]:
        """The params, as torch tensors."""
        return {p: native(reading.theta) for p, reading in self.read(name).items()}


def refused(call: Callable[[], Any]) -> bool:
    """Whether the port says no."""
    try:
        call()
    except Refused:
        return True
    return False


def native(shown: Tensor) -> Any:
    """The same values as a torch tensor."""
    values = torch.tensor(shown.values(), dtype=torch.float64)
    shape = (*shown.shape, 2) if shown.complex else shown.shape
    return values.to(DTYPES[shown.format]).reshape(shape)


def same(one: Mapping[str, Reading], other: Mapping[str, Reading]) -> None:
    """assert_close, at its defaults, of params, accumulators and counters."""
    for name, reading in one.items():
        shown = other[name]
        torch.testing.assert_close(native(reading.theta), native(shown.theta))
        if reading.state_sum is not None and shown.state_sum is not None:
            mine, its = native(reading.state_sum), native(shown.state_sum)
            torch.testing.assert_close(mine, its)
        if None not in (reading.t, shown.t):
            assert reading.t == shown.t


@functools.cache
def gaussian(name: str, fmt: str, *shape: int) -> Tensor:
    """Normally distributed numbers that depend on the name alone."""
    source = rng(f"baselines/{name}")
    count = 1
    for extent in shape:
        count *= extent
    values: Sequence[float] = [source.gauss(0, 1) for _ in range(count)]
    return tensor(FORMATS[fmt], values, shape)
