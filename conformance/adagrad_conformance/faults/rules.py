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
    "Rule",
    "agrees",
    "inferred_rules",
    "inferred_sums",
    "new_sum",
    "new_theta",
    "rules",
    "rules_upon",
    "slug_of_switch",
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


def _used_gradient(c: Columns) -> Array:
    """ALG-5 and ALG-9: the gradient that is squared."""
    return c.sign * c.gradient + c.weight_decay * c.theta


def _decayed_rate(c: Columns) -> Array:
    """ALG-4."""
    return c.lr / (1 + (c.t - 1) * c.lr_decay)


def new_sum(c: Columns) -> Array:
    """ALG-6."""
    return c.total + _used_gradient(c) ** 2


def new_theta(c: Columns) -> Array:
    """ALG-7, by the S' that was seen."""
    return c.theta - _update(c)


def _update(c: Columns) -> Array:
    """What ALG-7 subtracts."""
    return _decayed_rate(c) * _used_gradient(c) / (np.sqrt(c.new_total) + c.eps)


# -- other sums ------------------------------------------------------------------------

_F, _N, _R, _D = (
    FaultClass.FORMULA, FaultClass.NUMERICS, FaultClass.RATE, FaultClass.DECAY,
)  # fmt: skip


#: Rules that are a dialect's, by slug.
_SWITCHES = {
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


def slug_of_switch(name: str, value: str) -> str:
    """The name of the fault that a switch is: that of its rule, where it has one."""
    for slug, switch in _SWITCHES.items():
        if switch == (name, value):
            return slug
    return f"{name}-{value}".replace("_", "-")


def _sum(slug: str, words: str, f: Callable[[Columns], Array], kind: Any = _F) -> Rule:
    return Rule(slug, words, kind, f, new_theta, _SWITCHES.get(slug), moves=_update)


def _sum_rules() -> Iterator[Rule]:
    """What S' may be instead."""
    u = _used_gradient
    yield _sum("sum-of-magnitudes", "S grows by |g|", lambda c: c.total + np.abs(u(c)))
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
        lambda c: c.total + (_decayed_rate(c) * u(c)) ** 2,
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


def _moves(
    slug: str, words: str, f: Callable[[Columns], Array], kind: Any = _F
) -> Rule:
    switch = _SWITCHES.get(slug)
    return Rule(slug, words, kind, new_sum, lambda c: c.theta - f(c), switch, moves=f)


def _theta_rules() -> Iterator[Rule]:
    """What theta' may be instead."""
    u, clr = _used_gradient, _decayed_rate

    def root(c: Columns) -> Array:
        return np.sqrt(c.new_total)

    yield _moves("theta-kept", "theta does not move", lambda c: 0 * c.theta)
    yield _moves("sign-flipped", "the update is added", lambda c: -_update(c))
    for k in (2.0, 0.5, 3.0, 10.0, 0.1):
        words = (
            "the update is applied twice"
            if k == 2
            else f"the update is {k:g} times what it must be"
        )
        yield _moves(
            "update-doubled" if k == 2 else "update-scaled",
            words,
            given(lambda c, k: k * _update(c), k),
        )
    yield _moves(
        "root-divided-twice",
        "the update is divided by the root twice",
        lambda c: clr(c) * u(c) / (root(c) + c.eps) / (root(c) + c.eps),
    )
    yield _moves(
        "root-divided-twice",
        "the update is divided by S, not by its root",
        lambda c: clr(c) * u(c) / (c.new_total + c.eps),
    )
    yield _moves(
        "not-divided", "the update is not divided by the root", lambda c: clr(c) * u(c)
    )
    yield _moves(
        "cube-root",
        "the cube root is taken",
        lambda c: clr(c) * u(c) / (np.cbrt(c.new_total) + c.eps),
    )
    yield _moves(
        "fourth-root",
        "the root is taken twice",
        lambda c: clr(c) * u(c) / (np.sqrt(root(c)) + c.eps),
    )
    yield _moves(
        "sign-of-gradient",
        "the sign of the gradient is used, not its size",
        lambda c: clr(c) * np.sign(u(c)),
    )
    yield _moves(
        "old-sum",
        "the update divides by the root of S as it was before the step",
        lambda c: clr(c) * u(c) / (np.sqrt(c.total) + c.eps),
    )
    yield _moves(
        "eps-inside-root",
        "eps is inside the root: sqrt(S + eps)",
        lambda c: clr(c) * u(c) / np.sqrt(c.new_total + c.eps),
    )
    yield _moves(
        "eps-squared-inside-root",
        "eps squared is inside the root: sqrt(S + eps^2)",
        lambda c: clr(c) * u(c) / np.sqrt(c.new_total + c.eps**2),
    )
    yield _moves(
        "eps-twice",
        "eps is both inside and outside the root",
        lambda c: clr(c) * u(c) / (np.sqrt(c.new_total + c.eps) + c.eps),
    )
    yield _moves(
        "eps-as-floor",
        "eps is a floor of the root, not added to it",
        lambda c: clr(c) * u(c) / np.maximum(root(c), c.eps),
    )
    yield _moves(
        "eps-subtracted",
        "eps is taken from the root",
        lambda c: clr(c) * u(c) / (root(c) - c.eps),
    )
    yield _moves("rate-squared", "lr is applied twice", lambda c: c.lr * _update(c), _R)
    yield _moves("rate-ignored", "lr is ignored", lambda c: _update(c) / c.lr, _R)
    yield _moves(
        "rate-exponential",
        "lr decays by a power: lr (1 - lr_decay)^(t-1)",
        lambda c: _update(c) / clr(c) * c.lr * (1 - c.lr_decay) ** (c.t - 1),
        _R,
    )
    yield _moves(
        "rate-exponential",
        "lr decays by an exponential: lr exp(-lr_decay (t-1))",
        lambda c: _update(c) / clr(c) * c.lr * np.exp(-c.lr_decay * (c.t - 1)),
        _R,
    )
    yield _moves(
        "rate-of-root",
        "lr decays with the root of 1 + (t-1) lr_decay",
        lambda c: _update(c) / clr(c) * c.lr / np.sqrt(1 + (c.t - 1) * c.lr_decay),
        _R,
    )
    yield _moves(
        "rate-linear",
        "lr decays linearly: lr (1 - (t-1) lr_decay)",
        lambda c: _update(c) / clr(c) * c.lr * (1 - (c.t - 1) * c.lr_decay),
        _R,
    )
    yield _moves(
        "decay-not-in-numerator",
        "weight decay does not enter the numerator",
        lambda c: _update(c.but(weight_decay=0 * c.weight_decay)),
        _D,
    )
    yield _moves(
        "decay-of-rate-too",
        "weight decay is taken from theta once more, times lr",
        lambda c: _update(c) + clr(c) * c.weight_decay * c.theta,
        _D,
    )
    for limit in (1.0, 0.1, 10.0):
        yield _moves(
            "update-clipped",
            f"the update is clipped at {limit:g}",
            given(lambda c, m: np.clip(_update(c), -m, m), limit),
        )


# -- other inputs ----------------------------------------------------------------------


def _input(
    slug: str, words: str, change: Callable[[Columns], Columns], kind: Any = _F
) -> Rule:
    """The document's lines, with another value of an input."""
    return Rule(
        slug,
        words,
        kind,
        lambda c: new_sum(change(c)),
        lambda c: new_theta(change(c)),
        _SWITCHES.get(slug),
        moves=lambda c: _update(change(c)),
        change=change,
    )


_OPTIONS = {
    "lr": _R,
    "lr_decay": _R,
    "weight_decay": _D,
    "eps": _F,
}


def _input_rules() -> Iterator[Rule]:
    """What the document's lines may be given instead of what is asked."""
    for name, kind in _OPTIONS.items():
        slug = name.replace("_", "-")
        yield _input(
            f"{slug}-of-constructor",
            f"the constructor's {name} is used in every group",
            given(lambda c, n: c.but(**{n: getattr(c, f"made_{n}")}), name),
            FaultClass.STATE,
        )
        yield _input(
            f"{slug}-stale",
            f"a change of {name} has no effect",
            given(lambda c, n: c.but(**{n: getattr(c, f"old_{n}")}), name),
            FaultClass.STATE,
        )
        for digits in range(2, 9):
            yield _input(
                f"{slug}-rounded",
                f"{name} is rounded to {digits} decimals",
                given(
                    lambda c, n, d: c.but(**{n: np.round(getattr(c, n), d)}),
                    name,
                    digits,
                ),
                kind,
            )
        for digits in range(2, 8):
            yield _input(
                f"{slug}-rounded",
                f"{name} is rounded to {digits} digits",
                given(
                    lambda c, n, d: c.but(**{n: _digits(getattr(c, n), d)}),
                    name,
                    digits,
                ),
                kind,
            )
        for form in ("float32", "float16"):
            yield _input(
                f"{slug}-in-{form}",
                f"{name} is rounded to {form}",
                given(
                    lambda c, n, f: c.but(
                        **{n: np.asarray(getattr(c, n), f).astype(float)}
                    ),
                    name,
                    form,
                ),
                _N,
            )
        yield _input(
            f"{slug}-capped",
            f"{name} is at most 1",
            given(lambda c, n: c.but(**{n: np.minimum(getattr(c, n), 1)}), name),
            kind,
        )
        yield _input(
            f"{slug}-ignored",
            f"{name} is ignored",
            given(lambda c, n: c.but(**{n: 0 * getattr(c, n)}), name),
            kind,
        )
        for k in (2.0, 0.5):
            yield _input(
                f"{slug}-doubled" if k == 2 else f"{slug}-halved",
                f"{name} is doubled" if k == 2 else f"{name} is halved",
                given(lambda c, n, k: c.but(**{n: k * getattr(c, n)}), name, k),
                kind,
            )
    for floor in (1e-12, 1e-10, 1e-8, 1e-7, 1e-6):
        yield _input(
            "eps-floor",
            f"eps is at least {floor:g}",
            given(lambda c, f: c.but(eps=np.maximum(c.eps, f)), floor),
        )
    yield _input(
        "maximize-ignored",
        "maximize is ignored",
        lambda c: c.but(sign=0 * c.sign + 1),
        _D,
    )
    yield _input(
        "decay-sign-follows-maximize",
        "weight decay is negated where maximize is on",
        lambda c: c.but(weight_decay=c.sign * c.weight_decay),
        _D,
    )
    yield _input(
        "rate-from-t-0",
        "t is counted from 0: the first step decays lr already",
        lambda c: c.but(t=c.t + 1),
        _R,
    )
    yield _input(
        "rate-one-behind",
        "lr decays one step late",
        lambda c: c.but(t=np.maximum(c.t - 1, 1)),
        _R,
    )
    for limit in (0.5, 1.0, 5.0, 10.0, 100.0):
        yield _input(
            "gradient-clipped",
            f"the gradient is clipped at {limit:g}",
            given(lambda c, m: c.but(gradient=np.clip(c.gradient, -m, m)), limit),
            FaultClass.GRADIENTS,
        )
    for k in (2.0, 0.5):
        yield _input(
            "gradient-scaled",
            f"the gradient is taken {k:g} times",
            given(lambda c, k: c.but(gradient=k * c.gradient), k),
            FaultClass.GRADIENTS,
        )
    yield _input(
        "gradient-averaged",
        "the gradient is divided by the number of elements",
        lambda c: c.but(gradient=c.gradient / np.maximum(c.size, 1)),
        FaultClass.GRADIENTS,
    )


def _digits(values: Array, digits: int) -> Array:
    with np.errstate(all="ignore"):
        power = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(values))))
        return np.where(values != 0, np.round(values * power) / power, 0.0)


