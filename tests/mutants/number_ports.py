"""Sly mutants of numbers: some sizes, signs of zeros, subnormal or huge numbers."""

from __future__ import annotations

import math

import numpy as np
from mutant_kit import Bent

KIND = "layout"

# -- sizes -----------------------------------------------------------------------------


class _Missed(Bent):
    """Puts back the elements that `missed` marks."""

    def missed(self, p):
        raise NotImplementedError

    def move(self, p, grad, state, o):
        before, s = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        missed = np.broadcast_to(self.missed(p), (p.data.size,)).reshape(p.data.shape)
        p.data[missed], state["sum"][missed] = before[missed], s[missed]


class SixtyOneSkipped(_Missed):
    """A param of 61 elements never moves.

    One remainder is not handled, and a class of layers never learns.
    """

    def missed(self, p):
        return np.array(p.data.size == 61)


class SixthRemainderWrong(_Missed):
    """With 8 k + 6 elements the last one is left out, for k > 3.

    One weight of such layers never learns.
    """

    def missed(self, p):
        n = p.data.size
        return (np.arange(n) == n - 1) & (n % 8 == 6) & (n > 32)


class FiveDimensionsSkipped(_Missed):
    """A param of five dimensions never moves.

    The kernels of 3-D convolutions never learn.
    """

    def missed(self, p):
        return np.array(p.data.ndim == 5)


class WrongBeyond65536(_Missed):
    """Elements from the 65,537th on never move.

    One block of threads is all that is launched: embeddings hardly learn.
    """

    def missed(self, p):
        return np.arange(p.data.size) >= 2**16


class SecondChunkStale(Bent):
    """Elements from the 4,097th on use the gradient of the step before.

    Large layers follow the last batch instead of this one.
    """

    def move(self, p, grad, state, o):
        last = self.__dict__.setdefault("last", {})
        used = grad.copy()
        if p in last and last[p].shape == grad.shape:
            used.reshape(-1)[4096:] = last[p].reshape(-1)[4096:]
        last[p] = grad.copy()
        super().move(p, used, state, o)


class ScalarWithoutDecay(Bent):
    """A 0-dimensional param is exempt from weight decay.

    A learnt temperature grows without bound.
    """

    def move(self, p, grad, state, o):
        decay = o["weight_decay"] if p.data.ndim else 0.0
        super().move(p, grad, state, {**o, "weight_decay": decay})


class ZeroLaneIsNan(Bent):
    """In one or two full vectors of 32 lanes a zero gradient on S = 0 makes NaN.

    Known bug 3.  An unused input destroys a layer, depending on its width.
    """

    kind = "numerics"

    def move(self, p, grad, state, o):
        fresh = (state["sum"] == 0) & (grad == 0)
        super().move(p, grad, state, o)
        full = np.arange(p.data.size) < p.data.size // 32 * 32
        if not o["weight_decay"] and p.data.size < 68:
            p.data[fresh & full.reshape(p.data.shape)] = math.nan


# -- special values --------------------------------------------------------------------


class MinusZeroLost(Bent):
    """theta + 0 - update: -0 becomes 0.

    Bits that were restored from a checkpoint do not survive a step.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        return super().formula(theta + 0.0, g, s, clr, o)


class CancelsToMinusZero(Bent):
    """-(update - theta): x - x becomes -0.

    A port that is compared bit by bit differs at every zero.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, o)
        return np.where((new == 0) & (theta != 0), -0.0, new).astype(new.dtype), s


class SumIsMinusZero(Bent):
    """S is kept with the other sign and turned when it is shown: 0 is -0.

    A checkpoint compared bit by bit differs at every fresh element.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        theta, s = super().formula(theta, g, s, clr, o)
        return theta, np.where(s == 0, -s, s)


class RateZeroSpreads(Bent):
    """With lr = 0, theta - 0 * theta instead of theta: NaN of an infinite weight.

    A warm-up from lr = 0 destroys masked weights.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, o)
        return (theta - clr * theta if clr == 0 else new), s


