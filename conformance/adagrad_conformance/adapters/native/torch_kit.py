"""torch: what the native checks make their params and optimizers of.

Options are given under the port's own names, and only those that it claims.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from adagrad_conformance.adapters.torch_optim import from_torch

__all__ = [
    "arguments",
    "breakdown",
    "held",
    "make",
    "named",
    "numbers",
    "param",
    "refusal",
    "same",
    "usual",
]

Options = dict[str, Any]
Shape = tuple[int, ...]


def numbers(
    seed: int, shape: Shape, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> torch.Tensor:
    """Unlucky numbers between -2 and 2, other ones for each seed; none is 0, 1, -1."""
    places = torch.arange(max(1, torch.Size(shape).numel()), dtype=torch.int64)
    mixed = (places * 7919 + seed * 104_729 + 1_234) % 4_093
    values = (mixed.double() - 2_046.5) / 1_021.3
    return values[: torch.Size(shape).numel()].reshape(shape).to(device, dtype)


def param(adapter: Any, data: torch.Tensor) -> Any:
    """A param of the port, as its adapter makes it, on the device of `data`."""
    made = adapter.make_param("p", from_torch(data))
    if data.device.type == "cpu":
        return made
    moved = made.detach().to(data.device)
    return torch.nn.Parameter(moved) if made.requires_grad else moved


def usual(adapter: Any, dtype: torch.dtype = torch.float32) -> Options:
    """Unlucky hyperparameters that suit the dtype, of the options that are claimed."""
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


def named(adapter: Any, options: Mapping[str, Any]) -> Options:
    """The options under the port's own names."""
    return {adapter.names.get(name, name): value for name, value in options.items()}


def make(adapter: Any, params: Any, options: Mapping[str, Any]) -> Any:
    """An optimizer of the port; `params` may be groups, with the port's names."""
    return adapter.make_optimizer(params, named(adapter, options))


def arguments(adapter: Any) -> set[str]:
    """The names of the constructor's arguments."""
    return set(inspect.signature(adapter.factory).parameters)


def held(adapter: Any, port: Any, p: Any) -> tuple[Any, Any]:
    """Accumulator and counter of a param as they are; None for what is not there."""
    if "state" not in adapter.claims:
        return None, None
    state = port.state.get(p, {})
    return adapter.show_sum(p, state), state.get(adapter.keys[1])


def refusal(adapter: Any, call: Callable[[], Any]) -> str | None:
    """How the port refuses a call, in one line; None if it does not."""
    try:
        call()
    except adapter.refusals as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def breakdown(call: Callable[[], Any]) -> str | None:
    """How a call breaks down, whatever it raises, in one line; None if it does not."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def same(a: Any, b: Any) -> bool:
    """Whether two nested structures hold the same, tensors bit for bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and _bytes(a) == _bytes(b)
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) or repr(a) == repr(b)


def _bytes(t: torch.Tensor) -> bytes:
    return bytes(t.detach().cpu().contiguous().flatten().view(torch.uint8).tolist())
