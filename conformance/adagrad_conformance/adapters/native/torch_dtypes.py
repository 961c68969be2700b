"""torch: the default dtype, and params of many dtypes in one group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from adagrad_conformance.adapters.base import NativeAnswer

from .torch_bench import Bench, judged
from .torch_kit import numbers, param, usual

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


def default_dtype(adapter: Any) -> NativeAnswer:
    """Made, stepped and resumed while the default dtype is float64."""
    with _default_dtype(torch.float64):
        benches = [
            Bench(adapter, dtype=dtype).run(1, 2, 3)
            for dtype in (torch.float32, torch.float64)
        ]
        others = [bench.resumed(bench.saved()).run(4) for bench in benches]
    return judged(*benches, *others)


def default_dtype_changed(adapter: Any) -> NativeAnswer:
    """The default dtype changes in the life of an optimizer, which gets a new group."""
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


def many_dtypes(adapter: Any) -> NativeAnswer:
    """One group of four dtypes; one gradient is None and, if claimed, one is sparse."""
    params = [
        param(adapter, numbers(60 + i, (i + 2, 3), dtype))
        for i, dtype in enumerate(_DTYPES)
    ]
    options = {**usual(adapter, torch.float16), "lr": 0.7}
    if "weight-decay" in adapter.claims:
        options["weight_decay"] = 0.0  # a sparse gradient allows no other
    bench = Bench(adapter, params=params, **options)
    for _ in range(2):
        bench.give(1)
        if "sparse" in adapter.claims:
            params[0].grad = _one_row(params[0].grad)
        bench.step(gradients=[_dense(p.grad) for p in params])
    return judged(bench)


def _one_row(g: torch.Tensor) -> torch.Tensor:
    """The last row alone."""
    last = torch.tensor([[len(g) - 1]])
    return torch.sparse_coo_tensor(last, g[-1:], g.shape, check_invariants=True)


def _dense(g: torch.Tensor | None) -> torch.Tensor | None:
    """Absent rows are zeros: without weight decay a zero leaves theta and S."""
    return None if g is None else g.to_dense()
