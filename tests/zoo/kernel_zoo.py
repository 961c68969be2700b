"""Right ports that do not treat all elements alike: by row, size, lane, number.

Every value of theirs is one that a legal evaluation gives; which one depends on where
the element lies.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from emulated_rounding import fma, nearest, roots
from numpy_zoo import InFormat

from adagrad_reference.formats import BINARY64

__all__ = ["FLUSHING_KERNELS", "KERNELS"]

QUIET = {"all": "ignore"}


class Kernels(InFormat):
    """Six ways of a step over flat binary64 arrays, each operation rounded or kept."""

    def kernel(self, number, fmt, theta, g, s, clr, o):
        """theta' and S' by one of the ways."""

        def r(x):
            return nearest(fmt, x)

        g = -g if o["maximize"] else g
        decay, eps = o["weight_decay"], o["eps"]
        if number == 0:  # everything rounded
            g = r(g + r(decay * theta)) if decay else g
            s = r(s + r(g * g))
            return theta - r(r(clr * g) / r(r(np.sqrt(s)) + eps)), s
        if number == 1:  # fused
            g = fma(fmt, decay, theta, g) if decay else g
            s = fma(fmt, g, g, s)
            return fma(fmt, -clr, r(g / r(r(np.sqrt(s)) + eps)), theta), s
        if number == 2:  # kept in binary64, by a reciprocal
            g = g + decay * theta if decay else g
            s = s + g * g
            return theta - g * (clr * (1 / (np.sqrt(s) + eps))), s
        if number == 3:  # rates first
            g = r(g + decay * theta) if decay else g
            s = r(s + g * g)
            return theta - r(g * r(clr / (r(np.sqrt(s)) + eps))), s
        if number == 4:  # a direction first
            g = r(g + r(decay * theta)) if decay else g
            s = s + r(g * g)
            return theta - clr * r(g * r(1 / r(np.sqrt(r(s)) + eps))), s
        g = g + r(decay * theta) if decay else g  # the root of the sum before storing
        s = s + g * g
        return theta - r(clr * g) / r(np.sqrt(s) + eps), s

    def stepped(self, fmt, theta, g, s, t, o):
        flat = [x.ravel() for x in (theta, g, s)]
        new = self.split(fmt, theta.shape, *flat, self.rate(t, o), o)
        return tuple(x.reshape(theta.shape) for x in new)

    def parts(self, fmt, shape, *arrays):
        """Pairs of a way and a mask of the elements that it serves."""
        raise NotImplementedError

    def split(self, fmt, shape, theta, g, s, clr, o):
        """Each element by its own way."""
        new_theta, new_s = theta.copy(), s.copy()
        for number, mask in self.parts(fmt, shape, theta, g, s):
            part = self.kernel(number, fmt, theta[mask], g[mask], s[mask], clr, o)
            new_theta[mask], new_s[mask] = part
        return new_theta, new_s


class ByRow(Kernels):
    """A kernel for each row in turn."""

    def parts(self, fmt, shape, *arrays):
        rows = shape[0] if shape else 1
        row = np.arange(arrays[0].size) // max(arrays[0].size // max(rows, 1), 1)
        return [(k, row % 6 == k) for k in range(6)]


class ByLane(Kernels):
    """Whole vectors of eight by a fused kernel, the remainder by a scalar one."""

    def parts(self, fmt, shape, *arrays):
        place = np.arange(arrays[0].size)
        whole = arrays[0].size // 8 * 8
        return [(1, place < whole), (0, place >= whole)]


class EachLane(Kernels):
    """Every lane of a vector of six has a way of its own."""

    def parts(self, fmt, shape, *arrays):
        place = np.arange(arrays[0].size)
        return [(k, place % 6 == k) for k in range(6)]


class BySize(Kernels):
    """Above 100 elements another kernel, and a third one above 2000."""

    def parts(self, fmt, shape, *arrays):
        size = arrays[0].size
        way = 0 if size <= 100 else 1 if size <= 2000 else 2
        return [(way, np.ones(size, bool))]


class BySign(Kernels):
    """What ascends is stepped otherwise than what descends."""

    def parts(self, fmt, shape, theta, g, s):
        return [(3, g < 0), (4, ~(g < 0))]


class ByMagnitude(Kernels):
    """Small accumulators by division, large ones by a reciprocal."""

    def parts(self, fmt, shape, theta, g, s):
        return [(0, s < 1), (2, ~(s < 1))]


class FreshIsFast(Kernels):
    """While S is 0 the step is formed by a kernel of its own."""

    def parts(self, fmt, shape, theta, g, s):
        return [(5, s == 0), (3, s != 0)]


class ByOffset(Kernels):
    """All params of a step lie in one buffer, of whose vectors each lane differs."""

    offset = 0

    def step(self, closure=None):
        self.offset = 0
        return super().step(closure)

    def parts(self, fmt, shape, *arrays):
        place = self.offset + np.arange(arrays[0].size)
        self.offset += arrays[0].size
        return [(k, place % 6 == k) for k in range(6)]


class InThreads(Kernels):
    """Blocks of 64 elements in threads, whose number chooses the kernel."""

    def split(self, fmt, shape, theta, g, s, clr, o):
        starts = range(0, theta.size, 64)

        def block(start):
            part = slice(start, start + 64)
            with np.errstate(**QUIET):
                return self.kernel(
                    start // 64 % 6, fmt, theta[part], g[part], s[part], clr, o
                )

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(block, starts))
        columns = [np.concatenate([np.empty(0), *x]) for x in zip(*done, strict=True)]
        return columns or (theta, s)


class Halves(Kernels):
    """A param is halved until its parts are short; each half is stepped on its own."""

    def split(self, fmt, shape, theta, g, s, clr, o):
        if theta.size <= 5:
            return self.kernel(theta.size, fmt, theta, g, s, clr, o)
        middle = theta.size // 2
        sides = [
            self.split(fmt, shape, theta[part], g[part], s[part], clr, o)
            for part in (slice(middle), slice(middle, None))
        ]
        return tuple(np.concatenate(pair) for pair in zip(*sides, strict=True))


class ByColumn(Kernels):
    """Columns of a matrix one after another, each through a copy of its own."""

    def split(self, fmt, shape, theta, g, s, clr, o):
        width = shape[-1] if shape else 1
        new = [np.empty_like(theta), np.empty_like(s)]
        for column in range(width):
            part = slice(column, None, width)
            done = self.kernel(
                column % 6, fmt, theta[part].copy(), g[part].copy(), s[part], clr, o
            )
            for whole, values in zip(new, done, strict=True):
                whole[part] = values
        return new


class ChoppedRoot(Kernels):
    """The root is faithful: the neighbour below, as some vector units give it."""

    direction = "down"

    def split(self, fmt, shape, theta, g, s, clr, o):
        g = self.used(theta, g, o)
        g = nearest(fmt, g)
        s = nearest(fmt, s + nearest(fmt, g * g))
        root = roots(fmt, s, self.direction)
        return theta - nearest(fmt, clr * nearest(fmt, g / (root + o["eps"]))), s


class RaisedRoot(ChoppedRoot):
    """The neighbour above."""

    direction = "up"


class AlternatesByStep(Kernels):
    """Another kernel at each step."""

    def stepped(self, fmt, theta, g, s, t, o):
        flat = (x.ravel() for x in (theta, g, s))
        new = self.kernel(t % 6, fmt, *flat, self.rate(t, o), o)
        return tuple(x.reshape(theta.shape) for x in new)


class RateByReciprocal(Kernels):
    """The rate is lr times the reciprocal of what divides it."""

    def rate(self, t, o):
        return o["lr"] * (1 / (1 + (t - 1) * o["lr_decay"]))

    def split(self, fmt, shape, theta, g, s, clr, o):
        return self.kernel(0, fmt, theta, g, s, clr, o)


class InLongDouble(Kernels):
    """Every format is computed in long double, binary64 too: rounded twice."""

    also = frozenset({"extended-precision"})

    def stepped(self, fmt, theta, g, s, t, o):
        theta, g, s = (x.astype(np.longdouble) for x in (theta, g, s))
        return self.formula(theta, g, s, np.longdouble(self.rate(t, o)), o)


class InTwoDoubles(Kernels):
    """g g and S are kept as unevaluated sums of two numbers within a step."""

    def split(self, fmt, shape, theta, g, s, clr, o):
        g = self.used(theta, g, o)
        square, low = _two_square(g)
        head, rest = _two_sum(s, square)
        head, rest = _two_sum(head, rest + low)
        root = np.sqrt(head)
        root = np.where(head > 0, root + rest / (2 * root), root)
        update = nearest(fmt, clr * g) / nearest(fmt, root + o["eps"])
        return theta - update, head if fmt == BINARY64 else head + rest


def _two_sum(a, b):
    """a + b as a number and its error; the error of what is not finite is 0."""
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    return total, np.where(np.isfinite(total), error, 0.0)


def _two_square(a):
    """a a as a number and its error, which is 0 where it would leave the range."""
    square, halves = a * a, a * 134217729.0
    high = halves - (halves - a)
    low = a - high
    error = ((high * high - square) + 2 * high * low) + low * low
    within = (square > 2.0**-900) & np.isfinite(error)
    return square, np.where(within, error, 0.0)


# -- subnormal numbers as zero ---------------------------------------------------------


class FlushesOnStoring(Kernels):
    """Only what is stored is flushed; operands are read as they are."""

    also = frozenset({"flush-to-zero"})

    def stepped(self, fmt, theta, g, s, t, o):
        new = super().stepped(fmt, theta, g, s, t, o)
        return tuple(_flushed(fmt, nearest(fmt, x)) for x in new)

    def split(self, fmt, shape, theta, g, s, clr, o):
        return self.kernel(0, fmt, theta, g, s, clr, o)


class FlushesOnReading(FlushesOnStoring):
    """Only operands that are read from memory are flushed."""

    def stepped(self, fmt, theta, g, s, t, o):
        read = (_flushed(fmt, x) for x in (theta, g, s))
        return Kernels.stepped(self, fmt, *read, t, o)


class FlushesWithoutSign(FlushesOnStoring):
    """A flushed number is +0, whatever its sign was."""

    def stepped(self, fmt, theta, g, s, t, o):
        new = super().stepped(fmt, theta, g, s, t, o)
        return tuple(np.where(x == 0, np.abs(x), x) for x in new)


def _flushed(fmt, x):
    return np.where(np.abs(x) < fmt.smallest_normal, np.copysign(0.0, x), x)


#: Ports that are judged as any.
KERNELS = (
    ByRow,
    ByLane,
    EachLane,
    BySize,
    BySign,
    ByMagnitude,
    FreshIsFast,
    ByOffset,
    InThreads,
    Halves,
    ByColumn,
    ChoppedRoot,
    RaisedRoot,
    AlternatesByStep,
    RateByReciprocal,
    InLongDouble,
    InTwoDoubles,
)

#: Ports that declare that they take subnormal numbers as zero.
FLUSHING_KERNELS = (FlushesOnStoring, FlushesOnReading, FlushesWithoutSign)
