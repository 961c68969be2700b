"""Right ports that calculate with other numbers than the processor's.

Each steps one element at a time.  Numbers that a system does not have, infinities and
NaN mostly, take the way of Python's floats.
"""

from __future__ import annotations

import ctypes
import decimal
import functools
import math
from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
from numpy_zoo import _HELD, InFormat, _divided, _root

from adagrad_reference.formats import BINARY64

__all__ = ["NUMBERS"]


class ByElement(InFormat):
    """Elements one after the other, as Python numbers."""

    def stepped(self, fmt, theta, g, s, t, o):
        one = self.prepared(fmt, t, o)
        lists = (x.ravel().tolist() for x in (theta, g, s))
        pairs = [one(*numbers) for numbers in zip(*lists, strict=True)]
        columns = np.array(pairs, float).reshape(-1, 2).T
        return tuple(column.reshape(theta.shape) for column in columns)

    def prepared(self, fmt, t, o):
        """The step of one element, with the scalars of the step."""
        raise NotImplementedError


def plain_step(fmt, t, o):
    """The step in floats, each result held in the format."""
    held, clr = _HELD[fmt], o["lr"] / (1 + (t - 1) * o["lr_decay"])

    def one(x, g, s):
        g = -g if o["maximize"] else g
        g = held(g + held(o["weight_decay"] * x)) if o["weight_decay"] else g
        s = held(s + held(g * g))
        d = held(held(_root(s)) + o["eps"])
        return held(x - _divided(held(clr * g), d)), s

    return one


def in_format(fmt, x):
    """A rational number rounded once to the format, ties to even."""
    if not x:
        return 0.0
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent  # now 2^exponent <= |x|
    last = max(exponent, fmt.emin) - fmt.precision + 1
    whole = round(x / Fraction(2) ** last)
    try:
        y = math.ldexp(whole, last)
    except OverflowError:
        return math.copysign(math.inf, whole)
    return math.copysign(math.inf, whole) if abs(y) > fmt.largest else y


