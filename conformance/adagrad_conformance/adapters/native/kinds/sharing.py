"""torch: one closure for all steps, params in one buffer, options beside a copy.

What two calls, two params or two optimizers have in common does not make them one.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer, judged
from adagrad_conformance.adapters.native.torch_kit import numbers, own_name
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["one_closure", "options_beside_a_copy", "pieces_of_one_buffer"]

#: Elements of a piece, and of the gap behind it.
_PIECE, _GAP = 3, 2
_SEEDS = (4, 8, 12)


def one_closure(adapter: TorchAdapter) -> NativeAnswer:
    """The same closure in every step is called once in each, and its loss returned."""
    bench = Bench(adapter)
    due: list[Any] = []
    calls: list[float] = []

    def closure() -> Any:
        for p, gradient in zip(bench.params, due, strict=True):
            p.grad = gradient
        calls.append(0.5 + len(calls))
        return torch.tensor(calls[-1])

    for number, seed in enumerate(_SEEDS, 1):
        bench.set_gradients(seed)
        due[:] = [p.grad for p in bench.params]
        bench.set_gradients(100 + seed)  # what the step must not use
        loss = bench.step(lambda: bench.port.step(closure), due)
        if len(calls) != number:
            bench.fail(f"{number} steps called their closure {len(calls)} times")
        elif loss is None or float(loss) != calls[-1]:
            bench.fail(f"step {number} returned {loss}, not the loss {calls[-1]}")
    return answer(bench)


def pieces_of_one_buffer(adapter: TorchAdapter) -> NativeAnswer:
    """Params that are pieces of one buffer are params of their own, and stay there."""
    stride = _PIECE + _GAP
    buffer = numbers(7, (3 * stride,))
    pieces = [buffer[i * stride :][:_PIECE] for i in range(3)]
    if not adapter.fixed.get("differentiable"):
        pieces = [torch.nn.Parameter(piece) for piece in pieces]
    gaps = buffer.reshape(3, stride)[:, _PIECE:]
    before = gaps.clone()
    bench = Bench(adapter, params=pieces).run(*_SEEDS)
    if not torch.equal(gaps, before):
        bench.fail("a step wrote between the pieces of a buffer")
    shown = buffer.reshape(3, stride)[:, :_PIECE]
    if not torch.equal(shown, torch.stack([p.detach() for p in pieces])):
        bench.fail("params have left the buffer of which they were pieces")
    return answer(bench)


def options_beside_a_copy(adapter: TorchAdapter) -> NativeAnswer:
    """An option that changes in the original or in a deep copy changes in it alone."""
    bench = Bench(adapter).run(1)
    other = bench.around(copy.deepcopy(bench.port))
    for changed, lr, seeds in ((bench, 0.19, (4, 8)), (other, 0.37, (12, 16))):
        group = changed.port.param_groups[0]
        group[own_name(adapter, "lr")] = lr
        members = {id(p) for p in group["params"]}
        for p, options in zip(changed.params, changed.options, strict=True):
            if id(p) in members:
                options["lr"] = lr
        for each in (other, bench):
            each.run(*seeds)
    return judged(bench, other)
