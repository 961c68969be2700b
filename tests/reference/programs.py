"""Right and wrong programs for one step, emulated: helpers of the reference's tests.

Nothing here uses the package's own rounding or interval code: `nearest` rounds by
frexp and rint, `fma` follows Boldo and Melquiond ("Emulation of FMA and correctly
rounded sums", 2008), and `FractionProgram` works in rationals.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from adagrad_reference.fast import StepBatch
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS, Format
from adagrad_reference.options import Options

ALL_FORMATS = list(FORMATS.values())
NARROW = [fmt for fmt in ALL_FORMATS if fmt.width == 16]
ROOTS = ("nearest", "down", "up")
SCALARS = ("binary64", "rounded", "clr in format")

# -- rounding and fused operations on float64 arrays ----------------------------------


def _scaled(fmt, x, to_integer):
    x = np.asarray(x, float)
    exponent = np.maximum(np.frexp(x)[1], fmt.emin + 1) - fmt.precision
    with np.errstate(all="ignore"):
        y = np.ldexp(to_integer(np.ldexp(x, -exponent)), exponent)
    y = np.where(np.isinf(x) | (x == 0), x, y)
    return np.where(np.abs(y) > fmt.largest, np.copysign(np.inf, x), y)


def nearest(fmt, x):
    """Round to nearest even in the format; binary64 is left alone."""
    return np.asarray(x, float) if fmt == BINARY64 else _scaled(fmt, x, np.rint)


def toward_zero(fmt, x):
    """Chop to the format."""
    return _scaled(fmt, x, np.trunc)


def two_product(a, b):
    """Return a * b as head and exact error, by Veltkamp's splitting."""

    def split(x):
        c = 134217729.0 * x
        high = c - (c - x)
        return high, x - high

    p = a * b
    (ah, al), (bh, bl) = split(a), split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def two_sum(a, b):
    """Return a + b as head and exact error."""
    s = a + b
    bb = s - a
    return s, (a - (s - bb)) + (b - bb)


def _sum_to_odd(a, b):
    """Return a + b rounded to odd: double rounding afterwards does no harm."""
    s, e = two_sum(a, b)
    s = np.ascontiguousarray(s)
    even = s.view(np.int64) & 1 == 0
    beside = np.nextafter(s, np.where(e > 0, np.inf, -np.inf))
    return np.where((e != 0) & even, beside, s)


def fma(fmt, a, b, c):
    """Return a * b + c with one rounding, to `fmt`; unfused where that is unsafe."""
    a, b, c = np.broadcast_arrays(*(np.asarray(x, float) for x in (a, b, c)))
    with np.errstate(all="ignore"):
        uh, ul = two_product(a, b)
        th, tl = two_sum(c, ul)
        vh, vl = two_sum(uh, th)
        z = _sum_to_odd(tl, vl)
        fused = vh + z if fmt == BINARY64 else _sum_to_odd(vh, z)
        plain = a * b + c
        product = np.abs(a * b)
        safe = (product == 0) | ((product > 2.0**-900) & (product < 2.0**900))
        safe &= np.isfinite(fused) & (np.abs(a) < 2.0**900) & (np.abs(b) < 2.0**900)
        exact_zero = (a == 0) | (b == 0)
    return nearest(fmt, np.where(safe & ~exact_zero, fused, plain))


def roots(fmt, x, direction):
    """Square roots in the format: to nearest, or the neighbour below or above."""
    with np.errstate(all="ignore"):
        r = np.sqrt(x)
        if direction == "nearest":
            return nearest(fmt, r)
        if fmt != BINARY64:
            return _scaled(fmt, r, np.floor if direction == "down" else np.ceil)
        p, e = two_product(r, r)
        rest = (x - p) - e  # its sign is that of sqrt(x) - r
        safe = (x > 2.0**-900) & (x < 2.0**900)
        down = np.where(safe & (rest < 0), np.nextafter(r, 0), r)
        up = np.where(safe & (rest > 0), np.nextafter(r, np.inf), r)
    return down if direction == "down" else up


# -- whole programs on arrays ---------------------------------------------------------


def decayed_rate(fmt, how, t, o, wide):
    """The decayed learning rate, evaluated in binary64 or in the format."""
    if how == "clr in format":
        lr, decay, before = (float(nearest(fmt, x)) for x in (o.lr, o.lr_decay, t - 1))
        grown = float(nearest(fmt, 1.0 + float(nearest(fmt, before * decay))))
        return float(nearest(fmt, lr / grown)) if grown else math.nan
    clr = o.lr / (1.0 + (t - 1) * o.lr_decay)
    return float(nearest(fmt if how == "rounded" else wide, clr))


