"""Right ports whose state is wider than the param, or narrower, which they claim."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from master_weights import MasterAdapter, MasterWeights
from state_zoo import Shown, StateAdapter

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["PRECISIONS"]


class SumIsWide(Shown):
    """S is kept in the format `wide` has for the param's."""

    also = frozenset({"wide-state"})
    wide = staticmethod(lambda kind: np.dtype(np.float64))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            tau = group["initial_accumulator_value"]
            with np.errstate(over="ignore"):
                total = np.full(p.data.shape, tau, float)
                self.write(p, total.astype(self.wide(p.data.dtype)), 0)

    def write(self, p, total, t):
        super().write(p, total.astype(self.wide(p.data.dtype)), t)

    def move(self, p, grad, state, o):
        work = state["sum"].dtype
        theta, g = (np.asarray(x, work) for x in (p.data, grad))
        new = self.formula(theta, g, state["sum"], self.rate(state["step"], o), o)
        p.data[...], state["sum"] = new[0], np.asarray(new[1], work)


class SumInBinary64(SumIsWide):
    """S is binary64 beside every param."""


class SumInBinary32(SumIsWide):
    """S is binary32 beside params of 16 bits; theta has no copy."""

    wide = staticmethod(
        lambda kind: np.dtype(np.float32) if kind.itemsize == 2 else kind
    )


class SumInBinary64Stepped32(SumInBinary64):
    """S is binary64, and the step is formed in the param's own format."""

    def move(self, p, grad, state, o):
        work = np.float32 if p.data.itemsize == 2 else p.data.dtype
        theta, g = (np.asarray(x, work) for x in (p.data, grad))
        g = self.used(theta, g, o)
        total = state["sum"] + g.astype(float) ** 2
        clr = self.rate(state["step"], o)
        near = np.asarray(total, work)
        p.data[...] = theta - self.update(g, near, clr, o)
        state["sum"] = np.asarray(total)


class Compensated(Shown):
    """S is an unevaluated sum of two numbers of the format; neither is shown."""

    also = frozenset({"wide-state"})
    without = frozenset({"state", "state-write", "many-steps"})

    def move(self, p, grad, state, o):
        work = np.float32 if p.data.itemsize == 2 else p.data.dtype
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        g = self.used(theta, g, o)
        rest = np.asarray(state.get("rest", 0.0), work) + g * g
        total = np.asarray(s + rest, p.data.dtype)
        new = np.asarray(total, work)
        left = np.where(np.isfinite(new), rest - (new - s), 0)
        p.data[...] = theta - self.update(g, new, self.rate(state["step"], o), o)
        state["sum"], state["rest"] = total, np.asarray(left, p.data.dtype)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, saved in zip(self._params(), state_dict["state"].values(), strict=True):
            if "rest" in saved:
                self.state[p]["rest"] = saved["rest"].copy()


class SumInLongDouble(SumIsWide):
    """S is long double, and is not shown; so is every step."""

    also = frozenset({"wide-state", "extended-precision"})
    without = Compensated.without
    wide = staticmethod(lambda kind: np.dtype(np.longdouble))


class SumIsExact(Shown):
    """S is a list of fractions, of which nothing is ever rounded; it is not shown."""

    also = frozenset({"wide-state"})
    without = Compensated.without

    def move(self, p, grad, state, o):
        clr = self.rate(state["step"], o)
        theta, g = (np.asarray(x, float) for x in (p.data, grad))
        g = self.used(theta, g, o)
        exact = state.get("exact") or state["sum"].ravel().astype(float).tolist()
        pairs = zip(exact, g.ravel().tolist(), strict=True)
        exact = [_plus_square(s, x) for s, x in pairs]
        total = np.array([_float(s) for s in exact]).reshape(g.shape)
        p.data[...] = theta - self.update(g, total, clr, o)
        state["exact"] = exact

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, saved in zip(self._params(), state_dict["state"].values(), strict=True):
            if "exact" in saved:
                self.state[p]["exact"] = list(saved["exact"])


