"""Mutants that only torch can show: wrong where torch's own machinery is used.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "interface"

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
    """Params with names are refused, though torch knows them.

    A model's named_parameters() cannot be given as they are.
    """

    def add_param_group(self, param_group):
        param_group["params"] = list(param_group["params"])
        if any(isinstance(p, tuple) for p in param_group["params"]):
            raise TypeError("a param is a tuple")
        super().add_param_group(param_group)


class StepsDuplicatesOnce(SingleTensorAdagrad):
    """A param given twice is silently taken once.

    A weight that is tied on purpose moves half as far as in torch.
    """

    def add_param_group(self, param_group):
        given = list(param_group["params"])
        super().add_param_group({**param_group, "params": list(dict.fromkeys(given))})


class ReturnsAfterSparse(SingleTensorAdagrad):
    """With a sparse gradient in a group the dense params stand still. Known bug 20."""

    kind = "sparse"

    def _step_group(self, group, pairs):
        sparse = [pair for pair in pairs if pair[1].is_sparse]
        super()._step_group(group, sparse or pairs)


class ByForeachOtherBits(SingleTensorAdagrad):
    """foreach=True is offered and rounds otherwise.

    The result depends on which path the machine chooses.  Known bug 15 is like it.
    """

    kind = "layout"

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

    kind = "layout"

    def _update(self, slots, *options):
        super()._update(slots, *options)
        for slot in slots:
            if slot.theta.untyped_storage().nbytes() == slot.theta.nbytes:
                slot.theta.data = slot.theta.data.clone()


class SumRequiresGrad(SingleTensorAdagrad):
    """S is part of a graph. Memory grows from step to step."""

    kind = "state"

    def _update(self, slots, *options):
        super()._update(slots, *options)
        for slot in slots:
            slot.s.requires_grad_()


class ClosureWithoutGradients(SingleTensorAdagrad):
    """The closure is called with gradients disabled. Known bugs 33 and 80."""

    kind = "gradients"

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


class LeavesGradientsEnabled(SingleTensorAdagrad):
    """Gradients are enabled for the closure and for all that comes later.

    A validation loop under no_grad suddenly records graphs.
    """

    kind = "gradients"

    def step(self, closure=None):
        loss = None
        if closure is not None:
            torch.set_grad_enabled(True)
            loss = closure()
        super().step()
        return loss


class FillsMissingGradients(SingleTensorAdagrad):
    """Once a gradient comes, every param that has none yet gets zeros.

    Frozen branches decay and count.
    """

    kind = "gradients"

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
    """Hooks on loading are registered and never called.

    A wrapper that rewrites checkpoints loads them raw.
    """

    def load_state_dict(self, state_dict):
        before, after = (
            self._optimizer_load_state_dict_pre_hooks,
            self._optimizer_load_state_dict_post_hooks,
        )
        kept = before.copy(), after.copy()
        before.clear(), after.clear()
        super().load_state_dict(state_dict)
        before.update(kept[0]), after.update(kept[1])


CLOSURE = "closure/gradients-enabled"
IN_PLACE = "algorithm/in-place"
ITERABLE = "parameters/iterable"
NAMES = "torch/named-params"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    ExhaustsGenerators: (ITERABLE,),
    TakesALoneTensor: ("torch/lone-tensor-refused",),
    RefusesNames: (NAMES,),
    StepsDuplicatesOnce: ("groups/duplicate-in-one-list",),
    ReturnsAfterSparse: ("groups/mixed-formats",),
    ByForeachOtherBits: ("parameters/paths-agree",),
    NewStorage: (IN_PLACE,),
    SumRequiresGrad: (IN_PLACE,),
    ClosureWithoutGradients: (CLOSURE,),
    LeavesGradientsEnabled: ("closure/under-no-grad",),
    FillsMissingGradients: ("zero-grad/backward-keeps-none",),
    ForgetsLoadHooks: ("torch/hooks",),
}
