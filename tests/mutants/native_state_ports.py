"""Mutants that only torch can show: state dicts, pickles and copies of optimizers.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import copy

import torch
from torch.optim import Optimizer

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.own.validation import OPTIONS

KIND = "state"

# -- the state dict --------------------------------------------------------------------


class ThirdEntry(SingleTensorAdagrad):
    """The dict has an entry more, of the port's own.

    Tools that read checkpoints stumble.
    """

    def state_dict(self):
        return {**super().state_dict(), "version": 2}


class NamedByStrings(SingleTensorAdagrad):
    """Params appear in the dict as strings.  Tools that read checkpoints stumble."""

    def state_dict(self):
        saved = super().state_dict()
        groups = [
            {**group, "params": [f"p{i}" for i in group["params"]]}
            for group in saved["param_groups"]
        ]
        state = {f"p{i}": entry for i, entry in saved["state"].items()}
        return {"state": state, "param_groups": groups}


class EmptiesTheDict(SingleTensorAdagrad):
    """What was loaded is taken out of the dict. It cannot be loaded a second time."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in state_dict["param_groups"]:
            group.pop("lr")


class WritesParamsIntoTheDict(SingleTensorAdagrad):
    """The groups of the dict become the groups of the optimizer.

    A dict that is saved afterwards contains the whole model.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group, saved in zip(
            self.param_groups, state_dict["param_groups"], strict=True
        ):
            saved["params"] = group["params"]


class SumInMemoryOrder(SingleTensorAdagrad):
    """A loaded S is read as its elements lie in memory, strides ignored.

    A channels_last layer resumes with its accumulators permuted.
    """

    kind = "layout"

    def load_state_dict(self, state_dict):
        saved = copy.deepcopy(state_dict)
        for entry in saved["state"].values():
            s = entry["sum"]
            plain = torch.empty(s.shape).stride()
            entry["sum"] = s.as_strided(s.shape, plain, s.storage_offset())
        super().load_state_dict(saved)


class UnsteppedNotSaved(SingleTensorAdagrad):
    """Params that have not stepped are not saved. They come back with S = 0."""

    def state_dict(self):
        saved = super().state_dict()
        stepped = {i: e for i, e in saved["state"].items() if e["step"]}
        return {**saved, "state": stepped}

    def load_state_dict(self, state_dict):
        params = [p for group in self.param_groups for p in group["params"]]
        state = {
            i: {"step": 0, "sum": torch.zeros_like(p)} for i, p in enumerate(params)
        }
        super().load_state_dict({**state_dict, "state": state | state_dict["state"]})


class LoadsAnyShape(SingleTensorAdagrad):
    """An S of another shape is taken for none.

    After a change of the model the history is silently lost.
    """

    def load_state_dict(self, state_dict):
        saved = copy.deepcopy(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for i, p in enumerate(params):
            entry = saved["state"].get(i, {})
            if "sum" in entry and entry["sum"].shape != p.shape:
                entry["sum"] = torch.zeros_like(p)
        super().load_state_dict(saved)


class LoadsWithoutSum(SingleTensorAdagrad):
    """A missing S is taken for zeros.  A damaged checkpoint is taken for a good one."""

    def load_state_dict(self, state_dict):
        saved = copy.deepcopy(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for i, p in enumerate(params):
            if i in saved["state"]:
                saved["state"][i].setdefault("sum", torch.zeros_like(p))
        super().load_state_dict(saved)


class LoadsWithoutOptions(SingleTensorAdagrad):
    """Missing options are filled with the constructor's.

    A damaged checkpoint is taken for a good one.
    """

    def load_state_dict(self, state_dict):
        groups = [{**self.defaults, **group} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})


class CastsOnLoad(SingleTensorAdagrad):
    """A loaded S takes the dtype of its param. Known bug 11."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, state in self.state.items():
            state["sum"] = state["sum"].to(p.dtype)


class IntCountersOnly(SingleTensorAdagrad):
    """A counter that is no int is refused. Known bug 16 is like it."""

    def load_state_dict(self, state_dict):
        for entry in state_dict["state"].values():
            if not isinstance(entry["step"], int):
                raise TypeError("the counter is no int")
        super().load_state_dict(state_dict)


class TensorCountersForgotten(SingleTensorAdagrad):
    """A counter that is a tensor counts as 0. The decayed rate starts anew."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        saved = state_dict["state"].values()
        for state, entry in zip(self.state.values(), saved, strict=True):
            if isinstance(entry["step"], torch.Tensor):
                state["step"] = 0


class LoadedOptionsBecomeDefaults(SingleTensorAdagrad):
    """After a load the defaults are those of the first group that was loaded.

    A group that is added later has options nobody gave it.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        first = self.param_groups[0]
        self.defaults.update({name: first[name] for name in OPTIONS})


# -- copies ----------------------------------------------------------------------------


class CountersLostInPickle(SingleTensorAdagrad):
    """t is no part of what is pickled. Deep copies keep it."""

    def __getstate__(self):
        state = super().__getstate__()
        fresh = {p: {**entry, "step": 0} for p, entry in self.state.items()}
        return {**state, "state": fresh}

    def __deepcopy__(self, memo):
        other = type(self).__new__(type(self))
        other.__setstate__(copy.deepcopy(super().__getstate__(), memo))
        return other


class CopiesShareSums(SingleTensorAdagrad):
    """A deep copy has params of its own and the original's S.

    An evaluation on a copy spoils the original's rates.
    """

    def __deepcopy__(self, memo):
        for state in self.state.values():
            memo[id(state["sum"])] = state["sum"]
        other = type(self).__new__(type(self))
        other.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return other


class NeedsEveryOption(SingleTensorAdagrad):
    """Options that an old pickle lacks are not filled in. Known bug 9."""

    def __setstate__(self, state):
        Optimizer.__setstate__(self, state)


class OldEpsIsLarge(SingleTensorAdagrad):
    """An old pickle gets another eps than the default.

    A run of years ago cannot be resumed.
    """

    def __setstate__(self, state):
        for options in (state["defaults"], *state["param_groups"]):
            options.setdefault("eps", 1e-2)
        super().__setstate__(state)


ENTRIES, SOURCE = "state-dict/entries", "state-dict/source-unchanged"
MALFORMED, COUNTERS = "state-dict/malformed-refused", "state-dict/counter-kinds"
PICKLED, COPIED = "state-dict/pickled-optimizer", "state-dict/copied-optimizer"
OLD = "state-dict/old-checkpoint"

#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    ThirdEntry: (ENTRIES,),
    NamedByStrings: (ENTRIES,),
    EmptiesTheDict: (SOURCE,),
    WritesParamsIntoTheDict: (SOURCE,),
    SumInMemoryOrder: ("state-dict/strided-sum",),
    UnsteppedNotSaved: ("state-dict/bytes",),
    LoadsAnyShape: (MALFORMED,),
    LoadsWithoutSum: (MALFORMED,),
    LoadsWithoutOptions: (MALFORMED,),
    CastsOnLoad: ("state-dict/keeps-precision",),
    IntCountersOnly: (COUNTERS,),
    TensorCountersForgotten: (COUNTERS,),
    LoadedOptionsBecomeDefaults: ("state-dict/group-after-load",),
    CountersLostInPickle: (PICKLED,),
    CopiesShareSums: (COPIED,),
    NeedsEveryOption: (OLD,),
    OldEpsIsLarge: (OLD,),
}
