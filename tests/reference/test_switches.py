"""The table of switches: complete, typed, and each value differs from the document."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Literal, get_args, get_type_hints

import pytest
from dialect_kit import CASES, MAXIMIZE_LOADED, effects

from adagrad_reference import switches
from adagrad_reference.dialects import DIALECTS, DOCUMENT, Dialect, single_changes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.fault_class import FaultClass
from adagrad_reference.formats import FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.options import Options
from adagrad_reference.row_wise import mean_squares
from adagrad_reference.switches import SWITCHES


def test_every_switch_begins_with_the_document():
    for name, switch in SWITCHES.items():
        assert getattr(DOCUMENT, name) == switch.document
        assert switch.document not in switch.others
    assert DOCUMENT.changes == ()
    assert DOCUMENT.words == ()


def test_a_row_has_the_values_of_its_type():
    assert list(SWITCHES) == [
        f.name for f in fields(Dialect) if f.name not in ("name", "defaults", "about")
    ]
    hints = get_type_hints(Dialect)
    for name, switch in SWITCHES.items():
        assert get_args(hints[name]) == (switch.document, *switch.others)
        assert all(row.words for row in switch.others.values())


def test_a_row_that_lacks_a_value_is_an_error_at_import():
    values, row = Literal["a", "b", "c"], next(iter(SWITCHES["eps"].others.values()))
    with pytest.raises(
        TypeError, match=r"x: a row for \['b'\], a type of \['b', 'c'\]"
    ):
        switches._switch("x", "ALG-1", values, row, b="words")
    with pytest.raises(TypeError, match="x: a row for"):
        switches._switch("x", "ALG-1", values, row, b="words", c="more", d="too many")
    made = switches._switch("x", "ALG-1", values, row, b="words", c=row)
    assert (made.document, made.others["b"].words) == ("a", "words")


def test_what_the_table_says_of_a_dialect_is_true_of_each_departure():
    assert DOCUMENT.measured
    assert DOCUMENT.keeps_laws
    assert DOCUMENT.keeps_books
    inside = DOCUMENT.also("eps", "inside")
    assert (inside.measured, inside.keeps_laws, inside.keeps_books) == (True,) * 3
    counts = inside.also("counter", "optimizer")
    assert (counts.measured, counts.keeps_laws, counts.keeps_books) == (
        True,
        False,
        False,
    )
    rows = inside.also("accumulator", "row-mean")
    assert (rows.measured, rows.keeps_laws, rows.keeps_books) == (False, False, True)
    late = inside.also("accumulator", "late")
    assert (late.measured, late.keeps_laws) == (False, True)
    assert not DOCUMENT.also("decay", "doubled").measured
    assert DOCUMENT.also("decay", "sum-only").measured


def test_the_class_of_a_fault_is_that_of_its_value():
    assert SWITCHES["eps"].class_of("inside") is FaultClass.FORMULA
    assert SWITCHES["eps"].class_of("binary32") is FaultClass.NUMERICS
    assert SWITCHES["counter"].class_of("calls") is FaultClass.GRADIENTS
    assert SWITCHES["counter"].class_of("param") is FaultClass.RATE
    assert SWITCHES["eps"].words("outside") == "eps is as in the document"


def test_an_unknown_value_is_refused():
    with pytest.raises(ValueError, match="eps='beside' is none of outside, inside"):
        Dialect(eps="beside")


def test_declared_dialects_say_in_words_where_they_depart():
    for name, dialect in DIALECTS.items():
        assert dialect.name == name
        assert dialect.words or dialect == DOCUMENT
    assert any("eps is inside the root" in w for w in DIALECTS["keras"].words)


def test_switches_add_up():
    both = DOCUMENT.also("eps", "inside").also("decay", "decoupled")
    assert both.changes == (("decay", "decoupled"), ("eps", "inside"))
    assert both.also("counter", "optimizer").changes == DIALECTS["keras"].changes


#: Starts and options at which every departure in the formula shows.
HARD_STARTS = [
    (theta, total, g)
    for theta in (1.0, math.inf)
    for total in (0.0, 0.5, 3.0)
    for g in (0.0, 0.3)
]
HARD_OPTIONS = [
    (7, Options(0.7, 0.3, weight_decay, 0.0, eps, maximize))
    for weight_decay in (0.0, 0.25)
    for eps in (0.0, 0.01)
    for maximize in (False, True)
]


def seen_of(d):
    """All that a dialect does: S_0, settings, books, boxes with and without rows."""
    yield d.initial_sum(
        Options(lr=1, eps=0.5, initial_accumulator_value=3.0), Options()
    )
    for events in (*(case[1] for case in CASES.values()), MAXIMIZE_LOADED):
        books, found = effects(d, *events)
        yield [(e.updates, e.fresh, e.restored) for e in found]
        yield [books.groups("A"), books.counter("A", "p"), books.counter("A", "q")]
    for setting in HARD_OPTIONS:
        t, o = d.setting(*setting)
        fmt = FORMATS["binary64"]
        for theta, total, g in HARD_STARTS:
            start = map(Interval.point, (theta, total))
            yield norm_step(fmt, LAWFUL, *start, g, t, o, d)
        thetas = [Interval.point(x) for x in (1.0, 2.0)]
        yield mean_squares(fmt, LAWFUL, thetas, [0.5, 0.75], (t, o), d, 2)


DOCUMENTED = list(seen_of(DOCUMENT))


@pytest.mark.parametrize("d", single_changes(), ids=lambda d: d.name)
def test_every_departure_is_seen_to_differ_from_the_document(d):
    """A value that has a row and no rule anywhere would be the document itself."""
    assert list(seen_of(d)) != DOCUMENTED
