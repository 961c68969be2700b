"""Rules: what a wrong program may compute in the place of a line of the document.

A rule predicts S' (ALG-6), and theta' (ALG-7) from the S' that the port shows.  It is
tried on the elements of steps as arrays, and agrees where the prediction lies within
`slack` ulp of what was seen, at the scale of what is added up.  Rules name
a fault and make no verdict: the enclosure alone says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adagrad_reference.fault_class import FaultClass

from .columns import Columns, given

__all__ = [
    "SKIPPED",
    "Rule",
    "agrees",
    "decayed_rate",
    "formula_rules",
    "moving_rule",
    "new_sum",
    "new_theta",
    "slug_of_switch",
    "switch_of",
    "update",
    "used_gradient",
]

Array = Any


@dataclass(frozen=True)
class Rule:
    """What is computed in the place of a line; `slug` is its lasting name."""

    slug: str
    words: str
    kind: FaultClass
    total: Callable[[Columns], Array]
    theta: Callable[[Columns], Array]
    #: the switch and value of a dialect that computes the same
    switch: tuple[str, str] | None = None
    #: what is subtracted from theta
    moves: Callable[[Columns], Array] | None = None
    #: where the lines are the document's: the inputs that they are given instead
    change: Callable[[Columns], Columns] | None = None


def agrees(c: Columns, predicted: Array, seen: Array, before: Array) -> Array:
    """Where a prediction is what was seen, as far as rounding lets it be told."""
    scale = np.maximum(np.abs(predicted), np.abs(before))
    scale = np.maximum(scale, c.narrowest)
    with np.errstate(all="ignore"):
        near = np.abs(predicted - seen) <= c.slack * scale * 2.0 ** (1 - c.precision)
        over = (np.abs(predicted) > c.largest) & np.isinf(seen)
    return near | over | (np.isnan(predicted) & np.isnan(seen)) | (predicted == seen)


# -- the document's lines ------------------------------------------------------------


def used_gradient(c: Columns) -> Array:
    """ALG-5 and ALG-9: the gradient that is squared."""
    return c.sign * c.gradient + c.weight_decay * c.theta


def decayed_rate(c: Columns) -> Array:
    """ALG-4."""
    return c.lr / (1 + (c.t - 1) * c.lr_decay)


def new_sum(c: Columns) -> Array:
    """ALG-6."""
    return c.total + used_gradient(c) ** 2


def new_theta(c: Columns) -> Array:
    """ALG-7, by the S' that was seen."""
    return c.theta - update(c)


def update(c: Columns) -> Array:
    """What ALG-7 subtracts."""
    return decayed_rate(c) * used_gradient(c) / (np.sqrt(c.new_total) + c.eps)


# -- other sums ------------------------------------------------------------------------

_F, _N, _R, _D = (
    FaultClass.FORMULA, FaultClass.NUMERICS, FaultClass.RATE, FaultClass.DECAY,
)  # fmt: skip


#: The rule by which nothing changes: a counter does not, either.
SKIPPED = "step-skipped"

#: Rules that are a dialect's, by slug.
_SWITCHES = {
    SKIPPED: ("update", "nothing"),
    "sum-replaced": ("accumulator", "replaced"),
    "sum-gains-eps": ("accumulator", "gains-eps"),
    "sum-without-decay": ("decay", "step-only"),
    "sign-flipped": ("update", "added"),
    "old-sum": ("accumulator", "late"),
    "eps-inside-root": ("eps", "inside"),
    "eps-squared-inside-root": ("eps", "squared"),
    "rate-from-t-0": ("rate", "t"),
    "rate-not-decayed": ("rate", "constant"),
    "rate-of-root": ("rate", "root"),
    "weight-decay-ignored": ("decay", "ignored"),
    "weight-decay-doubled": ("decay", "doubled"),
    "lr-decay-ignored": ("rate", "constant"),
    "eps-ignored": ("eps", "none"),
    "maximize-ignored": ("maximize", "ignored"),
}


def switch_of(slug: str) -> tuple[str, str] | None:
    """The switch and value that are the fault of this name."""
    return _SWITCHES.get(slug)


