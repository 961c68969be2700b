"""Mutants of weight decay and of maximize (ALG-5, ALG-9)."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad, adagrad_

KIND = "decay"

OFF = {"weight_decay": 0.0}


class DecayDecoupled(Bent):
    """theta shrinks by lr lambda theta, apart from g.  Another regularisation."""

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, {**o, **OFF})
        return new - clr * o["weight_decay"] * theta if o["weight_decay"] else new, s


class DecayWithoutRate(Bent):
    """theta -= lambda theta, without lr.  Known bug 72."""

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, {**o, **OFF})
        return new - o["weight_decay"] * theta if o["weight_decay"] else new, s


class DecayOnlyInSum(Bent):
    """The numerator is the raw gradient.  Known bugs 35 and 41.  No decay at all."""

    def formula(self, theta, g, s, clr, o):
        s = self.grown(s, self.used(theta, g, o), o)
        return theta - self.update(self.used(theta, g, {**o, **OFF}), s, clr, o), s


class DecayMissingInSum(Bent):
    """S sees the raw gradient.  Known bugs 42 and 58.  Large weights overshoot."""

    def formula(self, theta, g, s, clr, o):
        s = self.grown(s, g, o)
        return theta - self.update(self.used(theta, g, o), s, clr, o), s


class DecayOfStaleTheta(Bent):
    """Decays by the theta of one step ago.  Right in every single-step test."""

    def move(self, p, grad, state, o):
        self.stale = state.get("theta", p.data).astype(float)
        state["theta"] = p.data.copy()
        super().move(p, grad, state, o)

    def used(self, theta, g, o):
        return super().used(self.stale.astype(theta.dtype), g, o)


class DecayOfPreviousGradient(Bent):
    """lambda times the last gradient.  Known bug 40.  Momentum, not decay."""

    def move(self, p, grad, state, o):
        self.last = np.asarray(state.get("last", p.data), float)
        super().move(p, grad, state, o)
        state["last"] = grad.copy()

    def used(self, theta, g, o):
        return super().used(self.last.astype(theta.dtype), g, o)


class DecaySubtracted(Bent):
    """g - lambda theta.  The weights grow."""

    def used(self, theta, g, o):
        return super().used(-theta, g, o)


class DecayTwice(Bent):
    """2 lambda theta, the gradient of lambda theta^2.  Twice the decay."""

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, "weight_decay": 2 * o["weight_decay"]})


class DecayWhenOff(SingleTensorAdagrad):
    """0 * theta is added.  One infinite weight becomes NaN."""

    def _update(self, slots, weight_decay, eps, maximize):
        for theta, g, s, clr in slots:
            g = g + weight_decay * (-theta if maximize else theta)
            adagrad_(theta, g, s, clr, 0, eps, maximize)


class SmallDecayDropped(Bent):
    """lambda below 0.01 counts as none.  The usual values are small."""

    def used(self, theta, g, o):
        small = o["weight_decay"] < 0.01
        return super().used(theta, g, {**o, **OFF} if small else o)


class MaximizeIgnored(Bent):
    """maximize is accepted and ignored.  Known bug 81.  Training runs backwards."""

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, "maximize": False})


class MaximizeFlipsRate(Bent):
    """-lr instead of -g.  Known bug 22.  Decay makes the weights grow."""

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, "maximize": False})

    def update(self, g, s, clr, o):
        return super().update(g, s, -clr if o["maximize"] else clr, o)


class MaximizeAfterDecay(Bent):
    """-(g + lambda theta).  Known bug 22 in other words."""

    def used(self, theta, g, o):
        g = super().used(theta, g, {**o, "maximize": False})
        return -g if o["maximize"] else g


class MaximizeDropsDecay(Bent):
    """Decay acts only when minimizing.

    Whoever maximizes a reward trains without regularisation.
    """

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, **OFF} if o["maximize"] else o)


class MaximizeOnce(Bent):
    """The sign is turned at the first step only.

    Training turns round after one step.
    """

    def move(self, p, grad, state, o):
        first = state["step"] == 1
        super().move(p, grad, state, {**o, "maximize": o["maximize"] and first})
