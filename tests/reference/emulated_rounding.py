"""Rounding to a format and fused operations on float64 arrays: helpers of tests.

Nothing here uses the package's own rounding or interval code: `nearest` rounds by
frexp and rint, and `fma` follows Boldo and Melquiond ("Emulation of FMA and correctly
rounded sums", 2008).
"""

from __future__ import annotations

import numpy as np

from adagrad_reference.formats import BINARY64

__all__ = ["fma", "nearest", "roots", "toward_zero", "two_product", "two_sum"]


def _scaled(fmt, x, to_integer):
    x = np.asarray(x, float)
    exponent = np.maximum(np.frexp(x)[1], fmt.emin + 1) - fmt.precision
    with np.errstate(all="ignore"):
        y = np.ldexp(to_integer(np.ldexp(x, -exponent)), exponent)
    y = np.where(np.isinf(x) | (x == 0), x, y)
    return np.where(np.abs(y) > fmt.largest, np.copysign(np.inf, x), y)


def nearest(fmt, x):
    """Round to nearest even in the format; binary64 is left alone."""
    return np.asarray(x, float) if fmt == BINARY64 else _scaled(fmt, x, np.rint)


def toward_zero(fmt, x):
    """Chop to the format."""
    return _scaled(fmt, x, np.trunc)


def two_product(a, b):
    """Return a * b as head and exact error, by Veltkamp's splitting."""

    def split(x):
        c = 134217729.0 * x
        high = c - (c - x)
        return high, x - high

    p = a * b
    (ah, al), (bh, bl) = split(a), split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def two_sum(a, b):
    """Return a + b as head and exact error."""
    s = a + b
    bb = s - a
    return s, (a - (s - bb)) + (b - bb)


def _sum_to_odd(a, b):
    """Return a + b rounded to odd: double rounding afterwards does no harm."""
    s, e = two_sum(a, b)
    s = np.ascontiguousarray(s)
    even = s.view(np.int64) & 1 == 0
    beside = np.nextafter(s, np.where(e > 0, np.inf, -np.inf))
    return np.where((e != 0) & even, beside, s)


def fma(fmt, a, b, c):
    """Return a * b + c with one rounding, to `fmt`; unfused where that is unsafe."""
    a, b, c = np.broadcast_arrays(*(np.asarray(x, float) for x in (a, b, c)))
    with np.errstate(all="ignore"):
        uh, ul = two_product(a, b)
        th, tl = two_sum(c, ul)
        vh, vl = two_sum(uh, th)
        z = _sum_to_odd(tl, vl)
        fused = vh + z if fmt == BINARY64 else _sum_to_odd(vh, z)
        plain = a * b + c
        product = np.abs(a * b)
        safe = (product == 0) | ((product > 2.0**-900) & (product < 2.0**900))
        safe &= np.isfinite(fused) & (np.abs(a) < 2.0**900) & (np.abs(b) < 2.0**900)
        exact_zero = (a == 0) | (b == 0)
    return nearest(fmt, np.where(safe & ~exact_zero, fused, plain))


def roots(fmt, x, direction):
    """Square roots in the format: to nearest, or the neighbour below or above."""
    with np.errstate(all="ignore"):
        r = np.sqrt(x)
        if direction == "nearest":
            return nearest(fmt, r)
        if fmt != BINARY64:
            return _scaled(fmt, r, np.floor if direction == "down" else np.ceil)
        p, e = two_product(r, r)
        rest = (x - p) - e  # its sign is that of sqrt(x) - r
        safe = (x > 2.0**-900) & (x < 2.0**900)
        down = np.where(safe & (rest < 0), np.nextafter(r, 0), r)
        up = np.where(safe & (rest > 0), np.nextafter(r, np.inf), r)
    return down if direction == "down" else up
