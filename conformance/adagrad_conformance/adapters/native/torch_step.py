"""torch: a step beside the update: closures, identity, gradients, hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, answer
from .torch_kit import numbers, same_bits, shown_state

__all__ = [
    "closure_under_no_grad",
    "closure_with_gradients",
    "hooks",
    "in_place",
    "zero_grad_and_backward",
]


def _backward(bench: Bench, seed: int) -> Any:
    """A loss whose gradients are known numbers, which backward gives to the params."""
    leaves = [p.detach().requires_grad_() for p in bench.params]
    if bench.params[0].requires_grad:
        leaves = bench.params
    weights = [numbers(seed + i, p.shape) for i, p in enumerate(leaves)]
    terms = [(p * w).sum() for p, w in zip(leaves, weights, strict=True)]
    loss = torch.stack(terms).sum()
    torch.autograd.backward(loss)
    for p, leaf in zip(bench.params, leaves, strict=True):
        p.grad = leaf.grad
    return loss


def closure_with_gradients(adapter: TorchAdapter) -> NativeAnswer:
    """The closure can call backward."""
    return _closure_steps(adapter, enabled=True)


def closure_under_no_grad(adapter: TorchAdapter) -> NativeAnswer:
    """The closure can call backward where the caller disabled gradients."""
    return _closure_steps(adapter, enabled=False)


def _closure_steps(adapter: TorchAdapter, *, enabled: bool) -> NativeAnswer:
    bench = Bench(adapter)
    losses: list[Any] = []
    due = [numbers(40 + i, p.shape) for i, p in enumerate(bench.params)]
    before = [p.detach().clone() for p in bench.params]

    def closure() -> Any:
        if not torch.is_grad_enabled():
            bench.fail("the closure is called without gradients enabled")
        if not same_bits([p.detach() for p in bench.params], before):
            bench.fail("the closure is called after the params have moved")
        with torch.enable_grad():  # so that the step is judged in any case
            losses.append(_backward(bench, 40))
        return losses[-1]

    with torch.set_grad_enabled(enabled):
        result = bench.step(lambda: bench.port.step(closure), due)
        if torch.is_grad_enabled() is not enabled:
            bench.fail(
                f"a step leaves gradients {'disabled' if enabled else 'enabled'}"
            )
    if len(losses) != 1:
        bench.fail(f"the closure is called {len(losses)} times")
    elif result is None or not torch.equal(torch.as_tensor(result), losses[0]):
        bench.fail(f"step(closure) returned {result}, not the closure's loss")
    return answer(bench)


def in_place(adapter: TorchAdapter) -> NativeAnswer:
    """A step keeps the param's object, storage and attributes, and no graph."""
    bench = Bench(adapter)
    views = [p.detach() for p in bench.params]
    due = [_identity(p) for p in bench.params]
    for seed in (1, 2):
        bench.set_gradients(seed)
        bench.step()
        listed = [p for group in bench.port.param_groups for p in group["params"]]
        for i, p in enumerate(bench.params):
            if listed[i] is not p:
                return NativeAnswer(f"param {i} of the optimizer is another tensor now")
            for what, value in _identity(p).items():
                if value != due[i][what]:
                    return NativeAnswer(
                        f"{what} of param {i} was {due[i][what]}, is {value} now"
                    )
            if not same_bits(views[i], p.detach()):
                return NativeAnswer(f"a view of param {i} does not see the step")
            total, _ = shown_state(adapter, bench.port, p)
            if total is not None and (total.grad_fn or total.requires_grad):
                return NativeAnswer(f"the accumulator of param {i} keeps a graph")
    return answer(bench)


def _identity(p: torch.Tensor) -> dict[str, Any]:
    return {
        "class": type(p),
        "dtype": p.dtype,
        "device": p.device,
        "shape": tuple(p.shape),
        "stride": p.stride(),
        "requires_grad": p.requires_grad,
        "is_leaf": p.is_leaf,
        "grad_fn": p.grad_fn,
        "address": p.data_ptr(),
        "storage": p.untyped_storage().data_ptr(),
    }


def zero_grad_and_backward(adapter: TorchAdapter) -> NativeAnswer:
    """The gradient of a param is None after zero_grad and a backward without it."""
    bench = Bench(adapter)
    leaves = bench.params
    if not leaves[0].requires_grad:  # the port differentiates the step itself
        leaves = [p.detach().clone().requires_grad_() for p in bench.params]
        bench = Bench(adapter, params=leaves)
    for i, p in enumerate(leaves):
        p.grad = numbers(50 + i, p.shape)
    bench.port.zero_grad(set_to_none=True)
    (leaves[0].square().sum() + leaves[2].square().sum()).backward()
    shown = [p.grad is None for p in leaves]
    if shown != [False, True, False]:
        return NativeAnswer(f"after backward gradients are None: {shown}")
    if not bench.adapter.fixed.get("differentiable"):
        before = leaves[1].detach().clone()
        bench.step()
        if leaves[1].grad is not None or not same_bits(leaves[1].detach(), before):
            bench.fail("the step gave a gradient to a param that had none, or moved it")
    return answer(bench)


# -- hooks -----------------------------------------------------------------------------

_HOOKS = tuple(
    f"{word}_{end}"
    for word in ("step", "state_dict", "load_state_dict")
    for end in ("pre_hook", "post_hook")
)


def hooks(adapter: TorchAdapter) -> NativeAnswer:
    """Each hook is called once by its own method, and by no other method."""
    bench = Bench(adapter).run(1)
    kinds = [kind for kind in _HOOKS if hasattr(bench.port, f"register_{kind}")]
    if not kinds:
        return NativeAnswer(skipped="this torch has no hooks on optimizers")
    calls: list[str] = []

    def noting(kind: str) -> Callable[..., None]:
        return lambda *_: calls.append(kind)

    for kind in kinds:
        getattr(bench.port, f"register_{kind}")(noting(kind))
    saved: list[Any] = []
    events: dict[str, Callable[[], Any]] = {
        "step": bench.port.step,
        "state_dict": lambda: saved.append(bench.port.state_dict()),
        "load_state_dict": lambda: bench.port.load_state_dict(saved[-1]),
    }
    for word, call in (*events.items(), *events.items()):  # hooks stay after a load
        calls.clear()
        call()
        due = [f"{word}_{end}" for end in ("pre_hook", "post_hook")]
        due = [kind for kind in due if kind in kinds]
        if calls != due:
            return NativeAnswer(f"{word} called the hooks {calls}, not {due}")
    return NativeAnswer()
