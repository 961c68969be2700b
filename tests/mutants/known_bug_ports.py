"""Mutants after real bugs that no other module has."""

from __future__ import annotations

import itertools

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "formula"
TAU = "initial_accumulator_value"


# -- formula ---------------------------------------------------------------------------


class SquareOfMean(Bent):
    """S gains the square of the mean of g.  Known bug 75.  Equal rows hide it."""

    def grown(self, s, g, o):
        return s + np.square(g.mean(dtype=g.dtype)) if g.size else s


class SumStartsAtEps(Bent):
    """S starts at eps where tau is 0.  Known bug 74.  First steps are too small."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self.state[p]["sum"][...] = group[TAU] or group["eps"]


class SumOfHalvesStartsAtZero(Bent):
    """With master weights S starts at 0, whatever tau is.

    Known bug 62: only the 16-bit formats have master weights.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.data.itemsize == 2:
                self.state[p]["sum"][...] = 0


# -- gradients -------------------------------------------------------------------------


class NoneCrashes(Bent):
    """A param without a gradient ends the step with an error.

    Known bug 18: all params are handed on, not those that have a gradient.
    """

    kind = "gradients"

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for p in self._params():
            p.grad.shape  # noqa: B018
        super().step()
        return loss


class FirstGradientForAll(Bent):
    """Params of one shape all move by the gradient of the first.

    Known bug 63: an index that never advances.
    """

    kind = "gradients"

    def step(self, closure=None):
        self.first = {}
        return super().step(closure)

    def move(self, p, grad, state, o):
        like = grad.shape, grad.dtype
        super().move(p, self.first.setdefault(like, grad), state, o)


# -- state -----------------------------------------------------------------------------


class AddedHasNoState(Bent):
    """State is made by the constructor alone.  Known bugs 23 and 24.

    The first step after add_param_group raises KeyError.
    """

    kind = "state"

    def __init__(self, params, **options):
        super().__init__(params, **options)
        self.stateful = set(self._params())

    def _step_param(self, p, group):
        if p not in self.stateful:
            raise KeyError("sum")
        super()._step_param(p, group)


class SumKeptByPosition(Bent):
    """S belongs to a place among the params that have a gradient, not to a param.

    Known bug 64: freezing a layer hands its S to the next one of that shape.
    """

    kind = "state"

    def step(self, closure=None):
        loss = None if closure is None else closure()
        params = list(self._params())
        own = [self.state[p]["sum"] for p in params]
        kept = self.__dict__.setdefault("kept", {})
        present = [p for p in params if p.grad is not None]
        for place, p in enumerate(present):
            s = kept.setdefault(place, self.state[p]["sum"])
            if s.shape == p.data.shape and s.dtype == p.data.dtype:
                self.state[p]["sum"] = s
        super().step()
        for p, s in zip(params, own, strict=True):
            if s is not self.state[p]["sum"]:
                s[...] = self.state[p]["sum"]
                self.state[p]["sum"] = s
        return loss


class LoadKeepsEntries(SingleTensorAdagrad):
    """The dict's own entries become the state.

    Known bugs 10 and 76: later steps write S and t into the dict that was loaded.
    """

    kind = "state"

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for p, entry in zip(params, state_dict["state"].values(), strict=True):
            self.state[p] = entry


class LastGroupForAll(Bent):
    """Every group steps with the options of the last.

    Known bug 87: one dict of options is shared, and each new group writes into it.
    """

    kind = "state"

    def _step_param(self, p, group):
        super()._step_param(p, self.param_groups[-1])


# -- layout ----------------------------------------------------------------------------


class VectorBlockOfHalvesSkipped(Bent):
    """In the 16-bit formats full vectors of 16 lanes are skipped.

    Known bug 31: the layers of a mixed-precision model never learn.
    """

    kind = "layout"

    def move(self, p, grad, state, o):
        before, s = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        n = p.data.size - p.data.size % 16
        if p.data.itemsize == 2 and n:
            p.data.reshape(-1)[:n] = before.reshape(-1)[:n]
            state["sum"].reshape(-1)[:n] = s.reshape(-1)[:n]


# -- interface -------------------------------------------------------------------------


class DefaultEpsIsZero(Bent):
    """eps is 0 where nothing is said.  Known bug 84.  A zero gradient makes NaN."""

    kind = "interface"

    def __init__(self, params, **options):
        super().__init__(params, **{"eps": 0.0, **options})


class OptionsByPosition(Bent):
    """lr_decay and weight_decay change places where both are given at first.

    Known bug 83: the order of the arguments in the documentation is another one.
    """

    kind = "interface"

    def __init__(self, params, **options):
        names = ("lr_decay", "weight_decay")
        if all(name in options for name in names):
            swapped = dict(
                zip(names, (options[n] for n in reversed(names)), strict=True)
            )
            options = {**options, **swapped}
        super().__init__(params, **options)


# -- sums that end early ---------------------------------------------------------------


class SumResetAfterHundred(Bent):
    """S starts anew at the hundredth step.  Rates jump back up once, early in a run."""

    def move(self, p, grad, state, o):
        ages = self.__dict__.setdefault("ages", {})
        if next(ages.setdefault(p, itertools.count(1))) == 100:
            state["sum"][...] = o[TAU]
        super().move(p, grad, state, o)


ADD = "groups/add"
MIXED = "none-vs-zero/interleaved"
UPDATE = "algorithm/update"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SquareOfMean: (UPDATE,),
    SumStartsAtEps: (UPDATE,),
    SumOfHalvesStartsAtZero: (MIXED,),
    FirstGradientForAll: (MIXED,),
    AddedHasNoState: (ADD,),
    SumKeptByPosition: (MIXED,),
    LoadKeepsEntries: ("state-dict/independent",),
    LastGroupForAll: ("groups/option-change",),
    VectorBlockOfHalvesSkipped: ("layout/strided-param",),
    DefaultEpsIsZero: ("parameters/defaults",),
    OptionsByPosition: ("groups/option-change",),
    SumResetAfterHundred: ("algorithm/long-run",),
}

#: Mutants that are found by another status than `fail`.
CRASHES: dict[type, tuple[str, ...]] = {NoneCrashes: (ADD,)}
