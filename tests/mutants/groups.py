"""Mutants of groups, options, refusals and closures."""

from __future__ import annotations

import math

import torch
from mutant_kit import Bent

from adagrad_conformance.candidates.torch_single import SingleTensorAdagrad


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


class GroupOptionsIgnored(Bent):
    """Every group steps with the constructor's options.  Known bug 87."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, self.defaults)


class FirstGroupForAll(Bent):
    """Every group steps with the first group's options.  Known bug 87."""

    def _step_param(self, p, group):
        super()._step_param(p, self.param_groups[0])


class ThirdGroupWrong(Bent):
    """Groups after the second use the defaults."""

    def _step_param(self, p, group):
        late = all(group is not g for g in self.param_groups[:2])
        super()._step_param(p, self.defaults if late else group)


class OptionsLeak(Bent):
    """A group's options become the defaults of those behind it."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self.defaults.update(options_of(self.param_groups[-1]))


class FalsyOverrideIgnored(Bent):
    """`option or default`: a group cannot switch decay or maximize off."""

    def add_param_group(self, param_group):
        kept = {k: v for k, v in param_group.items() if k == "params" or v}
        super().add_param_group(kept)


class OptionsCached(Bent):
    """Options are read once.  Learning-rate schedulers go dead."""

    def move(self, p, grad, state, o):
        cached = state.setdefault("options", options_of(o))
        super().move(p, grad, state, cached)


class FirstGroupCached(Bent):
    """Only the first group's options are read once."""

    def move(self, p, grad, state, o):
        if o is self.param_groups[0]:
            o = state.setdefault("options", options_of(o))
        super().move(p, grad, state, o)


class OptionChangeLate(Bent):
    """A changed option takes effect one step later."""

    def move(self, p, grad, state, o):
        last = state.get("options", options_of(o))
        state["options"] = options_of(o)
        super().move(p, grad, state, last)


class OptionChangeReachesAll(Bent):
    """Groups without options of their own share one dict."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if set(param_group) == {"params"}:
            self.bare = [*getattr(self, "bare", ()), self.param_groups[-1]]

    def move(self, p, grad, state, o):
        bare = getattr(self, "bare", ())
        changed = {
            name: group[name]
            for group in bare
            for name in self.defaults
            if group[name] != self.defaults[name]
        }
        shared = any(o is group for group in bare)
        super().move(p, grad, state, {**o, **changed} if shared else o)


class SwitchingOffIgnored(Bent):
    """An option that is changed to 0 or False keeps its old value."""

    def move(self, p, grad, state, o):
        old = state.get("options", {})
        state["options"] = {k: v or old.get(k, v) for k, v in options_of(o).items()}
        super().move(p, grad, state, state["options"])


class AddResetsOlder(Bent):
    """Adding a group makes the state of all params anew."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self._params():
            self.state[p]["step"] = 0


class AddedStartsLate(Bent):
    """Added params start with the t of the older ones."""

    def add_param_group(self, param_group):
        latest = max((state["step"] for state in self.state.values()), default=0)
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["step"] = latest


class AddedWithoutInitial(Bent):
    """Added params start with S = 0.  Known bug 7."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if any(state["step"] for state in self.state.values()):
            for p in self.param_groups[-1]["params"]:
                self.state[p]["sum"][...] = 0


class AddedNeverSteps(Bent):
    """The list of params is made once.  Known bugs 23 and 78."""

    def step(self, closure=None):
        self.known = getattr(self, "known", set()) or set(self._params())
        return super().step(closure)

    def _step_param(self, p, group):
        if p in self.known:
            super()._step_param(p, group)


class AddedLikeFirst(Bent):
    """What an added group leaves out comes from the first group.  Known bug 79."""

    def add_param_group(self, param_group):
        stepped = any(state["step"] for state in self.state.values())
        first = options_of(self.param_groups[0]) if stepped else {}
        super().add_param_group({**first, **param_group})


class AddedLikeLast(Bent):
    """What an added group leaves out comes from the group before it."""

    def add_param_group(self, param_group):
        last = options_of(self.param_groups[-1]) if self.param_groups else {}
        super().add_param_group({**last, **param_group})


class GroupInitialIgnored(Bent):
    """A group's initial_accumulator_value is dead.  Known bug 7."""

    def add_param_group(self, param_group):
        name = "initial_accumulator_value"
        super().add_param_group({**param_group, name: self.defaults[name]})


