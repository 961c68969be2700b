"""Tests that PyTorch has of its optimizers as objects, for ports that are torch's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from drive import Make, gaussian, native

__all__ = ["TORCH_TESTS"]


def _trained(make: Make, steps: int = 3, **options: Any) -> tuple[Any, Any]:
    """A port that has stepped, and its param."""
    p = torch.nn.Parameter(native(gaussian("torch/p", "binary32", 4)))
    optimizer = make().make_optimizer([p], options)
    for i in range(steps):
        _step(optimizer, p, i)
    return optimizer, p


def _step(optimizer: Any, p: Any, i: int) -> None:
    p.grad = native(gaussian(f"torch/g{i}", "binary32", 4))
    optimizer.step()


def hooks(make: Make) -> None:
    """Hooks before and after a step are called, in this order."""
    optimizer, p = _trained(make, 0)
    called: list[str] = []
    optimizer.register_step_post_hook(lambda *_: called.append("post"))
    before = optimizer.register_step_pre_hook(lambda *_: called.append("pre"))
    _step(optimizer, p, 0)
    before.remove()
    _step(optimizer, p, 1)
    assert called == ["pre", "post", "post"]


def state_dict_hooks(make: Make) -> None:
    """Hooks around saving and loading are called."""
    optimizer, _ = _trained(make)
    called: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda *_: called.append("save"))
    optimizer.register_state_dict_post_hook(lambda *_: called.append("saved"))
    optimizer.register_load_state_dict_pre_hook(lambda *_: called.append("load"))
    optimizer.register_load_state_dict_post_hook(lambda *_: called.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert called == ["save", "saved", "load", "loaded"]


def deepcopy_equality(make: Make) -> None:
    """A deep copy has the same state dict."""
    optimizer, _ = _trained(make)
    its, own = copy.deepcopy(optimizer).state_dict(), optimizer.state_dict()
    assert its["param_groups"] == own["param_groups"]
    torch.testing.assert_close(its["state"], own["state"])


def plain_counter(make: Make) -> None:
    """A state dict whose counter is a plain number is loaded, and a step taken."""
    optimizer, p = _trained(make)
    saved = copy.deepcopy(optimizer.state_dict())
    for state in saved["state"].values():
        state["step"] = float(state["step"])
    optimizer.load_state_dict(saved)
    _step(optimizer, p, 3)


def tensor_rate(make: Make) -> None:
    """A rate that is a tensor does what the number does."""
    _, one = _trained(make, 7, lr=torch.tensor(0.1), weight_decay=0.1)
    _, other = _trained(make, 7, lr=0.1, weight_decay=0.1)
    torch.testing.assert_close(one, other)


def printed(make: Make) -> None:
    """It can be shown as text."""
    optimizer, _ = _trained(make)
    assert repr(optimizer)


#: As in usual_tests.py.
TORCH_TESTS: tuple[tuple[str, tuple[str, ...], Callable[[Make], None]], ...] = tuple(
    (f"torch-{test.__name__.replace('_', '-')}", ("torch",), test)
    for test in (
        hooks,
        state_dict_hooks,
        deepcopy_equality,
        plain_counter,
        tensor_rate,
        printed,
    )
)
