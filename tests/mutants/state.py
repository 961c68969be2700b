"""Mutants of the state: who owns S, and what saving and loading keep."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "state"


class OneSumForAll(Bent):
    """One accumulator, made anew when the size changes.  Known bugs 65 and 71."""

    def _step_param(self, p, group):
        shared = getattr(self, "shared", self.state[p]["sum"])
        if shared.shape != p.data.shape:
            shared = np.zeros_like(p.data)
        self.shared = self.state[p]["sum"] = shared
        super()._step_param(p, group)


class SumKeptByShape(Bent):
    """S is looked up by the shape of the param.  Equal layers share it."""

    def _step_param(self, p, group):
        self.sums = getattr(self, "sums", {})
        key = p.data.shape, p.data.dtype
        self.state[p]["sum"] = self.sums.setdefault(key, self.state[p]["sum"])
        super()._step_param(p, group)


class StateOnTheParam(Bent):
    """The state hangs on the param.  A second optimizer goes on from the first."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            p.state = getattr(p, "state", self.state[p])
            self.state[p] = p.state


class OptionsSharedByOptimizers(Bent):
    """The options of a param are those of the optimizer that was made last.

    Two optimizers that take turns on one model share one rate.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            p.latest = self.defaults

    def move(self, p, grad, state, o):
        foreign = p.latest is not self.defaults
        super().move(p, grad, state, {**o, **p.latest} if foreign else o)


# -- loading ---------------------------------------------------------------------------


class SumNotRestored(Bent):
    """Resumed without S.  Known bug 60.  The first steps explode."""

    def load_state_dict(self, state_dict):
        kept = {p: self.state[p]["sum"] for p in self._params()}
        super().load_state_dict(state_dict)
        for p, s in kept.items():
            self.state[p]["sum"] = s


class CounterNotRestored(Bent):
    """Resumed with t = 0.  The decayed rate starts anew."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p in self._params():
            self.state[p]["step"] = 0


