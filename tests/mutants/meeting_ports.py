"""Sly mutants of options that meet long runs, closures, pauses, and of odd numbers."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "state"
TAU = "initial_accumulator_value"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


# -- long runs ------------------------------------------------------------------------


class _Aging(Bent):
    """Each param has an age: how many steps this object has taken with it."""

    def _step_param(self, p, group):
        ages = self.__dict__.setdefault("ages", {})
        ages[p] = ages.get(p, 0) + 1
        super()._step_param(p, {**group, **self.changed(p, group, ages[p])})

    def changed(self, p, group, age):
        raise NotImplementedError


class DecayStopsAfterThousand(_Aging):
    """weight_decay ends after 1,000 steps.

    Weights grow again, later than any test looks.
    """

    kind = "decay"

    def changed(self, p, group, age):
        return {"weight_decay": 0.0} if age > 1000 else {}


class MinimizesAfterThousand(_Aging):
    """maximize ends after 1,000 steps.

    A policy gets better for a while, and then worse.
    """

    kind = "decay"

    def changed(self, p, group, age):
        return {"maximize": False} if age > 1000 else {}


class RateFrozenAfterHundred(_Aging):
    """From the hundredth step on a changed lr has no effect.

    A scheduler with late milestones goes dead.
    """

    def changed(self, p, group, age):
        rates = self.__dict__.setdefault("rates", {})
        return {"lr": rates.setdefault(p, group["lr"])} if age >= 100 else {}


# -- closures, pauses -----------------------------------------------------------------


class _Closed(Bent):
    """Knows whether it steps with a closure."""

    kind = "gradients"
    closed = False

    def step(self, closure=None):
        self.closed = closure is not None
        return super().step(closure)


class ClosureForgetsDecay(_Closed):
    """In steps with a closure weight_decay is left out.

    Two code paths, and one of them was forgotten when decay came.
    """

    def used(self, theta, g, o):
        decay = 0.0 if self.closed else o["weight_decay"]
        return super().used(theta, g, {**o, "weight_decay": decay})


class ClosureForgetsMaximize(_Closed):
    """In steps with a closure maximize is left out.

    Two code paths, and one of them was forgotten when maximize came.
    """

    def used(self, theta, g, o):
        flag = o["maximize"] and not self.closed
        return super().used(theta, g, {**o, "maximize": flag})


class ClosureForgetsRateDecay(_Closed):
    """In steps with a closure lr itself is used.

    Two code paths, and one of them was forgotten when lr_decay came.
    """

    def rate(self, t, o):
        return super().rate(1 if self.closed else t, o)


class LongPauseResets(Bent):
    """S starts anew after three steps without a gradient.

    A layer that is frozen for a while takes huge steps when it is back.
    """

    kind = "gradients"

    def step(self, closure=None):
        loss = super().step(closure)
        pauses = self.__dict__.setdefault("pauses", {})
        for p in self._params():
            pauses[p] = 0 if p.grad is not None else pauses.get(p, 0) + 1
            if pauses[p] == 3:
                self.state[p]["sum"][...] = 0
        return loss


class ZeroLossIsNone(Bent):
    """`return loss or None`: a loss of 0 is not returned.

    A run that has converged fails in its logging.
    """

    kind = "gradients"

    def step(self, closure=None):
        return super().step(closure) or None


# -- numbers and arguments ------------------------------------------------------------


class NanThetaStopsSum(Bent):
    """S of an element whose theta is NaN does not grow.

    A masked weight that is restored later takes huge steps.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        new, total = super().formula(theta, g, s, clr, o)
        return new, np.where(np.isnan(theta), s, total)


class InfiniteSumResets(Bent):
    """An infinite S counts as zero at the next step.

    A weight that overflowed moves by lr, though its rate is 0.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        s = np.where(np.isinf(s), 0, s).astype(s.dtype)
        return super().formula(theta, g, s, clr, o)


class TauInBinary32(Bent):
    """S starts at tau rounded to binary32, also for binary64 params.

    Runs in binary64 have seven digits as soon as tau is used.
    """

    kind = "numerics"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self.state[p]["sum"][...] = np.float32(group[TAU])


class RateDecayInBinary32(Bent):
    """lr_decay is a binary32 number.

    Runs in binary64 have seven digits from the second step on.
    """

    kind = "numerics"

    def rate(self, t, o):
        return super().rate(t, {**o, "lr_decay": float(np.float32(o["lr_decay"]))})


class SumTruncated(Bent):
    """In binary64 S is cut off instead of rounded.

    S falls behind by half a unit in its last place with each step.
    """

    kind = "numerics"

    def grown(self, s, g, o):
        total = super().grown(s, g, o)
        if total.dtype != np.float64:
            return total
        exact = np.asarray(s, np.longdouble) + np.asarray(g, np.longdouble) ** 2
        return np.where(total > exact, np.nextafter(total, 0), total)


class RateWrongInTheMiddle(Bent):
    """Between the steps 20,001 and 59,999 the rate stands still.

    A table of rates has a gap where nobody looked.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(20_000 if 20_000 < t < 60_000 else t, o)


class RateCapped(Bent):
    """The decayed rate is capped at 100.

    A problem in small units moves far too slowly.
    """

    kind = "rate"

    def rate(self, t, o):
        return min(super().rate(t, o), 100.0)


class LargeThetaFrozen(Bent):
    """Elements beyond 10,000 do not move.

    A weight that has run away never comes back.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, o)
        return np.where(np.abs(theta) > 1e4, theta, new), s


class ArgumentsUnchecked(Bent):
    """The constructor's options are checked only where a group uses them.

    A negative rate is accepted, and acts on the group that is added later.
    """

    kind = "interface"

    def __init__(self, params, **options):
        given = list(params)
        if given and all(isinstance(group, dict) for group in given):
            hidden = set.intersection(*({*options_of(group)} for group in given))
            options = {k: abs(v) if k in hidden else v for k, v in options.items()}
        super().__init__(given, **options)


CHANGE = "groups/option-change"
FRESH = "numerics/fresh"
LONG = "algorithm/long-run"
MEETINGS = "numerics/meetings"
MIXED = "none-vs-zero/interleaved"
ORDINARY = "numerics/ordinary"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    DecayStopsAfterThousand: (LONG,),
    MinimizesAfterThousand: (LONG,),
    RateFrozenAfterHundred: (LONG,),
    ClosureForgetsDecay: (FRESH, MEETINGS),
    ClosureForgetsMaximize: (FRESH, MEETINGS),
    ClosureForgetsRateDecay: (FRESH, MEETINGS),
    LongPauseResets: (MIXED,),
    ZeroLossIsNone: ("closure/once",),
    NanThetaStopsSum: ("algorithm/accumulator",),
    InfiniteSumResets: ("special-values/non-finite-gradient",),
    TauInBinary32: (MIXED,),
    RateDecayInBinary32: (CHANGE,),
    SumTruncated: (CHANGE,),
    RateWrongInTheMiddle: ("lr-decay/schedule",),
    RateCapped: (ORDINARY,),
    LargeThetaFrozen: (ORDINARY,),
    ArgumentsUnchecked: ("parameters/refuses-illegal",),
}
