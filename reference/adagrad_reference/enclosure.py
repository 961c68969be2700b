"""The enclosure: every value that a legal evaluation of one step can store.

A legal evaluation works in a format F.  Each of its operations is rounded to nearest
in F, or kept in any wider format, or fused away; scalars are held in binary64 or
rounded once to F; the update is formed in any of five orders.  `step_box` follows all
of them at once with intervals.  Rounding is monotone, so RN([a, b]) lies in
[RN a, RN b]; by induction over the operations every legal evaluation stays inside.
A value outside is provably wrong.

The formula stands here once, in `form_scalars` and `step_box`.  It runs on two kinds
of arithmetic: `NormArithmetic` in mpmath (interval.py), which is the norm, and NumPy
ones (fast_arithmetic.py) that are never narrower.

A class with `flushes` lets every operand and every result that is subnormal in F be
zero instead.  Inputs pass through `flush` once; whatever leaves `opt`, `faithful`,
`opt64` or `store` is flushed already, and so is a hull of such.  What does not leave
them is the sum S'', and it goes nowhere else: so all operands are flushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .formats import FORMATS, Format
from .interval import Interval, NormArithmetic
from .options import Options

__all__ = [
    "CLASSES",
    "FLUSHED",
    "LAWFUL",
    "TIGHT",
    "GivenScalars",
    "NumericClass",
    "ScalarBoxes",
    "form_scalars",
    "norm_step",
    "scalar_boxes",
    "step_box",
]


@dataclass(frozen=True)
class NumericClass:
    """What a port may do; declared before it is judged, never widened afterwards."""

    name: str
    #: sqrt may be off by less than one ulp (vector libraries are) instead of half.
    faithful_root: bool
    #: the decayed learning rate may be evaluated in F throughout.
    scalars_in_format: bool
    #: numbers that are subnormal in F, read or made, may be zeros of either sign.
    flushes: bool = False


TIGHT = NumericClass("tight", faithful_root=False, scalars_in_format=False)
LAWFUL = NumericClass("lawful", faithful_root=True, scalars_in_format=True)
FLUSHED = NumericClass(
    "flushed", faithful_root=True, scalars_in_format=True, flushes=True
)

#: The classes that vectors carry, by name, narrowest first; `lawful` is what MUST
#: demands.  `FLUSHED`, wider than both, is for ports that declare it.
CLASSES: dict[str, NumericClass] = {cls.name: cls for cls in (TIGHT, LAWFUL)}


class GivenScalars(NamedTuple):
    """What the scalars of a step are made of, as points of some arithmetic."""

    one: Any
    before: Any  #: t - 1
    lr: Any
    lr_decay: Any
    weight_decay: Any | None  #: None where it is 0 and ALG-5 is skipped
    eps: Any


@dataclass(frozen=True)
class ScalarBoxes:
    """The scalars of a step, the same for all elements of a param, as intervals."""

    clr: Any
    weight_decay: Any | None  #: None where it is 0 and ALG-5 is skipped
    eps: Any
    one: Any


def form_scalars(ar: Any, given: GivenScalars, cls: NumericClass) -> ScalarBoxes:
    """The scalars: in binary64, or rounded once to F, or evaluated in F."""
    one, weight_decay = given.one, given.weight_decay
    before, lr, decay = map(ar.flush, (given.before, given.lr, given.lr_decay))
    grown = ar.opt64(ar.add(one, ar.opt64(ar.mul(before, decay))))
    clr = ar.opt(ar.opt64(ar.div(lr, grown)))  # ALG-4
    if cls.scalars_in_format:
        product = ar.opt(ar.mul(ar.opt(before), ar.opt(decay)))
        in_format = ar.opt(ar.div(ar.opt(lr), ar.opt(ar.add(one, product))))
        clr = ar.hull(clr, in_format)
    weight_decay = None if weight_decay is None else ar.opt(weight_decay)
    return ScalarBoxes(clr, weight_decay, ar.opt(given.eps), one)


def step_box(
    ar: Any, theta: Any, state_sum: Any, g: Any, c: Any, cls: NumericClass
) -> tuple[Any, Any]:
    """(theta', S') after one step, as intervals of the arithmetic `ar`.

    `g` is the gradient after maximize (its sign is exact); `c` holds the scalars that
    `form_scalars` gives in the same arithmetic.
    """
    theta, state_sum, g = map(ar.flush, (theta, state_sum, g))
    if c.weight_decay is not None:
        g = ar.opt(ar.add(g, ar.opt(ar.mul(theta, c.weight_decay))))  # ALG-5
    exact_sum = ar.add(state_sum, ar.opt(ar.square(g)))  # ALG-6
    root = ar.sqrt(ar.opt(exact_sum))
    root = ar.faithful(root) if cls.faithful_root else ar.opt(root)
    d = ar.opt(ar.add(root, c.eps))  # ALG-7
    clr_g = ar.opt(ar.mul(g, c.clr))
    inverse = ar.opt(ar.div(c.one, d))
    update = ar.hull(
        ar.opt(ar.div(clr_g, d)),  # (clr g) / d
        ar.opt(ar.mul(ar.opt(ar.div(g, d)), c.clr)),  # clr (g / d)
        ar.opt(ar.mul(g, ar.opt(ar.div(c.clr, d)))),  # g (clr / d)
        ar.opt(ar.mul(clr_g, inverse)),  # (clr g) (1 / d)
        ar.opt(ar.mul(g, ar.opt(ar.mul(inverse, c.clr)))),  # g (clr (1 / d))
    )
    return ar.store(ar.sub(theta, update)), ar.store(exact_sum)


@cache
def _norm(name: str, flushes: bool) -> NormArithmetic:
    return NormArithmetic(FORMATS[name], flushes)


def _arithmetic(fmt: Format, cls: NumericClass) -> NormArithmetic:
    if FORMATS.get(fmt.name) == fmt:
        return _norm(fmt.name, cls.flushes)
    return NormArithmetic(fmt, cls.flushes)


@lru_cache(maxsize=65536)
def scalar_boxes(fmt: Format, cls: NumericClass, t: int, o: Options) -> ScalarBoxes:
    """The norm: the scalars of step t."""
    ar = _arithmetic(fmt, cls)
    decay = ar.point(o.weight_decay) if o.weight_decay != 0 else None
    one, before, lr, lr_decay, eps = map(
        ar.point, (1.0, t - 1.0, o.lr, o.lr_decay, o.eps)
    )
    return form_scalars(ar, GivenScalars(one, before, lr, lr_decay, decay, eps), cls)


def norm_step(
    fmt: Format,
    cls: NumericClass,
    theta: Interval,
    state_sum: Interval,
    g: float,
    t: int,
    o: Options,
) -> tuple[Interval, Interval]:
    """The norm: boxes of theta' and S' for one element, end points in `fmt`."""
    ar = _arithmetic(fmt, cls)
    gradient = Interval.point(-g if o.maximize else g)
    return step_box(ar, theta, state_sum, gradient, scalar_boxes(fmt, cls, t, o), cls)
