"""The base of the two torch ports: all of Adagrad but the update.

Rules of this file:

1. What can be refused is refused before anything is changed.
2. A port's `_update` gets real, dense tensors of one shape and format at a time. A
   complex tensor becomes pairs of reals, a sparse gradient the rows that it has, a
   16-bit format binary32 (its results are rounded once, when they are stored).
3. `state[param]` is `{"step": int, "sum": Tensor}` from the moment a param is added.
   The counter is a Python int, which a float32 counter's 2^24 does not stop.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from .validation import (
    OPTIONS,
    check_counter,
    check_options,
    check_sizes,
    entry,
)

__all__ = ["AdagradBase", "Slot"]

Group = dict[str, Any]

#: Options that older versions of torch's Adagrad, and their pickles, do not have.
_LATER = {"eps": 1e-10, "maximize": False}


class Slot(NamedTuple):
    """One param as `_update` sees it: real dense tensors of one shape and dtype.

    `theta` and `s` are written in place, `g` is only read; `clr` is the decayed lr.
    """

    theta: Tensor
    g: Tensor
    s: Tensor
    clr: float


class AdagradBase(Optimizer):
    """Adagrad without its update, which a subclass gives as `_update`.

    `params` are leaf tensors of any shape, real or complex, or dicts
    `{"params": [...], option: value}`. Gradients are dense or sparse COO.

    Raises ValueError for an option that is negative, infinite or NaN, for no params
    at all and for a param given twice; TypeError for what is not a tensor.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        values = (lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize)
        defaults = dict(zip(OPTIONS, values, strict=True))
        check_options(defaults)
        if isinstance(params, set | frozenset):
            raise TypeError("params must have an order, and a set has none")
        super().__init__(params, defaults)

    def __setstate__(self, state: Group) -> None:
        """Restore from pickle or a copy; options that it lacks get their defaults."""
        super().__setstate__(state)
        for options in (self.defaults, *self.param_groups):
            for name, value in _LATER.items():
                options.setdefault(name, value)

    @abstractmethod
    def _update(
        self, slots: list[Slot], weight_decay: float, eps: float, maximize: bool
    ) -> None:
        """Take one step on every slot, by ALG-9, ALG-5, ALG-6 and ALG-7."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every param that has a gradient, and return the closure's loss.

        `closure` is called once, before the update, with gradients enabled. Raises
        RuntimeError for weight decay with a sparse gradient: nothing has moved then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = [(group, _gradients(group)) for group in self.param_groups]
        for group, pairs in work:
            if pairs:
                self._step_group(group, pairs)
        return loss

    def _step_group(self, group: Group, pairs: list[tuple[Tensor, Tensor]]) -> None:
        slots, stores = [], []
        for p, grad in pairs:
            state = self.state[p]
            state["step"] += 1  # ALG-3: t counts the steps of this param
            wide = torch.promote_types(p.dtype, state["sum"].dtype)
            state["sum"] = state["sum"].to(wide)  # the param may be wider than it was
            clr = _rate(group, state["step"])
            slot = Slot(p, grad, state["sum"], clr)
            if not _is_plain(slot):
                slot, store = _plain(slot)
                stores.append(store)
            slots.append(slot)
        decay, eps = float(group["weight_decay"]), float(group["eps"])
        self._update(slots, decay, eps, bool(group["maximize"]))
        for store in stores:
            store()

    def add_param_group(self, param_group: Group) -> None:
        """Add params that start at the next step with t = 0 and their own S_0.

        Options that `param_group` leaves out are the constructor's. Raises what the
        constructor raises; nothing is added then, and the dict is never changed.
        """
        group = {**self.defaults, **param_group}
        check_options(group)
        given = group["params"]
        if not isinstance(given, Tensor | set):  # torch itself refuses sets
            given = group["params"] = list(given)
            tensors = [p[1] if isinstance(p, tuple) else p for p in given]
            if len(set(map(id, tensors))) != len(tensors):
                raise ValueError("a param appears twice in one group")
        super().add_param_group(group)
        tau = group["initial_accumulator_value"]
        for p in self.param_groups[-1]["params"]:
            self.state[p] = {"step": 0, "sum": _filled(p.detach(), tau)}

    def load_state_dict(self, state_dict: Group) -> None:
        """Go on as the optimizer that gave `state_dict` would have.

        The dict is copied, its options win over the constructor's, and S keeps the
        dtype it was saved in. Raises ValueError where the dict does not fit in
        groups, params, options, shapes or counters, and then changes nothing.
        """
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups = deepcopy(entry(state_dict, "param_groups"))
        pairs = _paired(self.param_groups, groups)
        entries = entry(state_dict, "state")
        if set(entries) != {key for key, _ in pairs}:
            raise ValueError("the state dict does not have one state for each param")
        state = {p: _loaded(p, entries[key], key) for key, p in pairs}
        for group, old in zip(groups, self.param_groups, strict=True):
            group["params"] = old["params"]
            if "param_names" in old:
                group.setdefault("param_names", old["param_names"])
        self.param_groups = groups
        self.state.clear()
        self.state.update(state)
        for post_hook in self._optimizer_load_state_dict_post_hooks.values():
            post_hook(self)

    def share_memory(self) -> None:
        """Move every S into memory that processes share; each counts its own steps."""
        for state in self.state.values():
            state["sum"].share_memory_()


def _rate(group: Group, t: int) -> float:
    """ALG-4 in binary64, whatever the types of the options are."""
    return float(group["lr"]) / (1 + (t - 1) * float(group["lr_decay"]))


def _gradients(group: Group) -> list[tuple[Tensor, Tensor]]:
    """Pair the params that have a gradient with it; a param without one is skipped."""
    pairs = [(p, g) for p in group["params"] if (g := p.grad) is not None]
    if group["weight_decay"] != 0 and any(g.is_sparse for _, g in pairs):
        raise RuntimeError("weight_decay cannot be used with a sparse gradient")
    return pairs


def _is_plain(slot: Slot) -> bool:
    """Whether the update can work on these tensors as they are."""
    theta, g, s, _ = slot
    return (
        (theta.dtype is torch.float32 or theta.dtype is torch.float64)
        and s.dtype is g.dtype is theta.dtype
        and not g.is_sparse
    )


def _plain(slot: Slot) -> tuple[Slot, Callable[[], None]]:
    """Make a slot by rule 2, and a call that stores its results."""
    theta, g, s, clr = slot
    rows: Any = ...
    if g.is_sparse:
        g = g.coalesce()  # duplicates are summed before they are squared
        rows, g = tuple(g.indices()), g.values()
    if theta.is_complex():
        theta, g, s = map(torch.view_as_real, (theta, g.resolve_conj(), s))
    wide = torch.promote_types(torch.promote_types(theta.dtype, s.dtype), torch.float32)
    new = Slot(theta[rows].to(wide), g.to(wide), s[rows].to(wide), clr)

    def store() -> None:
        theta[rows] = new.theta.to(theta.dtype)
        s[rows] = new.s.to(s.dtype)

    return new, store


@torch.inference_mode(False)  # a state that is made there could not be stepped outside
def _filled(like: Tensor, tau: float) -> Tensor:
    value = complex(tau, tau) if like.is_complex() else float(tau)
    wide = torch.complex128 if like.is_complex() else torch.float64
    # a copy rounds, to infinity if need be, where filling would raise on overflow
    return torch.zeros_like(like).copy_(
        torch.tensor(value, dtype=wide, device=like.device)
    )


def _paired(groups: list[Group], saved: list[Group]) -> list[tuple[Any, Tensor]]:
    """Pair saved keys with params, or raise ValueError where they do not fit."""
    check_sizes(groups, saved)
    keys = [key for group in saved for key in group["params"]]
    if len(set(keys)) != len(keys):
        raise ValueError("the state dict names a param twice")
    params = [p for group in groups for p in group["params"]]
    return list(zip(keys, params, strict=True))


@torch.inference_mode(False)
def _loaded(p: Tensor, saved: Group, key: object) -> Group:
    """Copy the saved state of one param, or raise ValueError."""
    s, t = entry(saved, "sum"), check_counter(entry(saved, "step"), key)
    if not isinstance(s, Tensor) or not (s.is_floating_point() or s.is_complex()):
        raise ValueError(f"the sum of param {key} is not a tensor of floats")
    if s.shape != p.shape or s.is_complex() != p.is_complex():
        raise ValueError(f"the sum of param {key} does not fit shape {tuple(p.shape)}")
    return {"step": t, "sum": s.detach().clone().to(p.device)}
