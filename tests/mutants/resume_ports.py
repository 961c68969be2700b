"""Sly mutants of saving and loading where other events meet them."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "state"
TAU = "initial_accumulator_value"


# -- loading --------------------------------------------------------------------------


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


# -- saving ---------------------------------------------------------------------------


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


ADD = "groups/add"
BYTES = "state-dict/bytes"
CHANGE = "groups/option-change"
DEEPCOPY = "state-dict/deepcopy"
MIXED = "none-vs-zero/interleaved"

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
}
