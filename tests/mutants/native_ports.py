"""Mutants that only torch can show: wrong where torch's own machinery is used.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import torch

from adagrad_conformance.candidates.checks import OPTIONS
from adagrad_conformance.candidates.torch_single import SingleTensorAdagrad, adagrad_

# -- params ----------------------------------------------------------------------------


class ExhaustsGenerators(SingleTensorAdagrad):
    """It counts the params first. A generator is empty by then."""

    def __init__(self, params, *args, **options):
        if not list(params):
            raise ValueError("no params")
        super().__init__(params, *args, **options)


class TakesALoneTensor(SingleTensorAdagrad):
    """A single tensor is wrapped into a list. A forgotten bracket is not seen."""

    def __init__(self, params, *args, **options):
        lone = isinstance(params, torch.Tensor)
        super().__init__([params] if lone else params, *args, **options)


class RefusesNames(SingleTensorAdagrad):
    """Params with names are refused, though torch knows them."""

    def add_param_group(self, param_group):
        param_group["params"] = list(param_group["params"])
        if any(isinstance(p, tuple) for p in param_group["params"]):
            raise TypeError("a param is a tuple")
        super().add_param_group(param_group)


class StepsDuplicatesOnce(SingleTensorAdagrad):
    """A param given twice is silently taken once."""

    def add_param_group(self, param_group):
        given = list(param_group["params"])
        super().add_param_group({**param_group, "params": list(dict.fromkeys(given))})


class ReturnsAfterSparse(SingleTensorAdagrad):
    """With a sparse gradient in a group the dense params stand still. Known bug 20."""

    def _step_group(self, group, pairs):
        sparse = [pair for pair in pairs if pair[1].is_sparse]
        super()._step_group(group, sparse or pairs)


class ByForeachOtherBits(SingleTensorAdagrad):
    """foreach=True is offered and rounds otherwise."""

    def __init__(self, params, *args, foreach=None, **options):
        super().__init__(params, *args, **options)
        self.defaults["foreach"] = foreach

    def _update(self, slots, weight_decay, eps, maximize):
        if self.defaults.get("foreach"):
            slots = [slot._replace(clr=slot.clr * (1 + 2**-23)) for slot in slots]
        super()._update(slots, weight_decay, eps, maximize)


# -- the step --------------------------------------------------------------------------


class NewStorage(SingleTensorAdagrad):
    """The step ends in new memory. Tied weights and views see the old values."""

    def _update(self, slots, *options):
        super()._update(slots, *options)
        for slot in slots:
            if slot.theta.untyped_storage().nbytes() == slot.theta.nbytes:
                slot.theta.data = slot.theta.data.clone()


class SumRequiresGrad(SingleTensorAdagrad):
    """S is part of a graph. Memory grows from step to step."""

    def _update(self, slots, *options):
        super()._update(slots, *options)
        for slot in slots:
            slot.s.requires_grad_()


class ClosureWithoutGradients(SingleTensorAdagrad):
    """The closure is called with gradients disabled. Known bugs 33 and 80."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


class LeavesGradientsEnabled(SingleTensorAdagrad):
    """Gradients are enabled for the closure and for all that comes later."""

    def step(self, closure=None):
        loss = None
        if closure is not None:
            torch.set_grad_enabled(True)
            loss = closure()
        super().step()
        return loss


