"""torch: rates that schedulers drive, and rates that are tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import lr_scheduler

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, judged
from .torch_kit import own_name

__all__ = ["scheduler_resumed", "schedulers", "tensor_lr", "tensor_lr_scheduled"]

# -- schedulers ------------------------------------------------------------------------

#: A scheduler, and the factors of the first rate, step by step: powers of two, so that
#: no product is rounded.
_SCHEDULES: dict[str, tuple[Callable[[Any], Any], tuple[float, ...]]] = {
    "LambdaLR": (
        lambda port: lr_scheduler.LambdaLR(port, lambda k: (1.0, 0.25, 2.0, 0.5)[k]),
        (1.0, 0.25, 2.0),
    ),
    "StepLR": (
        lambda port: lr_scheduler.StepLR(port, step_size=2, gamma=0.5),
        (1.0, 1.0, 0.5),
    ),
    "ExponentialLR": (
        lambda port: lr_scheduler.ExponentialLR(port, gamma=0.5),
        (1.0, 0.5, 0.25),
    ),
}


def _without_lr(adapter: TorchAdapter) -> NativeAnswer | None:
    """The answer for a port whose rate has another name, which schedulers ignore."""
    if own_name(adapter, "lr") == "lr":
        return None
    return NativeAnswer(skipped="its rate does not stand under lr, as schedulers need")


def _drive(bench: Bench, scheduler: Any, factors: tuple[float, ...]) -> None:
    """Step both; each rate must be its first one times the factor of the step."""
    groups, given = bench.port.param_groups, [float(o["lr"]) for o in bench.options]
    first = [float(group["lr"]) for group in groups]
    for seed, factor in enumerate(factors, start=1):
        for options, lr in zip(bench.options, given, strict=True):
            options["lr"] = factor * lr
        due = [factor * lr for lr in first]
        rates = [float(group["lr"]) for group in groups]
        if rates != due:
            bench.fail(f"{type(scheduler).__name__} gives rates {rates}, not {due}")
        bench.run(seed)
        scheduler.step()


def schedulers(adapter: TorchAdapter) -> NativeAnswer:
    """Three schedulers of torch drive the rates of two groups, and keep initial_lr."""
    if skipped := _without_lr(adapter):
        return skipped
    benches = []
    for name, (schedule, factors) in _SCHEDULES.items():
        benches.append(bench := Bench(adapter))
        first = [group["lr"] for group in bench.port.param_groups]
        _drive(bench, schedule(bench.port), factors)
        initial = [group.get("initial_lr") for group in bench.port.param_groups]
        if initial != first:
            bench.fail(f"{name}: initial_lr is {initial}, not {first}")
    return judged(*benches)


def scheduler_resumed(adapter: TorchAdapter) -> NativeAnswer:
    """initial_lr is saved and loaded, so that a schedule can be resumed."""
    if skipped := _without_lr(adapter):
        return skipped
    schedule, _ = _SCHEDULES["ExponentialLR"]
    bench = Bench(adapter)
    schedule(bench.port)
    first = [group["lr"] for group in bench.port.param_groups]
    other = bench.resumed(bench.saved())
    initial = [group.get("initial_lr") for group in other.port.param_groups]
    if initial != first:
        return NativeAnswer(f"after loading, initial_lr is {initial}, not {first}")
    return NativeAnswer()


# -- lr as a tensor --------------------------------------------------------------------


def _tensor_bench(
    adapter: TorchAdapter, dtype: torch.dtype
) -> tuple[Bench, torch.Tensor]:
    """A bench whose lr is a tensor, and the tensor, of the params' dtype.

    In that dtype torch computes the decayed rate.
    """
    lr = torch.tensor(0.7, dtype=dtype)
    return Bench(adapter, dtype=dtype, lr=lr), lr


def tensor_lr(adapter: TorchAdapter) -> NativeAnswer:
    """Steps use the value of an lr that is a tensor, and leave the tensor alone."""
    benches = []
    for dtype in (torch.float32, torch.float64):
        bench, lr = _tensor_bench(adapter, dtype)
        bench.run(1, 2, 3)
        if lr.item() != torch.tensor(0.7, dtype=dtype).item() or lr.requires_grad:
            bench.fail(f"steps turned the tensor lr into {lr}")
        benches.append(bench)
    return judged(*benches)


def tensor_lr_scheduled(adapter: TorchAdapter) -> NativeAnswer:
    """A scheduler drives an lr that is a tensor."""
    if skipped := _without_lr(adapter):
        return skipped
    bench, _ = _tensor_bench(adapter, torch.float32)
    schedule, factors = _SCHEDULES["ExponentialLR"]
    _drive(bench, schedule(bench.port), factors)
    return judged(bench)
