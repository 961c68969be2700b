"""Sly mutants of state: groups added late, and what a load forgets or spoils."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "state"

TAU = "initial_accumulator_value"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


# -- added groups ----------------------------------------------------------------------


class ThirdAddedStartsLate(Bent):
    """From the third added group on, t starts where the group before stands.

    With gradual unfreezing, deep layers begin with a decayed rate.
    """

    def add_param_group(self, param_group):
        stepped = any(state["step"] for state in self.state.values())
        self.added = getattr(self, "added", 0) + bool(self.param_groups)
        super().add_param_group(param_group)
        if stepped and self.added >= 3:
            latest = max(state["step"] for state in self.state.values())
            for p in self.param_groups[-1]["params"]:
                self.state[p]["step"] = latest


class AddedAfterLoadNeverSteps(Bent):
    """The list of params is made anew by each load, and then never again.

    Who resumes and then unfreezes a layer leaves it frozen.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.known = set(self._params())

    def _step_param(self, p, group):
        if p in getattr(self, "known", {p}):
            super()._step_param(p, group)


class AddedAfterLoadLikeLoaded(Bent):
    """Added after a load, a group takes the last loaded options, its own ignored.

    Who resumes and then adds a layer cannot choose its rate.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = options_of(self.param_groups[-1])

    def add_param_group(self, param_group):
        super().add_param_group({**param_group, **getattr(self, "loaded", {})})


class AddedGroupCached(Bent):
    """The options of groups that were added later are read once.

    Schedules go dead for unfrozen layers.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        stepped = any(state["step"] for state in self.state.values())
        for p in self.param_groups[-1]["params"] if stepped else ():
            self.state[p]["options"] = options_of(self.param_groups[-1])

    def move(self, p, grad, state, o):
        super().move(p, grad, state, state.get("options", o))


class CounterSharedAfterAdd(Bent):
    """Once a group was added, its params share one counter.

    Unfrozen layers decay too fast, by the number of their params.
    """

    kind = "rate"

    def _step_param(self, p, group):
        super()._step_param(p, group)
        if group is not self.param_groups[0] and len(group["params"]) > 1:
            for q in group["params"]:
                self.state[q]["step"] = self.state[p]["step"]


class ThirdOptimizerShares(Bent):
    """From the third optimizer on a param, state is shared with the second.

    Two of three optimizers that take turns spoil each other's history.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            p.states = [*getattr(p, "states", ()), self.state[p]]
            self.state[p] = p.states[min(len(p.states), 2) - 1]


# -- saving and loading ----------------------------------------------------------------


class LoadEmptiesDict(Bent):
    """Loading takes the state out of the dict that it is given.

    A best checkpoint kept in memory can be restored once.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in state_dict["state"].values():
            state["sum"][...] = 0


class LoadPopsDict(Bent):
    """Loading pops the counters out of the dict.

    A best checkpoint kept in memory can be restored once.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in state_dict["state"].values():
            del state["step"]


class LoadWritesOptions(Bent):
    """Loading writes the constructor's options into the dict.

    A dict that is loaded into several optimizers changes on the way.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in state_dict["param_groups"]:
            group.update(self.defaults)


