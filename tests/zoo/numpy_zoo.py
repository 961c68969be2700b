"""Right ports on NumPy arrays that work in unusual ways; none may be accused.

Ports that only take another order of the operations are in mutants/legal_ports.py.
"""

from __future__ import annotations

import math
import struct

import ml_dtypes
import numpy as np
from emulated_rounding import fma, nearest
from mutant_kit import Bent

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64

_FORMATS = {
    np.dtype(np.float64): BINARY64,
    np.dtype(np.float32): BINARY32,
    np.dtype(np.float16): BINARY16,
    np.dtype(ml_dtypes.bfloat16): BFLOAT16,
}


class InFormat(Bent):
    """A step over binary64 arrays that knows the param's format."""

    def move(self, p, grad, state, o):
        fmt = _FORMATS[p.data.dtype]
        theta, g, s = (np.asarray(x, float) for x in (p.data, grad, state["sum"]))
        with np.errstate(all="ignore"):
            new = self.stepped(fmt, theta, g, s, state["step"], o)
            p.data[...], state["sum"][...] = new

    def stepped(self, fmt, theta, g, s, t, o):
        """theta' and S'."""
        return self.formula(theta, g, s, self.rate(t, o), o)


class ComputesInBinary64(InFormat):
    """All formats are computed in binary64 and rounded once, when stored."""


class ComputesInExtended(InFormat):
    """What is narrower than binary64 is computed in long double."""

    def formula(self, theta, g, s, clr, o):
        wide = np.float64 if theta.dtype == np.float64 else np.longdouble
        theta, g, s = (x.astype(wide) for x in (theta, g, s))
        return super().formula(theta, g, s, clr, o)

    def move(self, p, grad, state, o):
        work = np.float64 if p.data.itemsize == 8 else np.longdouble
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        with np.errstate(all="ignore"):
            new = Bent.formula(self, theta, g, s, self.rate(state["step"], o), o)
            p.data[...], state["sum"][...] = new


class Fused(InFormat):
    """Every product is fused with the sum that follows, rounded once to the format."""

    def stepped(self, fmt, theta, g, s, t, o):
        clr = self.rate(t, o)
        g = -g if o["maximize"] else g
        if o["weight_decay"]:
            g = fma(fmt, o["weight_decay"], theta, g)
        s = fma(fmt, g, g, s)
        d = nearest(fmt, nearest(fmt, np.sqrt(s)) + o["eps"])
        return fma(fmt, -clr, nearest(fmt, g / d), theta), s


class RootOfFusedSum(InFormat):
    """The root is taken of the sum as the fused unit had it, before it is stored."""

    def stepped(self, fmt, theta, g, s, t, o):
        clr = self.rate(t, o)
        g = self.used(theta, g, o)
        s = s + g * g
        return theta - nearest(fmt, clr * g) / (np.sqrt(s) + o["eps"]), s


class ScalarsInFormat(InFormat):
    """Scalars are numbers of the format; the rate is formed in it."""

    def stepped(self, fmt, theta, g, s, t, o):
        def held(x):
            return float(nearest(fmt, x))

        grown = held(1.0 + held(held(t - 1.0) * held(o["lr_decay"])))
        clr = held(held(o["lr"]) / grown)
        o = {**o, "weight_decay": held(o["weight_decay"]), "eps": held(o["eps"])}
        return self.formula(theta, g, s, clr, o)


class FlushesToZero(InFormat):
    """Subnormal operands and results are zero, which it declares."""

    also = frozenset({"flush-to-zero"})
    order = 0  #: of the operations of the update

    def stepped(self, fmt, theta, g, s, t, o):
        def r(x):
            x = nearest(fmt, x)
            return np.where(np.abs(x) < fmt.smallest_normal, np.copysign(0.0, x), x)

        clr, decay, eps = (
            float(r(x)) for x in (self.rate(t, o), o["weight_decay"], o["eps"])
        )
        theta, g, s = map(r, (theta, g, s))
        g = -g if o["maximize"] else g
        g = r(g + r(decay * theta)) if o["weight_decay"] else g
        s = r(s + r(g * g))
        d = r(r(np.sqrt(s)) + eps)
        q = (
            lambda: r(clr * g) / d,
            lambda: clr * r(g / d),
            lambda: g * r(clr / d),
            lambda: r(clr * g) * r(1 / d),
            lambda: g * r(clr * r(1 / d)),
            lambda: clr * r(g * r(1 / d)),
        )[self.order]()
        return r(theta - r(q)), s


