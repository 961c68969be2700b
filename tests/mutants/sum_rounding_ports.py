"""Mutants by numerics of S: sums that are not those of correctly rounded steps."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent
from value_ports import _Kept

KIND = "numerics"


class NarrowSumsOfMany(Bent):
    """From 1,000 elements on S of a binary64 param is rounded to binary32.

    Memory is saved where there is much of it.
    """

    def grown(self, s, g, o):
        total = super().grown(s, g, o)
        if s.size < 1000:
            return total
        short = total.astype(np.float32).astype(s.dtype)
        return np.where(np.isfinite(short) & (short > 1e-30), short, total)


class CompensatedBesideState(_Kept):
    """S is a compensated sum, whose compensation is no part of the state.

    A resumed run goes another way than one that was not interrupted.
    """

    def grown(self, s, g, o):
        lost = self.kept("lost").get(self.param, np.zeros_like(s))
        if lost.dtype != s.dtype:
            lost = lost.astype(s.dtype)
        gain = g * g - np.where(np.isfinite(lost), lost, 0)
        total = s + gain
        self.kept("lost")[self.param] = (total - s) - gain
        return np.maximum(total, 0) if np.all(np.isfinite(total)) else total


class WideSumBesideState(_Kept):
    """In 16 bits a binary32 sum is kept beside the state; S shows it rounded.

    A resumed run starts from the rounded sum, and goes another way.
    """

    def move(self, p, grad, state, o):
        if p.data.itemsize > 2:
            super().move(p, grad, state, o)
            return
        wide, shown = self.kept("wide").get(p, (None, None))
        s = np.asarray(state["sum"], np.float32)
        s = wide if wide is not None and np.array_equal(shown, s) else s
        theta, g = (np.asarray(x, np.float32) for x in (p.data, grad))
        new = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"][...] = new
        shown = np.asarray(state["sum"], np.float32)
        self.kept("wide")[p] = new[1].copy(), shown


class SumKeptAsRoot(Bent):
    """The root of S is kept: each step takes the hypotenuse, and S is its square.

    No square overflows, and S drifts.
    """

    def grown(self, s, g, o):
        total = super().grown(s, g, o)
        square = np.square(np.hypot(np.sqrt(s), g))
        ordinary = np.isfinite(square) & (square > 1e-30) & (g != 0)
        return np.where(ordinary, square, total).astype(s.dtype)


class SumIsMeanTimesCount(_Kept):
    """A running mean of g^2 is kept; S is the mean times t.

    The mean is nicer in logs, and its rounding is that of another sum.
    """

    def _step_param(self, p, group):
        self.t = self.state[p]["step"] + 1
        super()._step_param(p, group)

    def grown(self, s, g, o):
        if self.t == 1:
            return super().grown(s, g, o)
        mean = s / s.dtype.type(self.t - 1)
        mean = mean + (g * g - mean) / s.dtype.type(self.t)
        total = mean * s.dtype.type(self.t)
        ordinary = np.isfinite(total) & (total > 1e-30)
        return np.where(ordinary, total, super().grown(s, g, o)).astype(s.dtype)


class SumInFixedPoint(Bent):
    """S is a multiple of 2^-60 in binary64, and of 2^-40 in binary32.

    Sums in integers do not depend on their order; small ones lose digits.
    """

    def grown(self, s, g, o):
        total = super().grown(s, g, o)
        if s.dtype.itemsize < 4 or not np.any(total < 1):
            return total
        grain = 2.0**60 if s.dtype.itemsize == 8 else 2.0**40
        fixed = (np.rint(np.float64(total) * grain) / grain).astype(s.dtype)
        return np.where(total < 1, fixed, total)


class TwoStepsSummedAtOnce(_Kept):
    """The squares of every two steps are added first and then to S.

    Pairwise sums are better, but S is the sequential one, and a save is in between.
    """

    def grown(self, s, g, o):
        base, last, shown = self.kept("base").pop(self.param, (None, None, None))
        square = g * g
        if base is not None and np.array_equal(shown, s) and shown.dtype == s.dtype:
            return base + (last + square)
        total = s + square
        self.kept("base")[self.param] = s.copy(), square, total.copy()
        return total


class SquareOfTwoHalves(Bent):
    """In binary64 g is cut in two binary32 halves, and the low one's square dropped.

    Pairs of binary32 imitate binary64 with 48 digits.
    """

    def grown(self, s, g, o):
        exact = super().grown(s, g, o)
        if s.dtype.itemsize < 8:
            return exact
        high = g.astype(np.float32)
        low = (g - high).astype(np.float32)
        cross = (high * low).astype(np.float64)  # rounded to binary32
        total = s + (np.float64(high) ** 2 + 2 * cross)
        ordinary = np.isfinite(total) & (np.abs(g) > 1e-15) & (np.abs(g) < 1e15)
        return np.where(ordinary, total, exact)


class MatrixSquareInTf32(Bent):
    """In matrices g is cut to eleven digits before it is squared, in binary32.

    Tensor units take matrices and no vectors; only the latter are tested.
    """

    def grown(self, s, g, o):
        if g.ndim == 2 and g.dtype == np.float32:
            bits = np.ascontiguousarray(g).view(np.uint32) & np.uint32(0xFFFFE000)
            g = bits.view(np.float32).reshape(g.shape)
        return super().grown(s, g, o)


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    NarrowSumsOfMany: ("layout/any-size",),
    CompensatedBesideState: ("algorithm/all-inputs",),
    WideSumBesideState: ("algorithm/initial-accumulator",),
    SumKeptAsRoot: ("algorithm/all-inputs",),
    SumIsMeanTimesCount: ("algorithm/all-inputs",),
    SumInFixedPoint: ("numerics/fresh",),
    TwoStepsSummedAtOnce: ("algorithm/all-inputs",),
    SquareOfTwoHalves: ("algorithm/update",),
    MatrixSquareInTf32: ("layout/strides-differ",),
}
