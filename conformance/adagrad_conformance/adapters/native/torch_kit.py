"""torch: params, options, optimizers and comparisons for the native checks.

Rule 1.  A port receives only options that it claims, under its own names of them.
Rule 2.  Comparisons are of bits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from adagrad_conformance.adapters.torch_optim import TorchAdapter, from_torch

__all__ = [
    "arguments",
    "construct",
    "exception",
    "named",
    "numbers",
    "own_name",
    "param",
    "refusal",
    "same_bits",
    "shown_state",
    "usual_options",
]

Options = dict[str, Any]
Shape = tuple[int, ...]


def numbers(
    seed: int, shape: Shape, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> torch.Tensor:
    """Numbers between -2 and 2, different for each seed; none is 0, 1 or -1."""
    places = torch.arange(max(1, torch.Size(shape).numel()), dtype=torch.int64)
    mixed = (places * 7919 + seed * 104_729 + 1_234) % 4_093
    values = (mixed.double() - 2_046.5) / 1_021.3
    return values[: torch.Size(shape).numel()].reshape(shape).to(device, dtype)


def param(adapter: TorchAdapter, data: torch.Tensor) -> Any:
    """A param with these values, as the adapter makes it, on the device of `data`."""
    made = adapter.make_param("p", from_torch(data))
    if data.device.type == "cpu":
        return made
    moved = made.detach().to(data.device)
    return torch.nn.Parameter(moved) if made.requires_grad else moved


def usual_options(adapter: TorchAdapter, dtype: torch.dtype = torch.float32) -> Options:
    """A value for each option that the port claims, inexact in every format.

    eps is larger for a `dtype` of 16 bits.
    """
    wide = torch.finfo(dtype).bits > 16
    options = {
        "lr": 0.7,
        "lr_decay": 0.13,
        "weight_decay": 0.021,
        "initial_accumulator_value": 0.31,
        "eps": 1.3e-5 if wide else 1.7e-3,
    }
    return {
        name: value
        for name, value in options.items()
        if name == "lr" or name.replace("_", "-") in adapter.claims
    }


def own_name(adapter: TorchAdapter, option: str) -> str:
    """The port's own name of an option."""
    return adapter.names.get(option, option)


def named(adapter: TorchAdapter, options: Mapping[str, Any]) -> Options:
    """The options under the port's own names."""
    return {own_name(adapter, name): value for name, value in options.items()}


def construct(adapter: TorchAdapter, params: Any, options: Mapping[str, Any]) -> Any:
    """An optimizer of the port; `params` may be groups, with the port's names."""
    return adapter.make_optimizer(params, named(adapter, options))


def arguments(adapter: TorchAdapter) -> set[str]:
    """The names of the constructor's arguments."""
    return set(inspect.signature(adapter.factory).parameters)


def shown_state(adapter: TorchAdapter, port: Any, p: Any) -> tuple[Any, Any]:
    """Accumulator and counter of a param, not copied; None for what it lacks."""
    if "state" not in adapter.claims:
        return None, None
    state = adapter.state_of(port, p)
    return adapter.show_sum(p, state), state.get(adapter.keys[1])


def refusal(adapter: TorchAdapter, call: Callable[[], Any]) -> str | None:
    """The exception by which the port refuses a call, in one line; None without one.

    Any other exception passes through.
    """
    try:
        call()
    except adapter.refusals as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def exception(call: Callable[[], Any]) -> str | None:
    """The exception that a call raises, of any class, in one line; None without one."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def same_bits(a: Any, b: Any) -> bool:
    """Whether two nested structures are equal, their tensors in dtype and bits.

    NaN equals NaN.
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and _bytes(a) == _bytes(b)
    if isinstance(a, dict):
        return set(a) == set(b) and all(same_bits(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_bits, a, b))
    return bool(a == b) or repr(a) == repr(b)


def _bytes(t: torch.Tensor) -> bytes:
    return bytes(t.detach().cpu().contiguous().flatten().view(torch.uint8).tolist())
