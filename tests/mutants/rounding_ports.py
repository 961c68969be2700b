"""Mutants by numerics: programs that lose a little more than rounding takes.

Each leaves what any order of correctly rounded operations could give.
"""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent
from value_ports import _Kept

KIND = "numerics"


# -- roots and quotients ---------------------------------------------------------------


class _OtherRoot(Bent):
    """Another root of S where it is an ordinary number."""

    def update(self, g, s, clr, o):
        ordinary = np.isfinite(s) & (s > 1e-30) & (s < 1e30)
        root = np.where(ordinary, self.root(np.where(ordinary, s, 1)), np.sqrt(s))
        return clr * g / (root.astype(s.dtype) + o["eps"])

    def root(self, s):
        raise NotImplementedError


class RootByNewtonInverse(_OtherRoot):
    """sqrt(S) is S times an inverse root from Newton's method, without a correction.

    A unit for inverse roots is used as if it were exact.
    """

    def root(self, s):
        y = (1 / np.sqrt(s.astype(np.float32))).astype(s.dtype)
        y = y * (np.float32(1) + np.float32(2**-11)).astype(s.dtype)  # its estimate
        for _ in range(4 if s.dtype.itemsize == 8 else 3):
            y = y * (s.dtype.type(1.5) - s.dtype.type(0.5) * s * y * y)
        return s * y


class RootByExpAndLog(_OtherRoot):
    """sqrt(S) is exp(log(S) / 2).

    A device without a root computes powers; digits are lost with the size of log(S).
    """

    def root(self, s):
        return np.exp(s.dtype.type(0.5) * np.log(s))


class RootFromBinary32(_OtherRoot):
    """In binary64 the root is that of binary32 and one step of Newton's method.

    Forty-eight digits of fifty-three: every update is a little wrong.
    """

    def root(self, s):
        y = np.sqrt(s.astype(np.float32)).astype(s.dtype)
        return np.sqrt(s) if s.dtype.itemsize < 8 else y - (y * y - s) / (y + y)


class ReciprocalByNewton(Bent):
    """The divisor's reciprocal is got by Newton's method, and not corrected.

    Division by multiplication, as on units that cannot divide.
    """

    def update(self, g, s, clr, o):
        d = np.sqrt(s) + o["eps"]
        d = np.asarray(d, s.dtype)
        two, start = s.dtype.type(2), s.dtype.type(1 + 2**-9)
        inverse = 1 / d * start
        for _ in range(3):
            inverse = inverse * (two - d * inverse)
        ordinary = np.isfinite(d) & (d > 1e-30) & (d < 1e30)
        return clr * g * np.where(ordinary, inverse, 1 / d)


class QuotientInBinary32(Bent):
    """In binary64 only the quotient is taken in binary32.

    S and theta look like binary64, and each step has seven digits.
    """

    def update(self, g, s, clr, o):
        d = np.sqrt(s) + o["eps"]
        exact = clr * g / d
        short = (np.float32(clr) * np.float32(g) / np.float32(d)).astype(s.dtype)
        ordinary = np.isfinite(short) & (np.abs(short) > 1e-30)
        return np.where(ordinary, short, exact)


# -- theta, the rate -------------------------------------------------------------------


class StochasticHalves(_Kept):
    """In 16 bits theta is rounded up or down by chance, by a generator of its own.

    Small updates survive on average; two ports or two paths never agree.
    """

    def move(self, p, grad, state, o):
        if p.data.itemsize > 2:
            super().move(p, grad, state, o)
            return
        theta, g, s = (np.asarray(x, np.float32) for x in (p.data, grad, state["sum"]))
        new, total = self.formula(theta, g, s, self.rate(state["step"], o), o)
        near = np.asarray(new, np.float32).astype(p.data.dtype)
        back = np.asarray(near, np.float32)
        gap = np.asarray(np.nextafter(near, near.dtype.type(np.inf)), np.float32) - back
        dice = self.kept("dice").setdefault(p, np.random.default_rng(1))
        up = (new > back) & (dice.random(new.shape) < (new - back) / gap)
        p.data[...] = np.where(up, back + gap, back)
        state["sum"][...] = total


class ThetaTruncated(Bent):
    """In binary64 theta is cut off instead of rounded.

    All weights creep towards zero by half a unit a step.
    """

    def formula(self, theta, g, s, clr, o):
        new, total = super().formula(theta, g, s, clr, o)
        if new.dtype != np.float64:
            return new, total
        q = np.asarray(
            self.update(self.used(theta, g, o), total, clr, o), np.longdouble
        )
        exact = np.asarray(theta, np.longdouble) - q
        return np.where(np.abs(new) > np.abs(exact), np.nextafter(new, 0), new), total


class UpdatesCompressedInCrowds(Bent):
    """From 4,096 elements on updates travel as binary16.

    Large layers are sent over a wire, and small ones are not.
    """

    def update(self, g, s, clr, o):
        q = super().update(g, s, clr, o)
        if q.size < 4096:
            return q
        short = np.asarray(q, np.float16).astype(q.dtype)
        return np.where(np.isfinite(short) & (np.abs(q) > 1e-4), short, q)


class DecayOfShadowWeights(Bent):
    """In binary64 weight_decay acts on theta as binary32 has it.

    The forward pass has its own copy of the weights, and the optimizer reads that.
    """

    kind = "decay"

    def used(self, theta, g, o):
        g = -g if o["maximize"] else g
        if not o["weight_decay"]:
            return g
        shadow = theta.astype(np.float32).astype(theta.dtype)
        fits = np.isfinite(shadow) & (np.abs(theta) > 1e-30)
        return g + o["weight_decay"] * np.where(fits, shadow, theta)


class FlushesUpdates(Bent):
    """A subnormal update is zero.

    The unit flushes products; weights in tiny units stand still.
    """

    def update(self, g, s, clr, o):
        q = super().update(g, s, clr, o)
        flushed = np.abs(q) < np.finfo(q.dtype).tiny
        return np.where(flushed, np.copysign(q.dtype.type(0), q), q)


class RateByRepeatedAddition(Bent):
    """1 + (t - 1) lr_decay is got by adding lr_decay t - 1 times.

    The rate drifts away from its formula with every step.
    """

    kind = "rate"

    def rate(self, t, o):
        if not o["lr_decay"] or not 1 < t <= 20_000:
            return super().rate(t, o)
        terms = np.full(int(t), float(o["lr_decay"]))
        terms[0] = 1.0
        return o["lr"] / float(np.add.accumulate(terms)[-1])


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    RootByNewtonInverse: ("layout/any-size",),
    RootByExpAndLog: ("layout/strides-differ",),
    RootFromBinary32: ("algorithm/all-inputs",),
    ReciprocalByNewton: ("groups/option-change",),
    QuotientInBinary32: ("algorithm/update",),
    StochasticHalves: ("groups/add",),
    ThetaTruncated: ("algorithm/all-inputs",),
    UpdatesCompressedInCrowds: ("numerics/fresh",),
    DecayOfShadowWeights: ("algorithm/all-inputs",),
    FlushesUpdates: ("numerics/subnormals",),
    RateByRepeatedAddition: ("lr-decay/schedule",),
}
