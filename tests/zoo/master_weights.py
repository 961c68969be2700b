"""Ports that keep a binary32 copy of 16-bit params, as much of deep learning does.

The copy and S are stepped in binary32; the param that is shown is the copy, rounded.
"""

from __future__ import annotations

import json

import numpy as np
from mutant_kit import Bent, BentAdapter

from adagrad_conformance.adapters.bases.encodings import to_tensor
from adagrad_conformance.adapters.own.numpy_adapter import _array_to_json

__all__ = ["MasterAdapter", "MasterWeights", "MasterWeightsHidden"]


class MasterWeights(Bent):
    """The copy and the accumulator are binary32; both go into the state dict."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            if p.data.itemsize == 2:
                tau = group["initial_accumulator_value"]
                total = np.full(p.data.shape, tau, np.float32)
                self.state[p].update(sum=total, master=p.data.astype(np.float32))

    def move(self, p, grad, state, o):
        if "master" not in state:
            super().move(p, grad, state, o)
            return
        numbers = state["master"], grad.astype(np.float32), state["sum"]
        new = self.formula(*numbers, self.rate(state["step"], o), o)
        state["master"], state["sum"] = (np.asarray(x, np.float32) for x in new)
        self.show(p, state["master"])

    def show(self, p, master):
        """Write the param."""
        p.data[...] = master

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, saved in zip(self._params(), state_dict["state"].values(), strict=True):
            if "master" in saved:
                self.state[p]["master"] = saved["master"].copy()


class MasterWeightsHidden(MasterWeights):
    """The same, showing nothing but the params."""

    without = frozenset({"state", "state-write", "many-steps"})


class MasterAdapter(BentAdapter):
    """Shows the copies too."""

    def __init__(self, port):
        super().__init__(port)
        also = getattr(port, "also", {"master-weights"})
        self.claims = (self.claims | also) - getattr(port, "without", set())

    def reading(self, name, optimizer):
        """With the copy of a 16-bit param."""
        shown = super().reading(name, optimizer)
        if "state" not in self.claims:
            return type(shown)(shown.theta, shown.gradient, None, None, shown.storage)
        master = optimizer.state[self.params[name]].get("master")
        return type(shown)(
            shown.theta,
            shown.gradient,
            shown.state_sum,
            shown.t,
            shown.storage,
            None if master is None else to_tensor(master),
        )

    def snapshot(self, name, optimizer):
        """The copy, where there is one."""
        theta, total, t = super().snapshot(name, optimizer)
        master = optimizer.state[self.params[name]].get("master", theta)
        return master.copy(), total, t

    def set_state(self, optimizer, param, state_sum, t):
        """S is widened."""
        state = self.optimizers[optimizer].state[self.params[param]]
        kind = state["sum"].dtype
        state.update(sum=self.make_tensor(state_sum).astype(kind), step=t)

    def from_bytes(self, raw):
        """All arrays of a state."""
        read = json.loads(raw, object_hook=_array)
        read["state"] = {int(key): state for key, state in read["state"].items()}
        return read

    def to_bytes(self, state_dict):
        """JSON, with arrays bit for bit."""
        return json.dumps(state_dict, default=_array_to_json).encode()


def _array(data):
    if set(data) != {"dtype", "shape", "hex"}:
        return data
    flat = np.frombuffer(bytes.fromhex(data["hex"]), np.dtype(data["dtype"]))
    return flat.reshape(data["shape"]).copy()