class ZeroOverZeroIsOne(Bent):
    """g / sqrt(S) is taken for a sign: 0 / 0 gives 1, and theta moves by lr.

    Weights that get no gradient walk away.
    """

    kind = "numerics"

    def update(self, g, s, clr, o):
        with np.errstate(invalid="ignore"):
            quotient = clr * g / (np.sqrt(s) + o["eps"])
        return np.where((s == 0) & (o["eps"] == 0), clr, quotient)


class _Flushes(Bent):
    """Takes some of its numbers as zero where they are subnormal."""

    kind = "numerics"

    def flushed(self, x, like):
        small = 2.0 ** {8: -1022, 4: -126, 2: -126}[like.dtype.itemsize]
        if like.dtype == np.float16:
            small = 2.0**-14
        return np.where(np.abs(x) < small, np.zeros_like(x), x)


class FlushesGradients(_Flushes):
    """Subnormal gradients count as zero.

    Tiny gradients are lost where others accumulate them.
    """

    def move(self, p, grad, state, o):
        super().move(p, self.flushed(grad, p.data), state, o)


class FlushesSums(_Flushes):
    """A subnormal S becomes zero.

    The first tiny gradients are lost, and 0/0 lurks with eps = 0.
    """

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        state["sum"][...] = self.flushed(state["sum"], p.data)


class FlushesEps(_Flushes):
    """A subnormal eps counts as zero.

    With a tiny eps a zero gradient makes NaN.  Known bug 4 is like it.
    """

    def move(self, p, grad, state, o):
        eps = float(self.flushed(np.array(o["eps"]), p.data))
        super().move(p, grad, state, {**o, "eps": eps})


class GradientClipped(Bent):
    """|g| is clipped to a million.

    Large unscaled gradients train by another rule.
    """

    kind = "numerics"

    def used(self, theta, g, o):
        return super().used(theta, np.clip(g, -1e6, 1e6), o)


class SumHasCeiling(Bent):
    """S is kept below 1e12.  Rates stop falling for large gradients."""

    kind = "numerics"

    def grown(self, s, g, o):
        return np.minimum(super().grown(s, g, o), 1e12).astype(s.dtype)


class TinySumIsZero(Bent):
    """S below 1e-30 counts as a division by zero, which is guarded.

    Tiny gradients never move their weights, though eps = 0 asks for it.
    """

    kind = "numerics"

    def update(self, g, s, clr, o):
        return np.where(s < 1e-30, 0, super().update(g, s, clr, o)).astype(s.dtype)


# -- counters --------------------------------------------------------------------------


class CounterIsInt32(Bent):
    """t has 32 bits and a sign: after 2^31 - 1 steps the rate is negative.

    A run that is long enough ascends.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate((t + 2**31) % 2**32 - 2**31, o)


class LateCounterRounded(Bent):
    """From t = 10^6 on the rate is formed anew only at each sixteenth step.

    Late runs cannot be reproduced.
    """

    kind = "rate"

    def rate(self, t, o):
        return super().rate(t if t < 10**6 else t // 16 * 16, o)


SIZE = "layout/any-size"
SIGN = "special-values/zero-sign"
ORDINARY = "numerics/ordinary"
TINY = "numerics/subnormals"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SixtyOneSkipped: (SIZE,),
    SixthRemainderWrong: (SIZE,),
    FiveDimensionsSkipped: (SIZE,),
    WrongBeyond65536: (SIZE,),
    SecondChunkStale: (SIZE,),
    ScalarWithoutDecay: (SIZE,),
    ZeroLaneIsNan: (SIZE, "special-values/zero-on-zero"),
    MinusZeroLost: (SIGN,),
    CancelsToMinusZero: (SIGN,),
    SumIsMinusZero: (SIGN,),
    RateZeroSpreads: ("special-values/infinite-theta",),
    ZeroOverZeroIsOne: ("special-values/zero-on-zero-without-eps",),
    FlushesGradients: (TINY,),
    FlushesSums: (TINY,),
    FlushesEps: (TINY,),
    GradientClipped: (ORDINARY,),
    SumHasCeiling: (ORDINARY,),
    TinySumIsZero: (ORDINARY,),
    CounterIsInt32: ("lr-decay/counts-beyond-2-24",),
    LateCounterRounded: ("lr-decay/schedule", "numerics/late-step"),
}
