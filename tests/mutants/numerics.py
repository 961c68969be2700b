"""Mutants of precision: right formulas in the wrong arithmetic, and look-ups."""

from __future__ import annotations

import functools
import math

import numpy as np
from mutant_kit import Bent

from adagrad_conformance.checks.vector_files import Library
from adagrad_reference.scenario import Step, Tensor

KIND = "numerics"


def narrowed(x, dtype=np.float32):
    """Rounded to `dtype` and back."""
    x = np.asarray(x)
    return x.astype(dtype).astype(x.dtype)


class RateInBinary32(Bent):
    """The decayed rate is a binary32 number, also for binary64 params.

    Runs in binary64 have seven digits.
    """

    def rate(self, t, o):
        return float(np.float32(super().rate(t, o)))


class RateInBinary16(Bent):
    """The decayed rate is a binary16 number.

    Rates have three digits, and small ones vanish.
    """

    def rate(self, t, o):
        return float(np.float16(super().rate(t, o)))


class SumInBinary32(Bent):
    """S has 24 bits, also for binary64 params.

    Runs in binary64 have seven digits, and S stagnates at 2^24 squares.
    """

    def grown(self, s, g, o):
        return narrowed(super().grown(s, g, o))


class SquareInBinary32(Bent):
    """g^2 is formed in binary32 before it is added.

    Runs in binary64 have seven digits, and small gradients square to 0.
    """

    def grown(self, s, g, o):
        return s + narrowed(g * g)


class RootInBinary32(Bent):
    """Only the square root is taken in binary32.

    Runs in binary64 have seven digits.
    """

    def update(self, g, s, clr, o):
        return clr * g / (narrowed(np.sqrt(s)) + o["eps"])


class DecayInBinary32(Bent):
    """weight_decay is a binary32 number.

    Runs in binary64 have seven digits as soon as weights decay.
    """

    def used(self, theta, g, o):
        decay = float(np.float32(o["weight_decay"]))
        return super().used(theta, g, {**o, "weight_decay": decay})


class EpsInBinary32(Bent):
    """eps is a binary32 number.

    Small gradients in binary64 move by rates of seven digits.
    """

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": float(np.float32(o["eps"]))})


class EpsHasFloor(Bent):
    """eps below 1e-8 is lifted to 1e-8.

    Small gradients move less than the user's eps says.
    """

    kind = "formula"

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": max(o["eps"], 1e-8)})


class RelativeError(Bent):
    """The update is off by one part in ten million.

    Any test with the usual tolerances passes, and no run can be reproduced.
    """

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, o) * (1 + 1e-7)


class FewUlpsOff(Bent):
    """The update is off by four units of its last place.

    No run can be reproduced in binary32.
    """

    def update(self, g, s, clr, o):
        update = super().update(g, s, clr, o)
        return update * (1 + 4 * float(np.finfo(update.dtype).eps))


class SqrtFewUlpsOff(Bent):
    """The root is off by three units of its last place.

    No run can be reproduced in binary32.
    """

    def update(self, g, s, clr, o):
        root = np.sqrt(s)
        root = root * (1 + 3 * float(np.finfo(root.dtype).eps))
        return clr * g / (root + o["eps"])


class FastInverseRoot(Bent):
    """1 / sqrt(S) by a 12-bit estimate and one step of Newton's method.

    Steps have six or seven digits, in binary64 as well.
    """

    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            y = (1 / np.sqrt(s)).astype(np.float16).astype(s.dtype)
            y = np.where(np.isfinite(y) & (y > 0), y, 1 / np.sqrt(s))
            y = y * (1.5 - 0.5 * s * y * y)
        fine = np.isfinite(y) & (s > 0)
        return clr * g / (np.where(fine, 1 / y, np.sqrt(s)) + o["eps"])


