"""Unevaluated sums of two binary64 arrays: about 106 bits, without 80-bit floats.

A pair (h, l) stands for h + l with |l| <= ulp(h)/2.  The relative errors quoted, in
units of u**2 = 2**-106, are proved in M. Joldes, J.-M. Muller, V. Popescu, "Tight and
rigorous error bounds for basic building blocks of double-word arithmetic", ACM TOMS
44 (2017).  They hold where nothing over- or underflows, which the callers ensure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "Pair",
    "add",
    "divide",
    "fast_two_sum",
    "multiply",
    "square_root",
    "two_product",
    "two_sum",
]

Array = Any
Pair = tuple[Array, Array]

_SPLITTER = 134217729.0  # 2**27 + 1 (Veltkamp)


def two_sum(a: Array, b: Array) -> Pair:
    """a + b exactly (Knuth)."""
    s = a + b
    bb = s - a
    return s, (a - (s - bb)) + (b - bb)


def fast_two_sum(a: Array, b: Array) -> Pair:
    """a + b exactly for |a| >= |b| or a = 0 (Dekker)."""
    s = a + b
    return s, b - (s - a)


def _split(a: Array) -> Pair:
    c = _SPLITTER * a
    high = c - (c - a)
    return high, a - high


def two_product(a: Array, b: Array) -> Pair:
    """a * b exactly (Dekker)."""
    p = a * b
    ah, al = _split(a)
    bh, bl = _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def add(x: Pair, y: Pair) -> Pair:
    """x + y; relative error at most 3.1 u**2, exact when both tails are 0."""
    sh, sl = two_sum(x[0], y[0])
    th, tl = two_sum(x[1], y[1])
    vh, vl = fast_two_sum(sh, sl + th)
    return fast_two_sum(vh, tl + vl)


def multiply(x: Pair, y: Pair) -> Pair:
    """x * y; relative error at most 5 u**2, exact when both tails are 0."""
    ch, cl = two_product(x[0], y[0])
    return fast_two_sum(ch, cl + (x[0] * y[1] + (x[1] * y[0] + x[1] * y[1])))


def divide(x: Pair, y: Pair) -> Pair:
    """x / y; relative error at most 15.1 u**2."""
    q = x[0] / y[0]
    ch, cl = two_product(y[0], q)
    th, tl = fast_two_sum(ch, y[1] * q)
    rh, rl = fast_two_sum(th, tl + cl)
    return fast_two_sum(q, ((x[0] - rh) + (x[1] - rl)) / y[0])


def square_root(x: Pair) -> Pair:
    """sqrt(x) for x >= 0; relative error at most 8 u**2 (one Newton step)."""
    h = np.sqrt(x[0])
    p, e = two_product(h, h)
    remainder = ((x[0] - p) - e) + x[1]
    twice = np.where(h > 0, h + h, 1.0)
    return fast_two_sum(h, remainder / twice)