@dataclass(frozen=True)
class ArrayProgram:
    """A legal evaluation: every intermediate in `inner`, results stored in `fmt`."""

    fmt: Format
    inner: Format
    fused: bool
    order: int
    scalars: str
    root: str
    reread: bool  #: whether the root is taken of the stored sum

    def columns(self, b: StepBatch):
        """The scalars of every element."""
        wide = BINARY32 if self.inner == BINARY32 else BINARY64
        held = self.fmt if self.scalars == "rounded" else wide
        rows = [
            (
                decayed_rate(self.fmt, self.scalars, t, o, wide),
                float(nearest(held, o.weight_decay)),
                float(nearest(held, o.eps)),
                -1.0 if o.maximize else 1.0,
                o.weight_decay != 0,
            )
            for t, o in b.settings
        ]
        return np.array(rows, float).T[:, b.which]

    def run(self, b: StepBatch):
        """The stored theta' and S' of every element."""
        clr, wd, eps, sign, decays = self.columns(b)
        with np.errstate(all="ignore"):
            g = sign * b.gradient
            g = np.where(decays != 0, self._muladd(wd, b.theta, g), g)
            total = self._muladd(g, g, b.state_sum)
            stored = nearest(self.fmt, total)
            root = roots(self.inner, stored if self.reread else total, self.root)
            d = self._r(root + eps)
            return nearest(self.fmt, self._theta(b.theta, clr, g, d)), stored

    def _r(self, x):
        return nearest(self.inner, x)

    def _muladd(self, a, b, c):
        if self.fused:
            return fma(self.inner, a, b, c)
        return self._r(self._r(a * b) + c)

    def _theta(self, theta, clr, g, d):
        r = self._r
        if self.order == 0:
            return r(theta - r(r(clr * g) / d))
        inverse = r(1.0 / d)
        x, y = (
            (clr, r(g / d)),
            (g, r(clr / d)),
            (r(clr * g), inverse),
            (g, r(clr * inverse)),
        )[self.order - 1]
        return self._muladd(-x, y, theta)


def array_programs(fmt):
    """Every `ArrayProgram` of a format."""
    inner = {53: [BINARY64], 24: [BINARY32, BINARY64]}
    widths = inner.get(fmt.precision, [fmt, BINARY32, BINARY64])
    return [
        ArrayProgram(fmt, *rest)
        for rest in itertools.product(
            widths, (False, True), range(5), SCALARS, ROOTS, (False, True)
        )
    ]


def every_program(fmt, b: StepBatch):
    """The stored theta' of every choice of rounding at every operation (toy formats).

    Kept intermediates are binary64, in which a toy format's products are exact.
    """

    def both(x):
        return (x, nearest(fmt, x))

    for how in SCALARS:
        program = ArrayProgram(fmt, BINARY64, False, 0, how, "nearest", False)
        clr, wd, eps, sign, decays = program.columns(b)
        raw = sign * b.gradient
        gradients = [raw]
        if decays.any():
            pulls = both(wd * b.theta)
            gradients = [x for pull in pulls for x in both(raw + pull)]
        for g, square_rounded in itertools.product(gradients, (False, True)):
            square = nearest(fmt, g * g) if square_rounded else g * g
            for total in both(b.state_sum + square):
                found = [np.sqrt(total)] + [roots(fmt, total, way) for way in ROOTS]
                for root in found:
                    for d in both(root + eps):
                        for q in _updates(both, clr, g, d):
                            yield nearest(fmt, b.theta - q)


def _updates(both, clr, g, d):
    for clr_g in both(clr * g):
        yield from both(clr_g / d)
    for ratio in both(g / d):
        yield from both(clr * ratio)
    for rate in both(clr / d):
        yield from both(g * rate)
    for inverse in both(1.0 / d):
        for clr_g in both(clr * g):
            yield from both(clr_g * inverse)
        for rate in both(clr * inverse):
            yield from both(g * rate)


# -- programs in rationals: any legal choice at every operation -----------------------


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
        op, order = self.op, self.rng.integers(5)
        if order == 0:
            return op(op(clr * g) / d)
        if order == 1:
            return op(clr * op(g / d))
        if order == 2:
            return op(g * op(clr / d))
        if order == 3:
            return op(op(clr * g) * op(1 / d))
        return op(g * op(clr * op(1 / d)))

    def _store(self, x: Fraction) -> float:
        if self.fmt != BINARY64 and self.rng.random() < 0.4:
            wider = [w for w in self.WIDER if w[0] > self.fmt.precision]
            x = fraction_nearest(*wider[self.rng.integers(len(wider))], x)
        x = fraction_nearest(self.fmt.precision, self.fmt.emin, x)
        if abs(x) > self.fmt.largest:
            return math.copysign(math.inf, x)
        return float(x)


# -- inputs ---------------------------------------------------------------------------

