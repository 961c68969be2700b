"""One box: what it holds, what it holds of NaN, and its words; arrays agree with it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adagrad_reference.boxes import Box, Boxes, Comparison, encoded, same
from adagrad_reference.formats import BFLOAT16, BINARY64
from adagrad_reference.interval import Interval, stored_box

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
NAN, INF = math.nan, math.inf
NAN_ALONE = Box(INF, -INF, True)
numbers = st.floats()
ends = st.floats(allow_nan=False)
pairs = st.tuples(ends, ends).map(sorted)
boxes = st.builds(lambda pair, nan: Box(*pair, nan), pairs, st.booleans()) | st.just(
    NAN_ALONE
)

HELD = [
    (Box(0.5, 1.0), [0.5, 0.75, 1.0], [0.4, 1.1, NAN, INF]),
    (Box(0.5, 1.0, True), [0.5, 1.0, NAN], [-INF, INF, 0.0]),
    (Box(-0.0, 0.0), [0.0, -0.0], [NAN, 5e-324]),
    (Box(0.0, 0.0), [0.0, -0.0], [NAN]),
    (Box(1.0, INF), [1.0, INF], [NAN, -INF]),
    (NAN_ALONE, [NAN, -NAN], [0.0, INF, -INF]),
    (Box(1.0, 0.5), [], [0.5, 0.75, 1.0, NAN]),
]


@pytest.mark.parametrize(("box", "inside", "outside"), HELD)
def test_a_box_holds_what_lies_inside(box, inside, outside):
    assert all(map(box.holds, inside))
    assert not any(map(box.holds, outside))


def test_the_box_of_one_value_holds_it_alone():
    assert Box.of(0.5) == Box(0.5, 0.5, False)
    assert Box.of(NAN) == NAN_ALONE
    assert Box.of(NAN).nan_alone
    assert not Box.of(INF).nan_alone
    assert not Box(0.0, 1.0, True).nan_alone


WORDS = [
    (Box(0.5, 1.0), "0.5 .. 1.0"),
    (Box(0.5, 0.5), "0.5"),
    (Box(0.5, 0.5, True), "0.5 or NaN"),
    (Box(-INF, INF, True), "-inf .. inf or NaN"),
    (Box(-0.0, 0.0), "-0.0 .. 0.0"),
    (NAN_ALONE, "NaN alone"),
]


@pytest.mark.parametrize(("box", "words"), WORDS)
def test_words_name_the_ends_and_nan(box, words):
    assert box.words() == words


def test_the_span_is_that_of_the_numbers():
    assert Box(0.5, 0.5, True).span() == "0.5"
    assert Box(0.5, 1.0).span(lambda x: f"<{x}>") == "<0.5> .. <1.0>"


def test_reports_show_decimal_and_encoding():
    assert Box(0.1, 0.1).words(encoded(BINARY64)) == "0.1 [3fb999999999999a]"
    third = encoded(BFLOAT16)(0.333984375)
    assert third == "0.334 [3eab]"


@EXAMPLES
@given(st.lists(st.tuples(boxes, numbers)))
def test_arrays_of_boxes_hold_what_each_box_holds(pairs):
    listed, values = [box for box, _ in pairs], [x for _, x in pairs]
    array = Boxes.of(listed)
    held = array.holds(np.array(values, float))
    assert held.tolist() == [box.holds(x) for box, x in pairs]
    assert array.nan_alone.tolist() == [box.nan_alone for box in listed]
    assert array.boxes() == listed
    assert [array.box(i) for i in range(len(listed))] == listed


def test_some_boxes_are_taken_and_written():
    array = Boxes.of([Box(0.0, 1.0), NAN_ALONE, Box(2.0, 3.0, True)])
    assert array.at(slice(1, 3)).boxes() == [NAN_ALONE, Box(2.0, 3.0, True)]
    assert array.at(np.array([2, 0])).boxes() == [Box(2.0, 3.0, True), Box(0.0, 1.0)]
    array.put(0, Box(4.0, 5.0, True))
    assert array.box(0) == Box(4.0, 5.0, True)
    blank = Boxes.blank(2)
    for i in range(2):
        blank.put(i, array.box(i))
    assert blank.boxes() == [Box(4.0, 5.0, True), NAN_ALONE]


PYTHON = Comparison(
    nan="x != x",
    equal="x == {lo}",
    between="{lo} <= x <= {hi}",
    either="{nan} or {numbers}",
    number=lambda x: f"float('{x!r}')",
)


@EXAMPLES
@given(boxes, numbers)
def test_a_test_in_a_language_is_true_of_what_the_box_holds(box, x):
    text = PYTHON.test(box)
    for value in (x, box.lo, box.hi, NAN):
        assert eval(text, {"x": value, "float": float}) == box.holds(value)


def test_a_test_in_a_language_is_as_short_as_it_can_be():
    plain = replace(PYTHON, number=repr)
    assert plain.test(Box(0.5, 0.5)) == "x == 0.5"
    assert plain.test(Box(0.5, 1.0)) == "0.5 <= x <= 1.0"
    assert plain.test(Box(0.5, 0.5, True)) == "x != x or x == 0.5"
    assert PYTHON.test(NAN_ALONE) == "x != x"


@EXAMPLES
@given(boxes)
def test_an_interval_and_a_box_are_the_same_values(box):
    assert Interval.around(box).box() == box
    assert Interval.around(box).empty == box.nan_alone


def test_a_stored_number_is_rounded_perhaps_twice():
    assert stored_box(BINARY64, 0.1) == Box(0.1, 0.1)
    assert stored_box(BFLOAT16, 0.1) == Box(0.10009765625, 0.10009765625)
    # just above the midpoint of two numbers, onto which binary32 rounds it
    assert stored_box(BFLOAT16, 1 + 2.0**-8 + 2.0**-40) == Box(1.0, 1 + 2.0**-7)
    assert stored_box(BFLOAT16, math.inf) == Box(math.inf, math.inf)


@EXAMPLES
@given(numbers, numbers)
def test_equal_numbers_are_the_same_and_so_are_two_nan(a, b):
    expected = a == b or (math.isnan(a) and math.isnan(b))
    assert same(a, b) == expected
    assert same(np.array([a]), np.array([b])).tolist() == [expected]
    assert same(a, a)
