"""Programs that flush subnormal numbers stay in the flushed box, and in no other."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from programs import (
    ALL_FORMATS,
    FractionProgram,
    adversarial_batch,
    finite_numbers,
    nearest,
    random_batch,
)
from test_enclosure import escapes, is_ordinary
from toy_programs import TOY6, toy_settings

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.enclosure import norm_step
from adagrad_reference.formats import BINARY32
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import CLASSES, FLUSHED, LAWFUL
from adagrad_reference.options import Options

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)

FTZ_SETTINGS = (
    (1, Options(lr=1.0, eps=0.0)),
    (1, Options(lr=0.7, eps=1e-10)),
    (3, Options(lr=0.1, lr_decay=0.3, weight_decay=2.0**-9, eps=1e-3)),
)


def settings_at_the_edge(fmt):
    """As above, and with each scalar subnormal in the format."""
    tiny = fmt.smallest_normal * 0.7
    return (
        *FTZ_SETTINGS,
        (1, Options(lr=0.5, eps=tiny)),
        (2, Options(lr=tiny, lr_decay=0.7, eps=tiny, maximize=True)),
        (2, Options(lr=3.0, lr_decay=tiny, weight_decay=tiny, eps=tiny)),
    )


def edge_batch(fmt, rng, n):
    """Numbers around the smallest normal one, and squares around it."""
    small, root = float(fmt.emin), fmt.emin / 2

    def numbers(*centres):
        size = np.exp2(rng.choice(centres, n) + rng.uniform(-4, 3, n))
        x = nearest(fmt, rng.choice([-1.0, 1.0], n) * size)
        x[rng.random(n) < 0.1] = 0.0
        return x

    theta, g = numbers(small, small, 0.0), numbers(small, root, root)
    s = np.abs(numbers(small, small, root))
    chosen = settings_at_the_edge(fmt)
    return StepBatch(fmt, theta, s, g, chosen, rng.integers(0, len(chosen), n))


class FlushingProgram:
    """Every operation rounded in the format, its subnormal operands and results zero.

    `early` looks for subnormal results before it rounds; `signs` is whether zeros
    keep their sign or take any; `below` is what counts as subnormal.
    """

    def __init__(self, fmt, order, early=False, signs=None, below=None):
        self.fmt, self.order, self.early, self.signs = fmt, order, early, signs
        self.below = below or fmt.smallest_normal

    def flush(self, x):
        """Subnormal numbers as zeros."""
        x = np.asarray(x, float)
        zero = np.copysign(0.0, x)
        if self.signs is not None:
            zero = np.copysign(0.0, self.signs.choice([-1.0, 1.0], x.shape))
        return np.where((np.abs(x) < self.below) & (x != 0), zero, x)

    def r(self, x):
        """One result."""
        return self.flush(nearest(self.fmt, self.flush(x) if self.early else x))

    def scalars(self, b):
        """The decayed rate, weight_decay and eps of every element."""
        rows = []
        for t, o in b.settings:
            lr, decay, wd, eps = (
                float(self.r(x)) for x in (o.lr, o.lr_decay, o.weight_decay, o.eps)
            )
            grown = self.r(1 + float(self.r((t - 1) * decay)))
            rows.append((float(self.r(lr / grown)), wd, eps))
        return np.array(rows).T[:, b.which]

    def run(self, b):
        """The stored theta' and S' of every element."""
        r = self.r
        clr, wd, eps = self.scalars(b)
        ups = np.array([o.maximize for _, o in b.settings])[b.which]
        theta, s, g = map(self.flush, (b.theta, b.state_sum, b.gradient))
        with np.errstate(all="ignore"):
            g = np.where(ups, -g, g)
            g = np.where(wd != 0, r(g + r(theta * wd)), g)
            s = r(s + r(g * g))
            d = r(r(np.sqrt(s)) + eps)
            update = {
                0: lambda: r(r(clr * g) / d),
                1: lambda: r(r(g / d) * clr),
                2: lambda: r(g * r(clr / d)),
                3: lambda: r(r(clr * g) * r(1.0 / d)),
                4: lambda: r(g * r(clr * r(1.0 / d))),
                5: lambda: r(clr * r(g * r(1.0 / d))),
            }[self.order]()
            return r(theta - update), s


def native_flushing_step(b):
    """The same in NumPy's own binary32, zeros keeping their sign."""
    tiny = np.finfo(np.float32).tiny

    def flush(x):
        return np.where(np.abs(x) < tiny, np.copysign(np.float32(0), x), x)

    theta, s, g = (
        flush(x.astype(np.float32)) for x in (b.theta, b.state_sum, b.gradient)
    )
    rows = [(o.lr / (1 + (t - 1) * o.lr_decay), o.eps) for t, o in b.settings]
    clr, eps = flush(np.array(rows, np.float32).T)[:, b.which]
    with np.errstate(all="ignore"):
        s = flush(s + flush(g * g))
        d = flush(np.sqrt(s) + eps)
        x = flush(theta - flush(flush(clr * g) / d))
    assert x.dtype == np.float32
    return x.astype(float), s.astype(float)


