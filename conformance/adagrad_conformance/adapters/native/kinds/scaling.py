"""torch: GradScaler with gradients that are unscaled first, growing scales, and inf."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, judged
from adagrad_conformance.adapters.native.torch_kit import same_bits
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["grad_scaler_by_group", "grad_scaler_unscaled"]

_NO_SCALER = NativeAnswer(skipped="this torch has no GradScaler for the CPU")


def _scaler(interval: int = 2000) -> Any:
    """A scaler whose scale is a power of two and grows after `interval` steps."""
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=interval)
    scaler.scale(torch.zeros(()))  # makes the scale a tensor
    return scaler


def _scaled_step(bench: Bench, scaler: Any, seed: int, explicit: bool) -> None:
    """A step by scaled gradients, which are unscaled before it where `explicit`."""
    bench.set_gradients(seed)
    gradients = [None if p.grad is None else p.grad.clone() for p in bench.params]
    for p in bench.params:
        if p.grad is not None:
            p.grad *= scaler.get_scale()  # a power of two: nothing is rounded
    if explicit:
        scaler.unscale_(bench.port)
    bench.step(lambda: scaler.step(bench.port), gradients)
    scaler.update()


def grad_scaler_unscaled(adapter: TorchAdapter) -> NativeAnswer:
    """Explicit unscale_ and none in turn, while the scale doubles after each step."""
    if not hasattr(torch.amp, "GradScaler"):
        return _NO_SCALER
    bench, scaler = Bench(adapter), _scaler(interval=1)
    for seed, explicit in ((4, True), (8, False), (12, True), (16, True)):
        _scaled_step(bench, scaler, seed, explicit)
    return judged(bench)


def grad_scaler_by_group(adapter: TorchAdapter) -> NativeAnswer:
    """One inf or NaN, in any param, keeps all params; another optimizer steps."""
    if not hasattr(torch.amp, "GradScaler"):
        return _NO_SCALER
    bench, other, scaler = Bench(adapter), Bench(adapter, ((4,),)), _scaler()
    cases = itertools.product((0, -1), (float("inf"), float("nan")), (False, True))
    for place, bad, explicit in cases:
        bench.set_gradients(4)
        bench.params[place].grad.view(-1)[-1] = bad
        before = bench.bits()
        if explicit:
            scaler.unscale_(bench.port)
        scaler.step(bench.port)
        _scaled_step(other, scaler, 4, explicit)  # it updates the scale for both
        if not same_bits(bench.bits(), before):
            bench.fail(f"a gradient {bad} in one param changed theta, S or t of some")
    _scaled_step(bench, scaler, 8, False)
    return judged(bench, other)
