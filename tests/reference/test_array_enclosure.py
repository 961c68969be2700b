"""Array boxes hold those of the norm, are hardly wider, and leave it what is hard."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from array_kit import (
    BY_CLASS,
    BY_NAME,
    COUNTS,
    ends_of,
    random_settings,
    rational,
    special_settings,
)
from programs import (
    adversarial_batch,
    finite_numbers,
    random_batch,
    settings_for,
)

from adagrad_reference import array_enclosure as engine
from adagrad_reference.array_enclosure import (
    CHUNK,
    ScalarTable,
    StepBatch,
    complete_boxes,
    fast_boxes,
)
from adagrad_reference.array_exact import exact_steps, ulp_array
from adagrad_reference.boxes import Boxes
from adagrad_reference.dialects import DOCUMENT
from adagrad_reference.enclosure import norm_step, scalar_boxes
from adagrad_reference.formats import BINARY64, Format
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import LAWFUL, TIGHT
from adagrad_reference.options import Options


def norm_boxes(b, cls):
    """The norm's boxes of a batch, one element after the other."""
    n = len(b)
    theta, total = (Boxes.blank(n), Boxes.blank(n))
    for i in range(n):
        t, o = b.settings[b.which[i]]
        start = (Interval.point(float(x[i])) for x in (b.theta, b.state_sum))
        pair = norm_step(b.format, cls, *start, float(b.gradient[i]), t, o)
        for boxes, box in zip((theta, total), pair, strict=True):
            boxes.lo[i], boxes.hi[i] = float(box.lo), float(box.hi)
            boxes.nan[i] = box.nan
    return theta, total


def assert_never_narrower(fast, norm):
    """Every box of the norm lies in the fast one, with the same flag."""
    some = norm.lo <= norm.hi
    assert (fast.lo <= norm.lo)[some].all()
    assert (fast.hi >= norm.hi)[some].all()
    assert (fast.nan == norm.nan).all()
    assert ((fast.lo > fast.hi) == ~some).all()


def widths(fmt, boxes):
    """Widths in ulp of the larger end, plus one: a point counts 1."""
    largest = np.maximum(np.abs(boxes.lo), np.abs(boxes.hi))
    with np.errstate(all="ignore"):
        width = (boxes.hi - boxes.lo) / ulp_array(fmt, largest) + 1
    return width[np.isfinite(width) & (boxes.lo <= boxes.hi)]


@BY_NAME
@BY_CLASS
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_fast_boxes_hold_the_norm_and_are_hardly_wider(fmt, cls, make):
    b = make(fmt, np.random.default_rng(31), 260)
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_CLASS
def test_fast_boxes_of_a_small_format(cls):
    """All g and S of a format of six bits, some theta."""
    fmt = Format("toy", 6, 3, 3)
    numbers = finite_numbers(fmt)
    grid = np.meshgrid(numbers[::14], numbers[numbers >= 0][::3], numbers[::3])
    theta, s, g = (x.ravel().copy() for x in grid)
    chosen = ((2, Options(lr=2.0, lr_decay=0.7, weight_decay=0.6, eps=0.2)),)
    b = StepBatch(fmt, theta, s, g, chosen, np.zeros(len(g), int))
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_NAME
@BY_CLASS
def test_hard_elements_have_the_flags_of_the_norm(fmt, cls):
    """Infinities, NaN, 0/0, overflow and the edges of the range."""
    edge = [0.0, -0.0, math.inf, -math.inf, math.nan, fmt.eta, fmt.largest, 1.0]
    grid = np.meshgrid(edge, [0.0, math.inf, fmt.largest, 1.0], edge)
    theta, s, g = (x.ravel().copy() for x in grid)
    chosen = (
        (1, Options(eps=0.0)),
        (2, Options(lr=0.5, weight_decay=0.5, eps=1e-3, maximize=True)),
    )
    which = np.arange(len(g)) % 2
    b = StepBatch(fmt, theta, s, g, chosen, which)
    flags = 0
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert (fast.nan == norm.nan).all()
        np.testing.assert_array_equal(fast.lo, norm.lo)
        np.testing.assert_array_equal(fast.hi, norm.hi)
        flags += fast.nan.sum()
    assert flags > 50


