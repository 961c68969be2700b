"""Mutants that only a save or a load at an odd moment can show."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "state"


class FreshStateIsNone(Bent):
    """A saved state without a step is taken for none, and the present one stays.

    A run that is set back to its begin goes on with the rates of its end.
    """

    def load_state_dict(self, state_dict):
        before = {p: dict(state) for p, state in self.state.items()}
        super().load_state_dict(state_dict)
        if not any(state["step"] for state in self.state.values()):
            for p, state in before.items():
                self.state[p].update(state)


class OlderSavesAreFilledUp(Bent):
    """A save with fewer groups than there are is filled up with the present ones.

    An old checkpoint is loaded, into the first groups, without a word.
    """

    def load_state_dict(self, state_dict):
        now = self.state_dict()
        groups, present = state_dict["param_groups"], now["param_groups"]
        if len(groups) < len(present):
            state_dict = {
                "state": {**now["state"], **state_dict["state"]},
                "param_groups": [*groups, *present[len(groups) :]],
            }
        super().load_state_dict(state_dict)


class LoadedCountersAreBinary32(Bent):
    """A counter that was loaded is held in binary32 from then on.

    A long run that is resumed stands still at 2^24, and its rate with it.
    """

    kind = "rate"
    loaded = False

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def _step_param(self, p, group):
        super()._step_param(p, group)
        if self.loaded:
            self.state[p]["step"] = int(np.float32(self.state[p]["step"]))


class UnsteppedIsNotSaved(Bent):
    """A param without a step is not saved, and begins with the loading port's tau.

    A layer that was added just before the checkpoint learns at other rates.
    """

    def state_dict(self):
        saved = super().state_dict()
        stepped = {key: s for key, s in saved["state"].items() if s["step"]}
        return {**saved, "state": stepped}

    def load_state_dict(self, state_dict):
        tau = self.defaults["initial_accumulator_value"]
        fresh = {
            key: {"step": 0, "sum": np.full_like(state["sum"], tau)}
            for key, state in super().state_dict()["state"].items()
        }
        super().load_state_dict({**state_dict, "state": fresh | state_dict["state"]})


#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    FreshStateIsNone: ("state-dict/deepcopy", "state-dict/bytes"),
    OlderSavesAreFilledUp: ("state-dict/mismatch-refused",),
    UnsteppedIsNotSaved: ("state-dict/unstepped-group",),
    LoadedCountersAreBinary32: ("lr-decay/counts-beyond-2-24",),
}
