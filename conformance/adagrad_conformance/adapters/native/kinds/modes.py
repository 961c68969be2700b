"""torch: construction and steps in other modes of torch, and on a default device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import (
    SHAPES,
    Bench,
    answer,
    judged,
)
from adagrad_conformance.adapters.native.torch_kit import (
    exception,
    numbers,
    param,
    same_bits,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["default_device", "grad_modes", "inference_modes", "other_modes"]


@contextmanager
def _deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)


class _Watching(TorchFunctionMode):
    """It sees every call of torch, as tools that count or log do, and changes none."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return func(*args, **(kwargs or {}))


Mode = Callable[[], AbstractContextManager[Any]]

_MODES: dict[str, Mode] = {
    "no_grad": torch.no_grad,
    "enable_grad": torch.enable_grad,
    "deterministic algorithms": _deterministic,
}
_OTHER_MODES: dict[str, Mode] = {
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
    "detection of anomalies": partial(
        torch.autograd.set_detect_anomaly, True, check_nan=False
    ),
    "a mode that watches": _Watching,
}


def grad_modes(adapter: TorchAdapter) -> NativeAnswer:
    """Made and stepped under no_grad, enable_grad or deterministic algorithms.

    The first two give the bits that a run without any mode gives.
    """
    found = _under(adapter, _MODES)
    if found.problem or "state" in adapter.claims:
        return found
    plain = Bench(adapter).run(4, 8, 12).bits()
    for mode in (torch.no_grad, torch.enable_grad):
        with mode():
            bench = Bench(adapter).run(4, 8, 12)
        if not same_bits(bench.bits(), plain):
            return NativeAnswer(f"under {mode.__name__} it goes otherwise")
    return answer()


def other_modes(adapter: TorchAdapter) -> NativeAnswer:
    """Made and stepped under autocast, anomaly detection, or a mode that watches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the detection of anomalies is slow
        return _under(adapter, _OTHER_MODES)


def _under(adapter: TorchAdapter, modes: dict[str, Mode]) -> NativeAnswer:
    """Made and stepped inside a mode, then outside, then inside; each step is right."""
    benches: list[Bench] = []
    for name, mode in modes.items():

        def run(mode: Mode = mode) -> None:
            with mode():
                benches.append(Bench(adapter).run(4))
            benches[-1].run(8)
            with mode():
                benches[-1].run(12)

        if said := exception(run):
            return NativeAnswer(f"under {name}: {said}")
    return judged(*benches)


def _params(adapter: TorchAdapter) -> list[Any]:
    return [param(adapter, numbers(100 + i, s)) for i, s in enumerate(SHAPES)]


def inference_modes(adapter: TorchAdapter) -> NativeAnswer:
    """Made, or first stepped, under inference_mode, it steps outside as well."""
    benches: list[Bench] = []

    def made_inside() -> None:
        params = _params(adapter)
        with torch.inference_mode():
            benches.append(Bench(adapter, params=params))
        benches[-1].run(4, 8)

    def stepped_inside() -> None:
        benches.append(bench := Bench(adapter, params=_params(adapter)))
        bench.set_gradients(4)
        with torch.inference_mode():
            bench.step()
        bench.run(8)

    for what, run in {"stepped": stepped_inside, "made": made_inside}.items():
        if said := exception(run):
            return NativeAnswer(f"{what} under inference_mode: {said}")
    return judged(*benches)


def default_device(adapter: TorchAdapter) -> NativeAnswer:
    """Made and stepped on the CPU while the default device, `meta`, is another one."""
    if not hasattr(torch, "set_default_device"):
        return NativeAnswer(skipped="this torch has no default device")
    params = _params(adapter)
    benches: list[Bench] = []

    def run() -> None:
        with torch.device("meta"):
            benches.append(Bench(adapter, params=params))
        for seed in (4, 8):
            benches[0].set_gradients(seed)
            with torch.device("meta"):
                benches[0].step()

    if said := exception(run):
        return NativeAnswer(f"params on the CPU beside a default device: {said}")
    return judged(*benches)