@pytest.mark.parametrize("scale", [2.0**-260, 2.0**260, 2.0**-520, 2.0**500])
def test_binary64_far_from_one(scale):
    """Where double-double could lose its tails the norm answers instead."""
    fmt = BINARY64
    b = random_batch(fmt, np.random.default_rng(32), 40)
    theta, g = b.theta * scale, b.gradient * scale
    b = StepBatch(fmt, theta, b.state_sum, g, b.settings, b.which)
    for fast, norm in zip(fast_boxes(b, TIGHT), norm_boxes(b, TIGHT), strict=True):
        assert_never_narrower(fast, norm)


@BY_NAME
def test_extreme_scalars(fmt):
    chosen = tuple(
        (3, Options(lr=lr, lr_decay=0.3, weight_decay=wd, eps=eps))
        for lr in (1e-300, 0.0, 1e-5, 1e250)
        for wd in (0.0, 1e-200, 1e100)
        for eps in (0.0, 5e-324, 1e-62, 1e80)
    )
    b = random_batch(fmt, np.random.default_rng(33), 144, chosen)
    for fast, norm in zip(fast_boxes(b, LAWFUL), norm_boxes(b, LAWFUL), strict=True):
        assert_never_narrower(fast, norm)


@BY_NAME
def test_mixed_batches_are_the_elements_apart(fmt):
    """Settings, chunks and neighbours do not matter, bit for bit."""
    rng = np.random.default_rng(34)
    b = random_batch(fmt, rng, CHUNK + 500)
    whole = fast_boxes(b, LAWFUL)
    for k, setting in enumerate(b.settings):
        index = np.flatnonzero(b.which == k)
        alone = StepBatch(
            fmt,
            b.theta[index],
            b.state_sum[index],
            b.gradient[index],
            (setting,),
            np.zeros(len(index), int),
        )
        for all_, part in zip(whole, fast_boxes(alone, LAWFUL), strict=True):
            for column, mine in zip(all_, part, strict=True):
                np.testing.assert_array_equal(column[index], mine)


@BY_NAME
def test_maximize_is_the_negated_gradient(fmt):
    o = Options(lr=0.3, weight_decay=0.1, eps=1e-3)
    b = random_batch(fmt, np.random.default_rng(35), 500, ((2, o),))
    up = StepBatch(
        fmt,
        b.theta,
        b.state_sum,
        -b.gradient,
        ((2, o.override({"maximize": True})),),
        b.which,
    )
    for a, c in zip(fast_boxes(b, LAWFUL), fast_boxes(up, LAWFUL), strict=True):
        for x, y in zip(a, c, strict=True):
            np.testing.assert_array_equal(x, y)


@BY_NAME
def test_an_empty_batch(fmt):
    none = np.empty(0)
    b = StepBatch(fmt, none, none, none, settings_for(fmt), none.astype(int))
    for boxes in fast_boxes(b, LAWFUL):
        assert len(boxes.lo) == len(boxes.hi) == len(boxes.nan) == 0
    assert all(len(column) == 0 for column in exact_steps(b))
    b = StepBatch(fmt, none, none, none, (), none.astype(int))
    assert len(fast_boxes(b, LAWFUL)[0].lo) == 0


# -- the scalars of many settings ---------------------------------------------------


def scalar_ends(fmt, cls, chosen):
    """(fast, norm) ends of every scalar of the settings that are not left to it."""
    table = ScalarTable(fmt, cls, chosen)
    for i in np.flatnonzero(~table.extreme).tolist():
        c = scalar_boxes(fmt, cls, *chosen[i])
        for fast, norm in zip(
            table.boxes, (c.clr, c.weight_decay, c.eps), strict=False
        ):
            if norm is None:  # ALG-5 is skipped
                assert ends_of(fast, i) == (0, 0)
            else:
                assert not norm.nan
                yield ends_of(fast, i), (rational(norm.lo), rational(norm.hi))


