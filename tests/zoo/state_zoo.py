"""Right ports that keep their state elsewhere, later, or in another form than most."""

from __future__ import annotations

import copy
import pickle
from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
from mutant_kit import Bent
from zoo_kit import ZooAdapter

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.adapters.bases.encodings import to_tensor
from adagrad_conformance.adapters.own.validation import check_sizes

__all__ = ["STATES", "StateAdapter"]


class StateAdapter(ZooAdapter):
    """Asks the port what it holds of a param, and has it written, by its own words."""

    def set_state(self, optimizer, param, state_sum, t):
        """The port's own way of writing."""
        held = self.make_tensor(state_sum)
        self.optimizers[optimizer].write(self.params[param], held, t)

    def reading(self, name, optimizer):
        """The port's own way of showing."""
        p = self.params[name]
        total, t = optimizer.shown(p)
        if "state" not in self.claims:
            total = t = None
        storage = p.data.base if self.tensors[name].layout else None
        return Reading(
            to_tensor(p.data),
            None if p.grad is None else to_tensor(p.grad),
            None if total is None else to_tensor(total),
            None if t is None else int(t),
            None if storage is None else to_tensor(storage.view(p.data.dtype)).bits,
        )

    def snapshot(self, name, optimizer):
        """Copies of the same."""
        p = self.params[name]
        total, t = optimizer.shown(p)
        return p.data.copy(), total.copy(), None if t is None else int(t)

    def to_bytes(self, state_dict):
        """By pickle."""
        return pickle.dumps(state_dict)

    def from_bytes(self, raw):
        """By pickle."""
        return pickle.loads(raw)


class Shown(Bent):
    """Shows and writes what `state` holds."""

    def shown(self, p):
        """S and t of a param; None where it has none."""
        state = self.state.get(p)
        return (None, None) if state is None else (state["sum"], state["step"])

    def write(self, p, total, t):
        """Write S and t."""
        self.state[p] = {"sum": total, "step": t}


class MadeLate(Shown):
    """State is made by a param's first step; a param without one is saved without."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            del self.state[p]
        members = [p for other in self.param_groups[:-1] for p in other["params"]]
        if any(p in members for p in group["params"]):
            self.param_groups.pop()
            raise ValueError("a param of the group is already being optimized")

    def _step_param(self, p, group):
        if p not in self.state:
            tau = np.float64(group["initial_accumulator_value"])
            with np.errstate(over="ignore"):
                total = np.full(p.data.shape, tau).astype(p.data.dtype)
            self.write(p, total, 0)
        super()._step_param(p, group)

    def state_dict(self):
        index = {p: i for i, p in enumerate(self._params())}
        groups = [
            {**group, "params": [index[p] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {index[p]: copy.deepcopy(state) for p, state in self.state.items()}
        return {"state": state, "param_groups": copy.deepcopy(groups)}

    def load_state_dict(self, state_dict):
        saved = state_dict["param_groups"]
        check_sizes(self.param_groups, saved)
        params = list(self._params())
        for i, state in state_dict["state"].items():
            if state["sum"].shape != params[i].data.shape:
                raise ValueError("an accumulator has another shape than its param")
        groups = copy.deepcopy(saved)
        for group, old in zip(groups, self.param_groups, strict=True):
            group["params"] = old["params"]
        self.param_groups = groups
        state = copy.deepcopy(state_dict["state"])
        self.state = {params[i]: held for i, held in state.items()}


class CountsInFloats(Shown):
    """The counter of a param is a number of binary64, and is saved as one."""

    def _step_param(self, p, group):
        self.state[p]["step"] = float(self.state[p]["step"])
        super()._step_param(p, group)


class CountsInIntegers(Shown):
    """The counter of a param is an unsigned integer of NumPy, in an array."""

    def _step_param(self, p, group):
        self.state[p]["step"] = np.array(self.state[p]["step"], np.uint64)
        self.move(p, p.grad, self._counted(self.state[p]), group)

    def _counted(self, state):
        state["step"] += np.uint64(1)
        return state

    def rate(self, t, o):
        return super().rate(int(t), o)


class CountsInWords(Shown):
    """The counter is a text, as of a state that is kept in a file of texts."""

    def _step_param(self, p, group):
        state = self.state[p]
        state["step"] = str(int(state["step"]) + 1)
        self.move(p, p.grad, state, group)

    def rate(self, t, o):
        return super().rate(int(t), o)


class _OnParams(MutableMapping):
    """The state of an optimizer, which each param carries itself."""

    def __init__(self, owner):
        self.owner, self.members = id(owner), []

    def __getitem__(self, p):
        return p.__dict__["slots"][self.owner]

    def __setitem__(self, p, state):
        p.__dict__.setdefault("slots", {})
        if p not in self.members:
            self.members.append(p)
        p.slots[self.owner] = state

    def __delitem__(self, p):
        self.members.remove(p)
        del p.slots[self.owner]

    def __iter__(self):
        return iter(list(self.members))

    def __len__(self):
        return len(self.members)


class OnTheParam(Shown):
    """State lives on the param, apart for each optimizer."""

    @property
    def state(self):
        """A view of what the params carry."""
        return self._view

    @state.setter
    def state(self, new):
        view = _OnParams(self)
        view.update(new)
        self._view = view


@dataclass
class _Slot:
    """Everything of one param, as lists."""

    total: list
    t: int
    kind: object
    shape: tuple


class InLists(Shown):
    """S is a list of Python floats beside a param that stays an array."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.write(p, self.state[p]["sum"], 0)

    def write(self, p, total, t):
        flat = np.asarray(total, float).ravel().tolist()
        self.state[p] = _Slot(flat, t, p.data.dtype, p.data.shape)

    def shown(self, p):
        slot = self.state[p]
        return np.array(slot.total).astype(slot.kind).reshape(slot.shape), slot.t

    def _step_param(self, p, group):
        total, t = self.shown(p)
        held = {"sum": total, "step": t + 1}
        self.move(p, p.grad, held, group)
        self.write(p, held["sum"], held["step"])

    def load_state_dict(self, state_dict):
        check_sizes(self.param_groups, state_dict["param_groups"])
        arrays = {
            key: {
                "sum": np.array(slot.total).astype(slot.kind).reshape(slot.shape),
                "step": slot.t,
            }
            for key, slot in state_dict["state"].items()
        }
        super().load_state_dict({**state_dict, "state": arrays})
        for p, state in list(self.state.items()):
            self.write(p, state["sum"], state["step"])