class FlushesReciprocal(FlushesToZero):
    """The same, by a reciprocal: of large denominators it can be subnormal."""

    order = 4


class GuardsZero(Bent):
    """Where the denominator is 0 there is no update, and no NaN."""

    def update(self, g, s, clr, o):
        d = np.sqrt(s) + o["eps"]
        return np.where(d == 0, 0 * g, clr * g / np.where(d == 0, 1, d))


class Ascends(Bent):
    """maximize adds the update of the plain gradient minus the decay."""

    def formula(self, theta, g, s, clr, o):
        if not o["maximize"]:
            return super().formula(theta, g, s, clr, o)
        used = g - o["weight_decay"] * theta if o["weight_decay"] else g
        s = self.grown(s, used, o)
        return theta + self.update(used, s, clr, o), s


class LateParamsFirst(Bent):
    """Groups and params are stepped from the last to the first."""

    def step(self, closure=None):
        groups = self.param_groups
        try:
            self.param_groups = [
                {**group, "params": group["params"][::-1]} for group in groups[::-1]
            ]
            return super().step(closure)
        finally:
            self.param_groups = groups


class CountsInArray(Bent):
    """t is an array without dimensions."""

    def _step_param(self, p, group):
        state = self.state[p]
        state["step"] = np.array(int(state["step"]), np.int64)
        super()._step_param(p, group)
        state["step"] = int(state["step"])


class CountsInFloat(Bent):
    """t is a Python float while it is counted."""

    def rate(self, t, o):
        return super().rate(float(t), o)


class HidesState(Bent):
    """Nothing is shown but the params."""

    without = frozenset({"state", "state-write", "many-steps"})


# -- Python numbers, one at a time -----------------------------------------------------


def _held64(x):
    return x


def _packed(code):
    def held(x):
        try:
            return struct.unpack(code, struct.pack(code, x))[0]
        except OverflowError:
            return math.copysign(math.inf, x)

    return held


def _held_bfloat16(x):
    """By way of binary32, as most programs do."""
    upper = struct.unpack(">I", struct.pack(">f", _packed("f")(x)))[0]
    if not math.isfinite(x):
        return x
    upper = (upper + 0x7FFF + (upper >> 16 & 1)) >> 16
    return struct.unpack(">f", struct.pack(">I", upper << 16))[0]


_HELD = {
    BINARY64: _held64,
    BINARY32: _packed("f"),
    BINARY16: _packed("e"),
    BFLOAT16: _held_bfloat16,
}


def _divided(a, b):
    """IEEE 754 division, which Python refuses by zero."""
    if b:
        return a / b
    nothing = math.isnan(a) or a == 0 or math.isnan(b)
    return math.nan if nothing else math.copysign(math.inf, a) * math.copysign(1.0, b)


def _root(x):
    return math.sqrt(x) if x >= 0 else math.nan


class PythonFloats(InFormat):
    """Lists of Python floats, each result held in the format by `struct`."""

    def stepped(self, fmt, theta, g, s, t, o):
        held, clr = _HELD[fmt], self.rate(t, o)

        def step(x, g, s):
            g = -g if o["maximize"] else g
            if o["weight_decay"]:
                g = held(g + held(o["weight_decay"] * x))
            s = held(s + held(g * g))
            d = held(held(_root(s)) + o["eps"])
            return held(x - _divided(held(clr * g), d)), s

        lists = (x.ravel().tolist() for x in (theta, g, s))
        pairs = [step(*numbers) for numbers in zip(*lists, strict=True)]
        columns = np.array(pairs, float).reshape(-1, 2).T
        return tuple(column.reshape(theta.shape) for column in columns)


NUMPY_ZOO = (
    ComputesInBinary64,
    ComputesInExtended,
    Fused,
    RootOfFusedSum,
    ScalarsInFormat,
    GuardsZero,
    Ascends,
    LateParamsFirst,
    CountsInArray,
    CountsInFloat,
    PythonFloats,
)

#: Ports that declare that they take subnormal numbers as zero.
FLUSHING = (FlushesToZero, FlushesReciprocal)
