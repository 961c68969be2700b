"""torch: the step under torch.compile.

Compiling needs a C++ compiler and half a minute.
"""

from __future__ import annotations

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, judged

__all__ = ["compiled", "compiled_in_binary64"]


def compiled(adapter: TorchAdapter) -> NativeAnswer:
    """Three steps of params of several sizes by one compiled function."""
    return _compiled(adapter, torch.float32)


def compiled_in_binary64(adapter: TorchAdapter) -> NativeAnswer:
    """Three steps by one compiled function, in float64."""
    return _compiled(adapter, torch.float64)


def _compiled(adapter: TorchAdapter, dtype: torch.dtype) -> NativeAnswer:
    if reason := _cannot_compile():
        return NativeAnswer(skipped=reason)
    torch._dynamo.reset()
    bench = Bench(adapter, shapes=((2, 3), (37,), (1,), ()), dtype=dtype)

    @torch.compile
    def step() -> None:
        bench.port.step()

    try:
        for seed in (4, 8, 12):  # the same gradients are None each time
            bench.set_gradients(seed)
            bench.step(step)
    finally:
        torch._dynamo.reset()
    return judged(bench)


def _cannot_compile() -> str | None:
    """Why torch.compile cannot compile a sum on this machine; None if it can."""
    try:
        torch.compile(lambda x: x + 1.5)(torch.zeros(3))
    except Exception as error:
        return f"torch.compile does not work here: {str(error).splitlines()[0]}"
    return None
