"""Mutants by machine: right everywhere but where two features, or three, meet.

`Watched` is the right torch port that looks at what it is given: tensors, groups,
options, and what has happened to a param before.  It finds the features by itself and
knows nothing of scenarios.  A mutant takes a wrong step where all features of its name
hold, and only there.

Rule 1.  A port can see what it is called with, and remember it.  It cannot see how a
         state dict travelled: both ways into a fresh optimizer are the value `fresh`.
Rule 2.  The fault is small and is chosen by the name of the mutant.  Where the param
         does not move (lr = 0), a fault of its movement would be none: there the sum
         does not grow.
"""

from __future__ import annotations

import itertools
import zlib

import torch
from open_port import Open

from adagrad_conformance.checks.meetings.space import (
    DIMENSIONS,
    OPTION_VALUES,
    class_of,
    size_class,
)

__all__ = ["FAULTS", "INDEX", "Watched", "mask_of", "name_of", "wrong_where"]

FORMATS = {
    torch.float64: "binary64",
    torch.float32: "binary32",
    torch.bfloat16: "bfloat16",
    torch.float16: "binary16",
    torch.complex128: "binary64",
    torch.complex64: "binary32",
}


def values_of(dimension):
    """The values of a dimension that a port can tell apart."""
    names = [v for v in dimension.values if not v.startswith("fresh-")]
    return names + (["fresh"] if len(names) < len(dimension.values) else [])


#: Every feature that a port can see, and its bit.
INDEX = {
    feature: number
    for number, feature in enumerate(
        (d.name, value) for d in DIMENSIONS for value in values_of(d)
    )
}


def mask_of(features):
    """The features as a set of bits."""
    return sum(1 << INDEX[feature] for feature in set(features))


def name_of(features):
    """The name of the mutant that is wrong where these features meet."""
    return " + ".join(f"{name} {value}" for name, value in features)


class _Past:
    """What a param has seen."""

    def __init__(self, before=()):
        self.before, self.since = set(before), []
        self.kinds = set()

    def step(self):
        self.before.update(self.since)
        self.since = []


class Watched(Open):
    """The right port; `meets(mask)` is called at each step of each param."""

    home: dict = {}  # noqa: RUF012 - each adapter gets one of its own

    def __init__(self, params, **options):
        self.made, self.snaps, self.counts, self.given = [], [], {}, None
        self.whole, self.stepped, self.ready = _Past(), False, False
        super().__init__(params, **options)
        self.ready = True
        self.time = self.home.setdefault("log", [])
        self.heard = len(self.time)

    # -- what is noticed between steps ---------------------------------------------

    def past(self, p):
        return self.home.setdefault("pasts", {}).setdefault(p, _Past())

    def everyone(self):
        return [p for group in self.param_groups for p in group["params"]]

    def note(self, event, params=None):
        if params is None:
            self.whole.since.append(event)
        for p in self.everyone() if params is None else params:
            self.past(p).since.append(event)

    def add_param_group(self, param_group):
        if self.ready:
            self.note("extended")
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        self.made.append((options_of(group), len(param_group) > 1))
        self.snaps.append([])
        for p in group["params"]:
            self.counts[p] = 0
            if self.ready:
                seen = {*self.whole.before, *self.whole.since[:-1]}
                self.home.setdefault("pasts", {})[p] = _Past(seen)
                self.note("joined", [p])

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none=set_to_none)
        self.note("freed" if set_to_none else "zeroed")

    def state_dict(self):
        self.given = super().state_dict()
        self.home["saved"] = list(self.made)  # a fresh one goes on with these
        return self.given

    def load_state_dict(self, state_dict):
        same = state_dict is self.given
        super().load_state_dict(state_dict)
        late = "reloaded" if self.stepped else "fresh"
        self.note("same-object" if same else late)
        if late == "fresh":
            self.made = list(self.home.get("saved", self.made))
        self.counts = {p: self.state[p]["step"] for p in self.everyone()}
        self.stepped, self.heard = True, len(self.time)

    # -- a step --------------------------------------------------------------------

    def step(self, closure=None):
        self.listen()
        if closure is not None:
            self.note("closure")
        loss = super().step(closure)
        for number, group in enumerate(self.param_groups):
            self.snaps[number].append(options_of(group))
            for p in group["params"]:
                if p.grad is None:
                    self.past(p).since.append("none")
                else:
                    self.home.setdefault("mover", {})[p] = self
        self.whole.step()
        self.stepped = True
        moved = {p for p in self.everyone() if p.grad is not None}
        self.time.append((self, moved))
        self.heard = len(self.time)
        return loss

    def listen(self):
        """Other optimizers that stepped, and options that came back."""
        for other, moved in self.time[self.heard :] if self.stepped else ():
            if other is not self:
                ours = [p for p in self.everyone() if p in moved]
                self.note(*(("shared", ours) if ours else ("apart",)))
        for number, group in enumerate(self.param_groups):
            seen, now = self.snaps[number], options_of(group)
            told = self.home.setdefault("told", {})
            back = [i for i, old in enumerate(seen) if old == now]
            changed = back and any(old != now for old in seen[back[0] :])
            if changed and told.get((id(self), number)) != len(seen):
                if seen[-1] != now:
                    self.whole.since.append("changed")
                    self.note("changed", group["params"])
                told[id(self), number] = len(seen)

    def _step_group(self, group, pairs):
        number = next(i for i, g in enumerate(self.param_groups) if g is group)
        shared = tuple(self.of_the_group(number, group))
        for p, grad in pairs:
            past, state = self.past(p), self.state[p]
            if state["step"] != self.counts[p]:
                past.since.append("written")
            past.kinds.add("rows" if grad.is_sparse else "dense")
            seen = {*shared, *of_the_tensors(p, grad, past), *of_the_past(past)}
            self.take(mask_of(seen), p, grad, state, group)
            self.counts[p] = state["step"]
            past.step()
            if not parts_of(grad).any():
                past.since.append("zero")

    def take(self, mask, p, grad, state, group):
        """Take the step of one param, at which the features of `mask` meet."""
        super()._step_group(group, [(p, grad)])
        self.meets(mask)

    def meets(self, mask):
        """The features of `mask` have met at a step."""

    def of_the_group(self, number, group):
        made, own = self.made[number]
        now, count = options_of(group), len(group["params"])
        yield "groups", at_most(len(self.param_groups), (1, 2, 3, 17))
        yield "params", at_most(count, (1, 2, 5))
        yield "source", "set" if now != made else "group" if own else "constructor"
        yield "maximize", "yes" if group["maximize"] else "no"
        for option in OPTION_VALUES:
            yield option, class_of(option, group[option])


