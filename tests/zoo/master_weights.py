"""Ports that keep a binary32 copy of 16-bit params: a class that cannot be judged yet.

What a step is judged by would have to be the copy: it and S are stepped in binary32,
and the param that is shown is the copy, rounded.  No reading shows a copy today, and a
binary32 accumulator of a 16-bit param is refused as malformed.
"""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

__all__ = ["MasterWeights", "MasterWeightsHidden"]


class MasterWeights(Bent):
    """The copy and the accumulator are binary32; both go into the state dict."""

    without = frozenset({"save", "load-same-object", "load-deepcopy", "load-bytes"})

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.data.itemsize == 2:
                state = self.state[p]
                state["sum"] = state["sum"].astype(np.float32)
                state["master"] = p.data.astype(np.float32)

    def move(self, p, grad, state, o):
        if "master" not in state:
            super().move(p, grad, state, o)
            return
        numbers = state["master"], grad.astype(np.float32), state["sum"]
        new = self.formula(*numbers, self.rate(state["step"], o), o)
        state["master"], state["sum"] = new
        p.data[...] = new[0]


class MasterWeightsHidden(MasterWeights):
    """The same, showing nothing but the params."""

    without = MasterWeights.without | {"state", "state-write", "many-steps"}
