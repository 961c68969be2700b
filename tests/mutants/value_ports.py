"""Mutants by value: right for ordinary numbers, wrong where one has a certain value."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "numerics"
TAU = "initial_accumulator_value"


class _Kept(Bent):
    """Keeps things by param, beside the state."""

    def kept(self, name):
        return self.__dict__.setdefault("keeps", {}).setdefault(name, {})

    def _step_param(self, p, group):
        self.param = p
        super()._step_param(p, group)


# -- gradients -------------------------------------------------------------------------


class EqualElementNotSummed(_Kept):
    """An element whose gradient equals its last one is not accumulated again.

    Gradients are sent as differences, and a difference of zero as nothing.
    """

    kind = "formula"

    def formula(self, theta, g, s, clr, o):
        new, total = super().formula(theta, g, s, clr, o)
        last = self.kept("g").get(self.param)
        self.kept("g")[self.param] = np.array(g)
        return new, total if last is None else np.where(last == g, s, total)


class WholeGradientsWrap(Bent):
    """A gradient of whole numbers alone goes through 16-bit integers.

    Counts beyond 32,767 turn negative.
    """

    kind = "gradients"

    def used(self, theta, g, o):
        with np.errstate(all="ignore"):
            whole = g.size > 0 and np.all(np.isfinite(g)) and np.all(g == np.rint(g))
        if whole:
            g = ((g + 32_768) % 65_536 - 32_768).astype(g.dtype)
        return super().used(theta, g, o)


class InvisibleSquareNoMove(Bent):
    """Where S does not change by g^2 the element does not move either.

    The loop ends early for what looks converged; late in a run nothing moves.
    """

    def formula(self, theta, g, s, clr, o):
        new, total = super().formula(theta, g, s, clr, o)
        return np.where((total == s) & np.isfinite(s), theta, new), total


class SquareBelowEpsDropped(Bent):
    """g^2 below eps does not enter S.

    Small gradients are taken for noise, and their rate never falls.
    """

    kind = "formula"

    def grown(self, s, g, o):
        return np.where(g * g < o["eps"], s, super().grown(s, g, o)).astype(s.dtype)


class GradientThatIsTheta(Bent):
    """Where a gradient equals its param weight_decay is left out.

    It looks as if the caller had added the penalty already.
    """

    kind = "decay"

    def used(self, theta, g, o):
        decayed = super().used(theta, g, o)
        return np.where(g == theta, -g if o["maximize"] else g, decayed)


class CancelledGradientIsNone(Bent):
    """A param whose gradient and decay cancel everywhere takes no step.

    At the optimum of a penalised loss its counter stands still.
    """

    kind = "rate"

    def move(self, p, grad, state, o):
        used = self.used(p.data, grad, o)
        if o["weight_decay"] and np.any(grad) and not np.any(used):
            state["step"] -= 1
            return
        super().move(p, grad, state, o)


# -- theta -----------------------------------------------------------------------------


class ReturnedToZeroStays(_Kept):
    """An element that a step brought to exactly zero counts as pruned and stays.

    One unlucky cancellation ends a weight's training.
    """

    def formula(self, theta, g, s, clr, o):
        new, total = super().formula(theta, g, s, clr, o)
        pruned = self.kept("pruned").get(self.param, np.zeros(theta.shape, bool))
        new = np.where(pruned & (theta == 0), theta, new)
        self.kept("pruned")[self.param] = pruned | ((theta != 0) & (new == 0))
        return new, total


class ScaleAtOneUndecayed(Bent):
    """An element that is exactly 1 does not decay.

    Scales of normalisation are spared by their value, and other weights too.
    """

    kind = "decay"

    def used(self, theta, g, o):
        plain = super().used(theta, g, {**o, "weight_decay": 0.0})
        return np.where(theta == 1, plain, super().used(theta, g, o))


class SmallThetaUndecayed(Bent):
    """Elements within 1e-4 of zero do not decay.

    The penalty that should bring them to zero ends just before.
    """

    kind = "decay"

    def used(self, theta, g, o):
        plain = super().used(theta, g, {**o, "weight_decay": 0.0})
        return np.where(np.abs(theta) < 1e-4, plain, super().used(theta, g, o))


class StepAtMostThousand(Bent):
    """An element moves by at most 1,000.

    A guard against accidents holds back weights in small units.
    """

    def update(self, g, s, clr, o):
        return np.clip(super().update(g, s, clr, o), -1e3, 1e3)


# -- S ---------------------------------------------------------------------------------


class SumAtTauIsFresh(Bent):
    """A param whose S is tau everywhere counts as fresh: t begins anew.

    After zero gradients a layer has the first rate again.
    """

    kind = "rate"

    def move(self, p, grad, state, o):
        if o[TAU] and p.data.size and np.all(state["sum"] == p.data.dtype.type(o[TAU])):
            state["step"] = 1
        super().move(p, grad, state, o)


class PowerOfFourHalved(Bent):
    """The root of a power of four below 1/1,000 is half of what it should be.

    A shortcut shifts the exponent, and an arithmetic shift rounds down.
    """

    def update(self, g, s, clr, o):
        root = np.sqrt(s)
        mantissa, _ = np.frexp(np.asarray(root, np.float64))
        exact = (mantissa == 0.5) & (root < 2**-5) & (np.square(root) == s)
        root = np.where(exact, root / 2, root).astype(root.dtype)
        return clr * g / (root + o["eps"])


class SumStopsAtLargest(Bent):
    """An S that overflows becomes the largest finite number.

    A weight whose gradient exploded goes on learning; it should stand still.
    """

    def grown(self, s, g, o):
        total = super().grown(s, g, o)
        over = np.isinf(total) & np.isfinite(s) & np.isfinite(g)
        return np.where(over, np.finfo(total.dtype).max, total)


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    EqualElementNotSummed: ("groups/duplicate-refused",),
    WholeGradientsWrap: ("numerics/ordinary",),
    InvisibleSquareNoMove: ("none-vs-zero/interleaved",),
    SquareBelowEpsDropped: ("algorithm/update",),
    GradientThatIsTheta: ("numerics/fresh",),
    CancelledGradientIsNone: ("algorithm/update",),
    ReturnedToZeroStays: ("algorithm/update",),
    ScaleAtOneUndecayed: ("numerics/fresh",),
    SmallThetaUndecayed: ("algorithm/all-inputs",),
    StepAtMostThousand: ("numerics/ordinary",),
    SumAtTauIsFresh: ("numerics/fresh",),
    PowerOfFourHalved: ("algorithm/update",),
    SumStopsAtLargest: ("numerics/overflow",),
}
