"""torch: steps inside steps, inside backward, and in threads, over disjoint params."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer, judged
from adagrad_conformance.adapters.native.torch_kit import numbers, same_bits
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["step_in_backward", "steps_in_hooks", "steps_in_threads"]

#: Optimizers over params of different sizes, with rates of their own.
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"lr": 0.7},
    {"lr": 0.31, "shapes": ((4,), (3,))},
    {"lr": 1.9, "shapes": ((2, 2),)},
)
_PATIENCE = 20.0  # seconds; a thread that has not ended by then never will


def _benches(adapter: TorchAdapter) -> list[Bench]:
    return [Bench(adapter, **options) for options in _OPTIONS]


def _differs(benches: list[Bench], adapter: TorchAdapter, seeds: list[int]) -> bool:
    """Whether the benches are not where plain steps with these seeds lead."""
    twins = [twin.run(*seeds) for twin in _benches(adapter)]
    pairs = zip(benches, twins, strict=True)
    return any(not same_bits(bench.bits(), twin.bits()) for bench, twin in pairs)


def steps_in_hooks(adapter: TorchAdapter) -> NativeAnswer:
    """A hook before the step and one behind it step two other optimizers.

    Each steps once: torch calls the hooks of a subclass twice where its step calls that
    of a base class which has been made too, and `torch/hooks` is about that.
    """
    outer, before, behind = benches = _benches(adapter)
    if not hasattr(outer.port, "register_step_pre_hook"):
        return NativeAnswer(skipped="this torch has no hooks on optimizers")
    seeds = [4, 8]

    def step_along(bench: Bench) -> None:
        """Take the step that `outer` is taking, unless it is taken."""
        if bench.t[0] == outer.t[0]:
            bench.run(seeds[outer.t[0]])

    outer.port.register_step_pre_hook(lambda *_: step_along(before))
    outer.port.register_step_post_hook(lambda *_: step_along(behind))
    outer.run(*seeds)
    if _differs(benches, adapter, seeds):
        outer.fail("an optimizer goes otherwise when hooks step others")
    return answer(*benches)


def steps_in_threads(adapter: TorchAdapter) -> NativeAnswer:
    """Optimizers made here step elsewhere: alone, side by side, and within a closure.

    Within the closure of one, which waits in its thread, the others step in theirs.
    """
    benches = _benches(adapter)
    calls: list[Callable[[], Any]] = [partial(bench.run, 4) for bench in benches]
    problem = _in_threads(calls[:1]) or _in_threads(calls[1:])
    if not problem and "closure" in adapter.claims:
        outer, *others = benches
        loss = numbers(8, ())

        def closure() -> Any:
            outer.problem = outer.problem or _in_threads(
                [partial(bench.run, 8) for bench in others]
            )
            return loss

        outer.set_gradients(8)
        outer.step(lambda: outer.port.step(closure))
    else:
        for bench in benches:
            bench.run(8)
    if not problem and _differs(benches, adapter, [4, 8]):
        problem = "in threads an optimizer goes otherwise than alone"
    return answer(*benches, problem=problem)


def _in_threads(calls: list[Callable[[], Any]]) -> str | None:
    """Run the calls, each in a thread of its own; the first problem."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        try:
            start.wait(_PATIENCE)
            call()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(c,), daemon=True) for c in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    if any(thread.is_alive() for thread in threads):
        return f"a step in another thread has not ended after {_PATIENCE:g} s"
    if raised:
        return (
            f"a step in another thread raised {type(raised[0]).__name__}: {raised[0]}"
        )
    return None


def step_in_backward(adapter: TorchAdapter) -> NativeAnswer:
    """An optimizer for each param steps by a hook as soon as the gradient is there."""
    benches = [Bench(adapter, (shape,)) for shape in ((2, 3), (5,), (1,))]
    params = [bench.params[0] for bench in benches]
    if not params[0].requires_grad:
        return NativeAnswer(skipped="the port records its own steps in the graph")
    if not hasattr(params[0], "register_post_accumulate_grad_hook"):
        return NativeAnswer(skipped="this torch has no hooks on accumulated gradients")

    def stepping(bench: Bench) -> Callable[[Any], None]:
        def hook(p: Any) -> None:
            bench.step()
            p.grad = None

        return hook

    for bench, p in zip(benches, params, strict=True):
        p.register_post_accumulate_grad_hook(stepping(bench))
    for seed in (1, 2):
        weights = [numbers(seed + i, p.shape) for i, p in enumerate(params)]
        terms = [(p * w).sum() for p, w in zip(params, weights, strict=True)]
        torch.autograd.backward(torch.stack(terms).sum())
    if any(bench.t[0] != 2 for bench in benches):
        benches[0].fail("a step inside backward was not taken")
    return judged(*benches)
