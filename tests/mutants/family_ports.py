"""Sly mutants: right wherever a short or plain scenario looks, wrong in one corner."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import numpy as np
from mutant_kit import Bent

TAU = "initial_accumulator_value"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


# -- long runs -------------------------------------------------------------------------


class _Aging(Bent):
    """Each param has an age: how many steps this object has taken with it."""

    def _step_param(self, p, group):
        ages = self.__dict__.setdefault("ages", {})
        ages[p] = self.age = ages.get(p, 0) + 1
        super()._step_param(p, group)


class SumResetAfterThousand(_Aging):
    """S starts anew every 1,000 steps.  Rates jump back up."""

    def grown(self, s, g, o):
        return super().grown(s * 0 if self.age % 1000 == 0 else s, g, o)


class SumResetAfterTenThousand(_Aging):
    """S starts anew after 10,000 steps."""

    def grown(self, s, g, o):
        return super().grown(s * 0 if self.age == 10_000 else s, g, o)


class CounterWrapsAt8192(_Aging):
    """t has 13 bits.  After a day of training the rate is the first one again."""

    def _step_param(self, p, group):
        super()._step_param(p, group)
        self.state[p]["step"] *= self.age != 2**13


class OneParamStops(_Aging):
    """A param but the first stands still after 5,000 steps, while t counts on."""

    def move(self, p, grad, state, o):
        if self.age <= 5000 or p is next(self._params()):
            super().move(p, grad, state, o)


class NoEpsBeyondThousand(_Aging):
    """From step 1,025 on eps is left out."""

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": o["eps"] * (self.age <= 2**10)})


class SumNarrowsLate(_Aging):
    """From step 513 on S has 24 bits, also for binary64 params."""

    def grown(self, s, g, o):
        s = super().grown(s, g, o)
        return s if self.age <= 2**9 else s.astype(np.float32).astype(s.dtype)


class SumSaturates(_Aging):
    """S stops growing after 8,192 steps."""

    def grown(self, s, g, o):
        return super().grown(s, g, o) if self.age <= 2**13 else s


# -- options ---------------------------------------------------------------------------


class GroupTakesFourOptions(Bent):
    """A group's dict is read up to its fourth option."""

    def add_param_group(self, param_group):
        few = dict(itertools.islice(options_of(param_group).items(), 4))
        super().add_param_group({"params": param_group["params"], **few})


class OptionsClash(Bent):
    """With a decayed rate and decay and maximize and S_0, eps counts twice."""

    def update(self, g, s, clr, o):
        names = ("lr_decay", "weight_decay", "maximize", TAU)
        twice = 2 if all(o[name] for name in names) and o["eps"] < 0.1 else 1
        return super().update(g, s, clr, {**o, "eps": twice * o["eps"]})


class OptionsCapped(Bent):
    """eps and weight_decay are capped at 1, where nobody needs more."""

    def move(self, p, grad, state, o):
        capped = {name: min(o[name], 1.0) for name in ("eps", "weight_decay")}
        super().move(p, grad, state, {**o, **capped})


class SmallRateDecayDropped(Bent):
    """lr_decay below 1e-4 counts as none."""

    def rate(self, t, o):
        return super().rate(t if o["lr_decay"] >= 1e-4 else 1, o)


class _OtherDefaults(Bent):
    other: ClassVar[dict[str, float | bool]]

    def __init__(self, params, **options):
        super().__init__(params, **{**self.other, **options})


class DefaultRateIsSmaller(_OtherDefaults):
    """lr is 1e-3 where nothing is said.  Known dialects."""

    other: ClassVar = {"lr": 1e-3}


class DefaultEpsIsLarger(_OtherDefaults):
    """eps is 1e-8 where nothing is said.  Known dialects."""

    other: ClassVar = {"eps": 1e-8}


class DefaultSumIsTenth(_OtherDefaults):
    """S starts at 0.1 where nothing is said.  Known bug 53 and dialects."""

    other: ClassVar = {TAU: 0.1}


class DefaultDecays(_OtherDefaults):
    """weight_decay is 0.01 where nothing is said."""

    other: ClassVar = {"weight_decay": 0.01}


