"""torch: params that are frozen, no leaves, lazy, moved, retyped, or in a set."""

from __future__ import annotations

from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import (
    SHAPES,
    Bench,
    answer,
    judged,
)
from adagrad_conformance.adapters.native.torch_kit import (
    construct,
    numbers,
    param,
    refusal,
    same_bits,
    takes_any_shape,
    usual_options,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "frozen_params",
    "lazy_params",
    "non_leaf_params",
    "odd_tensors",
    "retyped_params",
    "sets_of_params",
    "storage_replaced",
]


def frozen_params(adapter: TorchAdapter) -> NativeAnswer:
    """A param with requires_grad=False keeps every bit; thawed, it goes on.

    One param is frozen from the start, another one in the midst of the run.
    """
    params = [param(adapter, numbers(100 + i, s)) for i, s in enumerate(SHAPES)]
    trained = params[0].requires_grad
    params[1].requires_grad_(False)
    made: list[Bench] = []
    if said := refusal(adapter, lambda: made.append(Bench(adapter, params=params))):
        return NativeAnswer(skipped=f"a frozen param is refused: {said}")
    bench = made[0]
    _step_without(bench, 4, 1)
    if trained:
        params[1].requires_grad_(True)
    bench.run(8)
    params[2].requires_grad_(False)
    _step_without(bench, 12, 2)
    if trained:
        params[2].requires_grad_(True)
    return answer(bench.run(16))


def _step_without(bench: Bench, seed: int, frozen: int) -> None:
    """Two steps in which one param is frozen, which must not change."""
    p = bench.params[frozen]
    for turn in (0, 4):
        bench.set_gradients(seed + turn)
        p.grad = None
        before = bench.bits()[frozen]
        bench.step()
        if not same_bits(bench.bits()[frozen], before):
            bench.fail(f"a step changed theta, S or t of the frozen param {frozen}")
        if p.requires_grad or p.grad is not None:
            bench.fail(f"after a step the frozen param {frozen} is no longer frozen")


class _Weight(torch.nn.Parameter):
    """A param of a class of the program's own."""


def odd_tensors(adapter: TorchAdapter) -> NativeAnswer:
    """Params are Parameters of a subclass, plain tensors, and slices of a buffer.

    Slices of one buffer lie side by side, and what lies between them is kept.
    """
    if not takes_any_shape(adapter):
        return NativeAnswer(skipped="its params are tables")
    flat = numbers(50, (12,))
    kept = flat[[0, 4, 11]].clone()
    tensors = [
        _Weight(numbers(51, (3,))),
        numbers(53, (4,)),
    ]
    if "layout" in adapter.claims:
        tensors += [flat[1:4], flat[5:11].view(2, 3)]
    trained = param(adapter, numbers(56, (1,))).requires_grad
    for tensor in tensors:
        tensor.requires_grad_(trained and tensor.is_leaf)
    bench = Bench(adapter, params=tensors).run(4, 8)
    if not same_bits(flat[[0, 4, 11]].detach(), kept):
        bench.fail("a step wrote between the slices of a buffer that are its params")
    return judged(bench)


def non_leaf_params(adapter: TorchAdapter) -> NativeAnswer:
    """A tensor that was computed from others is refused, as torch.optim refuses it."""
    if adapter.fixed.get("differentiable"):
        return NativeAnswer(skipped="a step that is differentiated takes such tensors")
    computed = 2 * numbers(99, (3,)).requires_grad_()
    if refusal(adapter, lambda: construct(adapter, [computed], usual_options(adapter))):
        return NativeAnswer()
    return NativeAnswer("a tensor that is no leaf is taken; its leaf never moves")


def lazy_params(adapter: TorchAdapter) -> NativeAnswer:
    """A param that has no shape yet, where it is taken, steps as soon as it has one."""
    if not hasattr(torch.nn.parameter, "UninitializedParameter"):
        return NativeAnswer(skipped="this torch has no lazy params")
    lazy: Any = torch.nn.parameter.UninitializedParameter()
    plain = param(adapter, numbers(101, (2, 3)))
    benches: list[Bench] = []
    try:
        benches.append(Bench(adapter, params=[plain, lazy]))
    except adapter.refusals as error:
        kind = type(error).__name__  # the text may hold an address
        return NativeAnswer(skipped=f"lazy params are refused by {kind}")
    bench = benches[0]
    lazy.materialize((4,))
    with torch.no_grad():
        lazy.copy_(numbers(102, (4,)))
    return judged(bench.run(4, 8))


def storage_replaced(adapter: TorchAdapter) -> NativeAnswer:
    """New memory under a param, as a move or a load brings it: S and t go on."""
    bench = Bench(adapter).run(4)
    for i, p in enumerate(bench.params):
        p.data = numbers(200 + i, p.shape)
    return judged(bench.run(8, 12))


def retyped_params(adapter: TorchAdapter) -> NativeAnswer:
    """Params made binary64 after a step: S goes on in binary64, or the step is refused.

    A refused step changes nothing.
    """
    bench = Bench(adapter).run(4)
    for p in bench.params:
        p.grad = None
        p.data = p.data.double()
    bench.set_gradients(8)
    before = bench.bits()
    if said := refusal(adapter, bench.step):
        if same_bits(bench.bits(), before):
            return NativeAnswer()
        return NativeAnswer(f"params made binary64 are refused after changes: {said}")
    return judged(bench)


def sets_of_params(adapter: TorchAdapter) -> NativeAnswer:
    """A set of params, whose order changes from run to run, is refused."""
    params = [param(adapter, numbers(95, (n,))) for n in (1, 2, 3)]
    options = usual_options(adapter)
    kinds: dict[str, Any] = {
        "a set": set(params),
        "a frozenset": frozenset(params),
        "a group with a set": [{"params": set(params)}],
    }
    taken = [
        kind
        for kind, given in kinds.items()
        if not refusal(adapter, lambda: construct(adapter, given, options))  # noqa: B023
    ]
    if not taken:
        return NativeAnswer()
    return NativeAnswer(f"params are taken in an arbitrary order from {taken[0]}")
