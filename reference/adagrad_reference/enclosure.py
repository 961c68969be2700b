"""The enclosure: every value that a legal evaluation of one step can store.

A legal evaluation works in a format F.  Each of its operations is rounded to nearest
in F, or kept in any wider format, or fused away; scalars are held in binary64 or
rounded once to F; the update is formed in any of six orders.  `step_box` follows all
of them at once with intervals.  Rounding is monotone, so RN([a, b]) lies in
[RN a, RN b]; by induction over the operations every legal evaluation stays inside.
A value outside is provably wrong.

The formula stands here once, in `form_scalars` and `step_box`.  It runs on two kinds
of arithmetic: `NormArithmetic` in mpmath (interval.py), which is the norm, and the
NumPy ones of array_intervals.py, which are never narrower.  The arithmetic carries the
numeric class.

In a class with `flushes`, every operand and every result that is subnormal in F may be
zero instead.  Inputs pass through `flush` once; the results of `opt`, `faithful`,
`opt64` and `store` are flushed, and so are hulls of them.  Only S'' skips `opt`; it is
used solely by `store` and `opt`, so every operand is flushed.

A `Dialect` (dialects.py) switches single lines to the rules of other programs; the
boxes then hold every legal evaluation of such a program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple, assert_never

from .dialects import DOCUMENT, Dialect
from .formats import Format
from .interval import Interval, NormArithmetic
from .numeric_class import NumericClass
from .options import Options
from .switches import APART

__all__ = [
    "GivenScalars",
    "ScalarBoxes",
    "form_scalars",
    "norm_arithmetic",
    "norm_step",
    "scalar_boxes",
    "step_box",
    "subtracts_decay",
    "used_gradients",
]


class GivenScalars(NamedTuple):
    """The hyperparameters of a step as points of an arithmetic."""

    one: Any
    before: Any  #: t - 1
    lr: Any
    lr_decay: Any
    weight_decay: Any | None  #: None where it is 0 and ALG-5 is skipped
    eps: Any


@dataclass(frozen=True)
class ScalarBoxes:
    """The scalars of a step as intervals, the same for all elements of a param."""

    clr: Any
    weight_decay: Any | None  #: None where it is 0 and ALG-5 is skipped
    eps: Any
    one: Any
    subtracts: bool = False  #: ALG-5 takes the decay from the gradient: a dialect


def form_scalars(ar: Any, given: GivenScalars) -> ScalarBoxes:
    """The scalars of a step: in binary64, rounded once to F, or evaluated in F."""
    one, weight_decay = given.one, given.weight_decay
    before, lr, decay = map(ar.flush, (given.before, given.lr, given.lr_decay))
    grown = ar.opt64(ar.add(one, ar.opt64(ar.mul(before, decay))))
    clr = ar.opt(ar.opt64(ar.div(lr, grown)))  # ALG-4
    if ar.cls.scalars_in_format:
        product = ar.opt(ar.mul(ar.opt(before), ar.opt(decay)))
        grown_in_format = ar.opt(ar.add(one, product))
        inverse = ar.opt(ar.div(one, grown_in_format))
        clr = ar.hull(  # divided, or multiplied by the reciprocal
            clr,
            ar.opt(ar.opt64(ar.mul(lr, ar.opt64(ar.div(one, grown))))),
            ar.opt(ar.div(ar.opt(lr), grown_in_format)),
            ar.opt(ar.mul(ar.opt(lr), inverse)),
        )
    weight_decay = None if weight_decay is None else ar.opt(weight_decay)
    return ScalarBoxes(clr, weight_decay, ar.opt(given.eps), one)


def step_box(
    ar: Any,
    theta: Any,
    state_sum: Any,
    g: Any,
    c: ScalarBoxes,
    dialect: Dialect = DOCUMENT,
    row_square: Any | None = None,
) -> tuple[Any, Any]:
    """(theta', S') after one step, as intervals of the arithmetic `ar`.

    `g` is the gradient after maximize (its sign is exact); `c` holds the scalars that
    `form_scalars` gives in the same arithmetic.  A `row_square` (row_wise.py) takes the
    place of the element's own square.
    """
    if dialect.update == "nothing":
        return theta, state_sum
    theta, state_sum, g = map(ar.flush, (theta, state_sum, g))
    g, squared = used_gradients(ar, theta, g, c, dialect)
    square = ar.square(squared)
    square = ar.faithful(square) if dialect.square == "faithful" else ar.opt(square)
    if row_square is not None:
        square = row_square
    exact_sum = _grown(ar, state_sum, square, c, dialect)  # ALG-6
    used_sum = state_sum if dialect.accumulator == "late" else exact_sum
    d = _denominator(ar, used_sum, c, dialect)
    update = _update(ar, g, d, c, dialect)  # ALG-7
    if dialect.guard == "zero":
        update = ar.guarded(update, ar.opt(used_sum), c.clr)
    elif dialect.guard == "nan":
        update = ar.without_nan(update)
    if dialect.accumulator == "rooted":
        exact_sum = d
    new_theta = ar.store(_moved(ar, theta, update, dialect))
    if c.weight_decay is not None and dialect.decay in APART:
        new_theta = _decoupled(ar, theta, (g, d, update), c, dialect)
    keep = ar.keep if ar.cls.keeps_sum else ar.store
    return new_theta, keep(exact_sum)


def used_gradients(
    ar: Any, theta: Any, g: Any, c: ScalarBoxes, dialect: Dialect
) -> tuple[Any, Any]:
    """The gradient that steps, and the one that is squared (ALG-5)."""
    if c.weight_decay is None or dialect.decay in APART:
        return g, g
    pull = ar.opt(ar.mul(theta, c.weight_decay))
    decayed = ar.opt(ar.sub(g, pull) if c.subtracts else ar.add(g, pull))
    match dialect.decay:
        case "sum-only":
            return g, decayed
        case "step-only":
            return decayed, g
        case "coupled" | "subtracted" | "ignored" | "doubled":
            return decayed, decayed
        case "decoupled" | "unscaled" | "undecayed":
            raise AssertionError(f"{dialect.decay} leaves the gradient as it is")
        case _:
            assert_never(dialect.decay)


def _grown(
    ar: Any, state_sum: Any, square: Any, c: ScalarBoxes, dialect: Dialect
) -> Any:
    """S'' before it is stored (ALG-6)."""
    match dialect.accumulator:
        case "grows" | "late" | "rooted" | "row-mean":
            return ar.add(state_sum, square)
        case "replaced":
            return square
        case "gains-eps":
            plain = ar.opt(ar.add(state_sum, square))
            return ar.add(plain, c.eps)
        case _:
            assert_never(dialect.accumulator)


def _denominator(ar: Any, state_sum: Any, c: ScalarBoxes, dialect: Dialect) -> Any:
    """sqrt(S'') + eps (ALG-7)."""
    radicand = ar.opt(state_sum)
    match dialect.eps:
        case "inside":
            return _root(ar, ar.opt(ar.add(radicand, c.eps)))
        case "squared":
            return _root(ar, ar.opt(ar.add(radicand, ar.opt(ar.square(c.eps)))))
        case "outside" | "none" | "replaced" | "binary32":  # c.eps is what it is there
            return ar.opt(ar.add(_root(ar, radicand), c.eps))
        case _:
            assert_never(dialect.eps)


def _root(ar: Any, radicand: Any) -> Any:
    root = ar.sqrt(radicand)
    return ar.faithful(root) if ar.cls.faithful_root else ar.opt(root)


def _update(ar: Any, g: Any, d: Any, c: ScalarBoxes, dialect: Dialect) -> Any:
    """clr g / d in each of its six orders (ALG-7)."""
    clr_g = ar.opt(ar.mul(g, c.clr))
    inverse = ar.div(c.one, d)
    if dialect.inverse == "approximate":
        inverse = ar.approximate(inverse)
    inverse = ar.opt(inverse)
    return ar.hull(
        ar.opt(ar.div(clr_g, d)),  # (clr g) / d
        ar.opt(ar.mul(ar.opt(ar.div(g, d)), c.clr)),  # clr (g / d)
        ar.opt(ar.mul(g, ar.opt(ar.div(c.clr, d)))),  # g (clr / d)
        ar.opt(ar.mul(clr_g, inverse)),  # (clr g) (1 / d)
        ar.opt(ar.mul(g, ar.opt(ar.mul(inverse, c.clr)))),  # g (clr (1 / d))
        ar.opt(ar.mul(ar.opt(ar.mul(g, inverse)), c.clr)),  # clr (g (1 / d))
    )


def _moved(ar: Any, theta: Any, update: Any, dialect: Dialect) -> Any:
    """theta' before it is stored (ALG-7)."""
    match dialect.update:
        case "subtracted":
            return ar.sub(theta, update)
        case "added":
            return ar.add(theta, update)
        case "alone":
            return ar.sub(ar.sub(theta, theta), update)
        case "nothing":
            raise AssertionError("nothing moves")
        case _:
            assert_never(dialect.update)