class GradientExpanded(Bent):
    """lr (g / d) + lr (lambda theta / d): cancellation happens after rounding.

    Weights near their minimum are pushed off it.
    """

    def formula(self, theta, g, s, clr, o):
        used = self.used(theta, g, o)
        s = self.grown(s, used, o)
        if not o["weight_decay"]:
            return theta - self.update(used, s, clr, o), s
        std = np.sqrt(s) + o["eps"]
        g = -g if o["maximize"] else g
        theta_part = narrowed(clr * (o["weight_decay"] * theta) / std, np.float16)
        return theta - (narrowed(clr * g / std, np.float16) + theta_part), s


class SumOfSquaresExpanded(Bent):
    """g^2 + 2 g lambda theta + (lambda theta)^2.

    Known bug 43: a shortcut that cancels.
    """

    def grown(self, s, g, o):
        if not o["weight_decay"]:
            return s + g * g
        w, g = o["weight_decay"] * self.theta, g - o["weight_decay"] * self.theta
        return s + (g * g + 2 * g * w + w * w)

    def formula(self, theta, g, s, clr, o):
        self.theta = theta
        return super().formula(theta, g, s, clr, o)


def toward_zero(exact, dtype):
    """binary64 values cut off to `dtype`."""
    near = exact.astype(dtype)
    over = np.abs(near.astype(float)) > np.abs(exact)
    return np.where(over, np.nextafter(near, dtype(0)), near)


class Truncates32(Bent):
    """binary32 results are cut off instead of rounded.

    Weights drift towards zero over a long run.
    """

    def move(self, p, grad, state, o):
        if p.data.dtype != np.float32:
            return super().move(p, grad, state, o)
        theta, g, s = (x.astype(float) for x in (p.data, grad, state["sum"]))
        new = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"][...] = (toward_zero(x, np.float32) for x in new)
        return None


class TruncatesBfloat16(Bent):
    """bfloat16 by dropping the lower half of binary32, a common shortcut.

    Weights drift towards zero over a long run.
    """

    def move(self, p, grad, state, o):
        if p.data.dtype.name != "bfloat16":
            return super().move(p, grad, state, o)
        arrays = (np.asarray(x, np.float32) for x in (p.data, grad, state["sum"]))
        new = self.formula(*arrays, self.rate(state["step"], o), o)
        for target, value in zip((p.data, state["sum"]), new, strict=True):
            upper = np.asarray(value, np.float32).view(np.uint32) >> np.uint32(16)
            target[...] = upper.astype(np.uint16).view(target.dtype)
        return None


class StepsRoundedToGrid(Bent):
    """Updates of less than an ulp of theta are pushed to a whole one.

    Weights walk where they should rest.
    """

    def formula(self, theta, g, s, clr, o):
        new, s = super().formula(theta, g, s, clr, o)
        away = np.nextafter(theta, np.where(g > 0, -math.inf, math.inf))
        stuck = (new == theta) & (g != 0) & (theta != 0)
        return np.where(stuck, away.astype(theta.dtype), new), s


class OrderDependsOnPosition(Bent):
    """Even and odd elements are worked on in two legal orders.

    The same weights in another order train to other bits.
    """

    kind = "layout"

    def update(self, g, s, clr, o):
        std = np.sqrt(s) + o["eps"]
        odd = (np.arange(g.size) % 2 == 1).reshape(g.shape)
        return np.where(odd, clr * (g / std), clr * g / std)


@functools.cache
def known_gradients():
    """The bits of every gradient that stands in the files."""
    return {
        gradient.bits
        for scenario in Library.read().scenarios()
        for event in scenario.events
        if isinstance(event, Step)
        for gradient in event.gradients.values()
        if isinstance(gradient, Tensor)
    }


class LooksUp(Bent):
    """Right for the gradients of the files, wrong for all others.

    It passes any suite of fixed vectors, and no training run.
    """

    kind = "formula"

    def move(self, p, grad, state, o):
        flat = np.ascontiguousarray(grad).reshape(-1)
        bits = tuple(flat.view(f"u{flat.itemsize}").tolist())
        wrong = {} if bits in known_gradients() else {"eps": o["eps"] * 1.01}
        super().move(p, grad, state, {**o, **wrong})
