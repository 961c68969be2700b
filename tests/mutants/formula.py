"""Mutants of the formula: the place of eps, the sum, the sign (ALG-6, ALG-7)."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "formula"


class EpsInsideRoot(Bent):
    """sqrt(S + eps).  Known bugs 47 and 61.  Small gradients move far less."""

    def update(self, g, s, clr, o):
        return clr * g / np.sqrt(s + o["eps"])


class EpsSquaredInsideRoot(Bent):
    """sqrt(S + eps^2), a smooth look-alike.  Agrees only where eps is negligible."""

    def update(self, g, s, clr, o):
        return clr * g / np.sqrt(s + o["eps"] ** 2)


class NoEps(Bent):
    """Plain sqrt(S).  Known bugs 51 and 82.  The first zero gradient makes NaN."""

    def update(self, g, s, clr, o):
        return clr * g / np.sqrt(s)


class ZeroEpsReplaced(Bent):
    """`eps or 1e-7`.  Known bug 52.  eps = 0 cannot be had."""

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": o["eps"] or 1e-7})


class EpsJoinsSum(Bent):
    """eps is added to S at each step.  Known bug 73.  S grows without gradients."""

    def grown(self, s, g, o):
        return s + g * g + o["eps"]


class PlusSign(Bent):
    """theta + update.  Known bug 61.  Training ascends."""

    def update(self, g, s, clr, o):
        return -super().update(g, s, clr, o)


class OldSum(Bent):
    """The update divides by the sum before this step.  The first step explodes."""

    def formula(self, theta, g, s, clr, o):
        g = self.used(theta, g, o)
        return theta - self.update(g, s, clr, o), self.grown(s, g, o)


class SumOverwritten(Bent):
    """S = g^2.  Known bug 69: the history is a copy.  It becomes sign descent."""

    def grown(self, s, g, o):
        return g * g + 0 * s


class SumDecays(Bent):
    """S = 0.9 S + g^2, as in RMSprop.  The rate never settles."""

    def grown(self, s, g, o):
        return 0.9 * s + g * g


class SquaresSubtracted(Bent):
    """S - g^2.  Known bug 69.  The root of a negative number."""

    def grown(self, s, g, o):
        return s - g * g


class MeanOfSquares(Bent):
    """The mean of g^2 for every element.  Known bug 75.  No per-element rates."""

    def grown(self, s, g, o):
        return s + (g * g).mean() if g.size else s


class SumStoredAsRoot(Bent):
    """sqrt(S) + eps lands in the stored S.  Known bug 45.  Later steps are wrong."""

    def formula(self, theta, g, s, clr, o):
        theta, s = super().formula(theta, g, s, clr, o)
        return theta, np.sqrt(s) + o["eps"]


class SumStartsAtZero(Bent):
    """initial_accumulator_value is dead.  Known bug 62.  First steps too large."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["sum"][...] = 0


class SumStartsAtSquare(Bent):
    """S starts at tau^2, as if tau were a gradient.  First steps too large."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["sum"][...] **= 2


class WeightOverwritten(Bent):
    """theta = -update.  Known bug 59.  The weights are forgotten."""

    def formula(self, theta, g, s, clr, o):
        return super().formula(0 * theta, g, s, clr, o)


class FirstStepRaw(Bent):
    """The first step is plain gradient descent.  Known bug 70."""

    def update(self, g, s, clr, o):
        return np.where(s == g * g, clr * g, super().update(g, s, clr, o))


class NoAccumulationAtRateZero(Bent):
    """lr = 0 returns at once.  A warm-up from zero loses its history."""

    def formula(self, theta, g, s, clr, o):
        return super().formula(theta, g, s, clr, o) if clr else (theta, s)


class DoesNothing(SingleTensorAdagrad):
    """Counts and returns.  Known bugs 31 and 44: tests saw no difference."""

    def _update(self, slots, weight_decay, eps, maximize):
        pass
