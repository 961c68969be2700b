"""Row-wise accumulators: right programs stay inside the boxes, wrong ones do not."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from programs import ALL_FORMATS, fma, nearest

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.enclosure import norm_step
from adagrad_reference.expectations import play
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import FLUSHED, LAWFUL
from adagrad_reference.options import Options
from adagrad_reference.row_wise import mean_squares, row_size
from adagrad_reference.scenario import Group, New, Scenario, Sparse, Step, Tensor

ROW_WISE = DIALECTS["row-wise"]
BY_FORMAT = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
SETTINGS = (
    (1, Options(0.5, eps=1e-3)),
    (3, Options(0.7, 0.3, 0.25, eps=0.125, maximize=True)),
)


def tensor(name, shape, values, complex_=False):
    fmt = FORMATS[name]
    return Tensor(name, shape, tuple(map(fmt.encode, values)), complex_)


def test_a_row_is_what_belongs_to_one_index_of_the_first_dimension():
    sizes = {(): 1, (5,): 1, (5, 3): 3, (5, 3, 2): 6, (1, 4): 4, (4, 1): 1, (3, 0): 0}
    for shape, size in sizes.items():
        values = [1.0] * math.prod(shape)
        assert row_size(tensor("binary32", shape, values)) == size
    assert row_size(tensor("binary32", (), [1.0, 2.0], True)) == 1
    assert row_size(tensor("binary32", (1,), [1.0, 2.0], True)) == 2


# -- programs --------------------------------------------------------------------------


def in_order(r, terms, add):
    return functools.reduce(add, terms[1:], r(terms[0] * terms[0]))


def backwards(r, terms, add):
    return in_order(r, terms[::-1], add)


def by_halves(r, terms, add):
    if len(terms) == 1:
        return r(terms[0] * terms[0])
    half = len(terms) // 2
    return r(by_halves(r, terms[:half], add) + by_halves(r, terms[half:], add))


def rows_grow(inner, how, fused, inverse, g, row):
    """The mean of the squares of every row, repeated, with intermediates in `inner`."""

    def r(x):
        return nearest(inner, x)

    def add(total, x):
        return fma(inner, x, x, total) if fused else r(total + r(x * x))

    with np.errstate(all="ignore"):
        total = how(r, list(g.reshape(-1, row).T), add)
        count = r(float(row))
        mean = r(total * r(1.0 / count)) if inverse else r(total / count)
    return np.repeat(mean, row)


def inners(fmt):
    return sorted({fmt, BINARY32, BINARY64} - _narrower(fmt), key=lambda f: f.precision)


def _narrower(fmt):
    return {f for f in (BINARY32, BINARY64) if f.precision < fmt.precision}


def batch(fmt, row, rng, n=48):
    """Rows of `row` elements of mixed size."""
    n -= n % row
    size = np.exp2(rng.uniform(-3, 2, n))
    theta, g = (nearest(fmt, rng.standard_normal(n) * size) for _ in "ab")
    s = np.repeat(nearest(fmt, rng.uniform(0.0, 2, n // row)), row)
    which = np.repeat(rng.integers(0, len(SETTINGS), n // row), row)
    return StepBatch(fmt, theta, s, g, SETTINGS, which, np.full(n, row))


def stepped(b, inner, grow, row):
    """Theta' and S' by a program that rounds every operation to `inner`."""

    def r(x):
        return nearest(inner, x)

    columns = [
        (o.lr / (1 + (t - 1) * o.lr_decay), o.weight_decay, o.eps, 1 - 2 * o.maximize)
        for t, o in b.settings
    ]
    clr, wd, eps, sign = np.array(columns).T[:, b.which]
    g = sign * b.gradient
    g = np.where(wd != 0, r(g + r(r(wd) * b.theta)), g)
    total = r(b.state_sum + grow(g, row))
    d = r(r(np.sqrt(total)) + r(eps))
    theta = r(b.theta - r(r(r(clr) * g) / d))
    return nearest(b.format, theta), nearest(b.format, total)


@BY_FORMAT
@pytest.mark.parametrize("row", [2, 3, 7, 16])
def test_every_order_of_a_mean_is_inside(fmt, row):
    b = batch(fmt, row, np.random.default_rng(row))
    boxes = fast_boxes(b, LAWFUL, ROW_WISE)
    for inner, how, fused, inverse in itertools.product(
        inners(fmt), (in_order, backwards, by_halves), (False, True), (False, True)
    ):
        grow = functools.partial(rows_grow, inner, how, fused, inverse)
        theta, total = stepped(b, inner, grow, row)
        assert boxes[1].holds(total).all(), (inner.name, how, fused, inverse)
        assert boxes[0].holds(theta).all(), (inner.name, how, fused, inverse)


WRONG = {
    "sum": lambda g, row: np.repeat((g * g).reshape(-1, row).sum(1), row),
    "all": lambda g, row: np.full(len(g), (g * g).mean()),
    "abs": lambda g, row: np.repeat(np.abs(g).reshape(-1, row).mean(1), row),
    "square of mean": lambda g, row: np.repeat(g.reshape(-1, row).mean(1) ** 2, row),
    "n - 1": lambda g, row: np.repeat((g * g).reshape(-1, row).sum(1) / (row - 1), row),
    "columns": lambda g, row: np.tile((g * g).reshape(-1, row).mean(0), len(g) // row),
    "largest": lambda g, row: np.repeat((g * g).reshape(-1, row).max(1), row),
    "own": lambda g, _: g * g,
}


@BY_FORMAT
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("row", [2, 7])
def test_another_mean_is_outside(fmt, wrong, row):
    b = batch(fmt, row, np.random.default_rng(row))
    theta, total = stepped(b, inners(fmt)[0], WRONG[wrong], row)
    boxes = fast_boxes(b, LAWFUL, ROW_WISE)
    assert not boxes[1].holds(total).all()
    assert not boxes[0].holds(theta).all()


@BY_FORMAT
def test_weight_decay_is_in_the_squares(fmt):
    """Who squares the bare gradient is outside."""
    b = batch(fmt, 4, np.random.default_rng(4))
    b.which[:] = 1
    bare = functools.partial(rows_grow, inners(fmt)[0], in_order, False, False)
    _, total = stepped(b, inners(fmt)[0], lambda g, row: bare(b.gradient, row), 4)
    assert not fast_boxes(b, LAWFUL, ROW_WISE)[1].holds(total).any()


@BY_FORMAT
def test_rows_of_one_element_are_the_document(fmt):
    b = batch(fmt, 1, np.random.default_rng(1))
    own, plain = fast_boxes(b, LAWFUL, ROW_WISE), fast_boxes(b, LAWFUL, DOCUMENT)
    for box, due in zip(own, plain, strict=True):
        for end, other in zip(box, due, strict=True):
            assert (end == other).all()


# -- the engines -----------------------------------------------------------------------


def mixed(fmt, rng):
    """Rows of several sizes, and what is hard: zeros, NaN, the ends of the format."""
    parts = [batch(fmt, row, rng, 2 * row) for row in (1, 3, 5, 4, 2)]
    theta, s, g, which, rows = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("theta", "state_sum", "gradient", "which", "rows")
    )
    g[3], g[9], g[15], g[20] = math.nan, fmt.largest, math.inf, fmt.eta
    g[21:24] = 0.0
    return StepBatch(fmt, theta, s, g, SETTINGS, which, rows)


@BY_FORMAT
@pytest.mark.parametrize("cls", [LAWFUL, FLUSHED], ids=lambda cls: cls.name)
def test_fast_boxes_hold_those_of_the_norm(fmt, cls):
    b = mixed(fmt, np.random.default_rng(2))
    fast, start = fast_boxes(b, cls, ROW_WISE), 0
    while start < len(b):
        row, setting = int(b.rows[start]), b.settings[b.which[start]]
        places = range(start, start + row)
        theta = [Interval.point(float(b.theta[i])) for i in places]
        g = [float(b.gradient[i]) for i in places]
        squares = mean_squares(fmt, cls, theta, g, setting, ROW_WISE, row)
        assert (squares[0] is None) == (row == 1)
        for i, x, gradient, square in zip(places, theta, g, squares, strict=True):
            s = Interval.point(float(b.state_sum[i]))
            norm = norm_step(fmt, cls, x, s, gradient, *setting, ROW_WISE, square)
            for box, due in zip(fast, norm, strict=True):
                assert due.empty or box.lo[i] <= due.lo
                assert due.empty or box.hi[i] >= due.hi
                assert bool(box.nan[i]) == due.nan
        start += row


@BY_FORMAT
def test_a_nan_or_an_infinity_is_the_rows(fmt):
    b = batch(fmt, 3, np.random.default_rng(3), 9)
    b.gradient[1], b.gradient[4] = math.nan, math.inf
    total = fast_boxes(b, LAWFUL, ROW_WISE)[1]
    assert total.nan.tolist() == [True] * 3 + [False] * 6
    assert np.isinf(total.lo[3:6]).all()
    assert np.isfinite(total.hi[6:]).all()


@BY_FORMAT
def test_a_sum_may_overflow_where_the_mean_does_not(fmt):
    """In the format; in a wider one it does not."""
    g = nearest(fmt, np.full(4, math.sqrt(fmt.largest) * 0.75))
    zero, which, rows = np.zeros(4), np.zeros(4, int), np.full(4, 4)
    b = StepBatch(fmt, zero, zero, g, SETTINGS[:1], which, rows)
    total = fast_boxes(b, LAWFUL, ROW_WISE)[1]
    assert total.holds(np.full(4, np.inf)).all()
    assert total.holds(nearest(fmt, g * g)).all()


# -- where the rows come from ----------------------------------------------------------

P = tensor("binary64", (2, 2), [1.0, 2.0, 3.0, 4.0])
G = tensor("binary64", (2, 2), [1.0, 7.0, 3.0, 3.0])
NEW = New("A", (Group(("p",)),), {"lr": 0.5})


def sums(event, dialect, fast):
    scenario = Scenario("s", (), "MUST", {"p": P}, (NEW, event))
    found = play(scenario, fast=fast, dialect=dialect)[-1].params["p"]
    return found.state_sum["lawful"]


@pytest.mark.parametrize("fast", [False, True])
def test_a_scenario_is_played_by_rows(fast):
    boxes = sums(Step("A", {"p": G}), ROW_WISE, fast)
    for box, due in zip(boxes, [25.0, 25.0, 9.0, 9.0], strict=True):
        assert box.lo <= due <= box.hi
        assert box.hi - box.lo < 1e-13
    plain = sums(Step("A", {"p": G}), DOCUMENT, fast)
    assert [box.lo for box in plain] == [1.0, 49.0, 9.0, 9.0]


@pytest.mark.parametrize("fast", [False, True])
def test_rows_that_a_sparse_gradient_leaves_out_stay(fast):
    rows = Sparse((2, 2), (1,), tensor("binary64", (1, 2), [1.0, 7.0]))
    boxes = sums(Step("A", {"p": rows}), ROW_WISE, fast)
    assert [(b.lo, b.hi) for b in boxes[:2]] == [(0.0, 0.0)] * 2
    assert all(b.lo <= 25.0 <= b.hi for b in boxes[2:])