def _decoupled(
    ar: Any,
    theta: Any,
    parts: tuple[Any, Any, Any],
    c: ScalarBoxes,
    dialect: Dialect,
) -> Any:
    """theta' where the decay acts on theta, before the update, after it or with it.

    `parts` are g, the denominator, and the update, which is formed of both.
    """
    g, d, update = parts
    pull, rate = ar.opt(ar.mul(theta, c.weight_decay)), c.weight_decay
    if dialect.decay == "decoupled":
        rate = ar.opt(ar.mul(c.weight_decay, c.clr))
        pull = ar.hull(ar.opt(ar.mul(pull, c.clr)), ar.opt(ar.mul(theta, rate)))
    # theta (1 - rate) is theta - theta rate', where rate' has the error of 1 - rate
    shrunk = ar.sub(c.one, ar.opt(ar.sub(c.one, rate)))
    pull = ar.hull(pull, ar.mul(theta, shrunk))
    first = _moved(ar, ar.opt(ar.sub(theta, pull)), update, dialect)
    last = ar.sub(ar.opt(_moved(ar, theta, update, dialect)), pull)
    along = ar.sub(theta, ar.opt(ar.add(update, pull)))
    kept = ar.opt(ar.mul(theta, ar.opt(ar.sub(c.one, rate))))
    scaled = _moved(ar, kept, update, dialect)  # another number where theta is infinite
    if dialect.decay != "decoupled":
        return ar.store(ar.hull(first, last, along, scaled))
    # clr (g / d + weight_decay theta)
    own_pull = ar.opt(ar.mul(theta, c.weight_decay))
    quotient = ar.hull(
        ar.opt(ar.div(g, d)), ar.opt(ar.mul(g, ar.opt(ar.div(c.one, d))))
    )
    both = ar.opt(ar.mul(ar.opt(ar.add(quotient, own_pull)), c.clr))
    return ar.store(ar.hull(first, last, along, scaled, ar.sub(theta, both)))