class FillsMissingGradients(SingleTensorAdagrad):
    """Once a gradient comes, every param that has none yet gets zeros."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.requires_grad:
                p.register_post_accumulate_grad_hook(self._fill)

    def _fill(self, _):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None and p.requires_grad:
                    p.grad = torch.zeros_like(p)


class ForgetsLoadHooks(SingleTensorAdagrad):
    """Hooks on loading are registered and never called."""

    def load_state_dict(self, state_dict):
        before, after = (
            self._optimizer_load_state_dict_pre_hooks,
            self._optimizer_load_state_dict_post_hooks,
        )
        kept = before.copy(), after.copy()
        before.clear(), after.clear()
        super().load_state_dict(state_dict)
        before.update(kept[0]), after.update(kept[1])


# -- what drives it --------------------------------------------------------------------


class FirstRateStays(SingleTensorAdagrad):
    """The rate that a scheduler notes as the first one is used for ever."""

    def _step_group(self, group, pairs):
        first = group.get("initial_lr", group["lr"])
        super()._step_group({**group, "lr": first}, pairs)


class DropsUnknownKeys(SingleTensorAdagrad):
    """Loading keeps the options it knows. A schedule cannot be resumed."""

    def load_state_dict(self, state_dict):
        known = {*OPTIONS, "params"}
        groups = [
            {name: group[name] for name in group if name in known}
            for group in state_dict["param_groups"]
        ]
        super().load_state_dict({**state_dict, "param_groups": groups})


class OneDefaultDtype(SingleTensorAdagrad):
    """Scratch memory of the default dtype must be float32. Known bug 29 is like it."""

    def _update(self, slots, *options):
        if torch.empty(0).dtype != torch.float32:
            raise RuntimeError("expected all tensors to be of one dtype")
        super()._update(slots, *options)


class DefaultDtypeWins(SingleTensorAdagrad):
    """S is made in the default dtype, unless that is the narrower one."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        default = torch.get_default_dtype()
        for p in self.param_groups[-1]["params"]:
            state = self.state[p]
            if not p.is_complex() and default == torch.float64:
                state["sum"] = state["sum"].to(default)


class DecaysTensorRate(SingleTensorAdagrad):
    """A rate that is a tensor is decayed in place, in the caller's hands."""

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].mul_(0.75)


class RefusesTensorRate(SingleTensorAdagrad):
    """The rate must be a float."""

    def __init__(self, params, lr=1e-2, *args, **options):
        if isinstance(lr, torch.Tensor):
            raise TypeError("lr is no float")
        super().__init__(params, lr, *args, **options)


class IgnoresScale(SingleTensorAdagrad):
    """It says that it unscales gradients by itself, and does not."""

    _step_supports_amp_scaling = True

    def step(self, closure=None):
        if getattr(self, "found_inf", None):
            return None
        return super().step(closure)


class StepsOnInfinity(SingleTensorAdagrad):
    """It unscales gradients by itself, and steps though some are infinite."""

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
    """share_memory is there and does nothing."""

    def share_memory(self):
        pass


class ForgetsLateGroups(SingleTensorAdagrad):
    """share_memory fails on params added later. Known bug 8."""

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
    """differentiable=True is taken, and the step is not recorded."""

    def _update(self, slots, *options):
        with torch.no_grad():
            for slot in slots:
                adagrad_(*slot, *options)


class RootIsConstant(_Differentiable):
    """The derivative leaves out that S depends on the gradient."""

    def root(self, s):
        return s.detach().sqrt()


class EarlierStepsAreConstant(_Differentiable):
    """The derivative ends at the step before. S is cut from what made it."""

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            self.state[p]["sum"] = self.state[p]["sum"].detach()
        super()._step_group(group, pairs)


ITERABLE, NAMES = "parameters/iterable", "torch/named-params"
IN_PLACE, CLOSURE = "algorithm/in-place", "closure/gradients-enabled"
SCHEDULER, TENSOR_LR = "torch/scheduler", "torch/tensor-lr"
DEFAULT_DTYPE, DERIVATIVE = "torch/default-dtype", "torch/differentiable"
SCALER, SHARED = "torch/grad-scaler", "torch/share-memory"

#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    ExhaustsGenerators: (ITERABLE,),
    TakesALoneTensor: ("torch/lone-tensor-refused",),
    RefusesNames: (NAMES,),
    StepsDuplicatesOnce: ("groups/duplicate-in-one-list",),
    ReturnsAfterSparse: ("groups/mixed-formats",),
    ByForeachOtherBits: ("parameters/paths-agree",),
    NewStorage: (IN_PLACE,),
    SumRequiresGrad: (IN_PLACE,),
    ClosureWithoutGradients: (CLOSURE,),
    LeavesGradientsEnabled: (CLOSURE,),
    FillsMissingGradients: ("zero-grad/backward-keeps-none",),
    ForgetsLoadHooks: ("torch/hooks",),
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
