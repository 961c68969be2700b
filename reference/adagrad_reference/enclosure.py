"""The enclosure: every value that a legal evaluation of one step can store.

A legal evaluation works in a format F.  Each of its operations is rounded to nearest
in F, or kept in any wider format, or fused away; scalars are held in binary64 or
rounded once to F; the update is formed in any of five orders.  `step_box` follows all
of them at once with intervals.  Rounding is monotone, so RN([a, b]) lies in
[RN a, RN b]; by induction over the operations every legal evaluation stays inside.
A value outside is provably wrong.

The formula stands here once.  It runs on two arithmetics: `NormArithmetic` in mpmath
(interval.py), which is the norm, and NumPy ones (fast.py) that are never narrower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from .formats import FORMATS, Format
from .interval import Interval, NormArithmetic
from .options import Options

__all__ = [
    "CLASSES",
    "LAWFUL",
    "TIGHT",
    "NumericClass",
    "ScalarBoxes",
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


TIGHT = NumericClass("tight", faithful_root=False, scalars_in_format=False)
LAWFUL = NumericClass("lawful", faithful_root=True, scalars_in_format=True)

#: The classes by name, narrowest first; `lawful` is what MUST demands.
CLASSES: dict[str, NumericClass] = {cls.name: cls for cls in (TIGHT, LAWFUL)}


@dataclass(frozen=True)
class ScalarBoxes:
    """The scalars of a step: the same for all elements of a param."""

    clr: Interval
    weight_decay: Interval | None  #: None where it is 0 and ALG-5 is skipped
    eps: Interval
    one: Interval


def step_box(
    ar: Any, theta: Any, state_sum: Any, g: Any, c: Any, cls: NumericClass
) -> tuple[Any, Any]:
    """(theta', S') after one step, as intervals of the arithmetic `ar`.

    `g` is the gradient after maximize (its sign is exact); `c` holds the scalars of
    `scalar_boxes` in the same arithmetic.
    """
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
def _norm(name: str) -> NormArithmetic:
    return NormArithmetic(FORMATS[name])


def _arithmetic(fmt: Format) -> NormArithmetic:
    return _norm(fmt.name) if FORMATS.get(fmt.name) == fmt else NormArithmetic(fmt)


@lru_cache(maxsize=65536)
def scalar_boxes(fmt: Format, cls: NumericClass, t: int, o: Options) -> ScalarBoxes:
    """The scalars of step t: binary64, or rounded once to F, or evaluated in F."""
    ar, point = _arithmetic(fmt), Interval.point
    one, lr, decay, before = point(1.0), point(o.lr), point(o.lr_decay), point(t - 1.0)
    grown = ar.opt64(ar.add(one, ar.opt64(ar.mul(before, decay))))
    clr = ar.opt(ar.opt64(ar.div(lr, grown)))  # ALG-4
    if cls.scalars_in_format:
        product = ar.opt(ar.mul(_held(fmt, t - 1.0), _held(fmt, o.lr_decay)))
        in_format = ar.opt(ar.div(_held(fmt, o.lr), ar.opt(ar.add(one, product))))
        clr = ar.hull(clr, in_format)
    weight_decay = _held(fmt, o.weight_decay) if o.weight_decay != 0 else None
    return ScalarBoxes(clr, weight_decay, _held(fmt, o.eps), one)


@lru_cache(maxsize=4096)
def _held(fmt: Format, scalar: float) -> Interval:
    """A scalar as a port may hold it: in binary64, or rounded once to F."""
    return _arithmetic(fmt).opt(Interval.point(scalar))


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
    ar = _arithmetic(fmt)
    gradient = Interval.point(-g if o.maximize else g)
    return step_box(ar, theta, state_sum, gradient, scalar_boxes(fmt, cls, t, o), cls)