#: Step numbers and options; every family that RIGOR asks for is among them.
SETTINGS = (
    (1, Options()),
    (1, Options(lr=0.1, eps=1e-3)),
    (2, Options(lr=0.3, lr_decay=0.7, weight_decay=0.05, eps=1e-3)),
    (5, Options(lr=64.0, weight_decay=0.5, eps=1e-3)),
    (7, Options(lr=63.7, lr_decay=0.1, weight_decay=0.5, eps=1e-3, maximize=True)),
    (1000, Options(lr=1.4, lr_decay=1e-3, eps=1e-10)),
    (2, Options(lr=63.7, lr_decay=0.4, weight_decay=0.0, eps=0.01)),
    (7, Options(lr=1.0, weight_decay=1.0, eps=0.0)),
)

#: Settings for float16, where eps = 1e-10 vanishes.
SETTINGS_16 = tuple(
    (t, o.override({"eps": 1e-3})) if o.eps == 1e-10 else (t, o) for t, o in SETTINGS
)


def settings_for(fmt):
    """Settings without legal NaN everywhere."""
    return SETTINGS_16 if fmt.emax == 15 else SETTINGS


def random_batch(fmt, rng, n, settings=None):
    """Numbers of mixed size, well inside the format."""
    settings = settings or settings_for(fmt)
    reach = 4 if fmt.emax < 100 else 20

    def numbers():
        size = np.exp2(rng.uniform(-reach, reach / 2, n))
        return nearest(fmt, rng.standard_normal(n) * size)

    theta, g, s = numbers(), numbers(), np.abs(numbers())
    s[rng.random(n) < 0.2] = 0.0
    theta[rng.random(n) < 0.1] = 0.0
    return StepBatch(fmt, theta, s, g, settings, rng.integers(0, len(settings), n))


def nudge(fmt, rng, x, most=3):
    """Move x by a few ulps of the format."""
    unit = np.array([fmt.ulp(float(v)) for v in x])
    return nearest(fmt, x + unit * rng.integers(-most, most + 1, len(x)))


def adversarial_batch(fmt, rng, n, settings=None, extremes=True):
    """Cancellation, theta near the update, g near eps, powers of two, the edges."""
    settings = settings or settings_for(fmt)
    b = random_batch(fmt, rng, n, settings)
    theta, s, g, which = b.theta, b.state_sum, b.gradient, b.which
    wd, eps, sign = np.array(
        [(o.weight_decay, o.eps, -1.0 if o.maximize else 1.0) for _, o in settings]
    ).T[:, which]
    clr = np.array([o.lr / (1 + (t - 1) * o.lr_decay) for t, o in settings])[which]
    kinds = 6 if extremes else 4
    kind = rng.integers(0, kinds, n)

    pick = (kind == 0) & (wd != 0)  # g near -wd theta
    g[pick] = nudge(fmt, rng, nearest(fmt, -sign * wd * theta)[pick])
    pick = kind == 1  # theta near the update
    with np.errstate(all="ignore"):
        q = clr * sign * g / (np.sqrt(s + g * g) + eps)
    q = np.where(np.isfinite(q), q, 1.0)
    theta[pick] = nudge(fmt, rng, nearest(fmt, q)[pick])
    pick = kind == 2  # nothing accumulated, g near eps
    s[pick] = 0.0
    base = np.where(eps == 0, 1.0, eps) * np.exp2(rng.integers(-2, 3, n))
    g[pick] = nudge(fmt, rng, nearest(fmt, base)[pick])
    pick = kind == 3  # powers of two
    for x, power in ((theta, 1), (g, 1), (s, 2)):
        exponent = power * rng.integers(-6, 4, n)
        signs = 1.0 if power == 2 else rng.choice([-1.0, 1.0], n)
        x[pick] = nearest(fmt, signs * np.exp2(exponent))[pick]
    pick = kind == 4  # g^2 at the largest number
    edge = math.sqrt(fmt.largest) * np.exp2(rng.uniform(-1, 1, n))
    g[pick] = nearest(fmt, edge * rng.choice([-1.0, 1.0], n))[pick]
    pick = kind == 5  # subnormal numbers
    for x in (theta, g, s):
        small = rng.integers(-9, 10, n) * fmt.eta
        x[pick & (rng.random(n) < 0.6)] = 0.0
        change = pick & (rng.random(n) < 0.6)
        x[change] = (np.abs(small) if x is s else small)[change]
    return StepBatch(fmt, theta, s, g, settings, which)


def finite_numbers(fmt):
    """Every finite number of a small format, from its encodings."""
    values = [fmt.decode(bits) for bits in range(1 << fmt.width)]
    return np.array(sorted({v for v in values if math.isfinite(v)}))
