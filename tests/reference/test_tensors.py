"""Tensors are made of the numbers of their format that are nearest to decimals."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adagrad_reference.formats import BFLOAT16, BINARY32, FORMATS, Format
from adagrad_reference.scenario import Layout, tensor

#: A format that `struct` does not know.
TOY = Format("float8_e5m2", 8, 3, 15)


def nearest(fmt, value):
    """By exact rational arithmetic; a NaN is a NaN of any payload."""
    if not math.isfinite(value):
        return value
    return math.copysign(fmt.round(Fraction(value)), value)


@given(st.lists(st.floats()))
@example([0.0, -0.0, 1e-300, -1e300, 3.4e38, 65520.0, 65519.9])  # ends of formats
@example([math.nan, -math.nan, math.inf, -math.inf, 1e39])
@settings(derandomize=True, database=None)
def test_decimals_become_the_nearest_numbers_of_every_format(values):
    for fmt in (*FORMATS.values(), TOY):
        due = [fmt.encode(nearest(fmt, v)) for v in values]
        assert [fmt.encode(fmt.nearest(v)) for v in values] == due
        assert tensor(fmt, values).bits == tuple(due)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda f: f.name)
def test_ties_go_to_even(fmt):
    gap = math.ldexp(1.0, 1 - fmt.precision)
    assert fmt.nearest(1 + gap) == 1 + gap
    if fmt.precision < 53:
        assert fmt.nearest(1 + gap / 2) == 1.0
        assert fmt.nearest(1 + 3 * gap / 2) == 1 + 2 * gap
        assert fmt.nearest(fmt.eta / 2) == 0.0
        assert fmt.nearest(3 * fmt.eta / 2) == 2 * fmt.eta


def test_shapes():
    assert tensor(BINARY32, [1.0, 2.0]).shape == (2,)
    assert tensor(BINARY32, [1.0], ()).shape == ()
    pairs = tensor(BFLOAT16, [1.0, 2.0, 3.0, 4.0], complex=True)
    assert (pairs.shape, pairs.complex, pairs.problem) == ((2,), True, None)
    spread = tensor(BINARY32, [1.0], layout=Layout(3, 1, (2,), 0))
    assert (spread.layout.length, spread.problem) == (3, None)
