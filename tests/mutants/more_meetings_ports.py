"""Mutants of two features that meet: right wherever only one of them is used."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

import numpy as np
from mutant_kit import Bent
from open_port import Open

KIND = "state"
TAU = "initial_accumulator_value"

# -- groups, loads, closures -----------------------------------------------------------


class GroupsBeyondEight(Bent):
    """A table holds the options of eight groups; a ninth one takes those of the first.

    Rates that fall layer by layer start again from the top.
    """

    def _step_param(self, p, group):
        number = next(i for i, g in enumerate(self.param_groups) if g is group)
        super()._step_param(p, self.param_groups[number % 8])


class WholeRateDivides(Open):
    """With an lr that is an int the decayed rate is one too.

    lr = 1 with lr_decay stands still from the second step on.
    """

    kind = "rate"

    def rate(self, t, grad, o):
        whole = isinstance(o["lr"], int) and t > 1 and o["lr_decay"]
        rate = super().rate(t, grad, o)
        return float(rate // 1) if whole else rate


class TauAndEpsByPosition(Open):
    """Given by position, eps and the initial accumulator value change places.

    Two signatures of one optimizer differ in their order.
    """

    kind = "interface"

    def __init__(self, params, *given, **options):
        if len(given) >= 5:
            given = (*given[:3], given[4], given[3], *given[5:])
        super().__init__(params, *given, **options)


class NestedStepRate(Open):
    """The rate in use lies in one place for the process, and a nested step changes it.

    A closure that steps another optimizer leaves its lr to the outer one.
    """

    kind = "gradients"
    home: ClassVar[dict] = {}

    def step(self, closure=None):
        self.home["lr"] = self.param_groups[0]["lr"]
        return super().step(closure)

    def _step_group(self, group, pairs):
        lr = self.home["lr"] if group is self.param_groups[0] else group["lr"]
        super()._step_group({**group, "lr": lr}, pairs)


class ClosureCannotClear(Bent):
    """A gradient that a closure sets to None is used all the same.

    A branch that the loss leaves out keeps moving.
    """

    kind = "gradients"

    def step(self, closure=None):
        if closure is None:
            return super().step()
        before = {p: p.grad for p in self._params()}

        def kept():
            loss = closure()
            for p, grad in before.items():
                if p.grad is None:
                    p.grad = grad
            return loss

        return super().step(kept)


class AddedAfterLoadCountsOn(Bent):
    """A group that is added after a load starts at the t that was loaded.

    A head that is added to a resumed model starts with a decayed rate.
    """

    kind = "rate"
    loaded = 0

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = max((s["step"] for s in self.state.values()), default=0)

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["step"] = self.loaded


class LoadCastsToFirstFormat(Bent):
    """A load casts every S to the format of the first one in its group.

    Models of mixed formats lose digits at each resumption.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            sums = [self.state[p] for p in group["params"]]
            for state in sums:
                own = state["sum"].dtype
                state["sum"] = state["sum"].astype(sums[0]["sum"].dtype).astype(own)


class EmptyNotRestored(Bent):
    """A param without elements has no state in a save.

    One that grows later, or its counter alone, starts anew after a load.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, state in self.state.items():
            if p.data.size == 0:
                state["step"] = 0


class CopySharesGroups(Open):
    """A deep copy of the optimizer takes lr from the original.

    A schedule on the copy has no effect, and that of the original acts on both.
    """

    def __deepcopy__(self, memo):
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy.__dict__.update(
            {k: deepcopy(v, memo) for k, v in self.__dict__.items() if k != "defaults"}
        )
        copy.defaults = self.defaults
        copy.original = self
        return copy

    def step(self, closure=None):
        for new, old in zip(
            self.param_groups,
            self.__dict__.get("original", self).param_groups,
            strict=True,
        ):
            new["lr"] = old["lr"]
        return super().step(closure)


# -- layouts, shapes, maximize ---------------------------------------------------------


class MaximizeMissesExpanded(Bent):
    """An expanded gradient is not turned by maximize.

    Negation skips memory that overlaps with itself, as writing into it must.
    """

    kind = "decay"

    def used(self, theta, g, o):
        if self.expanded:
            o = {**o, "maximize": False}
        return super().used(theta, g, o)

    def move(self, p, grad, state, o):
        self.expanded = grad.size > 1 and 0 in grad.strides
        super().move(p, grad, state, o)


class MaximizeMissesScalars(Bent):
    """A 0-dimensional param is minimized, whatever maximize is.

    A multiplier that should rise against its constraint falls.
    """

    kind = "decay"

    def used(self, theta, g, o):
        return super().used(theta, g, {**o, "maximize": o["maximize"] and g.ndim > 0})


class StridedHalvesTruncated(Bent):
    """A strided bfloat16 param is written by cutting off binary32.

    The contiguous path rounds; slices of one buffer creep towards zero.
    """

    kind = "numerics"

    def move(self, p, grad, state, o):
        if p.data.dtype.name != "bfloat16" or p.data.flags.c_contiguous:
            super().move(p, grad, state, o)
            return
        theta, g, s = (np.asarray(x, np.float32) for x in (p.data, grad, state["sum"]))
        new, total = self.formula(theta, g, s, self.rate(state["step"], o), o)
        bits = np.ascontiguousarray(new, np.float32).view(np.uint32) & 0xFFFF0000
        p.data[...] = bits.astype(np.uint32).view(np.float32).reshape(new.shape)
        state["sum"][...] = total


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    GroupsBeyondEight: ("numerics/meetings",),
    WholeRateDivides: ("parameters/python-numbers",),
    TauAndEpsByPosition: ("parameters/by-position",),
    NestedStepRate: ("closure/steps-another",),
    ClosureCannotClear: ("closure/once",),
    AddedAfterLoadCountsOn: ("groups/add",),
    EmptyNotRestored: ("lr-decay/own-counter",),
    CopySharesGroups: ("state-dict/copied-optimizer",),
    MaximizeMissesExpanded: ("numerics/meetings",),
    MaximizeMissesScalars: ("numerics/fresh",),
    StridedHalvesTruncated: ("layout/strides-differ",),
}

#: Mutants that no check of the suite finds, and why.
ALIVE: dict[type, str] = {
    LoadCastsToFirstFormat: ("No scenario loads params of different formats."),
}
