"""Double-double operations err by no more than the paper proves."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
from array_kit import EXAMPLES, assert_close, exact, heads, pairs
from hypothesis import assume, given
from hypothesis import strategies as st
from programs import fraction_root

import adagrad_reference
from adagrad_reference import double_double as dd


@EXAMPLES
@given(heads, heads)
def test_error_free_transformations(a, b):
    x, y = np.array([a]), np.array([b])
    assert exact(dd.two_sum(x, y)) == Fraction(a) + Fraction(b)
    assert exact(dd.two_product(x, y)) == Fraction(a) * Fraction(b)
    large, small = (x, y) if abs(a) >= abs(b) else (y, x)
    assert exact(dd.fast_two_sum(large, small)) == Fraction(a) + Fraction(b)


@EXAMPLES
@given(pairs(), pairs())
def test_addition(x, y):
    assert_close(dd.add(x, y), exact(x) + exact(y), 3.1)


@EXAMPLES
@given(pairs(), st.floats(-1e-14, 1e-14))
def test_addition_with_cancellation(x, change):
    y = (-x[0] * (1 + change), x[1] * 0.3)
    assert_close(dd.add(x, y), exact(x) + exact(y), 3.1)


@EXAMPLES
@given(heads, heads)
def test_addition_and_products_of_plain_numbers_are_exact(a, b):
    zero = np.zeros(1)
    x, y = (np.array([a]), zero), (np.array([b]), zero)
    assert exact(dd.add(x, y)) == Fraction(a) + Fraction(b)
    assert exact(dd.multiply(x, y)) == Fraction(a) * Fraction(b)


@EXAMPLES
@given(pairs(), pairs())
def test_multiplication(x, y):
    assert_close(dd.multiply(x, y), exact(x) * exact(y), 5)


@EXAMPLES
@given(pairs(), pairs(positive=True))
def test_division(x, y):
    assert_close(dd.divide(x, y), exact(x) / exact(y), 15.1)


@EXAMPLES
@given(pairs(positive=True))
def test_square_root(x):
    assume(exact(x) > 0)
    assert_close(dd.square_root(x), fraction_root(exact(x), 300), 8)


def test_square_root_of_zero_and_of_squares():
    zero = np.zeros(1)
    assert exact(dd.square_root((zero, zero))) == 0
    for n in (3.0, 0.1, 12345.678):
        square = dd.two_product(np.array([n]), np.array([n]))
        assert exact(dd.square_root(square)) == Fraction(n)


def test_no_long_double_anywhere():
    folder = Path(adagrad_reference.__file__).parent
    for path in folder.glob("*.py"):
        found = re.search(r"longdouble|float128|clongdouble", path.read_text())
        assert not found, path.name
