"""Toy formats of three bits, exhausted: every operand, every choice of rounding.

`make soundness` does the same with more settings and a larger format.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_programs
from programs import finite_numbers
from toy_programs import TOY5, TOY6, every_triple, exhaust, toy_settings

from adagrad_reference.enclosure import norm_step
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import CLASSES, LAWFUL, TIGHT
from adagrad_reference.rounding import round_step


@pytest.mark.parametrize("number", range(6))
def test_every_program_on_every_triple_stays_inside(number):
    found = exhaust(TOY5, toy_settings(1)[number])
    assert found.outside == 0, found.examples
    assert found.triples == 23 * 12 * 23
    assert found.programs >= 4_000
    # and the boxes are not idle: programs reach both ends of many
    assert found.reached > 0.3 * found.bounded > 0.1 * found.triples


def test_the_triples_are_all_there_is():
    b = every_triple(TOY5, toy_settings(0)[0])
    numbers = finite_numbers(TOY5)
    assert set(b.theta) == set(b.gradient) == set(numbers)
    assert set(b.state_sum) == {x for x in numbers if x >= 0}
    assert TOY5.eta in b.state_sum  # a subnormal number
    assert -TOY5.largest in b.gradient  # whose square overflows
    assert len({*zip(b.theta, b.state_sum, b.gradient, strict=True)}) == len(b)


def test_a_share_of_a_larger_toy_stays_inside():
    """Some theta with every S and g."""
    found = exhaust(TOY6, toy_settings(0)[2], thin=18)
    assert found.outside == 0, found.examples
    assert found.triples > 5000


def test_a_class_without_faithful_roots_would_accuse():
    found = exhaust(TOY5, toy_settings(0)[1], thin=5, cls=TIGHT)
    assert found.outside > 100
    assert "the box is" in found.examples[0]


def test_boxes_that_are_too_narrow_are_found(monkeypatch):
    """One end of each box of theta' moved inward by an ulp."""
    boxes = toy_programs.fast_boxes

    def narrower(b, cls):
        theta, total = boxes(b, cls)
        return theta._replace(lo=np.minimum(theta.lo + TOY5.eta, theta.hi)), total

    monkeypatch.setattr(toy_programs, "fast_boxes", narrower)
    assert exhaust(TOY5, toy_settings(0)[1], thin=5).outside > 100


def test_a_missing_nan_is_found(monkeypatch):
    """eps = 0: a zero gradient and nothing accumulated is 0 / 0."""
    boxes = toy_programs.fast_boxes

    def without_nan(b, cls):
        return tuple(x._replace(nan=x.nan & False) for x in boxes(b, cls))

    monkeypatch.setattr(toy_programs, "fast_boxes", without_nan)
    assert exhaust(TOY5, toy_settings(0)[3], thin=5).outside >= 5


def test_settings_differ():
    settings = toy_settings()
    assert len(set(settings)) > 40
    for name in ("lr_decay", "weight_decay", "eps", "maximize"):
        values = {dataclasses.asdict(o)[name] for _, o in settings}
        assert len(values) > 1


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.name)
def test_exact_steps_are_inside(cls):
    fmt = TOY6
    numbers = finite_numbers(fmt)
    t, o = toy_settings(0)[2]
    for theta in numbers[::5]:
        for s in numbers[numbers >= 0][::5]:
            for g in numbers[::7]:
                start = float(theta), float(g), float(s)
                want = round_step(fmt, *start, t, o)
                point = Interval.point
                boxes = norm_step(fmt, cls, point(start[0]), point(start[2]), g, t, o)
                for x, box in zip(want, boxes, strict=True):
                    assert box.lo <= x <= box.hi, start


def test_the_lawful_class_is_the_one_that_is_demanded():
    assert exhaust.__defaults__[-1] is LAWFUL
