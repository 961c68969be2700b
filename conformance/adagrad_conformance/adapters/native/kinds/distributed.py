"""torch: torch.distributed.checkpoint, in one process and without a process group.

A state that torch's tools do not bring back for another optimizer either is left out:
that is not the port's doing.  The other one is Adam, which makes state at the first
step, or one that makes it with the param, as the port does.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer
from adagrad_conformance.adapters.native.torch_kit import (
    named,
    numbers,
    own_name,
    same_bits,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["distributed_checkpoint"]

Make = Callable[[list[Any]], Any]


class _Model(torch.nn.Module):
    """Three params under names, with gradients when `pull` has been called."""

    def __init__(self) -> None:
        super().__init__()
        for i, shape in enumerate(((2, 3), (5,), (1,))):
            self.register_parameter(
                f"p{i}", torch.nn.Parameter(numbers(100 + i, shape))
            )

    def pull(self, seed: int) -> None:
        """Set the gradients."""
        for i, p in enumerate(self.parameters()):
            p.grad = numbers(1_000 * seed + i, p.shape)


class _Early(torch.optim.Optimizer):
    """Gradient descent that counts; its state is made when a param is added."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the group, with its state."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p] = {"step": torch.zeros(()), "sum": torch.zeros_like(p)}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every param against its gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["step"] += 1
                    p.sub_(p.grad, alpha=group["lr"])


class _State:
    """How the params are grouped, and what has happened before the save."""

    def __init__(self, groups: str, steps: int, way: str) -> None:
        self.groups, self.steps, self.way = groups, steps, way
        self.name = f"{groups} after {steps} steps, {way}"

    def given(self, model: _Model, own: dict[str, Any]) -> list[Any]:
        """What the constructor gets; the group of the last param has options `own`."""
        first, last = list(model.parameters())[:2], list(model.parameters())[2:]
        groups: list[Any] = [{"params": first}, {"params": last, **own}]
        if self.groups == "one group":
            return [*first, *last]
        if self.groups == "a later group":
            return groups[:1]
        empty: dict[str, Any] = {"params": []}
        return [empty, *groups, empty] if self.groups == "empty groups" else groups

    def complete(self, model: _Model, port: Any, own: dict[str, Any]) -> None:
        """Add the later group, where there is one."""
        if self.groups == "a later group":
            port.add_param_group({"params": list(model.parameters())[2:], **own})


_STATES = tuple(
    _State(groups, steps, way)
    for groups in ("one group", "two groups", "empty groups", "a later group")
    for steps in (2, 0)
    for way in ("by name", "flattened", "with the model")
)


def _trained(state: _State, make: Make, own: dict[str, Any]) -> tuple[_Model, Any]:
    model = _Model()
    port = make(state.given(model, own))
    for seed in range(state.steps):
        model.pull(seed + 1)
        port.step()
    model.zero_grad(set_to_none=True)
    state.complete(model, port, own)
    return model, port


def _round_trip(state: _State, make: Make, own: dict[str, Any]) -> str | None:
    """Save by name and through files, load into a fresh optimizer, and step both."""
    from torch.distributed.checkpoint.state_dict import (
        StateDictOptions,
        get_optimizer_state_dict,
        get_state_dict,
        set_optimizer_state_dict,
        set_state_dict,
    )
    from torch.distributed.checkpoint.state_dict_loader import load
    from torch.distributed.checkpoint.state_dict_saver import save

    flat = state.way == "flattened"
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    model, port = _trained(state, make, own)
    if not state.steps and not port.state:
        return None  # torch takes a step to make the state, which a first step is not
    other_model = copy.deepcopy(model)
    other = make(state.given(other_model, own))
    state.complete(other_model, other, own)
    before = [p.detach().clone() for p in model.parameters()]
    if state.way == "with the model":
        both = copy.deepcopy(get_state_dict(model, port, options=options))
        set_state_dict(
            other_model,
            other,
            model_state_dict=both[0],
            optim_state_dict=both[1],
            options=options,
        )
        return _goes_on(model, port, other_model, other, before)
    saved = get_optimizer_state_dict(model, port, options=options)
    target = get_optimizer_state_dict(other_model, other, options=options)
    with tempfile.TemporaryDirectory() as folder:
        save({"optimizer": saved}, checkpoint_id=folder, no_dist=True)
        wanted = {"optimizer": target}
        load(wanted, checkpoint_id=folder, no_dist=True)
    set_optimizer_state_dict(
        other_model, other, optim_state_dict=wanted["optimizer"], options=options
    )
    return _goes_on(model, port, other_model, other, before)


def _goes_on(
    model: _Model, port: Any, other_model: _Model, other: Any, before: list[Any]
) -> str | None:
    """Whether saving moved nothing, and both go on alike."""
    if not same_bits([p.detach() for p in model.parameters()], before):
        return "saving moved the params"
    for seed in (8, 9):
        for moved, stepper in ((model, port), (other_model, other)):
            moved.pull(seed)
            stepper.step()
    pairs = zip(model.parameters(), other_model.parameters(), strict=True)
    if all(same_bits(p.detach(), q.detach()) for p, q in pairs):
        return None
    return "loaded from the checkpoint it goes otherwise"


def _brought_back(state: _State, make: Make, own: dict[str, Any]) -> str | None:
    try:
        return _round_trip(state, make, own)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # torch's CheckpointException is no Exception
        return f"{type(error).__name__}: {error}".splitlines()[0]


def distributed_checkpoint(adapter: TorchAdapter) -> NativeAnswer:
    """Saved by parameter names and loaded from files, a run goes on bit for bit.

    With one group and two, with groups that are empty or were added before their first
    step, stepped or fresh, flattened or not.
    """
    if adapter.fixed.get("differentiable"):
        return NativeAnswer(skipped="the port records its own steps in the graph")
    if not torch.distributed.is_available():
        return NativeAnswer(skipped="this torch has no torch.distributed")
    if own_name(adapter, "lr") != "lr":
        return NativeAnswer(skipped="its rate does not stand under lr, as torch needs")
    bench = Bench(adapter, ((1,),))
    other = _Early if bench.port.state else torch.optim.Adam
    rate = bench.options[0]["lr"]
    own = named(adapter, {"lr": 0.43 * rate})

    def port(given: list[Any]) -> Any:
        return adapter.make_optimizer(given, named(adapter, bench.options[0]))

    def control(given: list[Any]) -> Any:
        return other(given, lr=rate)

    judged = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no process group
        for state in _STATES:
            if _brought_back(state, control, {"lr": 0.43 * rate}):
                continue
            judged += 1
            if problem := _brought_back(state, port, own):
                return NativeAnswer(f"{state.name}: {problem}")
    if not judged:
        return NativeAnswer(skipped="torch's checkpoints bring no optimizer back here")
    return answer()