def _plus_square(total, g):
    if math.isfinite(g) and (isinstance(total, Fraction) or math.isfinite(total)):
        return Fraction(total) + Fraction(g) ** 2
    return float(total) + g * g


def _float(x):
    try:
        return float(x)
    except OverflowError:
        return math.inf


class TorchSumInBinary64(SingleTensorAdagrad):
    """A torch port whose S is binary64."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            state = self.state[p]
            tau = self.param_groups[-1]["initial_accumulator_value"]
            kind = torch.complex128 if p.is_complex() else torch.float64
            value = complex(tau, tau) if p.is_complex() else tau
            state["sum"] = torch.full(p.shape, value, dtype=kind)


class _TorchAdapter(TorchAdapter):
    def make_sum(self, state_sum):
        """In binary64, which every number is one of."""
        total = super().make_sum(state_sum)
        return total.to(torch.complex128 if total.is_complex() else torch.float64)


class MastersAtTheFirstStep(MasterWeights):
    """The copy is made from the param when it is stepped first."""

    also = frozenset({"master-weights", "wide-state"})

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p].pop("master", None)

    def move(self, p, grad, state, o):
        if p.data.itemsize == 2 and "master" not in state:
            state["master"] = p.data.astype(np.float32)
        super().move(p, grad, state, o)


class MastersAndWideSums(MastersAtTheFirstStep):
    """The same, and S of params of binary32 is binary64."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            if p.data.dtype == np.float32:
                tau = group["initial_accumulator_value"]
                self.state[p]["sum"] = np.full(p.data.shape, tau, np.float64)

    def move(self, p, grad, state, o):
        if p.data.dtype != np.float32:
            super().move(p, grad, state, o)
            return
        theta, g = (np.asarray(x, float) for x in (p.data, grad))
        rate = self.rate(state["step"], o)
        p.data[...], total = self.formula(theta, g, state["sum"], rate, o)
        state["sum"] = np.asarray(total)


class InEightBits(Shown):
    """Above 256 elements S is kept in 8 bits, as a share of the largest of a block.

    Documented: S is off by at most 1/64 of the largest S of the param.
    """

    also = frozenset({"quantised-state"})
    least, block = 256, 64

    def move(self, p, grad, state, o):
        if p.data.size <= self.least:
            super().move(p, grad, state, o)
            return
        work = np.float32 if p.data.itemsize == 2 else p.data.dtype
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        new_theta, new_s = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"] = new_theta, new_s.astype(p.data.dtype)
        if np.isfinite(new_s).all():
            state["sum"] = self.read(*self.packed(new_s), p.data)

    def packed(self, total):
        """Codes of 8 bits, rounded up, and the largest of each block."""
        flat = total.ravel()
        starts = range(0, flat.size, self.block)
        largest = [np.max(flat[i : i + self.block]) for i in starts]
        scales = np.repeat(largest, self.block)[: flat.size]
        share = np.divide(flat, scales, out=np.zeros_like(flat), where=scales > 0)
        return np.minimum(np.rint(share * 255), 255).astype(np.uint8), scales

    def read(self, codes, scales, like):
        """The numbers of codes."""
        return (codes / 255 * scales).astype(like.dtype).reshape(like.shape)


def _states(port):
    return lambda: StateAdapter(port)


PRECISIONS = {
    **{
        port.__name__: _states(port)
        for port in (
            *(SumInBinary64, SumInBinary32, SumInBinary64Stepped32, InEightBits),
            *(Compensated, SumInLongDouble, SumIsExact),
        )
    },
    "TorchSumInBinary64": lambda: _TorchAdapter(
        "TorchSumInBinary64", TorchSumInBinary64, also={"wide-state"}
    ),
    "MastersAtTheFirstStep": lambda: MasterAdapter(MastersAtTheFirstStep),
    "MastersAndWideSums": lambda: MasterAdapter(MastersAndWideSums),
}
