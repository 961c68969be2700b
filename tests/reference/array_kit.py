"""For the tests of arrays: formats, classes, settings, and double-double numbers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from programs import ALL_FORMATS

from adagrad_reference.numeric_class import CLASSES, FLUSHED
from adagrad_reference.options import Options

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
ALL_CLASSES = (*CLASSES.values(), FLUSHED)
BY_CLASS = pytest.mark.parametrize("cls", ALL_CLASSES, ids=lambda cls: cls.name)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)

heads = st.floats(2.0**-100, 2.0**100).flatmap(lambda x: st.sampled_from([x, -x]))


@st.composite
def pairs(draw, positive=False):
    """A double-double, as arrays of one element."""
    h = draw(heads)
    h = abs(h) if positive else h
    share = draw(st.floats(-0.5, 0.5))
    low = math.ulp(h) * share
    s = h + low
    return np.array([s]), np.array([low - (s - h)])


def exact(pair):
    """The rational of a double-double."""
    return Fraction(float(pair[0][0])) + Fraction(float(pair[1][0]))


def assert_close(got, want, bound):
    """Relative error in units of u**2, and a normalized pair."""
    assert abs(exact(got) - want) <= abs(want) * Fraction(bound) / 2**106
    assert got[0][0] + got[1][0] == got[0][0]


COUNTS = (1, 2, 5, 2**24 + 1, 10**9)


def special_settings():
    """The edges of every scalar: nothing, subnormal, overflowing, far out."""
    rates = (0.0, 1e-300, 1e-45, 6e-8, 1e-5, 0.5, 1.0, 63.7, 1e30, 1e250)
    for t, lr, decay in itertools.product(COUNTS, rates, (0.0, 1e-90, 1e-3, 0.7, 1e30)):
        yield t, Options(lr=lr, lr_decay=decay, eps=0.0)
    others = (0.0, 5e-324, 1e-62, 1e-40, 1e-10, 2.0**-24, 0.3, 65519.9, 65520.0, 1e5)
    for wd, eps in itertools.product(others, others):
        yield 2, Options(lr=0.1, lr_decay=0.3, weight_decay=wd, eps=eps)


def random_settings(rng, n):
    """Step numbers and options of mixed size, some of them round."""
    for _ in range(n):
        lr, decay, wd, eps = np.exp2(rng.uniform(-20, 4, 4)).tolist()
        if rng.random() < 0.3:
            lr, decay = float(np.exp2(rng.integers(-9, 9))), float(rng.integers(0, 3))
        t = int(np.exp2(rng.uniform(0, 15)))
        yield t, Options(lr=lr, lr_decay=decay, weight_decay=wd, eps=eps)


def ends_of(box, i):
    """The i-th interval of an array arithmetic, as rationals."""
    ends = [Fraction(float(end[i])) for end in box]
    return (ends[0], ends[1]) if len(ends) == 2 else (sum(ends[:2]), sum(ends[2:]))


def rational(x):
    """The rational of a finite end point of the norm."""
    sign, man, exp, _ = x._mpf_
    return (-1 if sign else 1) * Fraction(int(man)) * Fraction(2) ** int(exp)
