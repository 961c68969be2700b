"""How numbers, tensors and options are drawn: few digits, ordinary magnitudes.

Rule 1.  Numbers are decimals of two digits, rounded to the format, which shrink to
         readable ones.  1 is left out: too many wrong formulas agree there.
Rule 2.  A tensor repeats a few numbers, so that a large one shrinks as a small one.
Rule 3.  No draw depends on an earlier one: numbers are drawn without regard to shape
         and format, and for params that may not exist, and adapted afterwards.
         Hypothesis can then change or delete one draw, and the others keep their
         meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from adagrad_conformance.adapters.base import CLAIMS
from adagrad_reference.formats import BINARY16, BINARY32, BINARY64, FORMATS
from adagrad_reference.scenario import Layout, Sparse, Tensor

__all__ = [
    "OPTIONS",
    "SLOTS",
    "NoScenario",
    "Numbers",
    "coin",
    "dense",
    "formats",
    "has_option",
    "laid_out",
    "numbers",
    "one_of",
    "option_value",
    "option_values",
    "params",
    "sparse",
    "whole",
    "zeros",
]

_T = TypeVar("_T")

#: The names of params; everything is drawn for all three, even where one exists.
SLOTS = ("p", "q", "r")

#: Small ones first; 17 and 19 are a whole number of vector lanes, and 1 or 3 more.
_SHAPES = ((1,), (2,), (3,), (), (2, 2), (17,), (3, 1, 2), (19,), (0,), (5, 4))

#: Two digits are multiplied by the first and divided by the second of a pair.  The
#: last three pairs leave the range of binary16.
_SCALES = ((1, 10), (10, 1), (1, 10_000), (1, 1_000_000))
_GUARD = 7.3
_KINDS = (*("plain",) * 6, "zero", "complex", "layout")
_WITH_PAIRS = (BINARY64.name, BINARY32.name)


class NoScenario(ValueError):
    """The claims allow no scenario."""


def formats(claims: frozenset[str]) -> list[str]:
    """The formats in which MUST decides scenarios of a port with these claims.

    Binary16 needs an eps that can be chosen: the default one is 0 there.  Raises
    `NoScenario` if there are none, or if eps is unknown.
    """
    found = [name for name in FORMATS if name in claims]
    found = [name for name in found if name != BINARY16.name or "eps" in claims]
    if not found or not {"eps", "defaults"} & claims:
        raise NoScenario("these claims leave nothing to draw: a format and eps are due")
    return found


# -- single draws ----------------------------------------------------------------------


def whole(draw: st.DrawFn, low: int, high: int) -> int:
    """A whole number; its strategy is made once, for making one takes long."""
    return draw(_integers(low, high))


_integers = cache(st.integers)
_COIN = st.booleans()


def coin(draw: st.DrawFn) -> bool:
    """True or false; examples shrink to false."""
    return draw(_COIN)


def one_of(draw: st.DrawFn, known: Sequence[_T]) -> _T:
    """One of the known; examples shrink to the first."""
    return known[whole(draw, 0, len(known) - 1)]


# -- numbers -----------------------------------------------------------------------


class Numbers(NamedTuple):
    """A few numbers that fill a tensor, repeated."""

    digits: tuple[int, ...]  #: two digits and a sign each
    scale: tuple[int, int]

    def values(self, like: Tensor) -> list[float]:
        """The numbers, repeated to one for each encoding of the tensor."""
        up, down = _SCALES[0] if like.fmt == BINARY16 else self.scale
        period = [n * up / down for n in self.digits]
        return [period[i % len(period)] for i in range(len(like.bits))]


def _two_digits(n: int) -> int:
    """2 to 99 of either sign, and 100 in place of 10."""
    digits = abs(n) + 2
    digits = 100 if digits == 10 else digits
    return -digits if n < 0 else digits


_PERIODS = st.lists(st.integers(-97, 97), min_size=1, max_size=3)


def numbers(draw: st.DrawFn) -> Numbers:
    """One to three numbers of one scale."""
    period = map(_two_digits, draw(_PERIODS))
    return Numbers(tuple(period), one_of(draw, _SCALES))


def dense(filled: Numbers, like: Tensor, positive: bool = False) -> Tensor:
    """A tensor with shape, format and kind of `like`, without its layout."""
    values = filled.values(like)
    return _encoded(like, [abs(v) for v in values] if positive else values)


def _encoded(like: Tensor, values: Sequence[float]) -> Tensor:
    fmt = like.fmt
    bits = tuple(fmt.encode(fmt.nearest(v)) for v in values)
    return replace(like, bits=bits, layout=None)


def zeros(like: Tensor) -> Tensor:
    """Zeros with shape, format and kind of `like`, without its layout."""
    return replace(like, bits=(0,) * len(like.bits), layout=None)


# -- tensors -----------------------------------------------------------------------


def laid_out(draw: st.DrawFn, plain: Tensor) -> Tensor:
    """The same elements in a larger storage: with gaps, an offset, another order."""
    reach, offset, tail = (whole(draw, low, 2) for low in (1, 0, 0))
    axes = list(range(len(plain.shape)))
    if coin(draw):
        axes.reverse()
    strides = [0] * len(axes)
    for axis in reversed(axes):
        strides[axis] = reach
        reach *= plain.shape[axis]
    guard = plain.fmt.encode(plain.fmt.nearest(_GUARD))
    last = sum(s * (n - 1) for s, n in zip(strides, plain.shape, strict=True))
    layout = Layout(offset + last + 1 + tail, offset, tuple(strides), guard)
    return replace(plain, layout=layout)


_INDICES = st.lists(st.integers(0, 4), max_size=4)
_EIGHTHS = st.lists(st.integers(-40, 40), min_size=1, max_size=4)


def sparse(draw: st.DrawFn, like: Tensor) -> Sparse:
    """Some rows in any order; a row that is given twice has an exact sum."""
    picked, eighths = draw(_INDICES), draw(_EIGHTHS)
    indices = tuple(row % like.shape[0] for row in picked)
    shape = (len(indices), *like.shape[1:])
    count = Tensor(like.format, shape, ()).size
    values = [eighths[i % len(eighths)] / 8 for i in range(count)]
    return Sparse(like.shape, indices, _encoded(replace(like, shape=shape), values))


def params(draw: st.DrawFn, claims: frozenset[str]) -> dict[str, Tensor]:
    """One to three params, all of one format unless mixed ones are claimed."""
    known = formats(claims)
    first = one_of(draw, known)
    others = [first] * 9 + (known if "mixed-formats" in claims else [])
    found = {}
    for name in SLOTS:
        there, param = coin(draw), _param(draw, claims, others)
        if there or name == SLOTS[0]:
            found[name] = param
    return found


def _param(draw: st.DrawFn, claims: frozenset[str], known: list[str]) -> Tensor:
    form, shape = one_of(draw, known), one_of(draw, _SHAPES)
    kind, filled = one_of(draw, _KINDS), numbers(draw)
    pairs = kind == "complex" and kind in claims and form in _WITH_PAIRS
    size = math.prod(shape) * (2 if pairs else 1)
    blank = Tensor(form, shape, (0,) * size, pairs)
    if kind == "layout" and kind in claims and size:
        return laid_out(draw, dense(filled, blank))
    return blank if kind == "zero" else dense(filled, blank)


# -- options -----------------------------------------------------------------------


class _Option(NamedTuple):
    """The legal values of an option, numbered from 1 to `most`."""

    most: int
    value: Callable[[int], float | bool]


_OPTIONS = {
    "lr": _Option(41, lambda n: n / 10 if n < 41 else 0.0),
    "lr_decay": _Option(21, lambda n: (n - 1) / 10),
    "weight_decay": _Option(51, lambda n: (n - 1) / 100),
    "eps": _Option(301, lambda n: n / 1000 if n < 301 else 0.0),
    "maximize": _Option(2, lambda n: n == 1),
}

#: The options that can be changed after the start.
OPTIONS = tuple(_OPTIONS)


def option_value(draw: st.DrawFn, claims: frozenset[str], name: str) -> float | bool:
    """A legal value of an option."""
    return _value(claims, name, whole(draw, 1, _OPTIONS[name].most))


def _value(claims: frozenset[str], name: str, number: int) -> float | bool:
    """The value of that number; the first one in place of a 0 that is not claimed."""
    value = _OPTIONS[name].value(number)
    zero = f"zero-{name}"
    allowed = value or zero not in CLAIMS or zero in claims
    return value if allowed else _OPTIONS[name].value(1)


def option_values(
    draw: st.DrawFn, claims: frozenset[str], named: Sequence[str] = ()
) -> dict[str, Any]:
    """Options by name: those in `named`, and each other one in half of the draws."""
    found: dict[str, Any] = {}
    for name, (most, _) in _OPTIONS.items():
        n = whole(draw, 0, 2 * most)
        n = n if n <= most else 0
        if n == 0 and name in named:
            n = 1
        if n and has_option(claims, name):
            found[name] = _value(claims, name, n)
    return found


def has_option(claims: frozenset[str], name: str) -> bool:
    """Whether a port with these claims has the option; every port has lr."""
    return name == "lr" or name.replace("_", "-") in claims