@cache
def norm_arithmetic(fmt: Format, cls: NumericClass) -> NormArithmetic:
    """The arithmetic of the norm for a format and a class, made once."""
    return NormArithmetic(fmt, cls)


def subtracts_decay(o: Options, dialect: Dialect) -> bool:
    """Whether ALG-5 subtracts: by the switch, or because ALG-9 comes after it."""
    late = o.maximize and dialect.maximize == "after-decay"
    return late != (dialect.decay == "subtracted")


@lru_cache(maxsize=65536)
def scalar_boxes(
    fmt: Format, cls: NumericClass, t: int, o: Options, dialect: Dialect = DOCUMENT
) -> ScalarBoxes:
    """The norm: the scalars of step t."""
    ar = norm_arithmetic(fmt, cls)
    decay = ar.point(o.weight_decay) if o.weight_decay else None
    one, before, lr, lr_decay, eps = map(
        ar.point, (1.0, t - 1.0, o.lr, o.lr_decay, o.eps)
    )
    given = GivenScalars(one, before, lr, lr_decay, decay, eps)
    scalars = form_scalars(ar, given)
    return replace(scalars, subtracts=subtracts_decay(o, dialect))


def norm_step(
    fmt: Format,
    cls: NumericClass,
    theta: Interval,
    state_sum: Interval,
    g: float,
    t: int,
    o: Options,
    dialect: Dialect = DOCUMENT,
    row_square: Interval | None = None,
) -> tuple[Interval, Interval]:
    """The norm: boxes of theta' and S' for one element, end points in `fmt`."""
    ar = norm_arithmetic(fmt, cls)
    if dialect.zero == "elements-skip" and g == 0:
        return theta, state_sum
    gradient = Interval.point(-g if o.maximize else g)
    c = scalar_boxes(fmt, cls, t, o, dialect)
    pair = step_box(ar, theta, state_sum, gradient, c, dialect, row_square)
    if dialect.zero_decay == "off" or c.weight_decay is not None or theta.is_finite:
        return pair
    computed = replace(c, weight_decay=ar.point(0.0))
    other = step_box(ar, theta, state_sum, gradient, computed, dialect, row_square)
    return ar.hull(pair[0], other[0]), ar.hull(pair[1], other[1])