class OneCounterRestored(Bent):
    """One t is saved for all params.  Params that were skipped lose theirs."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        latest = max(self.state[p]["step"] for p in self._params())
        for p in self._params():
            self.state[p]["step"] = latest


class OptionsNotRestored(Bent):
    """State alone is loaded; the constructor's options stay.

    A resumed run goes on with other hyperparameters.
    """

    def load_state_dict(self, state_dict):
        kept = [dict(group) for group in self.param_groups]
        super().load_state_dict(state_dict)
        self.param_groups = kept


class ConstructorRateWins(Bent):
    """lr stays the constructor's.  A resumed schedule jumps."""

    def load_state_dict(self, state_dict):
        rates = [group["lr"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, lr in zip(self.param_groups, rates, strict=True):
            group["lr"] = lr


class MaximizeNotRestored(Bent):
    """Only the numbers among the options are loaded.

    A resumed run turns round and minimizes.
    """

    def load_state_dict(self, state_dict):
        flags = [group["maximize"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, flag in zip(self.param_groups, flags, strict=True):
            group["maximize"] = flag


class FirstGroupRestored(Bent):
    """Every group gets the options of the first.  Known bug 87."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups[1:]:
            group.update({**self.param_groups[0], "params": group["params"]})


class LoadsInWrongOrder(Bent):
    """Counters are loaded in reverse order of the params.

    Params that were frozen for a time get each other's rates.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        params = list(self._params())
        reverse = [self.state[p]["step"] for p in params[::-1]]
        for p, t in zip(params, reverse, strict=True):
            self.state[p]["step"] = t


class LoadFillsOnlyFresh(Bent):
    """Only params that have not stepped are loaded.  A rollback changes nothing."""

    def load_state_dict(self, state_dict):
        old = {p: self.state[p] for p in self._params() if self.state[p]["step"]}
        super().load_state_dict(state_dict)
        self.state.update(old)


class LoadBringsParams(Bent):
    """The dict holds the params too, and loading moves them back.

    Loading the optimizer undoes what was loaded into the model.
    """

    def state_dict(self):
        saved = super().state_dict()
        for p, entry in zip(self._params(), saved["state"].values(), strict=True):
            entry["theta"] = p.data.astype(float).tolist()
        return saved

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        entries = state_dict["state"].values()
        for p, entry in zip(self._params(), entries, strict=True):
            p.data[...] = entry["theta"]


class LoadClearsGradients(Bent):
    """Loading sets the gradients to None.  The next step is lost."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.zero_grad()


class LoadFreezesOptions(Bent):
    """After a load, changed options have no effect.  Schedulers go dead."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.frozen = copy.deepcopy([{**g, "params": 0} for g in self.param_groups])

    def _step_param(self, p, group):
        frozen = getattr(self, "frozen", ())
        for old, current in zip(frozen, self.param_groups, strict=False):
            group = old if current is group else group
        super()._step_param(p, group)


class LoadSharesState(SingleTensorAdagrad):
    """The loaded S is the saved one itself.  Known bugs 10 and 77."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for i, p in enumerate(params):
            self.state[p]["sum"] = state_dict["state"][i]["sum"]


# -- saving ----------------------------------------------------------------------------


class ForgetsWhenCopied(np.ndarray):
    """Zeros after a deep copy."""

    def __deepcopy__(self, memo):
        return np.zeros(self.shape, self.dtype)


class ForgetsAsBytes(np.ndarray):
    """Zeros after a trip through bytes."""

    def tobytes(self, order="C"):
        return bytes(self.nbytes)


class _SavesBoxed(Bent):
    def state_dict(self):
        saved = super().state_dict()
        for entry in saved["state"].values():
            entry["sum"] = entry["sum"].view(self.box)
        return saved


class SumLostInDeepcopy(_SavesBoxed):
    """S is no part of a deep copy.  A rollback in memory forgets it."""

    box = ForgetsWhenCopied


class SumLostInBytes(_SavesBoxed):
    """S is no part of the bytes.  Only checkpoints on disk are wrong."""

    box = ForgetsAsBytes


class SumKeptAtHome(Bent):
    """The dict holds keys; the sums stay in the process that saved it.

    A checkpoint is worthless to any other process.
    """

    home: ClassVar = {}  # each adapter gets its own

    def state_dict(self):
        saved = super().state_dict()
        for entry in saved["state"].values():
            key = len(self.home)
            self.home[key] = entry["sum"]
            entry["key"] = key
        return saved

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        entries = state_dict["state"].values()
        for p, entry in zip(self._params(), entries, strict=True):
            zeros = np.zeros_like(self.state[p]["sum"])
            self.state[p]["sum"] = self.home.get(entry["key"], zeros).copy()


class SavingResetsCounter(Bent):
    """state_dict() resets t.  Known bug 28: reading has a side effect."""

    def state_dict(self):
        saved = super().state_dict()
        for p in self._params():
            self.state[p]["step"] = 0
        return saved


class SavingResetsOptions(Bent):
    """state_dict() puts the constructor's options back into the groups.

    A checkpoint in mid-run undoes the schedule.  Known bug 28 is like it.
    """

    def state_dict(self):
        saved = super().state_dict()
        for group in self.param_groups:
            group.update(self.defaults)
        return saved


# -- dicts that do not fit -------------------------------------------------------------


class AcceptsOtherGroups(Bent):
    """Any dict is accepted and what does not fit is ignored.

    A checkpoint of another model seems to load.
    """

    def load_state_dict(self, state_dict):
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(g["params"]) for g in state_dict["param_groups"]] == sizes:
            super().load_state_dict(state_dict)


class AcceptsOtherParams(Bent):
    """Only the number of groups is checked.

    A checkpoint of another model seems to load.
    """

    def load_state_dict(self, state_dict):
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("another number of groups")
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in groups] == sizes:
            super().load_state_dict(state_dict)


class RefusesTooLate(Bent):
    """Counters are written before the dict is checked.

    Who catches the error goes on with foreign counters.
    """

    def load_state_dict(self, state_dict):
        entries = state_dict["state"].values()
        for p, entry in zip(self._params(), entries, strict=False):
            self.state[p]["step"] = entry["step"]
        super().load_state_dict(state_dict)


class RefusesWithOptionsLoaded(SingleTensorAdagrad):
    """Options are written before the dict is checked; S and t are kept.

    Who catches the error trains on by foreign options.
    """

    def load_state_dict(self, state_dict):
        for mine, theirs in zip(
            self.param_groups, state_dict["param_groups"], strict=False
        ):
            mine.update({**theirs, "params": mine["params"]})
        super().load_state_dict(state_dict)
