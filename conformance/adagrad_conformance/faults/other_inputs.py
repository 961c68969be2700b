"""Rules of inputs: the document's lines, given another value of an option.

A constant that the port itself shows is solved for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adagrad_reference.fault_class import FaultClass

from .columns import Columns, given
from .rules import (
    Rule,
    decayed_rate,
    formula_rules,
    moving_rule,
    new_sum,
    new_theta,
    switch_of,
    update,
    used_gradient,
)

__all__ = ["inferred_rules", "inferred_sums", "rules", "rules_upon"]

Array = Any

_F, _N, _R, _D = (
    FaultClass.FORMULA, FaultClass.NUMERICS, FaultClass.RATE, FaultClass.DECAY,
)  # fmt: skip


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
        switch_of(slug),
        moves=lambda c: update(change(c)),
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
    for word, whose in (
        ("last", "that of the step before"),
        ("other", "that of another param of the same shape"),
    ):
        yield _input(
            f"gradient-of-{word}",
            f"the gradient is {whose}",
            given(lambda c, w: c.but(gradient=getattr(c, f"{w}_gradient")), word),
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
    yield from formula_rules()
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
            np.asarray(used_gradient(c), float),
            np.sqrt(np.asarray(c.new_total, float)),
        )
        tells = np.abs(step) > 2.0 ** (12 - c.precision) * np.abs(
            np.asarray(c.theta, float)
        )
        rate = step * (root + np.asarray(c.eps, float)) / used
        eps = np.asarray(decayed_rate(c), float) * used / step - root
        times = 1 + (np.asarray(c.lr, float) / rate - 1) / c.lr_decay
    eps_tells = tells & (eps > 2.0 ** (8 - c.precision) * root)
    for value in _constants(rate[tells]):
        yield moving_rule(
            "rate-fixed",
            f"the learning rate is {value:g}, whatever is asked",
            given(lambda c, v: update(c) / decayed_rate(c) * v, value),
            _R,
        )
    for value in _constants(eps[eps_tells]):
        yield moving_rule(
            "eps-fixed",
            f"eps is {value:g}, whatever is asked",
            given(lambda c, v: update(c.but(eps=0 * c.eps + v)), value),
        )
    for value in _constants(np.abs(step[tells])):
        yield moving_rule(
            "update-clipped",
            f"the update is at most {value:g}",
            given(lambda c, v: np.clip(update(c), -v, v), value),
        )
    far = tells & (c.lr_decay > 0) & (times > 1.5)
    for value in _constants(np.round(times[far], 1), whole=True):
        yield moving_rule(
            "t-capped",
            f"t is at most {value:g}",
            given(lambda c, v: update(c.but(t=np.minimum(c.t, v))), value),
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
