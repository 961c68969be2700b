"""Mutants that only torch can show: groups that are empty or edited, odd params.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import torch
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "state"

# -- groups ----------------------------------------------------------------------------


class EmptyGroupShiftsOptions(SingleTensorAdagrad):
    """Options are looked up by a group's place among those that have params.

    Behind an empty group each group steps by the rate of the one before.
    """

    def _step_group(self, group, pairs):
        full = [other for other in self.param_groups if other["params"]]
        place = next(i for i, other in enumerate(full) if other is group)
        super()._step_group(self.param_groups[place], pairs)


class SavesNoEmptyGroups(SingleTensorAdagrad):
    """Groups without params are not saved.

    The checkpoint of a pruned model does not fit the model.
    """

    def state_dict(self):
        saved = super().state_dict()
        full = [group for group in saved["param_groups"] if group["params"]]
        return {**saved, "param_groups": full}


class RefusesEmptyGroups(SingleTensorAdagrad):
    """A group must have a param.  Sharded models, which leave some empty, fail."""

    kind = "interface"

    def add_param_group(self, param_group):
        params = param_group["params"]
        if isinstance(params, list) and not params:
            raise ValueError("a group has no params")
        super().add_param_group(param_group)


class NeedsALargestParam(SingleTensorAdagrad):
    """A step sizes its scratch memory by the largest param, and there may be none.

    A worker that was given no layer fails.
    """

    kind = "interface"

    def step(self, closure=None):
        max(p.numel() for group in self.param_groups for p in group["params"])
        return super().step(closure)


class FillsGroupsAgain(SingleTensorAdagrad):
    """A step goes by the params that each group had at first.

    Layers that a program takes out go on training.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        listed = vars(self).setdefault("listed", [])
        listed.append(list(self.param_groups[-1]["params"]))

    def step(self, closure=None):
        listed = vars(self).get("listed", [])
        for group, params in zip(self.param_groups, listed, strict=False):
            if len(group["params"]) < len(params):
                group["params"] = list(params)
        return super().step(closure)


class DropsStateOfTheAbsent(SingleTensorAdagrad):
    """State of params that are in no group is thrown away by the next step.

    Layers that come back begin with the rate of the first day.
    """

    def step(self, closure=None):
        present = {p for group in self.param_groups for p in group["params"]}
        for p, state in self.state.items():
            if p not in present:
                state["step"], state["sum"] = 0, torch.zeros_like(p)
        return super().step(closure)


class StepsReplacedParams(SingleTensorAdagrad):
    """A param without state gets one at its first step. Known bug 94.

    After a param was replaced the run goes on, and cannot be saved any more.
    """

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            if not self.state[p]:
                self.state[p] = {"step": 0, "sum": torch.zeros_like(p)}
        super()._step_group(group, pairs)


# -- params ----------------------------------------------------------------------------


class DecaysFrozenParams(SingleTensorAdagrad):
    """Weight decay acts on params with requires_grad=False.

    Frozen layers shrink; known of two other optimizers.
    """

    kind = "gradients"

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if not p.requires_grad and p.grad is None:
                    p.mul_(1 - float(group["lr"] * group["weight_decay"]))
        return super().step(closure)


class FrozenOnceAndForAll(SingleTensorAdagrad):
    """Params that are frozen when they are added are never stepped.

    Layers that are thawed later stay as they were.
    """

    kind = "gradients"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        frozen = vars(self).setdefault("frozen", set())
        frozen |= {p for p in self.param_groups[-1]["params"] if not p.requires_grad}

    def _step_group(self, group, pairs):
        frozen = vars(self).get("frozen", set())
        super()._step_group(group, [(p, g) for p, g in pairs if p not in frozen])


class TakesTensorsThatAreComputed(SingleTensorAdagrad):
    """A tensor that was computed is cut off from what it came from, and taken.

    The params that it was computed from never move.
    """

    kind = "interface"

    def add_param_group(self, param_group):
        params = param_group["params"]
        if isinstance(params, list):
            params = [
                p.detach() if isinstance(p, torch.Tensor) and not p.is_leaf else p
                for p in params
            ]
        super().add_param_group({**param_group, "params": params})


class LazyParamsIgnoreTau(SingleTensorAdagrad):
    """Params of lazy modules are taken, and start with S = 0 whatever was given.

    The rates of lazy layers differ from those of the others.
    """

    def add_param_group(self, param_group):
        params = param_group["params"]
        if not isinstance(params, list) or not any(map(is_lazy, params)):
            super().add_param_group(param_group)
            return
        Optimizer.add_param_group(self, {**self.defaults, **param_group})
        tau = self.param_groups[-1]["initial_accumulator_value"]
        for p in params:
            if not is_lazy(p):
                self.state[p] = {"step": 0, "sum": torch.full_like(p, tau)}

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            if not self.state[p]:
                self.state[p] = {"step": 0, "sum": torch.zeros_like(p)}
        super()._step_group(group, pairs)


class KeyedByAddress(SingleTensorAdagrad):
    """State belongs to the memory of a param. In new memory S starts anew.

    Moving a model, or loading weights into it, forgets the history.
    """

    def _step_group(self, group, pairs):
        known = vars(self).setdefault("known", {})
        for p, _ in pairs:
            if known.setdefault(p, p.data_ptr()) != p.data_ptr():
                known[p] = p.data_ptr()
                self.state[p]["sum"].zero_()
        super()._step_group(group, pairs)


class SumKeepsItsDtype(SingleTensorAdagrad):
    """S has for ever the dtype that its param had at first. Known bug 92.

    A model that is made binary64 gains nothing by it.
    """

    kind = "numerics"

    def _step_group(self, group, pairs):
        dtypes = {p: self.state[p]["sum"].dtype for p, _ in pairs}
        super()._step_group(group, pairs)
        for p, dtype in dtypes.items():
            self.state[p]["sum"] = self.state[p]["sum"].to(dtype)


class TakesSets(SingleTensorAdagrad):
    """A set of params is taken in its order of today. Known bug 93.

    Tomorrow the checkpoint is loaded into other params.
    """

    kind = "interface"

    def __init__(self, params, *args, **options):
        if isinstance(params, set | frozenset):
            params = list(params)
        super().__init__(params, *args, **options)


EMPTY, TAKEN = "groups/empty", "groups/empty-taken"
REFILLED, FROZEN = "groups/emptied-and-refilled", "none-vs-zero/frozen"

#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    EmptyGroupShiftsOptions: (EMPTY,),
    SavesNoEmptyGroups: (EMPTY,),
    RefusesEmptyGroups: (TAKEN,),
    NeedsALargestParam: (TAKEN,),
    FillsGroupsAgain: (REFILLED,),
    DropsStateOfTheAbsent: (REFILLED,),
    StepsReplacedParams: ("groups/replaced-param",),
    DecaysFrozenParams: (FROZEN,),
    FrozenOnceAndForAll: (FROZEN,),
    TakesTensorsThatAreComputed: ("torch/non-leaf-refused",),
    LazyParamsIgnoreTau: ("torch/lazy-params",),
    KeyedByAddress: ("torch/moved-params",),
    SumKeepsItsDtype: ("torch/retyped-params",),
    TakesSets: ("torch/sets-refused",),
}