def options_of(group):
    return {name: group[name] for name in (*OPTION_VALUES, "maximize")}


def at_most(count, limits):
    return str(next((limit for limit in limits if count <= limit), 64))


def parts_of(grad):
    return grad._values() if grad.is_sparse else grad


def of_the_past(past):
    *others, last = past.since or ["plain"]
    yield "later", last
    for event in past.before | set(others) or {"plain"}:
        yield "earlier", event


def of_the_tensors(p, grad, past):
    yield "format", FORMATS[p.dtype]
    yield "number", "complex" if p.is_complex() else "real"
    yield "size", size_class(p.numel())
    yield "shape", shape_of(p)
    yield "param-layout", layout_of(p)
    if grad.is_sparse:
        rows = grad._indices()[0].tolist()
        kind = "rows-twice" if len(set(rows)) < len(rows) else "rows"
        yield "gradient-layout", "contiguous"
    else:
        kind = "dense"
        yield "gradient-layout", layout_of(grad)
    yield "kind", "in-turn" if len(past.kinds) > 1 else kind


def shape_of(p):
    if p.dim() < 2:
        return ("scalar", "line")[p.dim()]
    if p.dim() > 2:
        return "cube"
    if p.shape[0] > 1 and p.shape[1] > 1:
        return "sheet"
    return "row" if p.shape[0] == 1 else "column"


def layout_of(t):
    wide = [n for n, extent in enumerate(t.shape) if extent > 1]
    if any(t.stride(n) == 0 for n in wide):
        return "expanded"
    if t.is_contiguous():
        return "offset" if t.storage_offset() else "contiguous"
    falling = all(t.stride(a) >= t.stride(b) for a, b in itertools.pairwise(wide))
    return "strided" if falling else "transposed"


# -- faults ----------------------------------------------------------------------------


def too_far(p, s, theta, total, part):
    """The param moves too far, by a part of the step."""
    p += part * (p - theta)


def last_stays(p, s, theta, total, part):
    """The last element that moved is put back."""
    moved = (p != theta).nonzero()
    if len(moved):
        place = tuple(moved[-1].tolist())
        p[place] = theta[place]


def sum_stays(p, s, theta, total, part):
    """The sum does not grow."""
    s.copy_(total)


def sum_gains(p, s, theta, total, part):
    """The sum grows too much, by a part of what it gains."""
    s += part * (s - total)


#: Of param and of sum; without a rate only those of the sum can be seen.
FAULTS = (too_far, last_stays, sum_stays, sum_gains)
OF_THE_SUM = FAULTS[2:]


def fault_of(features):
    """The fault of the mutant that is wrong where these features meet."""
    some = OF_THE_SUM if ("lr", "zero") in features else FAULTS
    return some[zlib.crc32(name_of(features).encode()) % len(some)]


def wrong_where(features):
    """The mutant that is wrong only where all these features meet."""
    wanted, fault = mask_of(features), fault_of(features)

    class Mutant(Watched):
        home: dict = {}  # noqa: RUF012

        def take(self, mask, p, grad, state, group):
            if mask & wanted != wanted:
                super().take(mask, p, grad, state, group)
                return
            theta, total = p.clone(), state["sum"].clone()
            super().take(mask, p, grad, state, group)
            part = 0.25 if p.dtype.itemsize == 2 else 0.01
            wrong = sum_stays if torch.equal(p, theta) else fault
            wrong(p, state["sum"], theta, total, part)

    Mutant.__doc__ = f"Wrong where these meet: {name_of(features)}."
    return Mutant
