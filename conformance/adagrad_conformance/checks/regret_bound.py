"""The regret bound of the paper, on convex problems whose gradients follow the port.

Duchi, Hazan and Singer (2011), Theorem 5, diagonal case, on all of R^n: with D the
largest distance |x_t,i - x*_i| over all steps and coordinates,

    sum_t f_t(x_t) - f_t(x*)  <=  D^2 / (2 lr) sum_i sqrt(tau + |g_1:T,i|^2)
                                  + lr sum_i |g_1:T,i| + eps |x_1 - x*|^2 / (2 lr).

The losses are piecewise linear with exact coefficients, so that every subgradient is a
number of the format and both sides can be computed exactly from the port's own x_t.

Rounding.  A step that rounds misses the exact one by delta, at most 8 u max(|x|, |q|),
and adds at most H D |delta| / lr + H delta^2 / (2 lr) to the regret, H being the
denominator, at most sqrt(tau + |g_1:T,i|^2) + eps.  Over T <= 2^10 steps with |x| and
|q| at most 2^6 D that is less than 2^10 2^3 2^-53 2^6 2 = 2^-33 of the right side's
first term; `ALLOWANCE` is wider.  In narrower formats theta can stand still, and the
bound fails for every port; so the problems are in binary64 alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from adagrad_conformance.adapters.base import Reading
from adagrad_reference.algorithm import context
from adagrad_reference.claims import needed_claims
from adagrad_reference.formats import BINARY64
from adagrad_reference.options import Options
from adagrad_reference.scenario import Event, New, Scenario, Step, Tensor, tensor

from .kinds import Adaptive, Place
from .scenarios.builders import draw, optimizer, rng

__all__ = ["ALLOWANCE", "PROBLEMS", "ConvexProblem", "convex_problems"]

ALLOWANCE = Fraction(1, 2**30)
STEPS = 120

Vector = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ConvexProblem(Adaptive):
    """f_t(x) = |a_t x - b_t|, or with `hinge` max(0, b_t - a_t x); t = 1 to T.

    `rows` are the pairs (a_t, b_t), `start` is x_1 and `comparator` x*, all of one
    length; the param is called p.
    """

    id: str
    start: Vector
    comparator: Vector
    rows: Sequence[tuple[Vector, float]]
    options: Mapping[str, Any]
    hinge: bool = False
    requirements: tuple[str, ...] = ("paper/regret-bound",)

    @property
    def tensors(self) -> Mapping[str, Tensor]:  # type: ignore[override]
        """The param p, in binary64."""
        return {"p": tensor(BINARY64, self.start)}

    @property
    def needed_claims(self) -> frozenset[str]:
        """The claims of the constructor with its options."""
        first = self._new()
        return needed_claims(Scenario(self.id, (), "MUST", self.tensors, (first,)))

    def _new(self) -> New:
        return optimizer(**self.options)

    def loss(self, t: int, x: Vector) -> Fraction:
        """f_t(x), exactly; t counts from 0 here."""
        value = self._linear(t, x)
        return max(value, Fraction(0)) if self.hinge else abs(value)

    def gradient(self, t: int, x: Vector) -> Vector:
        """A subgradient of f_t at x."""
        value, (a, _) = self._linear(t, x), self.rows[t]
        if value == 0 or (self.hinge and value < 0):
            return (0.0,) * len(a)
        return tuple(-c for c in a) if value > 0 else a

    def _linear(self, t: int, x: Vector) -> Fraction:
        """b_t - a_t x."""
        a, b = self.rows[t]
        product = sum((Fraction(c) * Fraction(v) for c, v in zip(a, x, strict=True)))
        return Fraction(b) - product

    def events(self) -> Generator[Event, Mapping[Place, Reading], None]:
        """Construct, then step with the gradient at the theta that the port shows."""
        readings = yield self._new()
        for t in range(len(self.rows)):
            x = tuple(readings["A", "p"].theta.values())
            if not all(map(math.isfinite, x)):
                return
            gradient = self.gradient(t, x)
            readings = yield Step("A", {"p": tensor(BINARY64, gradient)})

    def problem(self, thetas: Sequence[Tensor]) -> str | None:
        """The regret and its bound where it exceeds the bound; else None.

        `thetas` are x_1, x_2, ...
        """
        points = [tuple(theta.values()) for theta in thetas]
        if not all(math.isfinite(v) for x in points for v in x):
            return "theta is not finite on a convex problem"
        if len(points) <= len(self.rows):
            return f"the run broke off after {len(points) - 1} steps"
        regret, bound = self.regret(points), self.bound(points)
        if regret <= bound * (1 + ALLOWANCE):
            return None
        return f"the regret is {float(regret):.6g}, its bound {float(bound):.6g}"

    def regret(self, points: Sequence[Vector]) -> Fraction:
        """The left side of the bound at the points x_1, x_2, ..."""
        return sum(
            (
                self.loss(t, points[t]) - self.loss(t, self.comparator)
                for t in range(len(self.rows))
            ),
            Fraction(0),
        )

    def bound(self, points: Sequence[Vector]) -> Fraction:
        """The right side of the bound, with square roots to 200 bits."""
        o, ctx = Options().override(self.options), context()
        lr, tau, eps = Fraction(o.lr), o.initial_accumulator_value, Fraction(o.eps)
        steps = range(len(self.rows))
        gradients = [self.gradient(t, points[t]) for t in steps]
        distance = max(
            abs(Fraction(v) - Fraction(c))
            for x in points[: len(self.rows)]
            for v, c in zip(x, self.comparator, strict=True)
        )
        with_tau = without = start = Fraction(0)
        for i, c in enumerate(self.comparator):
            squares = sum((Fraction(g[i]) ** 2 for g in gradients), Fraction(0))
            with_tau += _root(ctx, squares + Fraction(tau))
            without += _root(ctx, squares)
            start += (Fraction(points[0][i]) - Fraction(c)) ** 2
        return distance**2 / (2 * lr) * with_tau + lr * without + eps * start / (2 * lr)


def _root(ctx: Any, value: Fraction) -> Fraction:
    quotient = ctx.mpf(value.numerator) / value.denominator
    mantissa, exponent = ctx.sqrt(quotient).man_exp
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def convex_problems() -> Iterator[ConvexProblem]:
    """Every problem of the table."""
    for written in PROBLEMS:
        yield written()


def _pulled_back() -> ConvexProblem:
    """A steep |x - x*|: the hardest problem for a rate that is too large."""
    source = rng("convex/pulled-back")
    slopes = [abs(a) for a in draw(source, STEPS, 0.3, 2.7)]
    return ConvexProblem(
        "convex/pulled-back/binary64",
        start=(0.0,),
        comparator=(1.3,),
        rows=[((slope,), slope * 1.3) for slope in slopes],
        options={"lr": 0.7, "eps": 1.3e-5},
    )


def _regression() -> ConvexProblem:
    """Absolute errors of sparse features, as in the paper; tau is not 0."""
    source = rng("convex/regression")
    truth = (0.83, -1.9, 0.0, 2.6)
    rows = []
    for number in range(STEPS):
        a = [0.0, 0.0, 0.0, 0.0]
        for i in {number % 2, source.randrange(4)}:
            a[i] = draw(source, 1, 0.2, 3.0)[0]
        b = sum(c * x for c, x in zip(a, truth, strict=True))
        rows.append((tuple(a), b + draw(source, 1, 0.01, 0.3)[0]))
    return ConvexProblem(
        "convex/regression/binary64",
        start=(0.0, 0.0, 0.7, 0.0),
        comparator=truth,
        rows=rows,
        options={"lr": 1.7, "eps": 0.21, "initial_accumulator_value": 0.3},
    )


def _margin() -> ConvexProblem:
    """Hinge losses: many of the gradients are zero."""
    source = rng("convex/margin")
    truth = (1.4, -0.6, 0.9)
    rows = []
    for _ in range(STEPS):
        a = draw(source, 3, 0.1, 2.0)
        side = 1 if sum(c * x for c, x in zip(a, truth, strict=True)) > 0 else -1
        rows.append((tuple(side * c for c in a), 1.0))
    return ConvexProblem(
        "convex/margin/binary64",
        start=(-1.1, 0.4, 0.0),
        comparator=truth,
        rows=rows,
        options={"lr": 0.43, "eps": 1.3e-5},
        hinge=True,
    )


#: Everything that `convex_problems` yields, in the order of a run.
PROBLEMS: tuple[Callable[[], ConvexProblem], ...] = (
    _pulled_back,
    _regression,
    _margin,
)
