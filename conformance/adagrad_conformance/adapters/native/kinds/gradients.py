"""torch: gradients of every kind that autograd and programs leave on a param.

Gradients with a graph of their own, after hooks, of another dtype, lazily conjugated or
negated, and shared by params.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer, judged
from adagrad_conformance.adapters.native.torch_kit import (
    numbers,
    param,
    refusal,
    same_bits,
    shown_state,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "gradient_dtypes",
    "gradient_views",
    "gradients_shared",
    "gradients_with_graph",
    "inference_gradients",
    "zero_grad_of_every_kind",
]

_RECORDED = NativeAnswer(skipped="the port records its own steps in the graph")


def _settings(adapter: TorchAdapter) -> list[dict[str, Any]]:
    """Options under which a port may use a gradient itself, negated, or with decay."""
    found: list[dict[str, Any]] = [{}]
    if "weight-decay" in adapter.claims:
        found.append({"weight_decay": 0.0})
    if "maximize" in adapter.claims:
        found += [{**options, "maximize": True} for options in found]
    return found


# -- gradients that autograd leaves ----------------------------------------------------


def _with_graph(params: list[Any]) -> None:
    """Gradients that can be differentiated again."""
    loss = torch.stack([(p**3).sum() for p in params]).sum()
    found = torch.autograd.grad(loss, params, create_graph=True)
    for p, g in zip(params, found, strict=True):
        p.grad = g


def _accumulated(params: list[Any]) -> None:
    """Two backward passes through one graph that is retained."""
    loss = torch.stack([(0.3 * p * p).sum() for p in params]).sum()
    for _ in range(2):
        torch.autograd.backward(loss, retain_graph=True)


def _leaves(params: list[Any]) -> None:
    """Gradients that are leaves and can themselves have a gradient."""
    for i, p in enumerate(params):
        p.grad = numbers(70 + i, p.shape).requires_grad_()


def _hooked(params: list[Any]) -> None:
    """Gradients that hooks of the tensors have changed, before and after."""
    handles = []
    for p in params:
        handles.append(p.register_hook(lambda g: -1.7 * g))
        if hasattr(p, "register_post_accumulate_grad_hook"):
            handles.append(p.register_post_accumulate_grad_hook(_double))
    torch.autograd.backward(torch.stack([(p * p).sum() for p in params]).sum())
    for handle in handles:
        handle.remove()


def _double(p: Any) -> None:
    p.grad.mul_(2)


_WAYS: dict[str, Callable[[list[Any]], None]] = {
    "that has a graph": _with_graph,
    "of two passes": _accumulated,
    "that is a leaf": _leaves,
    "that hooks changed": _hooked,
}


def gradients_with_graph(adapter: TorchAdapter) -> NativeAnswer:
    """A gradient and its graph are left alone, and enter neither theta nor S."""
    benches = [Bench(adapter, **options) for options in _settings(adapter)]
    if not benches[0].params[0].requires_grad:
        return _RECORDED
    for bench, options in zip(benches, _settings(adapter), strict=True):
        twin = Bench(adapter, **options)
        _step_by_every_way(bench, twin)
        if not same_bits(bench.bits(), twin.bits()):
            bench.fail("gradients with graphs lead elsewhere than their values alone")
    return answer(*benches)


def _held(g: torch.Tensor) -> tuple[torch.Tensor, Any, bool, torch.Tensor]:
    """A gradient, its node, whether it needs a gradient, and its bits."""
    return g, g.grad_fn, g.requires_grad, g.detach().clone()


def _step_by_every_way(bench: Bench, twin: Bench) -> None:
    """Step by each kind of gradient; the twin steps by its value alone."""
    for way, make in _WAYS.items():
        for p in bench.params:
            p.grad = None
        make(bench.params)
        held = [_held(p.grad) for p in bench.params]
        for p, (_, _, _, bits) in zip(twin.params, held, strict=True):
            p.grad = bits.clone()
        twin.port.step()
        bench.step()
        for i, p in enumerate(bench.params):
            g, node, needs, bits = held[i]
            if p.grad is not g or g.grad_fn is not node or g.requires_grad != needs:
                bench.fail(f"a gradient {way} is another tensor, or lost its graph")
            if not same_bits(g.detach(), bits):
                bench.fail(f"a step changed a gradient {way}")
            total, _ = shown_state(bench.adapter, bench.port, p)
            if not p.is_leaf or (total is not None and total.requires_grad):
                bench.fail(f"the graph of a gradient {way} is part of param {i} now")


# -- gradients as programs set them ----------------------------------------------------


def gradients_shared(adapter: TorchAdapter) -> NativeAnswer:
    """One gradient object on two params, and views of it on others."""
    benches = []
    for options in _settings(adapter):
        bench = Bench(adapter, ((6,), (6,), (2, 3), (5,), (6,)), **options)
        for seed in (1, 2):
            g = numbers(1_000 * seed, (6,))
            part = g[1:] if "layout" in adapter.claims else numbers(seed, (5,))
            given = [g, g, g.view(2, 3), part, g]
            for p, shared in zip(bench.params, given, strict=True):
                p.grad = shared if shared.shape == p.shape else shared.view(p.shape)
            bits = g.clone()
            bench.step()
            if not same_bits(g, bits):
                bench.fail("a step changed a gradient that several params share")
        benches.append(bench)
    return judged(*benches)


def inference_gradients(adapter: TorchAdapter) -> NativeAnswer:
    """Gradients that were made under inference_mode are used outside it."""
    benches = []
    for options in _settings(adapter):
        bench = Bench(adapter, **options)
        with torch.inference_mode():
            made = [numbers(1_000 + i, p.shape) for i, p in enumerate(bench.params)]
        for p, g in zip(bench.params, made, strict=True):
            p.grad = g
        bench.step()
        benches.append(bench)
    return judged(*benches)


def zero_grad_of_every_kind(adapter: TorchAdapter) -> NativeAnswer:
    """zero_grad makes zeros without a graph of every gradient, and then None."""
    bench = Bench(adapter, ((6,), (6,), (2, 3), (3,), (4,), (2,)))
    same, *_, graphic, leaf = bench.params
    shared, start = numbers(5, (6,)), numbers(7, graphic.shape).requires_grad_()
    given = [shared, shared, shared.view(2, 3), shared[3:], start * start]
    given.append(numbers(8, leaf.shape).requires_grad_())
    for p, g in zip(bench.params, given, strict=True):
        p.grad = g if g.shape == p.shape else g.view(p.shape)
    same.requires_grad_(False)
    bench.port.zero_grad(set_to_none=False)
    for i, p in enumerate(bench.params):
        if p.grad is None or p.grad.detach().count_nonzero():
            bench.fail(f"zero_grad leaves the gradient {given[i]} as {p.grad}")
    if any(p.grad is not None and p.grad.requires_grad for p in (graphic, leaf)):
        bench.fail("zero_grad leaves a gradient in its graph")
    bench.port.zero_grad(set_to_none=True)
    if any(p.grad is not None for p in bench.params):
        bench.fail("zero_grad(set_to_none=True) leaves a gradient")
    return answer(bench)


_OTHER_DTYPES = (torch.bfloat16, torch.float16, torch.float64)


def gradient_dtypes(adapter: TorchAdapter) -> NativeAnswer:
    """A gradient of another dtype is used at its value, or refused before any change.

    Its values are numbers of float32 too.
    """
    benches = []
    for dtype, options in itertools.product(_OTHER_DTYPES, _settings(adapter)):
        bench = Bench(adapter, **options)
        odd = bench.params[1]
        if not hasattr(odd, "grad_dtype"):
            return NativeAnswer(skipped="this torch has no gradients of other dtypes")
        bench.set_gradients(4)
        odd.grad = None
        odd.grad_dtype = None
        odd.grad = numbers(7, odd.shape).to(dtype).float().to(dtype)
        before = bench.bits()
        said = refusal(adapter, bench.step)
        if said and not same_bits(bench.bits(), before):
            bench.fail(f"a gradient of {dtype} is refused after changes: {said}")
        benches.append(bench)
    return judged(*benches)


def gradient_views(adapter: TorchAdapter) -> NativeAnswer:
    """Gradients that torch conjugates or negates lazily are used at their value."""
    benches = []
    cases = [(*case, o) for o in _settings(adapter) for case in _lazy(adapter)]
    for kind, p, g, options in cases:
        bench = Bench(adapter, params=[p], **options)
        p.grad = g
        if said := refusal(adapter, bench.step):
            bench.fail(f"a gradient that is lazily {kind} is refused: {said}")
        benches.append(bench)
    return judged(*benches)


def _lazy(adapter: TorchAdapter) -> Iterator[tuple[str, Any, torch.Tensor]]:
    """Kinds of lazy gradients, each with a param."""
    pair = torch.complex(numbers(11, (4,)), numbers(12, (4,)))
    yield "negated", param(adapter, numbers(13, (4,))), pair.conj().imag
    if "complex" in adapter.claims:
        start = torch.complex(numbers(14, (4,)), numbers(15, (4,)))
        yield "conjugated", param(adapter, start), pair.conj()
