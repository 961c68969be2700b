"""Mutants by the value of an option: zero, one, tiny, large, equal to another."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent
from value_ports import _Kept

KIND = "formula"
TAU = "initial_accumulator_value"


class TinyTauDropped(Bent):
    """tau below 1e-9 counts as zero.

    It is compared with a tolerance, where it was given to be there.
    """

    kind = "formula"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group[TAU] < 1e-9:
            for p in group["params"]:
                self.state[p]["sum"][...] = 0


class ZeroRateUndecayedSum(Bent):
    """With lr = 0 S grows by the square of the raw gradient.

    A warm-up from zero accumulates without weight decay.
    """

    kind = "decay"

    def used(self, theta, g, o):
        decay = o["weight_decay"] if o["lr"] else 0.0
        return super().used(theta, g, {**o, "weight_decay": decay})


class ZeroRateUncounted(_Kept):
    """Steps with lr = 0 do not count for the decay of the rate.

    t that is shown is right, and the schedule starts behind the warm-up.
    """

    kind = "rate"

    def rate(self, t, o):
        idle = self.kept("idle")
        if not o["lr"]:
            idle[self.param] = idle.get(self.param, 0) + 1
        return super().rate(max(t - idle.get(self.param, 0), 1), o)


class RateDecayOfOneIsOff(Bent):
    """lr_decay = 1 leaves the rate as it is.

    1 means no decay in schedules that multiply; here it is the strongest of all.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(1 if o["lr_decay"] == 1 else t, o)


class DecayOfOneIsFlag(Bent):
    """weight_decay = 1 counts as True and means 0.01.

    A flag of an older interface is still understood.
    """

    kind = "decay"

    def used(self, theta, g, o):
        decay = 0.01 if o["weight_decay"] == 1 else o["weight_decay"]
        return super().used(theta, g, {**o, "weight_decay": decay})


class TauOfOneIsFlag(Bent):
    """tau = 1 counts as True and means 0.1.

    A flag of an older interface is still understood.
    """

    kind = "formula"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group[TAU] == 1:
            for p in group["params"]:
                self.state[p]["sum"][...] = 0.1


class LargeEpsIsMaximum(Bent):
    """From eps = 1 on the root of S is left out where it is smaller than eps.

    The larger of the two is divided by, as other methods do.
    """

    kind = "formula"

    def update(self, g, s, clr, o):
        if o["eps"] < 1:
            return super().update(g, s, clr, o)
        return clr * g / np.maximum(np.sqrt(s), o["eps"])


class TinyEpsRaised(Bent):
    """eps below 1e-12 counts as 1e-12, but for 0.

    A floor against division by nearly zero was put below what anybody would choose.
    """

    kind = "formula"

    def update(self, g, s, clr, o):
        eps = max(o["eps"], 1e-12) if o["eps"] else 0.0
        return super().update(g, s, clr, {**o, "eps": eps})


class TinyRateIsZero(Bent):
    """A rate below 1e-12 leaves theta as it is.

    Whether something is to be done is asked with a tolerance.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(t, o) if o["lr"] > 1e-12 else 0.0


class SlowDecayIsNone(Bent):
    """lr_decay below 1e-6 counts as 0.

    It is compared with a tolerance, though many steps bring it up.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(t, o if o["lr_decay"] > 1e-6 else {**o, "lr_decay": 0.0})


class TinyDecayIsNone(Bent):
    """weight_decay below 1e-10 counts as 0.

    It is compared with a tolerance, though theta may be large.
    """

    kind = "decay"

    def used(self, theta, g, o):
        decay = o["weight_decay"] if o["weight_decay"] > 1e-10 else 0.0
        return super().used(theta, g, {**o, "weight_decay": decay})


class EqualOptionsAreOne(Bent):
    """Where weight_decay equals lr, the product of both is taken out of theta at once.

    An optimisation of a special case is the decoupled form.
    """

    kind = "decay"

    def formula(self, theta, g, s, clr, o):
        if not o["weight_decay"] or o["weight_decay"] != o["lr"]:
            return super().formula(theta, g, s, clr, o)
        g = -g if o["maximize"] else g
        s = self.grown(s, g, o)
        shrunk = theta - clr * o["weight_decay"] * theta
        return shrunk - self.update(g, s, clr, o), s


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    TinyTauDropped: ("algorithm/initial-accumulator",),
    ZeroRateUndecayedSum: ("groups/option-change",),
    ZeroRateUncounted: ("algorithm/update",),
    RateDecayOfOneIsOff: ("groups/two-optimizers",),
    DecayOfOneIsFlag: ("weight-decay/coupled",),
    TauOfOneIsFlag: ("algorithm/initial-accumulator",),
    LargeEpsIsMaximum: ("algorithm/update",),
    TinyEpsRaised: ("numerics/eps",),
    TinyRateIsZero: ("algorithm/update",),
    SlowDecayIsNone: ("lr-decay/schedule",),
    TinyDecayIsNone: ("weight-decay/coupled",),
    EqualOptionsAreOne: ("algorithm/all-inputs",),
}
