"""Mutants that only torch can show: what drives an optimizer, and derivatives of steps.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad, adagrad_
from adagrad_conformance.adapters.own.validation import OPTIONS

KIND = "interface"

# -- schedulers, scalers, dtypes, processes --------------------------------------------


class FirstRateStays(SingleTensorAdagrad):
    """The rate that a scheduler notes as the first one is used for ever.

    Schedules have no effect.
    """

    kind = "rate"

    def _step_group(self, group, pairs):
        first = group.get("initial_lr", group["lr"])
        super()._step_group({**group, "lr": first}, pairs)


class DropsUnknownKeys(SingleTensorAdagrad):
    """Loading keeps the options it knows. A schedule cannot be resumed."""

    kind = "state"

    def load_state_dict(self, state_dict):
        known = {*OPTIONS, "params"}
        groups = [
            {name: group[name] for name in group if name in known}
            for group in state_dict["param_groups"]
        ]
        super().load_state_dict({**state_dict, "param_groups": groups})


class OneDefaultDtype(SingleTensorAdagrad):
    """Scratch memory of the default dtype must be float32. Known bug 29 is like it."""

    kind = "numerics"

    def _update(self, slots, *options):
        if torch.empty(0).dtype != torch.float32:
            raise RuntimeError("expected all tensors to be of one dtype")
        super()._update(slots, *options)


class DefaultDtypeWins(SingleTensorAdagrad):
    """S is made in the default dtype, unless that is the narrower one.

    Memory doubles, and runs differ by a global setting.
    """

    kind = "numerics"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        default = torch.get_default_dtype()
        for p in self.param_groups[-1]["params"]:
            state = self.state[p]
            if not p.is_complex() and default == torch.float64:
                state["sum"] = state["sum"].to(default)


class DecaysTensorRate(SingleTensorAdagrad):
    """A rate that is a tensor is decayed in place, in the caller's hands.

    The rate is decayed twice, and for other optimizers too.  Known bug 32.
    """

    kind = "rate"

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].mul_(0.75)


class RefusesTensorRate(SingleTensorAdagrad):
    """The rate must be a float.

    A compiled step must be compiled anew for each rate.
    """

    def __init__(self, params, lr=1e-2, *args, **options):
        if isinstance(lr, torch.Tensor):
            raise TypeError("lr is no float")
        super().__init__(params, lr, *args, **options)


class IgnoresScale(SingleTensorAdagrad):
    """It says that it unscales gradients by itself, and does not.

    Steps in mixed precision are of scaled gradients, and S overflows.
    """

    kind = "gradients"

    _step_supports_amp_scaling = True

    def step(self, closure=None):
        if getattr(self, "found_inf", None):
            return None
        return super().step(closure)


class StepsOnInfinity(SingleTensorAdagrad):
    """It unscales gradients by itself, and steps though some are infinite.

    One overflow of the loss scale destroys the weights.
    """

    kind = "gradients"

    _step_supports_amp_scaling = True

    def step(self, closure=None):
        scale = getattr(self, "grad_scale", None)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and scale is not None:
                    p.grad.div_(scale)
        return super().step(closure)


class CountsSkippedSteps(StepsOnInfinity):
    """A step that is skipped for infinite gradients counts. Rates decay too fast."""

    def step(self, closure=None):
        if not getattr(self, "found_inf", None):
            return super().step(closure)
        for state in self.state.values():
            state["step"] += 1
        return None


class SharesNothing(SingleTensorAdagrad):
    """share_memory is there and does nothing.

    Workers of one model train by accumulators of their own.
    """

    kind = "state"

    def share_memory(self):
        pass


class ForgetsLateGroups(SingleTensorAdagrad):
    """share_memory fails on params added later. Known bug 8."""

    kind = "state"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        params = self.param_groups[-1]["params"]
        self.late = {*params} if hasattr(self, "late") else set()

    def share_memory(self):
        if self.late:
            raise KeyError("sum")
        super().share_memory()


# -- differentiable --------------------------------------------------------------------


class _Differentiable(SingleTensorAdagrad):
    """Right: the whole step is recorded."""

    def __init__(self, params, *args, differentiable=False, **options):
        self.wanted = differentiable
        super().__init__(params, *args, **options)

    def add_param_group(self, param_group):
        wanted = vars(self).pop("wanted", False)
        self.defaults.setdefault("differentiable", wanted)
        super().add_param_group(param_group)

    def _update(self, slots, weight_decay, eps, maximize):
        if not self.defaults["differentiable"]:
            super()._update(slots, weight_decay, eps, maximize)
            return
        with torch.enable_grad():
            for theta, g, s, clr in slots:
                used = -g if maximize else g
                used = used.add(theta, alpha=weight_decay) if weight_decay else used
                s.addcmul_(used, used)
                theta.addcdiv_(used, self.root(s) + eps, value=-clr)

    def root(self, s):
        return s.sqrt()


class IgnoresDifferentiable(_Differentiable):
    """differentiable=True is taken, and the step is not recorded.

    Meta-learning gets zero derivatives and no error.
    """

    def _update(self, slots, *options):
        with torch.no_grad():
            for slot in slots:
                adagrad_(*slot, *options)


class RootIsConstant(_Differentiable):
    """The derivative leaves out that S depends on the gradient.

    Meta-learning follows a wrong derivative.
    """

    def root(self, s):
        return s.detach().sqrt()


class EarlierStepsAreConstant(_Differentiable):
    """The derivative ends at the step before. S is cut from what made it."""

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            self.state[p]["sum"] = self.state[p]["sum"].detach()
        super()._step_group(group, pairs)


DEFAULT_DTYPE = "torch/default-dtype"
DERIVATIVE = "torch/differentiable"
SCALER = "torch/grad-scaler"
SCHEDULER = "torch/scheduler"
SHARED = "torch/share-memory"
TENSOR_LR = "torch/tensor-lr"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    FirstRateStays: (SCHEDULER,),
    DropsUnknownKeys: (SCHEDULER,),
    OneDefaultDtype: (DEFAULT_DTYPE,),
    DefaultDtypeWins: (DEFAULT_DTYPE,),
    DecaysTensorRate: (TENSOR_LR,),
    RefusesTensorRate: (TENSOR_LR,),
    IgnoresScale: (SCALER,),
    StepsOnInfinity: (SCALER,),
    CountsSkippedSteps: (SCALER,),
    SharesNothing: (SHARED,),
    ForgetsLateGroups: (SHARED,),
    IgnoresDifferentiable: (DERIVATIVE,),
    RootIsConstant: (DERIVATIVE,),
    EarlierStepsAreConstant: (DERIVATIVE,),
}