def rules() -> Iterator[Rule]:
    """All rules without a constant of the port's own."""
    yield from _sum_rules()
    yield from _theta_rules()
    yield from _input_rules()


def rules_upon(base: Rule) -> Iterator[Rule]:
    """Rules of inputs, where the port computes another rule already."""
    if base.moves is None:
        return
    moves = base.moves
    for rule in _input_rules():
        change = rule.change
        if change is None or rule.slug == base.slug:
            continue
        yield Rule(
            rule.slug,
            rule.words,
            rule.kind,
            given(lambda c, change: base.total(change(c)), change),
            given(lambda c, change: c.theta - moves(change(c)), change),
        )


# -- rules with a constant that the port itself shows --------------------------------


def inferred_sums(c: Columns) -> Iterator[Rule]:
    """Rules of S' whose constant is solved for in these rows, in all of which it is
    wrong.
    """
    with np.errstate(all="ignore"):
        used = np.sqrt(np.asarray(c.new_total - c.total, float))
        theta, gradient = np.asarray(c.theta, float), np.asarray(c.gradient, float)
        tells = np.abs(theta) > 2.0 ** (6 - c.precision) * np.abs(gradient)
        decays = [(s * used - c.sign * gradient) / theta for s in (1.0, -1.0)]
    for value in _constants(np.concatenate([x[tells] for x in decays])):
        yield _input(
            "weight-decay-fixed",
            f"weight_decay is {value:g}, whatever is asked",
            given(lambda c, v: c.but(weight_decay=0 * c.weight_decay + v), value),
            _D,
        )


