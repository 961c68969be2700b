"""deepspeed.ops.adagrad.DeepSpeedCPUAdagrad, whose kernel is compiled when installed.

Its constructor names lr, eps and weight decay; the accumulators begin at 0.  Its state
is kept in the param's own dtype, as `fp32_optimizer_states=False` asks for.

Sparse gradients are given coalesced, as its own tests give them.

The scalar part of the kernel stores the update term in the memory of the gradient, on
purpose by its comment.  So gradients are not claimed, and every step gets them anew, as
a backward pass gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import deepspeed
from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad

from adagrad_conformance.adapters.base import (
    Adapter,
    Ask,
    Gradient,
    Sparse,
    Tensor,
    Trace,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["cpu"]

_LACKS = frozenset(
    [
        *("binary64", "complex", "refusals", "gradients"),
        *("pickle", "compile"),
        *("lr-decay", "initial-accumulator-value", "maximize"),
    ]
)


class _Adapter(TorchAdapter):
    """Keeps the gradients that were given, for the port changes its own."""

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Make the params, which have no gradients."""
        super().begin(tensors)
        self.given: dict[str, Gradient] = dict.fromkeys(tensors)

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Keep the gradient, and assign it."""
        self.given[param] = gradient
        super().set_gradient(param, gradient)

    def make_rows(self, gradient: Sparse) -> Any:
        """The sparse gradient as a coalesced COO tensor."""
        return super().make_rows(gradient).coalesce()

    def step(self, optimizer: str) -> float | None:
        """Assign the gradients again, and call step()."""
        self._renew_gradients(optimizer)
        return super().step(optimizer)

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Assign the gradients again, and call step(closure)."""
        self._renew_gradients(optimizer)
        return super().step_with_closure(optimizer, ask)

    def _renew_gradients(self, optimizer: str) -> None:
        for name in self._members(self.optimizers[optimizer]):
            self.set_gradient(name, self.given[name])

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take the steps one by one."""
        return Adapter.many_steps(self, optimizer, cycle, count)

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """Call zero_grad(set_to_none=...), and keep what it leaves."""
        super().zero_grad(optimizer, set_to_none)
        port = self.optimizers[optimizer]
        for name in self._members(port):
            self.given[name] = self.reading(name, port).gradient


def cpu() -> TorchAdapter:
    """The optimizer, judged by params and state."""
    made = _Adapter(
        "deepspeed",
        DeepSpeedCPUAdagrad,
        {"fp32_optimizer_states": False},
        without=_LACKS,
        version=deepspeed.__version__,
        keys=("exp_avg_sq", "step"),
    )
    made.constants = {"initial_accumulator_value": 0.0}
    return made