def slug_of_switch(name: str, value: str) -> str:
    """The name of the fault that a switch is: that of its rule, where it has one."""
    for slug, switch in _SWITCHES.items():
        if switch == (name, value):
            return slug
    return f"{name}-{value}".replace("_", "-")


def _sum(slug: str, words: str, f: Callable[[Columns], Array], kind: Any = _F) -> Rule:
    return Rule(slug, words, kind, f, new_theta, switch_of(slug), moves=update)


def _sum_rules() -> Iterator[Rule]:
    """What S' may be instead."""
    u = used_gradient
    yield _sum("sum-of-magnitudes", "S grows by |g|", lambda c: c.total + np.abs(u(c)))
    yield Rule(
        SKIPPED,
        "the step is skipped",
        _F,
        lambda c: c.total,
        lambda c: c.theta,
        switch_of(SKIPPED),
        moves=lambda c: 0 * c.theta,
    )
    yield _sum("sum-kept", "S does not grow", lambda c: c.total)
    yield _sum("sum-replaced", "S is the last square alone", lambda c: u(c) ** 2)
    yield _sum(
        "sum-of-scaled-gradients",
        "S sums (lr g)^2 instead of g^2",
        lambda c: c.total + (c.lr * u(c)) ** 2,
    )
    yield _sum(
        "sum-of-decayed-gradients",
        "S sums (clr g)^2 instead of g^2",
        lambda c: c.total + (decayed_rate(c) * u(c)) ** 2,
    )
    yield _sum(
        "running-mean",
        "S is the running mean of the squares, not their sum",
        lambda c: c.total + (u(c) ** 2 - c.total) / c.t,
    )
    for rho in (0.5, 0.9, 0.95, 0.99, 0.999):
        yield _sum(
            "moving-average",
            f"S is a moving average: {rho:g} S + {1 - rho:g} g^2, as of RMSprop",
            given(lambda c, rho: rho * c.total + (1 - rho) * u(c) ** 2, rho),
        )
        yield _sum(
            "sum-decays",
            f"S decays: {rho:g} S + g^2",
            given(lambda c, rho: rho * c.total + u(c) ** 2, rho),
        )
    yield _sum(
        "maximum", "S is the largest square", lambda c: np.maximum(c.total, u(c) ** 2)
    )
    for factor in (2.0, 0.5, 3.0):
        yield _sum(
            "square-scaled",
            f"S grows by {factor:g} g^2",
            given(lambda c, k: c.total + k * u(c) ** 2, factor),
        )
    yield _sum(
        "square-of-sum", "S grows by (g + g)^2", lambda c: c.total + (2 * u(c)) ** 2
    )
    yield _sum(
        "sum-of-cubes", "S grows by |g|^3", lambda c: c.total + np.abs(u(c)) ** 3
    )
    yield _sum("sum-of-fourths", "S grows by g^4", lambda c: c.total + u(c) ** 4)
    yield _sum(
        "sum-without-decay",
        "weight decay does not enter S",
        lambda c: c.total + c.gradient**2,
        _D,
    )
    yield _sum(
        "sum-gains-eps", "eps is added to S", lambda c: c.total + u(c) ** 2 + c.eps
    )
    yield _sum("sum-subtracted", "g^2 is taken from S", lambda c: c.total - u(c) ** 2)


# -- other updates ---------------------------------------------------------------------


def moving_rule(
    slug: str, words: str, f: Callable[[Columns], Array], kind: Any = _F
) -> Rule:
    """A rule of theta' that subtracts `f`."""
    switch = switch_of(slug)
    return Rule(slug, words, kind, new_sum, lambda c: c.theta - f(c), switch, moves=f)


