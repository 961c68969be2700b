"""Mutants of the step counter and of the decayed rate (ALG-3, ALG-4)."""

from __future__ import annotations

import math

import numpy as np
from mutant_kit import Bent

KIND = "rate"


class CountsFromOne(Bent):
    """lr / (1 + t eta).  The first step is decayed already."""

    def rate(self, t, o):
        return super().rate(t + 1, o)


class ExponentialDecay(Bent):
    """lr exp(-(t - 1) eta).  The rate vanishes."""

    def rate(self, t, o):
        return o["lr"] * math.exp(-(t - 1) * o["lr_decay"])


class PowerDecay(Bent):
    """lr / t^eta.  Another schedule by the same name."""

    def rate(self, t, o):
        return o["lr"] / t ** o["lr_decay"]


class RootDecay(Bent):
    """lr / sqrt(1 + (t - 1) eta).  Decays too slowly."""

    def rate(self, t, o):
        return o["lr"] / math.sqrt(1 + (t - 1) * o["lr_decay"])


class DecayCompounds(Bent):
    """Each step divides the last rate.  Right for two steps, then far too small."""

    def _step_param(self, p, group):
        t = self.state[p]["step"]
        last = self.state[p].get("rate", group["lr"])
        self.now = self.state[p]["rate"] = last / (1 + t * group["lr_decay"])
        super()._step_param(p, group)

    def rate(self, t, o):
        return self.now


class NeverDecays(Bent):
    """lr_decay is accepted and ignored, while t counts on.

    A schedule that was tuned is not there.
    """

    def rate(self, t, o):
        return o["lr"]


class CounterStuck(Bent):
    """t is never incremented.  Known bug 68.  The rate never decays."""

    def _step_param(self, p, group):
        self.move(p, p.grad, self.state[p], group)


class CallsCounted(Bent):
    """t counts calls of step().  Known bug 67.  A late layer starts decayed."""

    def step(self, closure=None):
        self.calls = getattr(self, "calls", 0) + 1
        return super().step(closure)

    def _step_param(self, p, group):
        self.state[p]["step"] = self.calls
        self.move(p, p.grad, self.state[p], group)


class CallsCountedInSecret(Bent):
    """As `CallsCounted`, but the t that is shown is right.  Known bug 66."""

    def step(self, closure=None):
        self.calls = getattr(self, "calls", 0) + 1
        return super().step(closure)

    def rate(self, t, o):
        return super().rate(max(t, self.calls), o)


class CounterSharedByParams(Bent):
    """One counter, advanced by every param.  Known bug 65.  Decays too fast."""

    def _step_param(self, p, group):
        self.total = getattr(self, "total", 0) + 1
        self.state[p]["step"] = self.total
        self.move(p, p.grad, self.state[p], group)


class NoneCounts(Bent):
    """t advances without a gradient.  A frozen layer's schedule runs on."""

    kind = "gradients"

    def step(self, closure=None):
        loss = super().step(closure)
        for p in self._params():
            self.state[p]["step"] += p.grad is None
        return loss


class NoneResetsCounter(Bent):
    """t starts anew after a pause.  The rate jumps back up."""

    kind = "gradients"

    def step(self, closure=None):
        loss = super().step(closure)
        for p in self._params():
            self.state[p]["step"] *= p.grad is not None
        return loss


class CounterInParamFormat(Bent):
    """t has the format of theta.  Known bug 27.  In bfloat16 it stops at 256."""

    def _step_param(self, p, group):
        state = self.state[p]
        state["step"] = int(np.asarray(state["step"] + 1).astype(p.data.dtype))
        self.move(p, p.grad, state, group)


class CounterOverflows(Bent):
    """The rate is formed from a 16-bit t.  Late steps use an early rate."""

    def rate(self, t, o):
        return super().rate((t - 1) % 2**16 + 1, o)


class CounterIsBinary32(Bent):
    """t is a binary32 number.  Known bug 12.  It stops at 2^24."""

    def _step_param(self, p, group):
        state = self.state[p]
        state["step"] = int(np.float32(state["step"]) + np.float32(1))
        self.move(p, p.grad, state, group)
