"""torch: closures that raise, that step another optimizer, and what they return."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer
from adagrad_conformance.adapters.native.torch_kit import numbers, same_bits
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["closure_losses", "closure_that_raises", "closure_that_steps_another"]


class _OfTheProgram(Exception):
    """An exception that no port can know."""


#: What closures raise: what programs raise, what a port may catch for its own use, and
#: what the user does.
_RAISED: tuple[type[BaseException], ...] = (
    ValueError,
    RuntimeError,
    KeyError,
    StopIteration,
    AssertionError,
    _OfTheProgram,
    KeyboardInterrupt,
)


def closure_that_raises(adapter: TorchAdapter) -> NativeAnswer:
    """The exception reaches the caller, nothing has changed, and the next step is due.

    Gradients stay enabled or disabled, as they were.
    """
    bench, twin = Bench(adapter).run(4), Bench(adapter).run(4)
    for i, kind in enumerate(_RAISED):
        bench.set_gradients(8)
        before, enabled = (bench.bits(), _gradients(bench)), i % 2 == 0
        with torch.set_grad_enabled(enabled):
            problem = _raise(bench.port.step, kind("in the closure"))
            if torch.is_grad_enabled() != enabled:
                problem = problem or "gradients are not enabled or disabled as before"
        if problem:
            bench.fail(f"after a closure raised {kind.__name__}: {problem}")
        if not same_bits((bench.bits(), _gradients(bench)), before):
            bench.fail(f"a closure that raised {kind.__name__} left a change")
    if not same_bits(bench.run(12).bits(), twin.run(12).bits()):
        bench.fail("the step after a closure that raised goes otherwise")
    return answer(bench)


def _gradients(bench: Bench) -> list[Any]:
    return [None if p.grad is None else p.grad.clone() for p in bench.params]


def _raise(step: Callable[[Any], Any], error: BaseException) -> str | None:
    """Step with a closure that raises; what is wrong with what comes back."""

    def closure() -> Any:
        raise error

    try:
        step(closure)
    except BaseException as found:
        if found is error:
            return None
        if isinstance(found, KeyboardInterrupt | SystemExit):
            raise  # it is the user's own
        return f"the caller sees {type(found).__name__}"
    return "the caller sees no exception"


def closure_that_steps_another(adapter: TorchAdapter) -> NativeAnswer:
    """A closure steps a second optimizer, whose closure steps a third."""
    twins = [Bench(adapter, **options) for options in _OPTIONS]
    for twin in reversed(twins):
        for seed in (4, 8):
            twin.run(seed)
    benches = [Bench(adapter, **options) for options in _OPTIONS]
    for seed in (4, 8):
        _nested_step(benches, seed)
    for place, (bench, twin) in enumerate(zip(benches, twins, strict=True)):
        if not same_bits(bench.bits(), twin.bits()):
            bench.fail(
                f"optimizer {place} of three that nest goes otherwise than alone"
            )
    return answer(*benches)


#: Optimizers over params of different sizes, with rates of their own.
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"lr": 0.7},
    {"lr": 0.31, "shapes": ((4,), (3,))},
    {"lr": 1.9, "shapes": ((2, 2),)},
)


def _nested_step(benches: list[Bench], seed: int) -> torch.Tensor:
    """Step the first bench by a closure that steps the others in the same way."""
    loss = numbers(seed, ())
    if benches:
        bench, *rest = benches
        bench.set_gradients(seed)

        def closure() -> torch.Tensor:
            _nested_step(rest, seed)
            return loss

        bench.step(lambda: bench.port.step(closure))
    return loss


def closure_losses(adapter: TorchAdapter) -> NativeAnswer:
    """The loss comes back whatever it is: a zero, a float, a tensor with a graph."""
    leaf = torch.ones((), requires_grad=True)
    bench = Bench(adapter)
    for loss in (0.0, -1.5, torch.zeros(()), 3 * leaf):
        bench.set_gradients(4)
        due = torch.as_tensor(loss).detach()
        closure = partial(operator.itemgetter(0), (loss,))
        shown = bench.step(partial(bench.port.step, closure))
        if shown is None or not torch.equal(torch.as_tensor(shown).detach(), due):
            bench.fail(f"step(closure) returned {shown}, not the closure's loss {loss}")
    return answer(bench)
