"""Right ports of other dialects than the document's, each of which it declares.

A port has a dialect of its own here, which is known only while it is played.
"""

from __future__ import annotations

import numpy as np
from emulated_rounding import nearest
from mutant_kit import Bent
from numpy_zoo import InFormat
from state_zoo import Shown

from adagrad_reference.dialects import Dialect
from adagrad_reference.formats import BINARY64
from adagrad_reference.options import Options

__all__ = ["DECLARED"]


def declared(**switches):
    """A dialect by its switches; its name says which."""
    name = "+".join(f"{switch}={value}" for switch, value in switches.items())
    return Dialect(f"zoo:{name}", **switches)


# -- guards ----------------------------------------------------------------------------


class GuardsZeroSum(Bent):
    """Where S is 0 there is no update."""

    dialect = declared(guard="zero")

    def update(self, g, s, clr, o):
        d = np.where(s > 0, np.sqrt(s) + o["eps"], 1)
        return np.where((s > 0) | np.isnan(s), clr * g / d, 0 * clr)


class GuardsByMultiplying(Bent):
    """The inverse root is 0 where S is 0."""

    dialect = declared(guard="zero", inverse="approximate", eps="inside")

    def update(self, g, s, clr, o):
        inverse = np.where(s > 0, 1 / np.sqrt(s + o["eps"]), s)
        return g * (clr * inverse)


class GuardsNan(Bent):
    """An element whose update is NaN stays as it is."""

    dialect = declared(guard="nan")

    def update(self, g, s, clr, o):
        update = super().update(g, s, clr, o)
        return np.where(np.isnan(update), 0, update)


class GuardsNanByMask(Bent):
    """The same, by a masked copy."""

    dialect = declared(guard="nan")

    def formula(self, theta, g, s, clr, o):
        g = self.used(theta, g, o)
        s = self.grown(s, g, o)
        update = self.update(g, s, clr, o)
        moved = theta.copy()
        np.subtract(theta, update, out=moved, where=~np.isnan(update))
        return moved, s


# -- weight decay ----------------------------------------------------------------------


class DecayComputed(Bent):
    """weight_decay * theta is always added, 0 or not."""

    dialect = declared(zero_decay="computed")

    def used(self, theta, g, o):
        g = -g if o["maximize"] else g
        return g + o["weight_decay"] * theta


class DecayFolded(Bent):
    """The formula adds it always; whoever compiled it took out the product with 0."""

    dialect = declared(zero_decay="computed")


class DecayFoldedByRow(DecayComputed):
    """Folded in whole vectors, computed in the remainder."""

    def used(self, theta, g, o):
        decayed = super().used(theta, g, o)
        if o["weight_decay"]:
            return decayed
        plain, whole = -g if o["maximize"] else g, theta.size // 4 * 4
        place = np.arange(theta.size).reshape(theta.shape)
        return np.where(place < whole, plain, decayed)


class Decoupled(Bent):
    """Decay acts on theta, by the decayed rate."""

    dialect = declared(decay="decoupled")
    when = 0.0

    def formula(self, theta, g, s, clr, o):
        g = -g if o["maximize"] else g
        s = self.grown(s, g, o)
        if o["weight_decay"]:
            theta = theta * (1 - clr * o["weight_decay"])
        return theta - self.update(g, s, clr, o), s


class DecoupledLast(Bent):
    """The same after the update, always computed."""

    dialect = declared(decay="decoupled", zero_decay="computed")

    def formula(self, theta, g, s, clr, o):
        g = -g if o["maximize"] else g
        s = self.grown(s, g, o)
        moved = theta - self.update(g, s, clr, o)
        return moved - clr * (o["weight_decay"] * theta), s


class DecayInSumOnly(Bent):
    """The decayed gradient is squared, the plain one steps."""

    dialect = declared(decay="sum-only")

    def formula(self, theta, g, s, clr, o):
        s = self.grown(s, self.used(theta, g, o), o)
        g = -g if o["maximize"] else g
        return theta - self.update(g, s, clr, o), s


class AscendsLate(Bent):
    """maximize negates the decayed gradient."""

    dialect = declared(maximize="after-decay")

    def used(self, theta, g, o):
        g = g + o["weight_decay"] * theta if o["weight_decay"] else g
        return -g if o["maximize"] else g


# -- scalars ---------------------------------------------------------------------------


class InBinary32Scalars(Bent):
    """Scalars are numbers of binary32, the rate too, beside binary64 params."""

    dialect = declared(scalars="binary32", rate="binary32")

    def rate(self, t, o):
        lr_decay = float(np.float32(o["lr_decay"]))
        with np.errstate(all="ignore"):
            return float(np.float32(o["lr"] / (1 + (t - 1) * lr_decay)))

    def move(self, p, grad, state, o):
        with np.errstate(all="ignore"):
            names = ("weight_decay", "eps")
            o = {**o, **{name: float(np.float32(o[name])) for name in names}}
        super().move(p, grad, state, o)


class EpsInBinary32(Bent):
    """eps alone is a number of binary32."""

    dialect = declared(eps="binary32")

    def move(self, p, grad, state, o):
        with np.errstate(all="ignore"):
            o = {**o, "eps": float(np.float32(o["eps"]))}
        super().move(p, grad, state, o)


class RootOfRate(Bent):
    """The rate decays with a root."""

    dialect = declared(rate="root")

    def rate(self, t, o):
        return o["lr"] / np.sqrt(1 + (t - 1) * o["lr_decay"])


class CountsFromZero(Bent):
    """The first step decays the rate already."""

    dialect = declared(rate="t")

    def rate(self, t, o):
        return super().rate(t + 1, o)