class DefaultDecaysRate(_OtherDefaults):
    """lr_decay is 1e-4 where nothing is said."""

    other: ClassVar = {"lr_decay": 1e-4}


class DefaultMaximizes(_OtherDefaults):
    """maximize is on where nothing is said."""

    other: ClassVar = {"maximize": True}


class DecayBringsOtherEps(Bent):
    """With weight_decay alone, eps is taken from a preset."""

    def __init__(self, params, **options):
        preset = {"eps": 1e-8} if set(options) == {"weight_decay"} else {}
        super().__init__(params, **{**preset, **options})


class RateMovesSum(Bent):
    """A chosen lr without other options also sets S_0, by position."""

    def __init__(self, params, **options):
        shifted = {TAU: options["lr"]} if set(options) == {"lr"} else {}
        super().__init__(params, **{**shifted, **options})


class InfinityAccepted(Bent):
    """Infinite options are accepted, as torch does."""

    def __init__(self, params, **options):
        finite = {k: 1.5 if v == math.inf else v for k, v in options.items()}
        super().__init__(params, **finite)


# -- option changes --------------------------------------------------------------------


class RateNeverRises(Bent):
    """A changed lr counts only if it is smaller, unless it was 0."""

    def move(self, p, grad, state, o):
        last = state.get("rate") or o["lr"]
        state["rate"] = min(last, o["lr"])
        super().move(p, grad, state, {**o, "lr": state["rate"]})


class SecondChangeIgnored(Bent):
    """Each option can be changed once."""

    def move(self, p, grad, state, o):
        seen = state.setdefault("seen", {name: [o[name]] for name in options_of(o)})
        for name, values in seen.items():
            if o[name] not in values and len(values) < 2:
                values.append(o[name])
        current = {
            name: o[name] if o[name] in values else values[-1]
            for name, values in seen.items()
        }
        super().move(p, grad, state, current)


class ThirdGroupCached(Bent):
    """The options of the third group are read once."""

    def move(self, p, grad, state, o):
        if o in self.param_groups[2:]:
            o = state.setdefault("options", options_of(o))
        super().move(p, grad, state, o)


class ReturnIgnored(Bent):
    """A changed option that returns to the constructor's value keeps the change."""

    def move(self, p, grad, state, o):
        kept = state.setdefault("kept", {})
        for name, value in options_of(o).items():
            if value != self.defaults[name]:
                kept[name] = value
        super().move(p, grad, state, {**o, **kept})


class ChangeResetsSum(Bent):
    """S starts anew when an option of the group changes."""

    def move(self, p, grad, state, o):
        if state.setdefault("options", options_of(o)) != options_of(o):
            state["options"] = options_of(o)
            state["sum"][...] = o[TAU]
        super().move(p, grad, state, o)


class RateOfFirstGroup(Bent):
    """Only lr is taken from the first group."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, {**o, "lr": self.param_groups[0]["lr"]})


class DecayOnOddSteps(Bent):
    """weight_decay acts on odd steps only."""

    def _step_param(self, p, group):
        odd = self.state[p]["step"] % 2 == 0
        decay = group["weight_decay"] if odd else 0.0
        super()._step_param(p, {**group, "weight_decay": decay})


# -- None and zero ---------------------------------------------------------------------


class NoneIsZeroWithDecay(Bent):
    """None steps as zero would, but only with lr_decay."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        bare = [
            p
            for group in self.param_groups
            for p in group["params"]
            if p.grad is None and group["lr_decay"]
        ]
        for p in bare:
            p.grad = np.zeros_like(p.data)
        super().step()
        for p in bare:
            p.grad = None
        return loss


class AllNoneCounts(Bent):
    """Where no param at all has a gradient, t advances all the same."""

    def step(self, closure=None):
        loss = super().step(closure)
        if all(p.grad is None for p in self._params()):
            for p in self._params():
                self.state[p]["step"] += 1
        return loss