def both_hold(boxes, results):
    """Whether theta' and S' both lie inside, element by element."""
    return boxes[0].holds(results[0]) & boxes[1].holds(results[1])


@BY_NAME
def test_programs_that_flush_stay_in_the_flushed_box(fmt):
    rng = np.random.default_rng(50)
    b = edge_batch(fmt, rng, 400)
    lawful, flushed = fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED)
    for order, early, signs in itertools.product(
        range(6), (False, True), (None, np.random.default_rng(51))
    ):
        got = FlushingProgram(fmt, order, early, signs).run(b)
        assert flushed[0].holds(got[0]).all(), escapes(flushed[0], got[0], b)
        assert flushed[1].holds(got[1]).all(), escapes(flushed[1], got[1], b)
        assert not both_hold(lawful, got).all()


def test_native_binary32_that_flushes_stays_in_the_flushed_box():
    o = [Options(lr=0.5, eps=0.0), Options(lr=1e-39, eps=1e-39), Options(eps=1e-3)]
    b = edge_batch(BINARY32, np.random.default_rng(52), 400)
    chosen = [(3, x) for x in o]
    b = StepBatch(BINARY32, b.theta, b.state_sum, b.gradient, chosen, b.which % 3)
    got = native_flushing_step(b)
    assert both_hold(fast_boxes(b, FLUSHED), got).all()
    assert (~both_hold(fast_boxes(b, LAWFUL), got)).mean() > 0.2


class FlushingChoices(FractionProgram):
    """Random legal choices in rationals, flushing included; zeros are positive."""

    def flush(self, x: Fraction) -> Fraction:
        tiny = abs(x) < Fraction(self.fmt.smallest_normal)
        return Fraction(0) if tiny and self.rng.random() < 0.3 else x

    def op(self, x: Fraction) -> Fraction:
        return self.flush(super().op(self.flush(x)))

    def double(self, x: Fraction) -> Fraction:
        return self.flush(super().double(self.flush(x)))

    def root(self, x: Fraction) -> Fraction:
        return self.flush(super().root(self.flush(x)))

    def _store(self, x: Fraction) -> float:
        stored = super()._store(self.flush(x))
        return float(self.flush(Fraction(stored))) if np.isfinite(stored) else stored

    def run(self, theta, state_sum, g, t, o):
        start = (float(self.flush(Fraction(x))) for x in (theta, state_sum, g))
        return super().run(*start, t, o)


