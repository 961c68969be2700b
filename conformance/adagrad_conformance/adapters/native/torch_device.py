"""torch: other devices, memory shared between processes, and GradScaler."""

from __future__ import annotations

from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import tensor

from .torch_bench import Bench, answer, judged
from .torch_kit import arguments, exception, same_bits, shown_state

__all__ = [
    "cuda",
    "grad_scaler",
    "on_device",
    "share_memory",
    "share_memory_after_add",
    "share_memory_at_any_time",
]

# -- CUDA ------------------------------------------------------------------------------


def cuda(adapter: TorchAdapter) -> NativeAnswer:
    """Steps on the first CUDA device, if there is one."""
    if not torch.cuda.is_available():
        return NativeAnswer(skipped="there is no CUDA device here")
    return on_device(adapter, "cuda:0")


def on_device(adapter: TorchAdapter, device: str) -> NativeAnswer:
    """Steps in every claimed format on a device, also after a load from the CPU.

    Some params are empty.  The state must be on the device of its param.  Where the
    constructor has `capturable`, steps are taken with it and without.
    """
    shapes = ((2, 3), (0,), (1_027,), (), (0, 4))  # the last is a group of its own
    benches: list[Bench] = []
    for name, fmt in FORMATS.items():
        if name not in adapter.claims:
            continue
        dtype = adapter.make_tensor(tensor(fmt, ())).dtype
        bench = Bench(adapter, shapes, dtype=dtype, device=device).run(1, 2, 3)
        benches.append(bench)
        benches.append(bench.resumed(_on_cpu(bench.saved())).run(4))
    if "capturable" in arguments(adapter):
        bench = Bench(adapter, shapes, device=device, capturable=True)
        benches.append(bench.run(1, 2))
    for bench in benches:
        for i, p in enumerate(bench.params):
            total, _ = shown_state(adapter, bench.port, p)
            if total is not None and total.device != p.device:
                bench.fail(f"S of param {i} is on {total.device}, not on {p.device}")
    return judged(*benches)


def _on_cpu(thing: Any) -> Any:
    if isinstance(thing, torch.Tensor):
        return thing.cpu()
    if isinstance(thing, dict):
        return {key: _on_cpu(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_on_cpu(value) for value in thing]
    return thing


# -- shared memory ---------------------------------------------------------------------


def _shared(adapter: TorchAdapter, bench: Bench) -> NativeAnswer:
    if not hasattr(bench.port, "share_memory"):
        return NativeAnswer(skipped="it has no share_memory")
    before = bench.bits()
    if said := exception(bench.port.share_memory):
        return NativeAnswer(f"share_memory() raised {said}")
    if not same_bits(bench.bits(), before):
        return NativeAnswer("share_memory() changed the state")
    for i, p in enumerate(bench.params):
        total = bench.port.state.get(p, {}).get(adapter.keys[0])
        if total is not None and not total.is_shared():
            return NativeAnswer(f"after share_memory() S of param {i} is not shared")
    return answer(bench.run(3, 4))


def share_memory(adapter: TorchAdapter) -> NativeAnswer:
    """After share_memory() S is shared and has its bits, and steps continue."""
    return _shared(adapter, Bench(adapter).run(1, 2))


def share_memory_after_add(adapter: TorchAdapter) -> NativeAnswer:
    """share_memory() with a group that was added later and has not stepped yet."""
    bench = Bench(adapter).run(1, 2)
    bench.add((4,))
    return _shared(adapter, bench)


def share_memory_at_any_time(adapter: TorchAdapter) -> NativeAnswer:
    """share_memory() before the first step, twice, and after a load; steps keep it."""
    bench = Bench(adapter)
    benches = [bench]
    for seed in (4, 8):
        if (found := _shared(adapter, bench)).skipped or found.problem:
            return found
        bench.run(seed)
        if not _all_shared(adapter, bench):
            bench.fail("after a step S is no longer in shared memory")
    if {"save", "load-deepcopy"} <= adapter.claims:
        benches.append(other := bench.resumed(bench.saved()))
        if (found := _shared(adapter, other)).problem:
            return NativeAnswer(f"after a load: {found.problem}")
    return answer(*benches)


def _all_shared(adapter: TorchAdapter, bench: Bench) -> bool:
    totals = [bench.port.state.get(p, {}).get(adapter.keys[0]) for p in bench.params]
    return all(total is None or total.is_shared() for total in totals)


# -- GradScaler ------------------------------------------------------------------------


def grad_scaler(adapter: TorchAdapter) -> NativeAnswer:
    """A finite scaled gradient, an infinite one (nothing may change), a finite one."""
    if not hasattr(torch.amp, "GradScaler"):
        return NativeAnswer(skipped="this torch has no GradScaler for the CPU")
    bench = Bench(adapter)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(torch.zeros(()))  # makes the scale a tensor
    _scaled_step(bench, scaler, 4)
    before = bench.bits()
    bench.set_gradients(2)
    bench.params[0].grad[1, 2] = float("inf")
    scaler.step(bench.port)
    scaler.update()
    if not same_bits(bench.bits(), before):
        bench.fail("a step with an infinite scaled gradient changed theta, S or t")
    _scaled_step(bench, scaler, 5)
    return judged(bench)


def _scaled_step(bench: Bench, scaler: Any, seed: int) -> None:
    bench.set_gradients(seed)
    gradients = [None if p.grad is None else p.grad.clone() for p in bench.params]
    for p in bench.params:
        if p.grad is not None:
            p.grad *= scaler.get_scale()  # a power of two: nothing is rounded
    bench.step(lambda: scaler.step(bench.port), gradients)
    scaler.update()