class NoneFirstIsFrozen(Bent):
    """Who has no gradient in the first step with one is left out for good."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        present = {p for p in self._params() if p.grad is not None}
        self.living = getattr(self, "living", present) or present
        super().step()
        return loss

    def _step_param(self, p, group):
        if p in self.living:
            super()._step_param(p, group)


class NoneAfterLoadSteps(Bent):
    """After a load, who is skipped at first gets the t of a step."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def step(self, closure=None):
        loss = super().step(closure)
        if self.__dict__.pop("loaded", False):
            for p in self._params():
                self.state[p]["step"] += p.grad is None
        return loss


class ZeroAfterNoneSkipped(Bent):
    """A zero gradient that follows a None is taken for None."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        self.missed = getattr(self, "last", set())
        super().step()
        self.last = {p for p in self._params() if p.grad is None}
        return loss

    def _step_param(self, p, group):
        if p not in self.missed or p.grad.any():
            super()._step_param(p, group)


class ZeroGradMakesZeros(Bent):
    """zero_grad(set_to_none=False) gives zeros to those who had None."""

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in () if set_to_none else self._params():
            p.grad = np.zeros_like(p.data)


class ZeroGradResetsSum(Bent):
    """zero_grad zeroes S too."""

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in self._params():
            self.state[p]["sum"][...] = 0


class ClosureGradientsStale(Bent):
    """The step uses the gradients that were there before the closure."""

    def step(self, closure=None):
        before = {p: p.grad for p in self._params()}
        loss = None if closure is None else closure()
        after = {p: p.grad for p in self._params()}
        for p, grad in before.items():
            p.grad = grad
        super().step()
        for p, grad in after.items():
            p.grad = grad
        return loss


LONG = "algorithm/long-run"
ALL_INPUTS = "algorithm/all-inputs"
GROUP = "groups/own-options"
DEFAULTS = "parameters/defaults"
CHANGE = "groups/option-change"
SKIPS = "none-vs-zero/none-skips"
MIXED = "none-vs-zero/interleaved"
TO_NONE = "zero-grad/to-none"
TO_ZERO = "zero-grad/to-zero"
ADD = "groups/add"
OWN = "lr-decay/own-counter"
BYTES = "state-dict/bytes"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SumResetAfterThousand: (LONG,),
    SumResetAfterTenThousand: (LONG,),
    CounterWrapsAt8192: (LONG,),
    OneParamStops: (LONG,),
    NoEpsBeyondThousand: (LONG,),
    SumNarrowsLate: (LONG,),
    SumSaturates: (LONG,),
    GroupTakesFourOptions: (ALL_INPUTS, ADD),
    OptionsClash: (ALL_INPUTS, MIXED),
    OptionsCapped: (ALL_INPUTS,),
    SmallRateDecayDropped: (ALL_INPUTS,),
    DefaultRateIsSmaller: (DEFAULTS,),
    DefaultEpsIsLarger: (DEFAULTS,),
    DefaultSumIsTenth: (DEFAULTS,),
    DefaultDecays: (DEFAULTS,),
    DefaultDecaysRate: (DEFAULTS,),
    DefaultMaximizes: (DEFAULTS,),
    DecayBringsOtherEps: (DEFAULTS,),
    RateMovesSum: (DEFAULTS,),
    InfinityAccepted: ("parameters/refuses-infinite",),
    RateNeverRises: (CHANGE,),
    SecondChangeIgnored: (CHANGE,),
    ThirdGroupCached: (CHANGE,),
    ReturnIgnored: (CHANGE,),
    ChangeResetsSum: (CHANGE,),
    RateOfFirstGroup: (GROUP, ALL_INPUTS),
    DecayOnOddSteps: ("weight-decay/coupled",),
    NoneIsZeroWithDecay: (SKIPS, MIXED),
    AllNoneCounts: (SKIPS, MIXED),
    NoneFirstIsFrozen: (SKIPS, OWN),
    NoneAfterLoadSteps: (SKIPS, MIXED, BYTES),
    ZeroAfterNoneSkipped: (MIXED,),
    ZeroGradMakesZeros: ("zero-grad/keeps-none",),
    ZeroGradResetsSum: (TO_NONE, TO_ZERO),
    ClosureGradientsStale: ("closure/once",),
}
