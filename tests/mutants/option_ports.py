"""Sly mutants of options: of their values, their defaults, and of changing them."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

from mutant_kit import Bent

KIND = "state"
TAU = "initial_accumulator_value"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


# -- values and defaults ---------------------------------------------------------------


class GroupTakesFourOptions(Bent):
    """A group's dict is read up to its fourth option.

    The fifth option that a user names is lost.
    """

    def add_param_group(self, param_group):
        few = dict(itertools.islice(options_of(param_group).items(), 4))
        super().add_param_group({"params": param_group["params"], **few})


class OptionsClash(Bent):
    """With a decayed rate and decay and maximize and S_0, eps counts twice.

    Each option works in a test of its own.
    """

    kind = "formula"

    def update(self, g, s, clr, o):
        names = ("lr_decay", "weight_decay", "maximize", TAU)
        twice = 2 if all(o[name] for name in names) and o["eps"] < 0.1 else 1
        return super().update(g, s, clr, {**o, "eps": twice * o["eps"]})


class OptionsCapped(Bent):
    """eps and weight_decay are capped at 1, where nobody needs more.

    A strong decay or a large damping silently becomes a weak one.
    """

    kind = "interface"

    def move(self, p, grad, state, o):
        capped = {name: min(o[name], 1.0) for name in ("eps", "weight_decay")}
        super().move(p, grad, state, {**o, **capped})


class SmallRateDecayDropped(Bent):
    """lr_decay below 1e-4 counts as none.

    Slow schedules, the usual ones, do not decay at all.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(t if o["lr_decay"] >= 1e-4 else 1, o)


class _OtherDefaults(Bent):
    """Right but for the options in `other`."""

    kind = "interface"

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
    """weight_decay is 0.01 where nothing is said.  Weights shrink unasked."""

    other: ClassVar = {"weight_decay": 0.01}


class DefaultDecaysRate(_OtherDefaults):
    """lr_decay is 1e-4 where nothing is said.  Long runs slow down unasked."""

    other: ClassVar = {"lr_decay": 1e-4}


class DefaultMaximizes(_OtherDefaults):
    """maximize is on where nothing is said.  Training ascends unasked."""

    other: ClassVar = {"maximize": True}


class DecayBringsOtherEps(Bent):
    """With weight_decay alone, eps is taken from a preset.

    Switching decay on changes how small gradients move.
    """

    kind = "interface"

    def __init__(self, params, **options):
        preset = {"eps": 1e-8} if set(options) == {"weight_decay"} else {}
        super().__init__(params, **{**preset, **options})


class RateMovesSum(Bent):
    """A chosen lr without other options also sets S_0, by position.

    First steps are too small for who sets the rate alone.
    """

    kind = "interface"

    def __init__(self, params, **options):
        shifted = {TAU: options["lr"]} if set(options) == {"lr"} else {}
        super().__init__(params, **{**shifted, **options})


class InfinityAccepted(Bent):
    """Infinite options are accepted, as torch does.

    A rate that overflowed ruins the weights at the first step.  Known bug 17.
    """

    kind = "interface"

    def __init__(self, params, **options):
        finite = {k: 1.5 if v == math.inf else v for k, v in options.items()}
        super().__init__(params, **finite)


# -- changes ---------------------------------------------------------------------------


class RateNeverRises(Bent):
    """A changed lr counts only if it is smaller, unless it was 0.

    Cyclic schedules and warm-ups stay at the lowest rate.
    """

    def move(self, p, grad, state, o):
        last = state.get("rate") or o["lr"]
        state["rate"] = min(last, o["lr"])
        super().move(p, grad, state, {**o, "lr": state["rate"]})


class SecondChangeIgnored(Bent):
    """Each option can be changed once.  A schedule stops at its second milestone."""

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
    """The options of the third group are read once.

    Schedules go dead for the third group alone.
    """

    def move(self, p, grad, state, o):
        if o in self.param_groups[2:]:
            o = state.setdefault("options", options_of(o))
        super().move(p, grad, state, o)


class ReturnIgnored(Bent):
    """A changed option that returns to the constructor's value keeps the change.

    Decay that is paused cannot be resumed at its first value.
    """

    def move(self, p, grad, state, o):
        kept = state.setdefault("kept", {})
        for name, value in options_of(o).items():
            if value != self.defaults[name]:
                kept[name] = value
        super().move(p, grad, state, {**o, **kept})


class ChangeResetsSum(Bent):
    """S starts anew when an option of the group changes.

    With a scheduler it is plain sign descent.
    """

    def move(self, p, grad, state, o):
        if state.setdefault("options", options_of(o)) != options_of(o):
            state["options"] = options_of(o)
            state["sum"][...] = o[TAU]
        super().move(p, grad, state, o)


class RateOfFirstGroup(Bent):
    """Only lr is taken from the first group.

    The head trains by the backbone's rate.
    """

    def move(self, p, grad, state, o):
        super().move(p, grad, state, {**o, "lr": self.param_groups[0]["lr"]})


class DecayOnOddSteps(Bent):
    """weight_decay acts on odd steps only.

    Half the decay is missing, and one step of it looks right.
    """

    kind = "decay"

    def _step_param(self, p, group):
        odd = self.state[p]["step"] % 2 == 0
        decay = group["weight_decay"] if odd else 0.0
        super()._step_param(p, {**group, "weight_decay": decay})


ADD = "groups/add"
ALL_INPUTS = "algorithm/all-inputs"
CHANGE = "groups/option-change"
DEFAULTS = "parameters/defaults"
GROUP = "groups/own-options"
MIXED = "none-vs-zero/interleaved"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
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
}
