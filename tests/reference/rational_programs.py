"""Programs in rationals, with any legal choice at every operation: helpers of tests."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from adagrad_reference.formats import BINARY64, Format
from adagrad_reference.options import Options

__all__ = ["FractionProgram", "fraction_nearest", "fraction_root", "fraction_ulp"]


def fraction_nearest(precision, emin, x: Fraction) -> Fraction:
    """Round to nearest even with unbounded range above; gradual underflow below."""
    if x == 0:
        return x
    unit = fraction_ulp(precision, emin, x)
    return round(x / unit) * unit


def fraction_ulp(precision, emin, x: Fraction) -> Fraction:
    """The gap of a format at x."""
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    if abs(x) < Fraction(2) ** exponent:
        exponent -= 1
    return Fraction(2) ** (max(exponent, emin) - precision + 1)


def fraction_root(x: Fraction, bits=300) -> Fraction:
    """Return sqrt(x) from below, to at least `bits` bits."""
    if x == 0:
        return x
    shift = bits + max(0, x.denominator.bit_length() - x.numerator.bit_length())
    return Fraction(math.isqrt((x.numerator << 2 * shift) // x.denominator), 1 << shift)


@dataclass
class FractionProgram:
    """A random legal evaluation for numbers whose intermediates stay finite."""

    fmt: Format
    rng: object
    trace: list = field(default_factory=list)

    WIDER = ((24, -126), (53, -1022), (64, -16382), (113, -16382))

    def op(self, x: Fraction) -> Fraction:
        """Keep x exact, round it to a wider format, to the format, or to both."""
        wider = [w for w in self.WIDER if w[0] > self.fmt.precision]
        if self.fmt != BINARY64 and self.rng.random() < 0.4:
            x = fraction_nearest(*wider[self.rng.integers(len(wider))], x)
        if self.rng.random() < 0.5:
            x = fraction_nearest(self.fmt.precision, self.fmt.emin, x)
        return x

    def double(self, x: Fraction) -> Fraction:
        """Keep x exact or round it to binary64."""
        return fraction_nearest(53, -1022, x) if self.rng.random() < 0.7 else x

    def root(self, x: Fraction) -> Fraction:
        """Take the root exactly, or from a faithful unit of the format."""
        r = fraction_root(x)
        if self.rng.random() < 0.4:
            return self.op(r)
        near = fraction_nearest(self.fmt.precision, self.fmt.emin, r)
        if near * near == x:
            return near
        unit = fraction_ulp(self.fmt.precision, self.fmt.emin, r)
        return (r // unit + int(self.rng.random() < 0.5)) * unit

    def run(self, theta, state_sum, g, t, o: Options):
        """The stored theta' and S' as floats."""
        op = self.op
        theta, s, g = Fraction(theta), Fraction(state_sum), Fraction(g)
        lr, decay, wd, eps = map(Fraction, (o.lr, o.lr_decay, o.weight_decay, o.eps))
        if self.rng.random() < 0.3:  # the learning rate evaluated in the format
            clr = op(op(lr) / op(1 + op(op(Fraction(t - 1)) * op(decay))))
        else:
            grown = self.double(1 + self.double((t - 1) * decay))
            clr = op(self.double(lr / grown))
        wd, eps = op(wd), op(eps)
        g = -g if o.maximize else g
        if o.weight_decay:
            g = op(g + op(wd * theta))
        total = s + op(g * g)
        d = op(self.root(op(total)) + eps)
        q = self._update(clr, g, d) if d else None
        if q is None:
            return None
        return self._store(theta - q), self._store(total)

    def _update(self, clr, g, d):
        op, order = self.op, self.rng.integers(6)
        if order == 0:
            return op(op(clr * g) / d)
        if order == 1:
            return op(clr * op(g / d))
        if order == 2:
            return op(g * op(clr / d))
        if order == 3:
            return op(op(clr * g) * op(1 / d))
        if order == 4:
            return op(g * op(clr * op(1 / d)))
        return op(clr * op(g * op(1 / d)))

    def _store(self, x: Fraction) -> float:
        if self.fmt != BINARY64 and self.rng.random() < 0.4:
            wider = [w for w in self.WIDER if w[0] > self.fmt.precision]
            x = fraction_nearest(*wider[self.rng.integers(len(wider))], x)
        x = fraction_nearest(self.fmt.precision, self.fmt.emin, x)
        if abs(x) > self.fmt.largest:
            return math.copysign(math.inf, x)
        return float(x)
