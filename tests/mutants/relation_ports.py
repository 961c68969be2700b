"""Ports that are legal step by step and yet no one program: only relations see it.

Each takes one of two legal orders of the update, by something that must not matter.
"""

from __future__ import annotations

import itertools

import numpy as np
from mutant_kit import Array, Bent, Options, Param, State

KIND = "layout"

__all__ = [
    "CAUGHT",
    "DividesFirstAfterLoad",
    "DividesFirstForSmallGradients",
    "DividesFirstInCrowds",
    "DividesFirstInLaterGroups",
    "DividesFirstOnTheWayUp",
    "DividesFirstWhenMaximizing",
    "DividesFirstWhereStrided",
    "FlipsACoin",
    "NeverGetsAnywhere",
    "TailRoundsEachStep",
]

_COIN = itertools.cycle((False, True, True))


class _TwoOrders(Bent):
    """(clr g) / d, or clr (g / d) where `divides_first` says so."""

    def update(self, g: Array, s: Array, clr: float, o: Options) -> Array:
        denominator = np.sqrt(s) + o["eps"]
        multiplied, divided = clr * g / denominator, clr * (g / denominator)
        return np.where(self.divides_first(g, o), divided, multiplied)

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        """Where the quotient is taken before the product."""
        raise NotImplementedError


class FlipsACoin(_TwoOrders):
    """No two runs take the same order: atomics and races do this.

    A failure cannot be reproduced.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return next(_COIN)


class DividesFirstForSmallGradients(_TwoOrders):
    """A fast path for small gradients rounds otherwise.

    Loss scaling changes the result.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return np.abs(g) < 0.1


class DividesFirstOnTheWayUp(_TwoOrders):
    """Positive gradients round otherwise than negative ones.

    A mirrored problem has no mirrored solution.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return g > 0


class DividesFirstWhenMaximizing(_TwoOrders):
    """maximize goes through code of its own.

    Maximizing f and minimizing -f give other bits.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return bool(o["maximize"])


class DividesFirstInCrowds(_TwoOrders):
    """More than two params take another path, whether they have gradients or not.

    Freezing a layer changes how the others round.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return len(o["params"]) > 2


class DividesFirstInLaterGroups(_TwoOrders):
    """The second group takes another path than the first.

    Splitting params into groups changes a run.
    """

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return o is not self.param_groups[0]


class DividesFirstAfterLoad(_TwoOrders):
    """Loading chooses another path for the rest of the run.

    A resumed run is not the one that was interrupted.
    """

    loaded = False

    def load_state_dict(self, state_dict: State) -> None:
        super().load_state_dict(state_dict)
        self.loaded = True

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return self.loaded


class DividesFirstWhereStrided(_TwoOrders):
    """Strided params take the scalar loop, which rounds otherwise.

    channels_last changes a run.
    """

    strided = False

    def move(self, p: Param, grad: Array, state: State, o: Options) -> None:
        self.strided = not p.data.flags.c_contiguous
        super().move(p, grad, state, o)

    def divides_first(self, g: Array, o: Options) -> Array | bool:
        return self.strided


class TailRoundsEachStep(Bent):
    """16-bit formats: eight at a time in binary32, the remainder in the format itself.

    Both are legal, and torch's kernels do so.
    """

    def move(self, p: Param, grad: Array, state: State, o: Options) -> None:
        if p.data.itemsize != 2:
            super().move(p, grad, state, o)
            return
        theta, s = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        tail = slice(p.data.size // 8 * 8, None)
        clr = p.data.dtype.type(self.rate(state["step"], o))
        new_theta, new_s = self.formula(theta, grad, s, clr, o)
        p.data.reshape(-1)[tail] = new_theta.reshape(-1)[tail]
        state["sum"].reshape(-1)[tail] = new_s.reshape(-1)[tail]

    def used(self, theta: Array, g: Array, o: Options) -> Array:
        decay = theta.dtype.type(o["weight_decay"])
        return super().used(theta, g, {**o, "weight_decay": decay})

    def update(self, g: Array, s: Array, clr: float, o: Options) -> Array:
        return super().update(g, s, clr, {**o, "eps": s.dtype.type(o["eps"])})


class NeverGetsAnywhere(Bent):
    """A rate that goes with 1 / S.  On a convex problem it stands still too early."""

    kind = "formula"

    def update(self, g: Array, s: Array, clr: float, o: Options) -> Array:
        return clr * g / (s * s + o["eps"])


CAUGHT: dict[type, tuple[str, ...]] = {
    FlipsACoin: ("relations/repeatable",),
    DividesFirstForSmallGradients: ("relations/scaling",),
    DividesFirstOnTheWayUp: ("relations/negation",),
    DividesFirstWhenMaximizing: ("relations/maximize",),
    DividesFirstInCrowds: ("relations/none-is-absent",),
    DividesFirstInLaterGroups: ("relations/groups",),
    DividesFirstAfterLoad: ("relations/interrupted",),
    DividesFirstWhereStrided: ("layout/same-bits",),
    TailRoundsEachStep: ("layout/same-bits-in-16-bit-formats",),
    NeverGetsAnywhere: ("paper/regret-bound",),
}