class LoadTakesRoot(SingleTensorAdagrad):
    """S is replaced by its root in the dict, which is live.  Known bug 45."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in state_dict["state"].values():
            state["sum"].sqrt_()


class SecondLoadIgnored(Bent):
    """Only the first load of an optimizer takes effect.

    Rolling back to the best checkpoint works once.
    """

    def load_state_dict(self, state_dict):
        if not hasattr(self, "loaded"):
            super().load_state_dict(state_dict)
        self.loaded = True


class LoadAddsCounters(Bent):
    """Loaded counters are added to those that are there.

    Rolling back makes the rate decay faster and faster.
    """

    def load_state_dict(self, state_dict):
        before = [self.state[p]["step"] for p in self._params()]
        super().load_state_dict(state_dict)
        for p, t in zip(self._params(), before, strict=True):
            self.state[p]["step"] += t


class CounterSavedInTwoBits(Bent):
    """t is saved in two bits for the first eight steps.

    An early checkpoint resumes with a rate that is too large.
    """

    def state_dict(self):
        saved = super().state_dict()
        for state in saved["state"].values():
            state["step"] %= 4 if state["step"] < 8 else state["step"] + 1
        return saved


class CounterSavedInBinary16(Bent):
    """t is saved as a binary16 number.  Known bug 27.  2,049 becomes 2,048."""

    def state_dict(self):
        saved = super().state_dict()
        for state in saved["state"].values():
            near = np.float16(min(state["step"], 65_504))
            state["step"] = int(near)
        return saved


class StaleOptionsAfterLoad(Bent):
    """An option that was changed before the load keeps its change.

    A resumed schedule starts from the wrong rate.
    """

    def load_state_dict(self, state_dict):
        kept = [
            {k: v for k, v in options_of(group).items() if v != self.first[i].get(k, v)}
            for i, group in enumerate(self.param_groups)
        ]
        super().load_state_dict(state_dict)
        for group, changed in zip(self.param_groups, kept, strict=True):
            group.update(changed)

    @property
    def first(self):
        return self.__dict__.get("made", [{}] * len(self.param_groups))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        made = self.__dict__.setdefault("made", [])
        made.append(options_of(self.param_groups[-1]))


class SavesConstructorOptions(Bent):
    """The dict holds the options that a group was made with.

    A resumed schedule starts anew.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self.made = [*getattr(self, "made", ()), options_of(self.param_groups[-1])]

    def state_dict(self):
        saved = super().state_dict()
        for group, options in zip(saved["param_groups"], self.made, strict=True):
            group.update(options)
        return saved


class LoadRefillsZeros(Bent):
    """A loaded S of zeros counts as fresh and is filled with the own S_0.

    Elements that never had a gradient take smaller first steps after a resume.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p in self._params():
            if not self.state[p]["sum"].any():
                self.state[p]["sum"][...] = self.defaults[TAU]


class MaximizeForgottenOnLoad(Bent):
    """After a load maximize is off until it is changed.

    A resumed run turns round and minimizes.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["maximize"] = False


class SumSavedInMemoryOrder(Bent):
    """S of a transposed param is saved in the order in which it lies in memory.

    A channels_last layer resumes with its accumulators permuted.
    """

    kind = "layout"

    def state_dict(self):
        saved = super().state_dict()
        for entry in saved["state"].values():
            flat = entry["sum"].ravel(order="K")
            entry["sum"] = flat.reshape(entry["sum"].shape).copy()
        return saved


MIXED = "none-vs-zero/interleaved"
ADD = "groups/add"
OWN = "lr-decay/own-counter"
COPY = "state-dict/deepcopy"
BYTES = "state-dict/bytes"
SOURCE = "state-dict/source-unchanged"
LOADED = "state-dict/options"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    ThirdAddedStartsLate: (ADD,),
    AddedAfterLoadNeverSteps: (ADD,),
    AddedAfterLoadLikeLoaded: (ADD,),
    AddedGroupCached: (ADD,),
    CounterSharedAfterAdd: (ADD, OWN),
    ThirdOptimizerShares: ("groups/two-optimizers",),
    LoadEmptiesDict: (SOURCE,),
    LoadPopsDict: (SOURCE,),
    LoadWritesOptions: (SOURCE,),
    LoadTakesRoot: (SOURCE, "state-dict/independent"),
    SecondLoadIgnored: (BYTES,),
    LoadAddsCounters: (COPY, BYTES),
    CounterSavedInTwoBits: (COPY, BYTES, "state-dict/new-process"),
    CounterSavedInBinary16: (COPY, BYTES, "state-dict/new-process"),
    StaleOptionsAfterLoad: (COPY, BYTES),
    SavesConstructorOptions: (LOADED, BYTES),
    LoadRefillsZeros: (BYTES, MIXED),
    MaximizeForgottenOnLoad: (LOADED, BYTES),
    SumSavedInMemoryOrder: ("layout/after-load",),
}