# -- refusals --------------------------------------------------------------------------


class DuplicateAccepted(Bent):
    """A param may be in two groups and then steps twice."""

    def add_param_group(self, param_group):
        kept = dict(self.state)
        self.state.clear()
        super().add_param_group(param_group)
        self.state.update(kept)


class UnsteppedDuplicateAccepted(Bent):
    """Duplicates are noticed by their state, if any.  Known bug 25."""

    def add_param_group(self, param_group):
        kept = dict(self.state)
        for p, state in kept.items():
            if not state["step"]:
                del self.state[p]
        super().add_param_group(param_group)
        self.state.update(kept)


class DuplicateHalfAdded(Bent):
    """The refused group's other params are added all the same."""

    def add_param_group(self, param_group):
        try:
            super().add_param_group(param_group)
        except ValueError:
            fresh = [p for p in param_group["params"] if p not in self.state]
            if fresh:
                super().add_param_group({**param_group, "params": fresh})
            raise


def without_check(values):
    """The options with illegal numbers made legal, for a constructor that checks."""
    return {k: v if k == "maximize" or v >= 0 else 0.0 for k, v in values.items()}


class NegativeAccepted(Bent):
    """Negative options are accepted.  Known bug 55.  A typo trains to nonsense."""

    def __init__(self, params, **options):
        negative = {k: abs(v) for k, v in options.items() if v < 0}
        super().__init__(params, **{**options, **negative})


class NegativeRateAccepted(Bent):
    """Only lr goes unchecked.  Known bug 55."""

    def __init__(self, params, lr=1e-2, **options):
        super().__init__(params, lr=abs(lr), **options)


class NanAccepted(Bent):
    """`if value < 0: raise` lets NaN pass."""

    def __init__(self, params, **options):
        legal = {k: 0.5 if math.isnan(v) else v for k, v in options.items()}
        super().__init__(params, **legal)


class NanEpsAccepted(Bent):
    """Only eps goes unchecked for NaN."""

    def __init__(self, params, eps=1e-10, **options):
        super().__init__(params, eps=0.5 if math.isnan(eps) else eps, **options)


class GroupOptionsUnchecked(Bent):
    """Options of groups are not checked.  Known bug 17."""

    def add_param_group(self, param_group):
        given = {k: v for k, v in param_group.items() if k != "params"}
        params = {"params": param_group["params"]}
        super().add_param_group({**params, **without_check(given)})


class ZerosRefused(Bent):
    """lr = 0 and eps = 0 are refused, though legal."""

    def __init__(self, params, lr=1e-2, eps=1e-10, **options):
        if not (lr and eps):
            raise ValueError("lr and eps must be positive")
        super().__init__(params, lr=lr, eps=eps, **options)


# -- closures --------------------------------------------------------------------------


class ClosureTwice(Bent):
    """The closure is called again for the loss.  Gradients double, time too."""

    def step(self, closure=None):
        if closure is not None:
            closure()
        return super().step(closure)


class ClosureAfterUpdate(Bent):
    """The closure is called after the update.  The step uses old gradients."""

    def step(self, closure=None):
        super().step()
        return None if closure is None else closure()


class DecaysBeforeClosure(Bent):
    """The params move a little before the closure is called."""

    def step(self, closure=None):
        for p in self._params() if closure else ():
            p.data[...] = p.data * 0.99
        return super().step(closure)


class ClosureNeverCalled(Bent):
    """The closure is accepted and ignored."""

    def step(self, closure=None):
        return super().step()


class LossNotReturned(Bent):
    """step(closure) returns None.  Line searches and logs lose the loss."""

    def step(self, closure=None):
        super().step(closure)


class LossOfLastStep(Bent):
    """step(closure) returns the loss of the call before."""

    def step(self, closure=None):
        last, self.loss = getattr(self, "loss", 0.0), super().step(closure)
        return None if closure is None else last


class StepReturnsNumber(Bent):
    """step() without a closure returns a number instead of None."""

    def step(self, closure=None):
        loss = super().step(closure)
        return 0.0 if closure is None else loss


class ClosureWithoutGradients(SingleTensorAdagrad):
    """The closure is called under no_grad.  Known bugs 33 and 80."""

    def step(self, closure=None):
        if closure is None:
            return super().step()
        with torch.no_grad():
            loss = closure()
        super().step()
        return loss
