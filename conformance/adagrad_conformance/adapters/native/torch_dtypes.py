"""torch: the default dtype, and params of many dtypes in one group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, judged
from .torch_kit import numbers, param, usual_options

__all__ = ["default_dtype", "default_dtype_changed", "many_dtypes"]

# -- the default dtype -----------------------------------------------------------------


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(old)


def default_dtype(adapter: TorchAdapter) -> NativeAnswer:
    """Constructed, stepped and resumed while the default dtype is float64."""
    with _default_dtype(torch.float64):
        benches = [
            Bench(adapter, dtype=dtype).run(1, 2, 3)
            for dtype in (torch.float32, torch.float64)
        ]
        others = [bench.resumed(bench.saved()).run(4) for bench in benches]
    return judged(*benches, *others)


def default_dtype_changed(adapter: TorchAdapter) -> NativeAnswer:
    """The default dtype changes between steps, and a group is added after it."""
    bench = Bench(adapter).run(1, 2)
    with _default_dtype(torch.float64):
        bench.add((4,))
        bench.run(3, 4)
    return judged(bench.run(5))


# -- params of many dtypes -------------------------------------------------------------

_DTYPES = (
    torch.float32,
    torch.float64,
    torch.bfloat16,
    torch.float16,
    torch.float64,
    torch.float32,
)


def many_dtypes(adapter: TorchAdapter) -> NativeAnswer:
    """One group of four dtypes; one gradient is None and, if claimed, one sparse."""
    params = [
        param(adapter, numbers(60 + i, (i + 2, 3), dtype))
        for i, dtype in enumerate(_DTYPES)
    ]
    options = {**usual_options(adapter, torch.float16), "lr": 0.7}
    if "weight-decay" in adapter.claims:
        options["weight_decay"] = 0.0  # any other is refused with a sparse gradient
    bench = Bench(adapter, params=params, **options)
    for _ in range(2):
        bench.set_gradients(1)
        if "sparse" in adapter.claims:
            params[0].grad = _one_row(params[0].grad)
        bench.step(gradients=[_dense(p.grad) for p in params])
    return judged(bench)


def _one_row(g: torch.Tensor) -> torch.Tensor:
    """The last row as a sparse gradient."""
    last = torch.tensor([[len(g) - 1]])
    return torch.sparse_coo_tensor(last, g[-1:], g.shape, check_invariants=True)


def _dense(g: torch.Tensor | None) -> torch.Tensor | None:
    """The gradient with zeros for absent rows, which without decay step alike."""
    return None if g is None else g.to_dense()