def inferred_rules(c: Columns) -> Iterator[Rule]:
    """Rules of theta' whose constant is solved for in these rows, all of them wrong."""
    with np.errstate(all="ignore"):
        step = np.asarray(c.theta - c.new_theta, float)
        used, root = (
            np.asarray(_used_gradient(c), float),
            np.sqrt(np.asarray(c.new_total, float)),
        )
        tells = np.abs(step) > 2.0 ** (12 - c.precision) * np.abs(
            np.asarray(c.theta, float)
        )
        rate = step * (root + np.asarray(c.eps, float)) / used
        eps = np.asarray(_decayed_rate(c), float) * used / step - root
        times = 1 + (np.asarray(c.lr, float) / rate - 1) / c.lr_decay
    eps_tells = tells & (eps > 2.0 ** (8 - c.precision) * root)
    for value in _constants(rate[tells]):
        yield _moves(
            "rate-fixed",
            f"the learning rate is {value:g}, whatever is asked",
            given(lambda c, v: _update(c) / _decayed_rate(c) * v, value),
            _R,
        )
    for value in _constants(eps[eps_tells]):
        yield _moves(
            "eps-fixed",
            f"eps is {value:g}, whatever is asked",
            given(lambda c, v: _update(c.but(eps=0 * c.eps + v)), value),
        )
    for value in _constants(np.abs(step[tells])):
        yield _moves(
            "update-clipped",
            f"the update is at most {value:g}",
            given(lambda c, v: np.clip(_update(c), -v, v), value),
        )
    far = tells & (c.lr_decay > 0) & (times > 1.5)
    for value in _constants(np.round(times[far], 1), whole=True):
        yield _moves(
            "t-capped",
            f"t is at most {value:g}",
            given(lambda c, v: _update(c.but(t=np.minimum(c.t, v))), value),
            _R,
        )


def _constants(values: Array, whole: bool = False) -> list[float]:
    """The values that many of the rows agree on, each as the shortest decimal."""
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) < 3:
        return []
    digits = np.round(np.log10(values), 2)
    found = []
    for key, count in zip(*np.unique(digits, return_counts=True), strict=True):
        if count >= max(3, len(values) / 8):
            near = np.median(values[digits == key])
            short = float(f"{near:.2g}")
            found.append((count, round(near) if whole else short))
    found.sort(reverse=True)
    return [value for _, value in found[:3]]