def _theta_rules() -> Iterator[Rule]:
    """What theta' may be instead."""
    u, clr = used_gradient, decayed_rate

    def root(c: Columns) -> Array:
        return np.sqrt(c.new_total)

    yield moving_rule("theta-kept", "theta does not move", lambda c: 0 * c.theta)
    yield moving_rule("sign-flipped", "the update is added", lambda c: -update(c))
    for k in (2.0, 0.5, 3.0, 10.0, 0.1):
        words = (
            "the update is applied twice"
            if k == 2
            else f"the update is {k:g} times what it must be"
        )
        yield moving_rule(
            "update-doubled" if k == 2 else "update-scaled",
            words,
            given(lambda c, k: k * update(c), k),
        )
    yield moving_rule(
        "root-divided-twice",
        "the update is divided by the root twice",
        lambda c: clr(c) * u(c) / (root(c) + c.eps) / (root(c) + c.eps),
    )
    yield moving_rule(
        "root-divided-twice",
        "the update is divided by S, not by its root",
        lambda c: clr(c) * u(c) / (c.new_total + c.eps),
    )
    yield moving_rule(
        "not-divided", "the update is not divided by the root", lambda c: clr(c) * u(c)
    )
    yield moving_rule(
        "cube-root",
        "the cube root is taken",
        lambda c: clr(c) * u(c) / (np.cbrt(c.new_total) + c.eps),
    )
    yield moving_rule(
        "fourth-root",
        "the root is taken twice",
        lambda c: clr(c) * u(c) / (np.sqrt(root(c)) + c.eps),
    )
    yield moving_rule(
        "sign-of-gradient",
        "the sign of the gradient is used, not its size",
        lambda c: clr(c) * np.sign(u(c)),
    )
    yield moving_rule(
        "old-sum",
        "the update divides by the root of S as it was before the step",
        lambda c: clr(c) * u(c) / (np.sqrt(c.total) + c.eps),
    )
    yield moving_rule(
        "eps-inside-root",
        "eps is inside the root: sqrt(S + eps)",
        lambda c: clr(c) * u(c) / np.sqrt(c.new_total + c.eps),
    )
    yield moving_rule(
        "eps-squared-inside-root",
        "eps squared is inside the root: sqrt(S + eps^2)",
        lambda c: clr(c) * u(c) / np.sqrt(c.new_total + c.eps**2),
    )
    yield moving_rule(
        "eps-twice",
        "eps is both inside and outside the root",
        lambda c: clr(c) * u(c) / (np.sqrt(c.new_total + c.eps) + c.eps),
    )
    yield moving_rule(
        "eps-as-floor",
        "eps is a floor of the root, not added to it",
        lambda c: clr(c) * u(c) / np.maximum(root(c), c.eps),
    )
    yield moving_rule(
        "eps-subtracted",
        "eps is taken from the root",
        lambda c: clr(c) * u(c) / (root(c) - c.eps),
    )
    yield moving_rule(
        "rate-squared", "lr is applied twice", lambda c: c.lr * update(c), _R
    )
    yield moving_rule("rate-ignored", "lr is ignored", lambda c: update(c) / c.lr, _R)
    yield moving_rule(
        "rate-exponential",
        "lr decays by a power: lr (1 - lr_decay)^(t-1)",
        lambda c: update(c) / clr(c) * c.lr * (1 - c.lr_decay) ** (c.t - 1),
        _R,
    )
    yield moving_rule(
        "rate-exponential",
        "lr decays by an exponential: lr exp(-lr_decay (t-1))",
        lambda c: update(c) / clr(c) * c.lr * np.exp(-c.lr_decay * (c.t - 1)),
        _R,
    )
    yield moving_rule(
        "rate-of-root",
        "lr decays with the root of 1 + (t-1) lr_decay",
        lambda c: update(c) / clr(c) * c.lr / np.sqrt(1 + (c.t - 1) * c.lr_decay),
        _R,
    )
    yield moving_rule(
        "rate-linear",
        "lr decays linearly: lr (1 - (t-1) lr_decay)",
        lambda c: update(c) / clr(c) * c.lr * (1 - (c.t - 1) * c.lr_decay),
        _R,
    )
    yield moving_rule(
        "decay-not-in-numerator",
        "weight decay does not enter the numerator",
        lambda c: update(c.but(weight_decay=0 * c.weight_decay)),
        _D,
    )
    yield moving_rule(
        "decay-of-rate-too",
        "weight decay is taken from theta once more, times lr",
        lambda c: update(c) + clr(c) * c.weight_decay * c.theta,
        _D,
    )
    for limit in (1.0, 0.1, 10.0):
        yield moving_rule(
            "update-clipped",
            f"the update is clipped at {limit:g}",
            given(lambda c, m: np.clip(update(c), -m, m), limit),
        )


def formula_rules() -> Iterator[Rule]:
    """All rules of other lines."""
    yield from _sum_rules()
    yield from _theta_rules()
