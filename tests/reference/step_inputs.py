"""Elements to step, random and adversarial, and settings: helpers of tests."""

from __future__ import annotations

import math

import numpy as np
from emulated_rounding import nearest

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.options import Options

__all__ = [
    "SETTINGS",
    "SETTINGS_16",
    "adversarial_batch",
    "finite_numbers",
    "nudge",
    "random_batch",
    "settings_for",
    "varied_settings",
    "wild_batch",
]

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


def varied_settings(fmt, rng, count):
    """The settings above and `count` random ones, step numbers up to 2^24 among them.

    In binary16 eps can vanish and t - 1 overflow; the boxes must hold then too.  Past
    2^24 torch, whose counter is a binary32 number, is no right program.
    """
    made = list(settings_for(fmt))
    for _ in range(count):
        lr, decay, wd = np.exp2(rng.uniform((-14, -16, -12), (7, 2, 1))).tolist()
        eps = float(rng.choice([0.0, 1e-10, 1e-8, 1e-3, 0.01, rng.uniform(0.0, 1.0)]))
        t = int(np.exp2(rng.uniform(0, 24 if rng.random() < 0.3 else 10)))
        o = Options(
            lr=lr,
            lr_decay=decay if rng.random() < 0.6 else 0.0,
            weight_decay=wd if rng.random() < 0.6 else 0.0,
            eps=eps,
            maximize=bool(rng.random() < 0.3),
        )
        made.append((t, o))
    return tuple(made)


def wild_batch(fmt, rng, n, settings=None):
    """Numbers from the whole range of the format, its ends and subnormals included."""
    settings = settings or settings_for(fmt)

    def numbers():
        size = rng.uniform(fmt.smallest_exponent, fmt.emax + 1, n)
        x = np.minimum(nearest(fmt, np.exp2(size)), fmt.largest)
        x[rng.random(n) < 0.1] = 0.0
        x[rng.random(n) < 0.02] = fmt.largest
        return x

    theta, s, g = numbers(), numbers(), numbers()
    for x in (theta, g):
        x *= rng.choice([-1.0, 1.0], n)
    same = rng.random(n) < 0.5  # else the sum drowns the square, or the reverse
    with np.errstate(over="ignore"):
        alike = np.minimum(nearest(fmt, np.square(g) * 3.0), fmt.largest)
    s[same] = alike[same]
    return StepBatch(fmt, theta, s, g, settings, rng.integers(0, len(settings), n))
