"""Mutants by identity: tables whose keys forget something, or live too long."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

import numpy as np
from mutant_kit import Bent
from open_port import Open

KIND = "state"


class _Memo(Bent):
    """Remembers results in a table of its own."""

    def memo(self, name="memo"):
        return self.__dict__.setdefault("memos", {}).setdefault(name, {})


# -- memo tables -----------------------------------------------------------------------


class RateMemoForgetsDecay(_Memo):
    """Rates are kept by lr and t, and lr_decay is no part of the key.

    Of two groups with one lr the second decays like the first.
    """

    kind = "rate"

    def rate(self, t, o):
        return self.memo().setdefault((o["lr"], t), super().rate(t, o))


class RateMemoForgetsRate(_Memo):
    """Factors are kept by t and lr_decay, already multiplied by lr.

    A param that comes to that t later, under another lr, takes the old rate.
    """

    kind = "rate"

    def rate(self, t, o):
        return self.memo().setdefault((t, o["lr_decay"]), super().rate(t, o))


class RateMemoRoundsKey(_Memo):
    """Rates are kept by lr as text with six decimals, lr_decay and t.

    Tiny rates that differ tenfold are one.
    """

    kind = "rate"

    def rate(self, t, o):
        key = f"{o['lr']:.6f}", o["lr_decay"], t
        return self.memo().setdefault(key, super().rate(t, o))


class RateMemoOfProcess(Bent):
    """Rates are kept for the process, by the group's number, t and lr_decay.

    A second optimizer, with another lr, takes the rates of the first.
    """

    kind = "rate"
    home: ClassVar[dict] = {}

    def rate(self, t, o):
        number = next(i for i, g in enumerate(self.param_groups) if g is o)
        key = number, t, o["lr_decay"]
        return self.home.setdefault(key, super().rate(t, o))


class OptionsCachedByRate(_Memo):
    """A group's options are read anew only when its lr has changed.

    eps, decay and maximize that change by themselves have no effect.
    """

    def _step_param(self, p, group):
        params = group["params"]
        key = next(i for i, g in enumerate(self.param_groups) if g["params"] is params)
        kept = self.memo().get(key)
        if kept is None or kept["lr"] != group["lr"]:
            kept = self.memo()[key] = dict(group)
        super()._step_param(p, kept)


class OptionsByGroupSize(_Memo):
    """Compiled steps are kept by the number of params and the decay of a group.

    Of two groups of one size the second is maximized like the first.
    """

    kind = "decay"

    def _step_param(self, p, group):
        key = len(group["params"]), group["weight_decay"]
        flag = self.memo().setdefault(key, group["maximize"])
        super()._step_param(p, {**group, "maximize": flag})


class FormatByShape(_Memo):
    """The format to compute in is kept by the shape of a param.

    A binary64 weight with a binary32 twin of its shape has seven digits.
    """

    kind = "numerics"

    def move(self, p, grad, state, o):
        wide = np.float32 if p.data.itemsize == 2 else p.data.dtype
        work = self.memo().setdefault(p.data.shape, wide)
        if np.dtype(work) == np.dtype(wide) or p.data.itemsize == 2:
            super().move(p, grad, state, o)
            return
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        new = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"][...] = new


class PlanByShape(_Memo):
    """How a gradient lies in memory is looked at once for each shape.

    The next layer of that shape, with a transposed gradient, is read wrongly.
    """

    kind = "layout"

    def move(self, p, grad, state, o):
        if grad.ndim > 1 and 0 not in grad.strides and grad.size > max(grad.shape):
            order = "C" if grad.flags.c_contiguous else "F"
            first = self.memo().setdefault(grad.shape, order)
            if first != order:
                flat = grad.ravel(order="K")
                grad = flat.reshape(grad.shape, order=first)
        super().move(p, grad, state, o)


class ScratchBySize(_Memo):
    """Squares are written where g is not 0, into scratch kept by the size.

    An element without a gradient accumulates the square of another param.
    """

    kind = "formula"

    def grown(self, s, g, o):
        scratch = self.memo().setdefault(g.size, np.zeros(g.size, g.dtype))
        square = scratch.astype(g.dtype).reshape(g.shape)
        square = np.where(g != 0, g * g, square)
        self.memo()[g.size] = square.reshape(-1)
        return s + square


class SaveMemoByCounter(_Memo):
    """state_dict() is kept by the sum of all counters.

    A rollback and other gradients come to the same sum, and to the wrong save.
    """

    def state_dict(self):
        saved = super().state_dict()
        count = sum(state["step"] for state in saved["state"].values())
        key = count, len(saved["state"])
        return deepcopy(self.memo().setdefault(key, saved))


class SameDictLoadedOnce(_Memo):
    """A dict that was loaded once is not loaded again.

    The second rollback to one point does nothing.
    """

    def load_state_dict(self, state_dict):
        if self.memo().get("last") is not state_dict:
            super().load_state_dict(state_dict)
            self.memo()["last"] = state_dict


class ClosureCalledOnce(Open):
    """The loss of a closure is kept by the closure.

    One that is given to every step is evaluated once, though the params have moved.
    """

    kind = "gradients"

    def step(self, closure=None):
        losses = self.__dict__.setdefault("losses", {})
        if closure is None or closure not in losses:
            loss = super().step(closure)
            if closure is not None:
                losses[closure] = loss
            return loss
        super().step()
        return losses[closure]


# -- names and addresses ---------------------------------------------------------------


class ZeroDecayByIdentity(Bent):
    """weight_decay is off if it is the constructor's own zero.

    After a load it is another zero: 0 theta is added, NaN where theta is infinite.
    """

    kind = "decay"

    def used(self, theta, g, o):
        zero = o["weight_decay"] == 0
        if zero and o["weight_decay"] is not self.defaults["weight_decay"]:
            return (-g if o["maximize"] else g) + 0.0 * theta
        return super().used(theta, g, o)


class IndexAsText(Bent):
    """A state dict lists the states in the order of their numbers as text.

    10 comes before 2: models of more than ten layers get one another's S.
    """

    def state_dict(self):
        saved = super().state_dict()
        states = saved["state"]
        keys = sorted(states, key=str)
        saved["state"] = {i: states[key] for i, key in enumerate(keys)}
        return saved


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    RateMemoForgetsDecay: ("groups/option-change",),
    RateMemoForgetsRate: ("groups/own-options",),
    RateMemoRoundsKey: ("groups/own-options",),
    RateMemoOfProcess: ("algorithm/update",),
    OptionsCachedByRate: ("groups/option-change",),
    OptionsByGroupSize: ("groups/option-change",),
    PlanByShape: ("numerics/meetings",),
    ScratchBySize: ("none-vs-zero/interleaved",),
    SaveMemoByCounter: ("state-dict/bytes",),
    SameDictLoadedOnce: ("state-dict/options",),
    ClosureCalledOnce: ("closure/once",),
    ZeroDecayByIdentity: ("state-dict/bytes",),
    IndexAsText: ("groups/own-options",),
}

#: Mutants that no check of the suite finds, and why.
ALIVE: dict[type, str] = {
    FormatByShape: ("No two params of one shape have different formats."),
}