class Fractions(ByElement):
    """Everything exact but the root, which is good to a hundred bits."""

    def prepared(self, fmt, t, o):
        plain = plain_step(fmt, t, o)
        names = ("lr", "lr_decay", "weight_decay", "eps")
        lr, lr_decay, decay, eps = (Fraction(o[name]) for name in names)
        clr = lr / (1 + (t - 1) * lr_decay)

        def one(x, g, s):
            if not all(map(math.isfinite, (x, g, s))) or s < 0:
                return plain(x, g, s)
            start, g, s = Fraction(x), Fraction(-g if o["maximize"] else g), Fraction(s)
            g += decay * start
            s += g * g
            d = self.root(s) + eps
            if not d:
                return math.nan, 0.0
            update = clr * g / d
            new = in_format(fmt, start - update) if update else x
            return new, in_format(fmt, s)

        return one

    @staticmethod
    def root(x):
        """The square root, a hundred bits of it."""
        if not x:
            return Fraction(0)
        size = x.denominator.bit_length() - x.numerator.bit_length()
        scale = max(0, 200 + size) // 2 + 1
        return Fraction(
            math.isqrt((x.numerator << 2 * scale) // x.denominator), 1 << scale
        )


class Integers(ByElement):
    """Fixed point: integers, in units that are a power of two."""

    point = 1300

    def prepared(self, fmt, t, o):
        plain, point = plain_step(fmt, t, o), self.point

        def fixed(x):
            above, below = x.as_integer_ratio()
            return (above << point) // below

        names = ("lr", "lr_decay", "weight_decay", "eps")
        lr, lr_decay, decay, eps = (fixed(o[name]) for name in names)
        clr = (lr << point) // ((1 << point) + (t - 1) * lr_decay)

        def one(x, g, s):
            if not all(map(math.isfinite, (x, g, s))) or s < 0:
                return plain(x, g, s)
            start, g, s = fixed(x), fixed(-g if o["maximize"] else g), fixed(s)
            g += decay * start >> point
            s = (s << point) + g * g
            d = math.isqrt(s) + eps
            if not d:
                return math.nan, 0.0
            update = clr * g // d
            moved = Fraction(start - update, 1 << point)
            new = in_format(fmt, moved) if update else x
            return new, in_format(fmt, Fraction(s, 1 << 2 * point))

        return one


class Decimals(ByElement):
    """Decimal numbers of sixty digits, which hold infinities and -0 too."""

    context = decimal.Context(prec=60, Emin=-9999, Emax=9999, traps=[])

    def prepared(self, fmt, t, o):
        with decimal.localcontext(self.context):
            held = {k: decimal.Decimal(v) for k, v in o.items() if k in _SCALARS}
            clr = held["lr"] / (1 + (t - 1) * held["lr_decay"])
        decay = held["weight_decay"]

        def one(x, g, s):
            with decimal.localcontext(self.context):
                x, g, s = map(decimal.Decimal, (x, g, s))
                g = g.copy_negate() if o["maximize"] else g
                g = g + decay * x if decay else g
                s = s + g * g
                d = s.sqrt() + held["eps"]
                return float(x - clr * g / d), float(s)

        return one


_SCALARS = ("lr", "lr_decay", "weight_decay", "eps")


class ManyBits(ByElement):
    """mpmath with 300 bits; it has no -0."""

    def prepared(self, fmt, t, o):
        mp = mpmath.MPContext()
        mp.prec = 300
        lr, lr_decay, decay, eps = (mp.mpf(o[name]) for name in _SCALARS)
        clr = lr / (1 + (t - 1) * lr_decay)

        def one(x, g, s):
            x, g, s = (mp.mpf(y) for y in (x, -g if o["maximize"] else g, s))
            g = g + decay * x if decay else g
            s = s + g * g
            d = (mp.sqrt(s) if s >= 0 else mp.nan) + eps
            return _of_mpf(fmt, x - clr * g / d if d else mp.nan), _of_mpf(fmt, s)

        return one


def _of_mpf(fmt, x):
    """Rounded once: mpmath itself rounds subnormal numbers twice."""
    if not mpmath.isfinite(x):
        return float(x)
    above, below = x.man_exp
    size = Fraction(abs(int(above))) * Fraction(2) ** below
    return in_format(fmt, -size if x < 0 else size)


@functools.cache
def _ieee(fmt):
    """A context of MPFR that rounds as the format does, subnormal numbers too."""
    emax = math.frexp(fmt.largest)[1]
    return gmpy2.context(
        precision=fmt.precision,
        emax=emax,
        emin=4 - emax - fmt.precision,
        subnormalize=True,
    )


class Mpfr(ByElement):
    """MPFR in the format of the param: every operation is one of the format."""

    def prepared(self, fmt, t, o):
        clr = self.rate(t, o)

        def one(x, g, s):
            with gmpy2.context(_ieee(fmt)):
                x, g, s = map(gmpy2.mpfr, (x, g, s))
                return tuple(map(float, self.mpfr_step(x, g, s, clr, o)))

        return one

    def mpfr_step(self, x, g, s, clr, o):
        """In a context of the format, which rounds the scalars too."""
        g = -g if o["maximize"] else g
        g = g + gmpy2.mpfr(o["weight_decay"]) * x if o["weight_decay"] else g
        s = s + g * g
        return x - gmpy2.mpfr(clr) * (g / (gmpy2.sqrt(s) + gmpy2.mpfr(o["eps"]))), s


class MpfrFused(Mpfr):
    """The same with fused products, and a reciprocal of the root."""

    def mpfr_step(self, x, g, s, clr, o):
        g = -g if o["maximize"] else g
        if o["weight_decay"]:
            g = gmpy2.fma(gmpy2.mpfr(o["weight_decay"]), x, g)
        s = gmpy2.fma(g, g, s)
        direction = g * (1 / (gmpy2.sqrt(s) + gmpy2.mpfr(o["eps"])))
        return gmpy2.fma(gmpy2.mpfr(-clr), direction, x), s


class NumpyScalars(ByElement):
    """One scalar of NumPy after the other; 16-bit params by scalars of binary32."""

    def prepared(self, fmt, t, o):
        kind = np.float64 if fmt == BINARY64 else np.float32
        clr, decay, eps = (
            kind(x) for x in (self.rate(t, o), o["weight_decay"], o["eps"])
        )

        def one(x, g, s):
            x, g, s = map(kind, (x, g, s))
            g = -g if o["maximize"] else g
            g = g + decay * x if decay else g
            s = s + g * g
            return x - clr * g / (np.sqrt(s) + eps), s

        return one


class LibraryOfC(ByElement):
    """The C library's own fma and sqrt, by way of ctypes."""

    library = ctypes.CDLL(None)
    for _name, _count in (("fma", 3), ("sqrt", 1)):
        getattr(library, _name).restype = ctypes.c_double
        getattr(library, _name).argtypes = [ctypes.c_double] * _count

    def prepared(self, fmt, t, o):
        fma, sqrt, clr = self.library.fma, self.library.sqrt, self.rate(t, o)

        def one(x, g, s):
            g = -g if o["maximize"] else g
            g = fma(o["weight_decay"], x, g) if o["weight_decay"] else g
            s = fma(g, g, s)
            return fma(-clr, _divided(g, sqrt(s) + o["eps"]), x), s

        return one


#: Ports that step one number at a time.
NUMBERS = (
    Fractions,
    Integers,
    Decimals,
    ManyBits,
    Mpfr,
    MpfrFused,
    NumpyScalars,
    LibraryOfC,
)
