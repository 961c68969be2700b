"""torch's Adagrad under torch.compile: its function, compiled for each param.

The function is compiled with dynamic shapes, once for every set of options that
scenarios name.  Each takes some seconds, so few claims are made, and a run takes
minutes.  Compiling needs a C++ compiler.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.adagrad import adagrad

from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_functional_port import LACKING, FunctionCaller

__all__ = ["CompiledCaller", "compiled"]


@torch.compile(dynamic=True)
def _step(
    param: Any, gradient: Any, total: Any, count: Any, options: dict[str, Any]
) -> None:
    adagrad([param], [gradient], [total], [count], **options)


class CompiledCaller(FunctionCaller):
    """The caller's side of the compiled function."""

    @torch.no_grad()
    def step(self) -> None:
        """A call for each param that has a gradient."""
        [group] = self.param_groups
        options = {name: value for name, value in group.items() if name != "params"}
        for p in group["params"]:
            if p.grad is not None:
                state = self.state[p]
                _step(p, p.grad, state["sum"], state["step"], options)


def compiled() -> TorchAdapter:
    """The claims of torch/functional in two formats, dense and without views."""
    for limit in ("cache_size_limit", "accumulated_cache_size_limit"):
        setattr(torch._dynamo.config, limit, 1 << 20)  # or it falls back to eager
    lacks = {"complex", "sparse", "layout", "binary16", "bfloat16"}
    return TorchAdapter("torch/compiled", CompiledCaller, without=LACKING | lacks)
