"""Binary64 that is computed in the 80-bit format of x87, where that is declared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.formats import BINARY64
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.options import Options

EXTENDED = replace(LAWFUL, extended=True)
OPTIONS = Options(0.7, 0.0, 0.0, 0.0, 1e-3)
#: A sum that x87 rounds up, for the first of two roundings made it a tie.
TWICE = float.fromhex("0x1.6cf2d6ef3be64p-1"), float.fromhex("-0x1.a927386a2938dp+0")


def norm(cls, theta, s, g):
    starts = Interval.point(theta), Interval.point(s)
    pair = norm_step(BINARY64, cls, *starts, g, 1, OPTIONS)
    return [box.box() for box in pair]


def test_a_sum_that_is_rounded_twice():
    _, lawful = norm(LAWFUL, 1.0, *TWICE)
    _, extended = norm(EXTENDED, 1.0, *TWICE)
    once, twice = map(float.fromhex, ("0x1.bc4655652bcc7p+1", "0x1.bc4655652bcc8p+1"))
    assert (lawful.lo, lawful.hi) == (once, once)
    assert (extended.lo, extended.hi) == (once, twice)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="there is no x87")
def test_what_x87_computes_lies_inside():
    rng = np.random.default_rng(3)
    n = 4000
    theta, g = rng.normal(size=n), rng.normal(size=n)
    s = rng.uniform(0, 3, n)
    wide = [x.astype(np.longdouble) for x in (theta, g, s)]
    total = wide[2] + wide[1] * wide[1]
    lr, eps = (np.longdouble(x) for x in (OPTIONS.lr, OPTIONS.eps))
    new = wide[0] - lr * wide[1] / (np.sqrt(total) + eps)
    batch = StepBatch(BINARY64, theta, s, g, [(1, OPTIONS)], np.zeros(n, int))
    seen = new.astype(float), total.astype(float)
    boxes = fast_boxes(batch, EXTENDED)
    assert boxes[0].holds(seen[0]).all()
    assert boxes[1].holds(seen[1]).all()
    for i in range(0, n, 100):
        for box, wide_box in zip(
            norm(EXTENDED, theta[i], s[i], g[i]), boxes, strict=True
        ):
            held = wide_box.box(i)
            assert held.lo <= box.lo <= box.hi <= held.hi
    lawful = fast_boxes(batch, LAWFUL)
    assert not lawful[1].holds(seen[1]).all()
    # it is hardly wider: no fault hides in it
    width = (boxes[1].hi - boxes[1].lo) / seen[1]
    assert (width <= 2.0**-51).all()