# -- the update ------------------------------------------------------------------------


class EpsInside(Bent):
    """eps stands inside the root; the order is a reciprocal's."""

    dialect = declared(eps="inside")

    def update(self, g, s, clr, o):
        return clr * g * (1 / np.sqrt(s + o["eps"]))


class EpsSquared(Bent):
    """The square of eps stands inside the root."""

    dialect = declared(eps="squared")

    def update(self, g, s, clr, o):
        return clr * g / np.sqrt(s + s.dtype.type(o["eps"]) ** 2)


class NoEps(Bent):
    """eps is taken and has no effect, as is documented; S of 0 is guarded."""

    dialect = declared(eps="none", guard="zero")

    def update(self, g, s, clr, o):
        root = np.sqrt(np.where(s > 0, s, 1))
        return np.where((s > 0) | np.isnan(s), clr * g / root, 0 * clr)


class NewtonInverse(InFormat):
    """The inverse of the denominator by Newton's method from a rough table."""

    dialect = declared(inverse="approximate")

    def stepped(self, fmt, theta, g, s, t, o):
        clr = self.rate(t, o)
        g = self.used(theta, g, o)
        s = nearest(fmt, s + g * g)
        d = nearest(fmt, nearest(fmt, np.sqrt(s)) + o["eps"])
        inverse = nearest(fmt, 1 / d)
        fine = (d > 2.0**-100) & (d < 2.0**100)
        if fmt != BINARY64:
            rough = nearest(fmt, 1 / d * (1 + 2.0**-fmt.precision))
            inverse = np.where(fine, rough, inverse)
        again = nearest(fmt, inverse * (2 - d * inverse))
        inverse = np.where(fine, again, inverse)
        return theta - clr * nearest(fmt, g * inverse), s


class PowerOfGradient(Bent):
    """The square is that of a power function, off by less than one ulp."""

    dialect = declared(square="faithful")

    def grown(self, s, g, o):
        square = g * g
        inward = np.where(np.isfinite(square) & (square > 1), square, 0)
        near = np.nextafter(square, inward.astype(square.dtype))
        exact = np.asarray(g, np.longdouble) ** 2
        off = np.abs(near.astype(np.longdouble) - exact) < np.abs(np.spacing(square))
        usable = off & (square > 1) & np.isfinite(square)
        return s + np.where(usable, near, square)


class RowMean(Bent):
    """One accumulator a row, which grows by the mean of the squares of the row."""

    dialect = declared(accumulator="row-mean")
    without = frozenset({"layout", "state-write", "many-steps"})

    def grown(self, s, g, o):
        if not g.ndim or not g.size:
            return s + g * g
        rows = (g * g).reshape(len(g), -1)
        mean = rows.sum(axis=1, dtype=rows.dtype) / rows.dtype.type(rows.shape[1])
        return s + mean.reshape(len(g), *[1] * (g.ndim - 1))


# -- the books -------------------------------------------------------------------------


class OneCounter(Shown):
    """t counts the optimizer's steps; params that rest, or come late, share it."""

    dialect = declared(counter="optimizer")

    def write(self, p, total, t):
        super().write(p, total, t)
        for state in self.state.values():
            state["step"] = t

    def add_param_group(self, param_group):
        counts = [state["step"] for state in self.state.values()]
        super().add_param_group(param_group)
        for state in self.state.values():
            state["step"] = max(counts, default=0)

    def step(self, closure=None):
        counts = max((state["step"] for state in self.state.values()), default=0)
        with np.errstate(all="ignore"):
            loss = super().step(closure)
        for state in self.state.values():
            state["step"] = counts + 1
        return loss


class NoneIsZero(Bent):
    """A gradient None steps as one of zeros, as is documented."""

    dialect = declared(none="zero")

    def step(self, closure=None):
        loss = None if closure is None else closure()
        params = [p for group in self.param_groups for p in group["params"]]
        rest = [p for p in params if p.grad is None]
        for p in rest:
            p.grad = np.zeros_like(p.data)
        try:
            super().step()
        finally:
            for p in rest:
                p.grad = None
        return loss


class OptionsStay(Bent):
    """What is loaded is S and t; options are the constructor's."""

    dialect = declared(load="no-options")

    def load_state_dict(self, state_dict):
        own = self.param_groups
        super().load_state_dict(state_dict)
        self.param_groups = own


class SquaredStart(Bent):
    """S begins at the square of the option."""

    dialect = declared(initial="squared")

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        with np.errstate(all="ignore"):
            for p in group["params"]:
                start = np.float64(group["initial_accumulator_value"]) ** 2
                self.state[p]["sum"][...] = start


class OtherDefaults(Bent):
    """The defaults are other numbers."""

    dialect = Dialect("zoo:defaults", defaults=Options(lr=0.5, eps=1e-3))

    def __init__(self, params, lr=0.5, lr_decay=0.0, weight_decay=0.0, **others):
        super().__init__(params, lr, lr_decay, weight_decay, **{"eps": 1e-3, **others})


DECLARED = (
    GuardsZeroSum,
    GuardsByMultiplying,
    GuardsNan,
    GuardsNanByMask,
    DecayComputed,
    DecayFolded,
    DecayFoldedByRow,
    Decoupled,
    DecoupledLast,
    DecayInSumOnly,
    AscendsLate,
    InBinary32Scalars,
    EpsInBinary32,
    RootOfRate,
    CountsFromZero,
    EpsInside,
    EpsSquared,
    NoEps,
    NewtonInverse,
    PowerOfGradient,
    RowMean,
    OneCounter,
    NoneIsZero,
    OptionsStay,
    SquaredStart,
    OtherDefaults,
)
