"""Right programs for one step, emulated, and the helpers around them.

`ArrayProgram` rounds every intermediate to one format; the operations it is made of are
in emulated_rounding.py, programs in rationals in rational_programs.py, programs of toy
formats in toy_programs.py, inputs in step_inputs.py.  All but the toys can be imported
from here.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from emulated_rounding import fma, nearest, roots, toward_zero, two_product, two_sum
from rational_programs import (
    FractionProgram,
    fraction_nearest,
    fraction_root,
    fraction_ulp,
)
from step_inputs import (
    SETTINGS,
    SETTINGS_16,
    adversarial_batch,
    finite_numbers,
    nudge,
    random_batch,
    settings_for,
    varied_settings,
    wild_batch,
)

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS, Format

__all__ = [
    "ALL_FORMATS",
    "NARROW",
    "ROOTS",
    "SCALARS",
    "SETTINGS",
    "SETTINGS_16",
    "ArrayProgram",
    "FractionProgram",
    "adversarial_batch",
    "array_programs",
    "decayed_rate",
    "finite_numbers",
    "fma",
    "fraction_nearest",
    "fraction_root",
    "fraction_ulp",
    "nearest",
    "nudge",
    "random_batch",
    "roots",
    "settings_for",
    "toward_zero",
    "two_product",
    "two_sum",
    "varied_settings",
    "wild_batch",
]

ALL_FORMATS = list(FORMATS.values())
NARROW = [fmt for fmt in ALL_FORMATS if fmt.width == 16]
ROOTS = ("nearest", "down", "up")
SCALARS = ("binary64", "rounded", "clr in format")


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
            (clr, r(g * inverse)),
        )[self.order - 1]
        return self._muladd(-x, y, theta)


def array_programs(fmt):
    """Every `ArrayProgram` of a format."""
    inner = {53: [BINARY64], 24: [BINARY32, BINARY64]}
    widths = inner.get(fmt.precision, [fmt, BINARY32, BINARY64])
    return [
        ArrayProgram(fmt, *rest)
        for rest in itertools.product(
            widths, (False, True), range(6), SCALARS, ROOTS, (False, True)
        )
    ]
