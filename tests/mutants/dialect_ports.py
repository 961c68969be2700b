"""Ports that are right in a dialect: the NumPy port, and what published ones do.

`PORTS` are by the name of the declared dialect; `CHANGES` have a single switch each.
"""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

__all__ = ["CHANGES", "PORTS"]


def off(x):
    """`x` moved by almost 2 ulp, up where its last bit is set and else down.

    It takes one ulp for an inverse that is itself rounded.  Zeros and infinities stay.
    """
    unit = np.spacing(np.abs(x))
    ordinary = np.isfinite(x) & (x != 0)
    odd = np.where(ordinary, x, 1) / np.where(ordinary, unit, 1) % 2 == 1
    return np.where(ordinary, x + np.where(odd, unit, -unit), x)


class Guarded(Bent):
    """Where S is 0 the update is 0; it shows where g * g underflows."""

    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            return np.where(s > 0, super().update(g, s, clr, o), 0)


class Approximate(Bent):
    """The inverse of the denominator comes from a unit that is almost 2 ulp off."""

    def update(self, g, s, clr, o):
        return clr * g * off(1 / (np.sqrt(s) + s.dtype.type(o["eps"])))


class RowMean(Bent):
    """One S for each index of the first dimension: it grows by the mean."""

    def grown(self, s, g, o):
        if g.ndim < 2 or not g.size:
            return s + g * g
        return s + (g * g).mean(tuple(range(1, g.ndim)), keepdims=True)


class TensorFlowDefaults(Bent):
    def __init__(self, params, **options):
        own = {"initial_accumulator_value": 0.1, "eps": 1e-7}
        super().__init__(params, **own | options)


class TfJs(TensorFlowDefaults):
    def update(self, g, s, clr, o):
        return clr * g / np.sqrt(s + s.dtype.type(o["eps"]))


class Optax(TensorFlowDefaults):
    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            inverse = off(1 / np.sqrt(s + s.dtype.type(o["eps"])))
            return clr * (np.where(s > 0, inverse, 0) * g)


class JaxExampleLibraries(Bent):
    def update(self, g, s, clr, o):
        with np.errstate(all="ignore"):
            return clr * (g * np.where(s > 0, off(1 / np.sqrt(s)), 0))


CHANGES = {
    RowMean: "accumulator=row-mean",
    Guarded: "guard=zero",
    Approximate: "inverse=approximate",
}

PORTS = {
    "row-wise": RowMean,
    "tfjs": TfJs,
    "optax": Optax,
    "jax-example-libraries": JaxExampleLibraries,
}
