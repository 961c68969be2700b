"""Toy formats of three bits, exhausted: every operand and every choice of rounding.

A program chooses at each operation whether the result is kept or rounded to the format,
for the root also a neighbour below or above, for each scalar whether it is binary64,
rounded once, or (the rate) formed in the format, and one of six orders; what is kept
is binary64 or binary32.  The choices are independent, so their number multiplies.

Two facts save work, and neither is taken from the code under test.  A last step
x -> RN(theta - x) is monotone, so all programs are inside an interval when those with
the least and the largest update are.  And a denominator that several programs share
leads to the same updates.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from emulated_rounding import nearest, roots
from step_inputs import finite_numbers

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.formats import BINARY32, Format
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.options import Options

__all__ = ["TOY5", "TOY6", "Exhausted", "exhaust", "toy_settings"]

TOY5 = Format("toy5", 5, 3, 1)  #: 23 numbers up to 3.5
TOY6 = Format("toy6", 6, 3, 3)  #: 55 numbers up to 14


class Exhausted(NamedTuple):
    """What was found of one setting."""

    triples: int  #: of theta, S and g
    programs: int  #: choices of rounding at every operation
    checks: int  #: stored numbers that were decided: theta' of all, and S'
    outside: int  #: triples with a program outside its box
    reached: int  #: triples in which programs reach both ends of the box of theta'
    bounded: int  #: triples whose box of theta' is bounded
    examples: tuple[str, ...]


class Updates(NamedTuple):
    """The least and the largest update of all programs, and whether one is NaN."""

    lo: np.ndarray
    hi: np.ndarray
    nan: np.ndarray


def toy_settings(count=40, seed=3):
    """Step numbers and options of a toy: plain ones, then `count` random ones."""
    plain = [
        (1, Options(lr=1.0, eps=0.25)),
        (3, Options(lr=3.3, lr_decay=0.3, eps=0.1)),
        (2, Options(lr=2.0, lr_decay=0.7, weight_decay=0.6, eps=0.2)),
        (1, Options(lr=1.0, eps=0.0)),
        (2, Options(lr=0.7, weight_decay=0.5, eps=0.0, maximize=True)),
    ]
    rng = np.random.default_rng(seed)

    def one_of(*values):
        return float(rng.choice(values))

    for _ in range(count):
        o = Options(
            lr=one_of(0.3, 0.7, 1.0, 1.4, 2.0, 3.3),
            lr_decay=one_of(0.0, 0.3, 0.7, 2.0),
            weight_decay=one_of(0.0, 0.0, 0.1, 0.5, 0.6, 1.0),
            eps=one_of(0.0, 0.05, 0.25, 0.4, 1.0),
            maximize=bool(rng.random() < 0.3),
        )
        plain.append((int(rng.choice([1, 2, 3, 5])), o))
    return plain


def every_triple(fmt, setting, thin=1):
    """All finite theta, all S >= 0 and all g, of both signs; each `thin`-th theta."""
    numbers = finite_numbers(fmt)
    grid = np.meshgrid(
        numbers[::thin], numbers[numbers >= 0], numbers, indexing="ij", sparse=False
    )
    theta, s, g = (x.ravel().copy() for x in grid)
    return StepBatch(fmt, theta, s, g, (setting,), np.zeros(len(g), int))


def exhaust(fmt, setting, thin=1, cls=LAWFUL):
    """Hold every program on every triple against the boxes of the class."""
    b = every_triple(fmt, setting, thin)
    boxes, sums = fast_boxes(b, cls)
    low, high = np.full(len(b), np.inf), np.full(len(b), -np.inf)
    wrong, programs, stored_kinds = np.zeros(len(b), bool), 0, 0
    with np.errstate(all="ignore"):
        for keep in (None, BINARY32):
            for g, update, count in _Toy(fmt, setting, keep).updates(b):
                programs += count
                for x in _stored(fmt, b.theta - update.hi):
                    low = np.fmin(low, x)
                    wrong |= ~np.isnan(x) & ~boxes.holds(x)
                for x in _stored(fmt, b.theta - update.lo):
                    high = np.fmax(high, x)
                    wrong |= ~np.isnan(x) & ~boxes.holds(x)
                wrong |= update.nan & ~boxes.nan
                for total in _sums(fmt, b.state_sum, g):
                    wrong |= ~sums.holds(total)
                    stored_kinds += 1
    bounded = np.isfinite(boxes.lo) & np.isfinite(boxes.hi)
    reached = bounded & (low == boxes.lo) & (high == boxes.hi)
    return Exhausted(
        len(b),
        programs,
        (programs + stored_kinds) * len(b),
        int(wrong.sum()),
        int(reached.sum()),
        int(bounded.sum()),
        tuple(_words(b, i, low, high, boxes) for i in np.flatnonzero(wrong)[:3]),
    )


def _stored(fmt, x):
    """What is stored: rounded at once, or by way of binary32."""
    return nearest(fmt, x), nearest(fmt, nearest(BINARY32, x))


def _sums(fmt, s, g):
    square = g * g
    for x in (square, nearest(fmt, square)):
        yield from _stored(fmt, s + x)


def _words(b, i, low, high, boxes):
    return (
        f"theta {b.theta[i]}, S {b.state_sum[i]}, g {b.gradient[i]}, {b.settings[0]}: "
        f"programs give {low[i]} to {high[i]}, the box is {boxes.lo[i]} to "
        f"{boxes.hi[i]}"
    )


@dataclass(frozen=True)
class _Toy:
    """The programs of one setting that keep intermediates in `keep` or binary64."""

    fmt: Format
    setting: tuple[int, Options]
    keep: Format | None

    def kept(self, x):
        return x if self.keep is None else nearest(self.keep, x)

    def both(self, x):
        """Kept, and rounded."""
        return self.kept(x), nearest(self.fmt, self.kept(x))

    def held(self, scalar):
        """A scalar in binary64, and rounded once."""
        return scalar, float(nearest(self.fmt, scalar))

    def rates(self):
        """The decayed rate in binary64, rounded once, or formed in the format: divided,
        or multiplied by a reciprocal.
        """
        t, o = self.setting
        r = self._rounded
        whole = 1 + (t - 1) * o.lr_decay
        rates = {*self.held(o.lr / whole), *self.held(o.lr * (1 / whole))}
        for product in self.held(r(t - 1.0) * r(o.lr_decay)):
            for grown in self.held(1 + product):
                inverses = self.held(1 / grown)
                parts = (r(o.lr) / grown, *(r(o.lr) * inverse for inverse in inverses))
                rates |= {x for part in parts for x in self.held(part)}
        return sorted(rates)

    def _rounded(self, x):
        return np.float64(nearest(self.fmt, x))

    def gradients(self, b):
        """The gradient that is used, in every way."""
        _, o = self.setting
        raw = -b.gradient if o.maximize else b.gradient
        if not o.weight_decay:
            return [raw]
        return [
            g
            for decay in self.held(o.weight_decay)
            for pull in self.both(decay * b.theta)
            for g in self.both(raw + pull)
        ]

    def updates(self, b):
        """(g, updates, how many programs) for every used gradient."""
        ways = self.gradients(b)
        pairs = np.unique(np.concatenate([_pair(np.abs(g), b.state_sum) for g in ways]))
        extremes, count = self._extremes(pairs.real, pairs.imag)
        for g in ways:
            place = np.searchsorted(pairs, _pair(np.abs(g), b.state_sum))
            lo, hi, nan = (x[place] for x in extremes)
            # all roundings are odd: the updates of -g are those of g, negated
            lo, hi = np.where(g < 0, -hi, lo), np.where(g < 0, -lo, hi)
            yield g, Updates(lo, hi, nan), count

    def _extremes(self, g, s):
        """Updates for every pair of a used gradient >= 0 and S."""
        ways = np.array(list(self._denominators(g, s)))
        ways.sort(axis=0)
        new = np.ones(ways.shape, bool)
        new[1:] = (ways[1:] != ways[:-1]) & ~np.isnan(ways[1:])
        pair, way = np.nonzero(new.T)
        lo, hi = np.full(len(pair), np.inf), np.full(len(pair), -np.inf)
        nan, count = np.zeros(len(pair), bool), 0
        for clr in self.rates():
            for q in self._updates(clr, g[pair], ways[way, pair]):
                lo, hi, nan = np.fmin(lo, q), np.fmax(hi, q), nan | np.isnan(q)
                count += 1
        starts = np.searchsorted(pair, np.arange(len(g)))
        least, largest = (
            np.minimum.reduceat(lo, starts),
            np.maximum.reduceat(hi, starts),
        )
        none = least > largest  # NaN is the only outcome
        least, largest = (np.where(none, np.nan, x) for x in (least, largest))
        found = Updates(least, largest, np.logical_or.reduceat(nan, starts))
        return found, count * len(ways)

    def _denominators(self, g, s):
        _, o = self.setting
        for square in self.both(g * g):
            for total in self.both(s + square):
                for root in (*self.both(np.sqrt(total)), *self._neighbours(total)):
                    for eps in self.held(o.eps):
                        yield from self.both(root + eps)

    def _neighbours(self, total):
        return (roots(self.fmt, total, way) for way in ("down", "up"))

    def _updates(self, clr, g, d):
        both = self.both
        for clr_g in both(clr * g):
            yield from both(clr_g / d)
        for ratio in both(g / d):
            yield from both(clr * ratio)
        for rate in both(clr / d):
            yield from both(g * rate)
        for inverse, clr_g in itertools.product(both(1.0 / d), both(clr * g)):
            yield from both(clr_g * inverse)
        for inverse in both(1.0 / d):
            for rate in both(clr * inverse):
                yield from both(g * rate)
            for direction in both(g * inverse):
                yield from both(clr * direction)


def _pair(g, s):
    """Two numbers as one that can be sorted; complex parts of a sum would not do."""
    pair = np.empty(len(g), complex)
    pair.real, pair.imag = g, s
    return pair
