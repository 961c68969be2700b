"""Ports that are right in a dialect: the NumPy port, and what published ones do.

`PORTS` are by the name of the declared dialect; `CHANGES` have a single switch each.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from mutant_kit import Bent, adapter

__all__ = ["CHANGES", "PORTS", "keras"]


def off(x):
    """`x` moved by almost 2 ulp, up where its last bit is set and else down.

    It takes one ulp for an inverse that is itself rounded.  Zeros and infinities stay.
    """
    unit = np.spacing(np.abs(x))
    ordinary = np.isfinite(x) & (x != 0)
    odd = np.where(ordinary, x, 1) / np.where(ordinary, unit, 1) % 2 == 1
    return np.where(ordinary, x + np.where(odd, unit, -unit), x)


def inside(s, o):
    return np.sqrt(s + s.dtype.type(o["eps"]))


# -- a single switch -------------------------------------------------------------------


class Guarded(Bent):
    """Where S is 0 the update is 0; a NaN is not above 0 either."""

    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            return np.where(s > 0, super().update(g, s, clr, o), 0)


class Approximate(Bent):
    """The inverse of the denominator comes from a unit that is almost 2 ulp off."""

    def update(self, g, s, clr, o):
        return clr * g * off(1 / (np.sqrt(s) + s.dtype.type(o["eps"])))


class RowMean(Bent):
    """One S for each index of the first dimension: it grows by the mean."""

    def grown(self, s, g, o):
        if g.ndim < 2 or not g.size:
            return s + g * g
        return s + (g * g).mean(tuple(range(1, g.ndim)), keepdims=True)


class RateParts(Bent):
    """lr and lr_decay are binary32 numbers, also for binary64 params."""

    def rate(self, t, o):
        held = {name: float(np.float32(o[name])) for name in ("lr", "lr_decay")}
        return super().rate(t, {**o, **held})


# -- several, with defaults ------------------------------------------------------------


class _Entry(dict):
    """The state of a param; whoever writes its counter writes those of all params."""

    def __init__(self, home, values):
        super().__init__(values)
        self.home = home

    def __setitem__(self, key, value):
        for entry in self.home.state.values() if key == "step" else (self,):
            dict.__setitem__(entry, key, value)

    def __deepcopy__(self, memo):
        return deepcopy(dict(self), memo)


class OneCounter(Bent):
    """One counter for all params, which every step advances."""

    own = {}  # noqa: RUF012

    def __init__(self, params, **options):
        super().__init__(params, **self.own | options)

    def add_param_group(self, param_group):
        before = next(iter(self.state.values()), {"step": 0})["step"]
        super().add_param_group(param_group)
        self.share(before)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.share(max(entry["step"] for entry in self.state.values()))

    def share(self, count):
        self.state = {p: _Entry(self, entry) for p, entry in self.state.items()}
        self.advance(count)

    def advance(self, count):
        for entry in self.state.values():
            entry["step"] = count

    def step(self, closure=None):
        self.count = next(iter(self.state.values()))["step"] + 1
        loss = super().step(closure)
        self.advance(self.count)
        return loss

    def _step_param(self, p, group):
        self.move(p, p.grad, {**self.state[p], "step": self.count}, group)


class Keras(OneCounter):
    own = {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7}  # noqa: RUF012

    def formula(self, theta, g, s, clr, o):
        g = -g if o["maximize"] else g
        if o["weight_decay"]:
            theta = theta - theta * o["weight_decay"] * clr
        return theta - clr * g / inside(s + g * g, o), s + g * g


class TfJs(OneCounter):
    own = {"initial_accumulator_value": 0.1, "eps": 1e-7}  # noqa: RUF012

    def load_state_dict(self, state_dict):
        """Weights are loaded, and no options."""
        own = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        super().load_state_dict(state_dict)
        for group, options in zip(self.param_groups, own, strict=True):
            group.update(options)

    def update(self, g, s, clr, o):
        return clr * g / inside(s, o)


class Optax(OneCounter):
    own = {"initial_accumulator_value": 0.1, "eps": 1e-7}  # noqa: RUF012

    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            return clr * (np.where(s > 0, off(1 / inside(s, o)), 0) * g)


class JaxExampleLibraries(OneCounter):
    own = {"eps": 0.0}  # noqa: RUF012

    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            return clr * (g * np.where(s > 0, off(1 / np.sqrt(s)), 0))


CHANGES = {
    RowMean: "accumulator=row-mean",
    Guarded: "guard=zero",
    Approximate: "inverse=approximate",
    RateParts: "rate=binary32-parts",
}

PORTS = {
    "keras": Keras,
    "row-wise": RowMean,
    "tfjs": TfJs,
    "optax": Optax,
    "jax-example-libraries": JaxExampleLibraries,
}


def keras():
    """An adapter, as a target by the path of this file."""
    return adapter(Keras)
