"""Mutants by the history of saves, loads, zero_grad and closures."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from history_ports import _Noting
from mutant_kit import Bent

KIND = "state"


class LoadNeverRewinds(Bent):
    """Loading an earlier state keeps the larger counter.

    After a rollback S is that of then and the rate that of now.
    """

    def load_state_dict(self, state_dict):
        before = {p: state["step"] for p, state in self.state.items()}
        super().load_state_dict(state_dict)
        for p, state in self.state.items():
            state["step"] = max(state["step"], before[p])


class SaveCachedUntilStep(Bent):
    """state_dict() is kept until the next step.

    A save after a changed option, or a load, is the one before it.
    """

    kept = None

    def step(self, closure=None):
        self.kept = None
        return super().step(closure)

    def state_dict(self):
        if self.kept is None:
            self.kept = super().state_dict()
        return deepcopy(self.kept)

    def add_param_group(self, param_group):
        self.kept = None
        super().add_param_group(param_group)


class SaveSeesFirstParamOnly(SaveCachedUntilStep):
    """state_dict() is made anew only if the first param has moved.

    While the first layer is frozen each checkpoint is the first one.
    """

    def step(self, closure=None):
        kept = self.kept
        loss = super().step(closure)
        moved = self.param_groups[0]["params"]
        if moved and moved[0].grad is None:
            self.kept = kept
        return loss


class SaveBeforeStepAfterLoad(_Noting):
    """A param that has not moved since a load is saved as a fresh one.

    A run that is interrupted twice in a row loses its history.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.noted("pending").update(dict.fromkeys(self.state, True))

    def _step_param(self, p, group):
        self.noted("pending").pop(p, None)
        super()._step_param(p, group)

    def state_dict(self):
        saved = super().state_dict()
        for i, (p, group) in enumerate(self.pairs()):
            if p in self.noted("pending"):
                tau = group["initial_accumulator_value"]
                saved["state"][i]["sum"][...] = tau
                saved["state"][i]["step"] = 0
        return saved


class ChangeAfterSaveLost(Bent):
    """An option that is changed between a save and the next step waits for one step.

    A scheduler that steps behind the checkpoint comes one step late.
    """

    held: object = None

    def state_dict(self):
        self.held = [dict(group) for group in self.param_groups]
        return super().state_dict()

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.held = None

    def step(self, closure=None):
        loss = super().step(closure)
        self.held = None
        return loss

    def _step_param(self, p, group):
        i = next(i for i, g in enumerate(self.param_groups) if g is group)
        held = self.held[i] if self.held and i < len(self.held) else group
        super()._step_param(p, {**held, "params": group["params"]})


class RateCannotRiseAfterLoad(Bent):
    """After a load lr can only fall: the loaded one is an upper bound.

    A warm-up that is interrupted ends at the rate of the interruption.
    """

    bounds = None

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.bounds = [group["lr"] for group in self.param_groups]

    def rate(self, t, o):
        lr = o["lr"]
        for group, bound in zip(self.param_groups, self.bounds or (), strict=False):
            if group is o:
                lr = min(lr, bound)
        return super().rate(t, {**o, "lr": lr})


class SecondSaveIsDelta(_Noting):
    """From the second save on only params that moved since the last one are written.

    The others are saved as they were at the first save, whatever was loaded since.
    """

    def state_dict(self):
        saved = super().state_dict()
        first = self.noted("first")
        for i, (p, _) in enumerate(self.pairs()):
            t = saved["state"][i]["step"]
            if p in first and first[p]["step"] == t:
                saved["state"][i] = deepcopy(first[p])
            else:
                first[p] = deepcopy(saved["state"][i])
        return saved


class LoadedCounterLate(_Noting):
    """The step after a second load has the rate of the first load's t.

    A search that rolls back to different points uses one schedule for all.
    """

    kind = "rate"
    loads = 0

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loads += 1
        if self.loads == 1:
            self.noted("t").update({p: s["step"] for p, s in self.state.items()})
        self.fresh = self.loads > 1

    def step(self, closure=None):
        loss = super().step(closure)
        self.fresh = False
        return loss

    def _step_param(self, p, group):
        self.now = self.noted("t").get(p) if getattr(self, "fresh", False) else None
        super()._step_param(p, group)

    def rate(self, t, o):
        return super().rate(t if self.now is None else self.now + 1, o)


# -- zero_grad, closures ---------------------------------------------------------------


class SecondZeroGradGivesNone(Bent):
    """zero_grad(set_to_none=False) makes None of a gradient that is zero already.

    A step that should decay becomes a skip.
    """

    kind = "gradients"

    def zero_grad(self, set_to_none=True):
        for p in self._params():
            if p.grad is not None and not set_to_none and not np.any(p.grad):
                p.grad = None
        super().zero_grad(set_to_none)


class ZeroedGradientSkipped(_Noting):
    """Zeros that zero_grad has made are no gradient until somebody writes into them.

    Weight decay pauses for all params that the loss does not reach.
    """

    kind = "gradients"

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.noted("made").update({p: p.grad for p in self._params()})

    def _step_param(self, p, group):
        made = self.noted("made").get(p)
        if made is None or made is not p.grad or np.any(p.grad):
            super()._step_param(p, group)


class PlainStepAfterClosureStale(_Noting):
    """The gradients of a closure are kept and serve the next plain step too.

    A loop that evaluates by itself now and then moves along old gradients.
    """

    kind = "gradients"

    def step(self, closure=None):
        kept = self.noted("kept")
        if closure is None and kept:
            now = {p: p.grad for p in self._params()}
            for p, grad in kept.items():
                p.grad = grad
            kept.clear()
            try:
                return super().step()
            finally:
                for p, grad in now.items():
                    p.grad = grad
        loss = super().step(closure)
        if closure is not None:
            kept.update({p: p.grad for p in self._params() if p.grad is not None})
        return loss


class ThirdClosureStepForgets(Bent):
    """From the third step with a closure on eps is the constructor's.

    A line search that tunes eps of the group has no effect after its first rounds.
    """

    kind = "gradients"
    closures = 0
    closed = False

    def step(self, closure=None):
        self.closed = closure is not None
        self.closures += self.closed
        return super().step(closure)

    def update(self, g, s, clr, o):
        eps = self.defaults["eps"] if self.closed and self.closures > 2 else o["eps"]
        return super().update(g, s, clr, {**o, "eps": eps})


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    LoadNeverRewinds: ("state-dict/deepcopy",),
    SaveCachedUntilStep: ("state-dict/bytes",),
    SaveSeesFirstParamOnly: ("state-dict/bytes",),
    SaveBeforeStepAfterLoad: ("state-dict/source-unchanged",),
    ChangeAfterSaveLost: ("state-dict/deepcopy",),
    RateCannotRiseAfterLoad: ("state-dict/deepcopy",),
    SecondSaveIsDelta: ("state-dict/bytes",),
    LoadedCounterLate: ("state-dict/bytes",),
    SecondZeroGradGivesNone: ("numerics/fresh",),
    ZeroedGradientSkipped: ("zero-grad/to-zero",),
    PlainStepAfterClosureStale: ("numerics/fresh",),
    ThirdClosureStepForgets: ("closure/once",),
}
