"""Mutants of the gradient's life: None, zero, zero_grad, and who writes into it."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "gradients"


def zeros_for(params):
    """Give zeros to those without a gradient; returns who got them."""
    bare = [p for p in params if p.grad is None]
    for p in bare:
        p.grad = np.zeros_like(p.data)
    return bare


class NoneIsZero(Bent):
    """None steps as zero would.  Frozen layers decay and their t runs."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        bare = zeros_for(self._params())
        super().step()
        for p in bare:
            p.grad = None
        return loss


class NoneDecays(Bent):
    """Without a gradient theta still shrinks.  Frozen layers drift."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None and group["weight_decay"]:
                    p.data[...] -= p.data * (group["lr"] * group["weight_decay"])
        return loss


class NoneStopsTheRest(Bent):
    """The first None ends the loop over a group.  Known bugs 18 and 20."""

    def _step_param(self, p, group):
        before = group["params"][: group["params"].index(p)]
        if all(q.grad is not None for q in before):
            super()._step_param(p, group)


class NoneStopsLaterGroups(Bent):
    """A group without any gradient ends the step.  Later groups stand still."""

    def _step_param(self, p, group):
        number = next(i for i, g in enumerate(self.param_groups) if g is group)
        groups = self.param_groups[:number]
        if all(any(q.grad is not None for q in g["params"]) for g in groups):
            super()._step_param(p, group)


class CounterSlips(Bent):
    """Counters are paired with the params that have a gradient.  Known bug 63."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        everyone = list(self._params())
        present = [p for p in everyone if p.grad is not None]
        before = [self.state[p]["step"] for p in everyone]
        super().step()
        for p, t in zip(present, before, strict=False):
            self.state[p]["step"] = t + 1
        return loss


class ZeroIsNone(Bent):
    """A zero gradient is skipped.  Decay stops, the schedule slips."""

    def _step_param(self, p, group):
        if p.grad.any():
            super()._step_param(p, group)


class ZeroIsNotCounted(Bent):
    """A zero gradient decays theta but t stays.

    The schedule slips by one step each time.
    """

    def _step_param(self, p, group):
        super()._step_param(p, group)
        if not p.grad.any():
            self.state[p]["step"] -= 1


class ZeroElementsSkipped(Bent):
    """Elements with g = 0 are left alone, decay or not, as if sparse.

    Unused embeddings never decay.
    """

    def formula(self, theta, g, s, clr, o):
        new_theta, new_s = super().formula(theta, g, s, clr, o)
        return np.where(g == 0, theta, new_theta), np.where(g == 0, s, new_s)


class TinyElementsSkipped(Bent):
    """|g| < 1e-6 counts as zero.  Training stops near a minimum."""

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        return super().formula(theta, np.where(np.abs(g) < 1e-6, 0, g), s, clr, o)


class ZeroGradForgets(Bent):
    """zero_grad(set_to_none=True) does nothing.  A stale gradient acts again."""

    def zero_grad(self, set_to_none=True):
        if not set_to_none:
            super().zero_grad(False)


class ZeroGradFirstParamOnly(Bent):
    """zero_grad reaches only the first param.  Known bug 85."""

    def zero_grad(self, set_to_none=True):
        keep = {p: p.grad for p in list(self._params())[1:]}
        super().zero_grad(set_to_none)
        for p, gradient in keep.items():
            p.grad = gradient


class ZeroGradToNoneGivesZeros(Bent):
    """set_to_none=True leaves zeros.  Unreached layers decay and count."""

    def zero_grad(self, set_to_none=True):
        super().zero_grad(False)


class ZeroGradToZeroGivesNone(Bent):
    """set_to_none=False leaves None.  A step becomes a skip."""

    def zero_grad(self, set_to_none=True):
        super().zero_grad(True)


class DecayEntersGradient(Bent):
    """Decay is added to the user's gradient in place.  Known bugs 34 and 57."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        if o["weight_decay"]:
            grad[...] += (o["weight_decay"] * p.data).astype(grad.dtype)


class MaximizeTurnsGradient(Bent):
    """maximize negates the user's gradient in place.  Logs show the wrong sign."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        if o["maximize"]:
            grad[...] = -grad


class GradientHoldsUpdate(Bent):
    """The update is left in the gradient.  Known bug 37."""

    def move(self, p, grad, state, o):
        before = p.data.copy()
        super().move(p, grad, state, o)
        grad[...] = before - p.data


class GradientConsumed(Bent):
    """step sets the gradients to None.  Accumulated gradients are lost."""

    def step(self, closure=None):
        loss = super().step(closure)
        self.zero_grad()
        return loss
