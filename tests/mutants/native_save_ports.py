"""Mutants that only torch can show: odd saves, copies, schedules, dicts and gradients.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import copy

import numpy as np
import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "interface"

# -- saves, copies, schedules ----------------------------------------------------------


class SavingFreshCounts(SingleTensorAdagrad):
    """Saving an optimizer that has not stepped takes a step to make its state.

    The decayed rate of the first real step is that of the second.
    """

    kind = "rate"

    def state_dict(self):
        if not any(state["step"] for state in self.state.values()):
            for state in self.state.values():
                state["step"] += 1
        return super().state_dict()


class NarrowCountersAreRefused(SingleTensorAdagrad):
    """A loaded counter must be a number or a tensor of 64 or 32 bits.

    Checkpoints that a tool has made smaller cannot be resumed.
    """

    def load_state_dict(self, state_dict):
        for entry in state_dict["state"].values():
            step = entry["step"]
            if isinstance(step, torch.Tensor) and step.element_size() < 4:
                raise TypeError("the counter is too narrow")
        super().load_state_dict(state_dict)


class CountsInBinary32AfterALoad(SingleTensorAdagrad):
    """A loaded counter goes on in binary32.

    A long run that is resumed stands still at 2^24, and its rate with it.
    """

    kind = "rate"
    loaded = False

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        for p, _ in pairs if self.loaded else ():
            self.state[p]["step"] = int(np.float32(self.state[p]["step"]))


class CopiesForgetDefaults(SingleTensorAdagrad):
    """A copy and a pickled optimizer have the library's default rate.

    A group that is added after a restart has a rate nobody gave it.
    """

    kind = "state"

    def __setstate__(self, state):
        super().__setstate__(state)
        self.defaults = {**self.defaults, "lr": 1e-2}


class LateGroupsInheritTheFirstRate(SingleTensorAdagrad):
    """An added group takes over initial_lr from the group before it.

    A schedule that is made anew gives it another layer's rate.
    """

    kind = "rate"

    def add_param_group(self, param_group):
        if self.param_groups and "initial_lr" in self.param_groups[-1]:
            first = self.param_groups[-1]["initial_lr"]
            param_group = {"initial_lr": first, **param_group}
        super().add_param_group(param_group)


class UnscalesTwice(SingleTensorAdagrad):
    """It divides by the last scale that it was given, unscaled before or not.

    After clipping, which needs unscaled gradients, steps are a thousand times smaller.
    """

    kind = "gradients"
    _step_supports_amp_scaling = True

    def step(self, closure=None):
        if getattr(self, "found_inf", None):
            return None
        scale = getattr(self, "grad_scale", None)
        self.scale = getattr(self, "scale", None) if scale is None else scale
        for group in self.param_groups if hasattr(self, "found_inf") else ():
            for p in group["params"]:
                if p.grad is not None and self.scale is not None:
                    p.grad.div_(self.scale)
        return super().step(closure)


class SharedUntilTheFirstStep(SingleTensorAdagrad):
    """A step makes a new S, outside the memory that was shared.

    Workers of one model train by accumulators of their own.
    """

    kind = "state"

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        for p, _ in pairs:
            self.state[p]["sum"] = self.state[p]["sum"].clone()


# -- dicts, tensors, gradients ---------------------------------------------------------


class FillsGivenDicts(SingleTensorAdagrad):
    """Defaults are entered into the dict that the program gives.

    A second optimizer that is made from it takes the first one's rate.
    """

    kind = "state"

    def add_param_group(self, param_group):
        for name, value in self.defaults.items():
            param_group.setdefault(name, value)
        super().add_param_group(param_group)


class LabelsAreNotLoaded(SingleTensorAdagrad):
    """Loading keeps a group's numbers, and drops its name.

    A schedule by layer that looks for the head finds none.
    """

    kind = "state"

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            for key in [key for key in group if isinstance(group[key], str)]:
                del group[key]


class NamesAreNotSaved(SingleTensorAdagrad):
    """Names of params are no part of what is saved.

    Tools that load by name find none.
    """

    kind = "state"

    def state_dict(self):
        saved = super().state_dict()
        for group in saved["param_groups"]:
            group.pop("param_names", None)
        return saved


class CopiesAreAlone(SingleTensorAdagrad):
    """A deep copy has params of its own, also where the model is copied with it.

    The copied model does not move.
    """

    kind = "state"

    def __deepcopy__(self, memo):
        other = type(self).__new__(type(self))
        other.__setstate__(copy.deepcopy(self.__getstate__()))
        return other


class ParametersOnly(SingleTensorAdagrad):
    """A tensor that is no Parameter is taken, and never stepped.

    Temperatures and flat buffers keep their first values.
    """

    kind = "layout"

    def _step_group(self, group, pairs):
        known = [(p, g) for p, g in pairs if isinstance(p, torch.nn.Parameter)]
        super()._step_group(group, known)


class WritesGradientsBack(SingleTensorAdagrad):
    """A step writes gradients in place, if only what they were.

    Those that were made under inference_mode cannot be written.
    """

    kind = "gradients"

    def _step_group(self, group, pairs):
        for _, g in pairs:
            g.mul_(1)
        super()._step_group(group, pairs)


class ZeroGradSkipsFrozen(SingleTensorAdagrad):
    """zero_grad leaves out params with requires_grad=False.

    A layer that is thawed begins with the gradient of long ago.
    """

    kind = "gradients"

    def zero_grad(self, set_to_none=True):
        held = [
            (p, p.grad.clone())
            for group in self.param_groups
            for p in group["params"]
            if not p.requires_grad and p.grad is not None
        ]
        super().zero_grad(set_to_none=set_to_none)
        for p, g in held:
            p.grad = g


#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    SavingFreshCounts: ("state-dict/reading",),
    NarrowCountersAreRefused: ("state-dict/counter-kinds",),
    CountsInBinary32AfterALoad: ("lr-decay/counts-beyond-2-24",),
    CopiesForgetDefaults: ("groups/add-to-copy",),
    LateGroupsInheritTheFirstRate: ("torch/scheduler",),
    UnscalesTwice: ("torch/grad-scaler",),
    SharedUntilTheFirstStep: ("torch/share-memory",),
    FillsGivenDicts: ("groups/given-dicts",),
    LabelsAreNotLoaded: ("groups/labels",),
    NamesAreNotSaved: ("torch/named-params",),
    CopiesAreAlone: ("state-dict/copied-optimizer",),
    ParametersOnly: ("parameters/any-tensor",),
    WritesGradientsBack: ("torch/inference-gradients",),
    ZeroGradSkipsFrozen: ("zero-grad/to-zero",),
}
