"""Sly mutants of events and options that meet: each is right for itself."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.candidates.torch_single import SingleTensorAdagrad

KIND = "state"
TAU = "initial_accumulator_value"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


# -- loading ---------------------------------------------------------------------------


class AddedGroupNotRestored(Bent):
    """A load restores S of the params that the constructor got.

    After a rollback, layers that were unfrozen take huge steps.
    """

    def __init__(self, params, **options):
        super().__init__(params, **options)
        self.first = len(self.param_groups)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups[self.first :]:
            for p in group["params"]:
                self.state[p]["sum"][...] = group[TAU]


class ThirdGroupNotRestored(Bent):
    """S of the groups from the third on is not loaded.

    The head of a model with three rates goes on from foreign sums.
    """

    def load_state_dict(self, state_dict):
        params = [p for group in self.param_groups[2:] for p in group["params"]]
        kept = {p: self.state[p]["sum"].copy() for p in params}
        super().load_state_dict(state_dict)
        for p, s in kept.items():
            self.state[p]["sum"] = s


class LoadWithoutGradientsResets(Bent):
    """A load right after zero_grad leaves S at zero.

    The usual loop zeroes gradients first, and resumes by sign descent.
    """

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.zeroed = True

    def step(self, closure=None):
        self.zeroed = False
        return super().step(closure)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p in self._params() if getattr(self, "zeroed", False) else ():
            self.state[p]["sum"][...] = 0


class LoadedRateDecayFixed(Bent):
    """lr_decay cannot be changed any more once it was loaded.

    A resumed run cannot be given another schedule.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = [group["lr_decay"] for group in self.param_groups]

    def _step_param(self, p, group):
        number = next(i for i, g in enumerate(self.param_groups) if g is group)
        loaded = dict(enumerate(getattr(self, "loaded", ())))
        fixed = {"lr_decay": loaded.get(number, group["lr_decay"])}
        super()._step_param(p, {**group, **fixed})


class OtherSplitAccepted(SingleTensorAdagrad):
    """A dict is refused only if its first group has too few params.

    State is loaded into the wrong groups' params.
    """

    def load_state_dict(self, state_dict):
        saved = state_dict["param_groups"]
        counts = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in saved]
        if sum(counts) == sum(theirs) and len(counts) == len(theirs):
            keys = [key for group in saved for key in group["params"]]
            if theirs[0] < counts[0]:
                saved = [
                    {**group, "params": [keys.pop(0) for _ in range(n)]}
                    for group, n in zip(saved, counts, strict=True)
                ]
        super().load_state_dict({**state_dict, "param_groups": saved})


class EpsDoublesAfterLoad(Bent):
    """After a load eps counts twice.

    Everything is right until a run is resumed, and then nearly so.
    """

    doubled = 1

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.doubled = 2

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": self.doubled * o["eps"]})


# -- saving ----------------------------------------------------------------------------


class _SavesSums(Bent):
    """Right, but for what `saved` makes of S."""

    def saved(self, s):
        raise NotImplementedError

    def state_dict(self):
        found = super().state_dict()
        for entry in found["state"].values():
            entry["sum"] = self.saved(entry["sum"]).astype(entry["sum"].dtype)
        return found


class NonFiniteSumNotSaved(_SavesSums):
    """An infinite S is saved as 0, as JSON has no infinity.

    A weight that had overflowed and stood still explodes after a resume.
    """

    def saved(self, s):
        return np.where(np.isfinite(s.astype(float)), s, 0)


class SumSavedInBinary32(_SavesSums):
    """S is saved in binary32, also for binary64 params.

    A resumed run in binary64 differs from the eighth digit on.
    """

    kind = "numerics"

    def saved(self, s):
        return s.astype(np.float32) if s.dtype == np.float64 else s


class TinySumNotSaved(_SavesSums):
    """S below 1e-4 is saved as 0, to save space.

    Rare features start anew with every resume.
    """

    def saved(self, s):
        return np.where(s < 1e-4, 0, s)


class OptionsSavedAsText(Bent):
    """Options are saved with six digits.

    A resumed run differs from the seventh digit on.
    """

    def state_dict(self):
        found = super().state_dict()
        for group in found["param_groups"]:
            for name in ("lr", "lr_decay", "weight_decay", "eps"):
                group[name] = float(f"{group[name]:.6g}")
        return found


class SavingClearsGradients(Bent):
    """state_dict() sets the gradients to None.

    A checkpoint between backward and step loses the step.
    """

    kind = "gradients"

    def state_dict(self):
        self.zero_grad()
        return super().state_dict()


class AddingClearsGradients(Bent):
    """add_param_group sets the gradients of the older params to None.

    Unfreezing a layer between backward and step loses the step of all others.
    """

    kind = "gradients"

    def add_param_group(self, param_group):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None
        super().add_param_group(param_group)


# -- long runs -------------------------------------------------------------------------


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


# -- closures, pauses ------------------------------------------------------------------


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


# -- numbers and arguments -------------------------------------------------------------


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


FRESH = "numerics/fresh"
DEEPCOPY = "state-dict/deepcopy"
BYTES = "state-dict/bytes"
LONG = "algorithm/long-run"
MIXED = "none-vs-zero/interleaved"
ADD = "groups/add"
CHANGE = "groups/option-change"
ORDINARY = "numerics/ordinary"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    AddedGroupNotRestored: (DEEPCOPY,),
    ThirdGroupNotRestored: (MIXED,),
    LoadWithoutGradientsResets: (BYTES,),
    LoadedRateDecayFixed: (CHANGE,),
    OtherSplitAccepted: ("state-dict/mismatch-refused",),
    EpsDoublesAfterLoad: (ADD,),
    NonFiniteSumNotSaved: (BYTES,),
    SumSavedInBinary32: (DEEPCOPY,),
    TinySumNotSaved: (MIXED,),
    OptionsSavedAsText: (DEEPCOPY,),
    SavingClearsGradients: (ADD,),
    AddingClearsGradients: (ADD,),
    DecayStopsAfterThousand: (LONG,),
    MinimizesAfterThousand: (LONG,),
    RateFrozenAfterHundred: (LONG,),
    ClosureForgetsDecay: (FRESH,),
    ClosureForgetsMaximize: (FRESH,),
    ClosureForgetsRateDecay: (FRESH,),
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