@pytest.mark.parametrize("fmt", [*ALL_FORMATS, TOY6], ids=lambda fmt: fmt.name)
def test_random_choices_to_flush_stay_inside(fmt):
    rng = np.random.default_rng(53)
    b = edge_batch(fmt, rng, 200)
    theta, total = fast_boxes(b, FLUSHED)
    lawful = fast_boxes(b, LAWFUL)[0]
    checked = outside = 0
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.state_sum[i]), float(b.gradient[i])
        if not is_ordinary(fmt, *start, o):
            continue
        for _ in range(8):
            stored = FlushingChoices(fmt, rng).run(*start, t, o)
            if stored is None:
                continue
            checked += 1
            outside += not lawful.lo[i] <= stored[0] <= lawful.hi[i]
            assert theta.lo[i] <= stored[0] <= theta.hi[i], (start, t, o)
            assert total.lo[i] <= stored[1] <= total.hi[i], (start, t, o)
    assert checked > 100
    assert outside > 10


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch, edge_batch])
def test_the_lawful_box_lies_in_the_flushed_box(fmt, make):
    b = make(fmt, np.random.default_rng(54), 400)
    for lawful, flushed in zip(
        fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED), strict=True
    ):
        some = lawful.lo <= lawful.hi
        assert (flushed.lo <= lawful.lo)[some].all()
        assert (lawful.hi <= flushed.hi)[some].all()
        assert (flushed.nan | ~lawful.nan).all()


def test_the_lawful_box_lies_in_the_flushed_box_at_the_edges_of_a_format():
    fmt = TOY6
    numbers = [*finite_numbers(fmt)[::7].tolist(), np.inf, -np.inf, np.nan]
    for theta, s, g in itertools.product(numbers, numbers, numbers[::2]):
        if s < 0:
            continue
        for t, o in ((1, Options(eps=0.0)), toy_settings(0)[2]):
            start = Interval.point(theta), Interval.point(s)
            inner, outer = (
                norm_step(fmt, c, *start, g, t, o) for c in (LAWFUL, FLUSHED)
            )
            for small, large in zip(inner, outer, strict=True):
                assert large.nan >= small.nan
                assert small.empty or large.lo <= small.lo <= small.hi <= large.hi


def far_batch(fmt):
    """Elements no quantity of which comes near the subnormal range."""
    o = Options(lr=0.75, lr_decay=0.5, weight_decay=0.25, eps=0.01)
    rng = np.random.default_rng(55)
    b = random_batch(fmt, rng, 1000, ((3, o),))
    b.theta[:] = nearest(fmt, 1 + rng.random(len(b))) * 64
    b.gradient[:] = nearest(fmt, np.abs(b.gradient) + 1)
    return b


@BY_NAME
def test_far_from_the_subnormal_range_flushing_changes_nothing(fmt):
    b = far_batch(fmt)
    for lawful, flushed in zip(
        fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED), strict=True
    ):
        for x, y in zip(lawful, flushed, strict=True):
            np.testing.assert_array_equal(x, y)


@BY_NAME
def test_the_flushed_class_excuses_nothing_else(fmt):
    """Flushing of normal numbers, and a wrong rounding, are outside both boxes."""
    b = edge_batch(fmt, np.random.default_rng(57), 400)
    b = StepBatch(fmt, b.theta, b.state_sum, b.gradient, FTZ_SETTINGS, b.which % 3)
    got = FlushingProgram(fmt, 0, below=16 * fmt.smallest_normal).run(b)
    for cls in (LAWFUL, FLUSHED):
        assert (~both_hold(fast_boxes(b, cls), got)).mean() > 0.1
    b = far_batch(fmt)
    x = FlushingProgram(fmt, 0).run(b)[0]
    off = np.array([fmt.next_up(fmt.next_up(v)) for v in x.tolist()])
    for cls in (LAWFUL, FLUSHED):
        assert fast_boxes(b, cls)[0].holds(x).all()
        assert not fast_boxes(b, cls)[0].holds(off).any()


def test_vectors_do_not_carry_the_flushed_class():
    assert list(CLASSES) == ["tight", "lawful"]
    assert FLUSHED.name == "flushed"
