"""torch's Adagrad as a function, and as the object of its distributed optimizers.

The caller of the function keeps accumulators and counters.  The object takes gradients
as arguments.  Both lack the methods of an Optimizer.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
from torch.optim.adagrad import adagrad

from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "LACKING",
    "FunctionCaller",
    "FunctionalOptimizer",
    "function",
    "optimizer",
]

#: Claims that take the methods of an Optimizer.
_NO_OPTIMIZER = frozenset(
    [
        *("torch", "pickle", "compile"),
        *("groups", "add-group", "zero-grad", "closure", "save"),
        *("load-same-object", "load-deepcopy", "load-bytes", "load-new-process"),
    ]
)

#: The function, beside that, takes no None and checks no option.
LACKING = _NO_OPTIMIZER | {"none-gradient", "refusals", "defaults"}


class FunctionCaller:
    """The caller's side of `torch.optim.adagrad.adagrad`: params, options, state."""

    def __init__(
        self, params: list[Any], initial_accumulator_value: float = 0.0, **options: Any
    ) -> None:
        tau = initial_accumulator_value
        neutral = {"lr_decay": 0.0, "weight_decay": 0.0, "maximize": False}
        self.param_groups = [{"params": params, **neutral, **options}]
        self.state = {
            p: {"sum": _full(p, tau), "step": torch.zeros(())} for p in params
        }

    @torch.no_grad()
    def step(self) -> None:
        """A call with the params that have gradients."""
        [group] = self.param_groups
        options = {name: value for name, value in group.items() if name != "params"}
        params = [p for p in group["params"] if p.grad is not None]
        gradients = [p.grad for p in params]
        adagrad(
            params,
            gradients,
            [self.state[p]["sum"] for p in params],
            [self.state[p]["step"] for p in params],
            has_sparse_grad=any(g.is_sparse for g in gradients),
            has_complex=any(p.is_complex() for p in params),
            **options,
        )


def _full(p: torch.Tensor, tau: float) -> torch.Tensor:
    return torch.full_like(p, complex(tau, tau) if p.is_complex() else tau)


class FunctionalOptimizer:
    """`_FunctionalAdagrad`, with its group and state under an Optimizer's names."""

    def __init__(self, params: list[Any], **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.port = _FunctionalAdagrad(params, **options)
        self.param_groups = [{"params": params}]
        self.state = self.port.state

    def step(self) -> None:
        """A call of step with all gradients, None where a param has none."""
        self.port.step([p.grad for p in self.param_groups[0]["params"]])


def function() -> TorchAdapter:
    """The function torch.optim.adagrad.adagrad."""
    return TorchAdapter("torch/functional", FunctionCaller, without=LACKING)


def optimizer() -> TorchAdapter:
    """The object _FunctionalAdagrad, whose options are fixed and unchecked."""
    lacks = {"set-option", "refusals"}
    return TorchAdapter(
        "torch/functional-optimizer", FunctionalOptimizer, without=_NO_OPTIMIZER | lacks
    )