class ByPosition(Shown):
    """Two lists by the position of the param: of accumulators and of counters."""

    sums: tuple | list = ()
    counts: tuple | list = ()

    @property
    def state(self):
        """What the lists hold, by param; a copy."""
        pairs = zip(self._listed, self.sums, self.counts, strict=True)
        return _Written(self, {p: {"sum": s, "step": t} for p, s, t in pairs})

    @state.setter
    def state(self, new):
        self._listed = list(new)
        self.sums = [state["sum"] for state in new.values()]
        self.counts = [state["step"] for state in new.values()]

    def write(self, p, total, t):
        place = self._listed.index(p)
        self.sums[place], self.counts[place] = total, t

    def _step_param(self, p, group):
        place = self._listed.index(p)
        self.counts[place] += 1
        held = {"sum": self.sums[place], "step": self.counts[place]}
        self.move(p, p.grad, held, group)


class _Written(dict):
    """What is entered here is entered in the port's lists."""

    def __init__(self, port, held):
        super().__init__(held)
        self.port = port

    def update(self, pairs):
        """New params go to the end."""
        for p, state in pairs:
            self.port._listed.append(p)
            self.port.sums.append(state["sum"])
            self.port.counts.append(state["step"])


class InOneBuffer(Shown):
    """All accumulators of a format are views into one flat array."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self._gather()

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self._gather()

    def write(self, p, total, t):
        self.state[p]["sum"][...] = total
        self.state[p]["step"] = t

    def _gather(self):
        by_kind = {}
        for p, state in self.state.items():
            by_kind.setdefault(state["sum"].dtype, []).append((p, state))
        for kind, members in by_kind.items():
            whole = np.concatenate([state["sum"].ravel() for _, state in members])
            assert whole.dtype == kind
            start = 0
            for p, state in members:
                part = whole[start : start + p.data.size]
                state["sum"] = part.reshape(p.data.shape)
                start += p.data.size


class OptionsPerParam(Shown):
    """Each param keeps its options in the moment of its step; groups are a view."""

    def _step_param(self, p, group):
        own = {name: value for name, value in group.items() if name != "params"}
        p.__dict__["options"] = own
        super()._step_param(p, p.options)


class Deferred(Shown):
    """A step notes what is to be done; it is done when the last param was noted."""

    def step(self, closure=None):
        self.noted = []
        loss = super().step(closure)
        with np.errstate(all="ignore"):
            for p, grad, state, group in self.noted:
                Bent.move(self, p, grad, state, group)
        return loss

    def move(self, p, grad, state, o):
        self.noted.append((p, grad, state, o))


class NewArrays(Shown):
    """S is a new array after each step; older ones stay as they were."""

    def move(self, p, grad, state, o):
        fresh = {**state, "sum": state["sum"].copy()}
        super().move(p, grad, fresh, o)
        state["sum"] = fresh["sum"]


#: Ports whose state is found by their own words.
STATES = (
    MadeLate,
    CountsInFloats,
    CountsInIntegers,
    CountsInWords,
    OnTheParam,
    InLists,
    ByPosition,
    InOneBuffer,
    OptionsPerParam,
    Deferred,
    NewArrays,
)
