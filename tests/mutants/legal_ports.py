"""Right ports that round otherwise: none of them may be accused.

The document fixes neither the order of the operations nor the format of what is between
them.  Each class takes Adagrad's step in one more legal way.
"""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

__all__ = ["LEGAL"]


class QuotientFirst(Bent):
    """clr (g / d)."""

    def update(self, g, s, clr, o):
        return clr * (g / (np.sqrt(s) + o["eps"]))


class RateOverRoot(Bent):
    """g (clr / d), as a vector of rates."""

    def update(self, g, s, clr, o):
        return g * (clr / (np.sqrt(s) + o["eps"]))


class Reciprocal(Bent):
    """(clr g) (1 / d), as code that divides once."""

    def update(self, g, s, clr, o):
        return clr * g * (1 / (np.sqrt(s) + o["eps"]))


class RateTimesReciprocal(Bent):
    """g (clr (1 / d))."""

    def update(self, g, s, clr, o):
        return g * (clr * (1 / (np.sqrt(s) + o["eps"])))


class ReciprocalFirst(Bent):
    """clr (g (1 / d)), as code that scales a finished direction by the rate."""

    def update(self, g, s, clr, o):
        return clr * (g * (1 / (np.sqrt(s) + o["eps"])))


class Wider(Bent):
    """binary32 is computed in binary64 and rounded when it is stored."""

    def move(self, p, grad, state, o):
        work = np.float32 if p.data.itemsize == 2 else np.float64
        theta, g, s = (np.asarray(x, work) for x in (p.data, grad, state["sum"]))
        new = self.formula(theta, g, s, self.rate(state["step"], o), o)
        p.data[...], state["sum"][...] = new


class EveryStepRounded(Bent):
    """16-bit params are computed in their own format, each operation rounded."""

    def move(self, p, grad, state, o):
        clr = self.rate(state["step"], o)
        new = self.formula(p.data, grad, state["sum"], clr, o)
        p.data[...], state["sum"][...] = new


class ScalarsInBinary32(Bent):
    """Rate, decay and eps are binary32 where the param is no wider."""

    def move(self, p, grad, state, o):
        if p.data.itemsize < 8:
            names = ("lr", "lr_decay", "weight_decay", "eps")
            o = {**o, **{name: float(np.float32(o[name])) for name in names}}
        super().move(p, grad, state, o)


#: Every port of this module.
LEGAL = (
    QuotientFirst,
    RateOverRoot,
    Reciprocal,
    RateTimesReciprocal,
    ReciprocalFirst,
    Wider,
    EveryStepRounded,
    ScalarsInBinary32,
)
