"""torch: gradients as autograd makes them, rewritten in place or doubly sparse."""

from __future__ import annotations

from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, judged
from .torch_kit import numbers, refusal

__all__ = ["gradients_in_place", "two_sparse_dimensions"]


def gradients_in_place(adapter: TorchAdapter) -> NativeAnswer:
    """One gradient tensor for all steps, rewritten in place as backward does."""
    benches = [Bench(adapter), Bench(adapter, **_without_decay(adapter))]
    for bench in benches:
        for i, p in enumerate(bench.params):
            p.grad = numbers(1_000 + i, p.shape)
        bench.step()
        for seed in (2, 3):
            for i, p in enumerate(bench.params):
                p.grad.zero_()
                p.grad.add_(numbers(1_000 * seed + i, p.shape))
            bench.step()
    return judged(*benches)


def two_sparse_dimensions(adapter: TorchAdapter) -> NativeAnswer:
    """A sparse gradient of single elements, two indices each; one stands twice."""
    bench = Bench(adapter, ((4, 3),), **_without_decay(adapter))
    (p,) = bench.params
    for seed in (1, 2):
        values = numbers(1_000 * seed, (4,))
        places = torch.tensor([[0, 2, 3, 0], [1, 0, 2, 1]])
        p.grad = torch.sparse_coo_tensor(places, values, p.shape, check_invariants=True)
        refused = bench.step(
            lambda: refusal(adapter, bench.port.step), [p.grad.to_dense()]
        )
        if refused:  # the document leaves the number of sparse dimensions open
            return NativeAnswer(skipped=f"two sparse dimensions: {refused}")
    return judged(bench)


def _without_decay(adapter: TorchAdapter) -> dict[str, Any]:
    return {"weight_decay": 0.0} if "weight-decay" in adapter.claims else {}