@BY_NAME
@BY_CLASS
@pytest.mark.parametrize("kind", ["random", "special"])
def test_scalars_hold_the_norm_and_are_hardly_wider(fmt, cls, kind):
    chosen = list(special_settings())
    if kind == "random":
        chosen = list(random_settings(np.random.default_rng(46), 250))
    fast_width = norm_width = Fraction(0)
    checked = 0
    for fast, norm in scalar_ends(fmt, cls, chosen):
        assert fast[0] <= norm[0] <= norm[1] <= fast[1]
        unit = Fraction(fmt.ulp(float(norm[1])))
        fast_width += (fast[1] - fast[0]) / unit + 1
        norm_width += (norm[1] - norm[0]) / unit + 1
        checked += 1
    assert checked > 200
    assert fast_width <= norm_width * Fraction(105, 100)


@BY_NAME
@BY_CLASS
def test_only_extreme_scalars_are_left_to_the_norm(fmt, cls):
    """Those far from 1, and those that overflow in the format on their way."""
    chosen = list(special_settings())
    table = ScalarTable(fmt, cls, chosen)
    for (t, o), extreme in zip(chosen, table.extreme.tolist(), strict=True):
        c = scalar_boxes(fmt, cls, t, o)
        numbers = [o.lr, o.lr_decay, o.weight_decay, o.eps]
        for box in filter(None, (c.clr, c.weight_decay, c.eps)):
            numbers += box.outward()
        far = any(0 < x < 2.0**-200 or x > 2.0**200 for x in numbers)
        steps = (t - 1, o.lr_decay, (t - 1) * o.lr_decay)
        overflow = cls.scalars_in_format and max(steps) > fmt.largest
        assert extreme == (far or overflow), (t, o)


@BY_NAME
@BY_CLASS
def test_ten_thousand_settings_do_without_the_norm(fmt, cls, monkeypatch):
    """A rate that decays at every step costs no mpmath."""

    def never(*_):
        raise AssertionError("the norm was asked")

    monkeypatch.setattr(engine, "norm_step", never)
    o = Options(lr=0.3, lr_decay=1e-3, weight_decay=0.05, eps=1e-3)
    chosen = [(t, o) for t in range(1, 10001)]
    b = random_batch(fmt, np.random.default_rng(47), 10000, chosen)
    for boxes in fast_boxes(b, cls):
        assert (boxes.lo <= boxes.hi).all()


@BY_NAME
@BY_CLASS
def test_fast_boxes_of_many_settings(fmt, cls):
    rng = np.random.default_rng(48)
    b = random_batch(fmt, rng, 200, list(random_settings(rng, 200)))
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)
        assert widths(fmt, fast).sum() <= 1.05 * widths(fmt, norm).sum()


@BY_NAME
@BY_CLASS
def test_counts_beyond_the_format(fmt, cls):
    chosen = [
        (t, Options(lr=63.7, lr_decay=decay, weight_decay=1e5, eps=1e-3))
        for t, decay in itertools.product((*COUNTS, 2049, 65506), (0.0, 1e-3, 0.7))
    ]
    b = random_batch(fmt, np.random.default_rng(49), 100, chosen)
    for fast, norm in zip(fast_boxes(b, cls), norm_boxes(b, cls), strict=True):
        assert_never_narrower(fast, norm)


@BY_NAME
@BY_CLASS
def test_what_is_not_wanted_is_open_until_it_is_completed(fmt, cls, monkeypatch):
    b = adversarial_batch(fmt, np.random.default_rng(50), 400)
    due = fast_boxes(b, cls)
    asked = []
    norm = engine.norm_step
    monkeypatch.setattr(engine, "_norm_boxes", engine._norm_boxes.__wrapped__)
    monkeypatch.setattr(
        engine, "norm_step", lambda *given: (asked.append(1), norm(*given))[1]
    )
    found = fast_boxes(b, cls, wanted=np.zeros(len(b), bool))
    assert not asked
    for part, whole in zip(found, due, strict=True):
        some = whole.lo <= whole.hi
        assert (part.lo <= whole.lo)[some].all()
        assert (part.hi >= whole.hi)[some].all()
        assert (part.nan | ~whole.nan).all()
    complete_boxes(found, b, cls, DOCUMENT, np.ones(len(b), bool))
    assert asked
    for part, whole in zip(found, due, strict=True):
        for column, other in zip(part, whole, strict=True):
            assert np.array_equal(column, other)
