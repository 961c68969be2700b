"""Sparse gradients: the elements that they touch, and the gradient of each.

Duplicate rows are summed before all else (the ruling on "Sparse").  A port may add them
in any order and width, so a scenario is impossible unless all these sums are exact in
the format: then there is one right sum.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

from .formats import Format
from .scenario import Sparse, Tensor

__all__ = ["InexactSum", "exact_elements", "touched"]


class InexactSum(ValueError):
    """Duplicate rows whose sum depends on how they are added."""


def touched(gradient: Sparse) -> tuple[tuple[int, ...], Tensor]:
    """The positions (in the param's encodings) that are touched, and their gradient.

    The gradient is flat, in the order of the positions.  A row without duplicates keeps
    its bits.  Raises `InexactSum`.  The answer is kept with the gradient, which never
    changes.
    """
    kept: dict[str, tuple[tuple[int, ...], Tensor]] = vars(gradient)
    if "_touched" not in kept:
        kept["_touched"] = _touched(gradient)
    return kept["_touched"]


def _touched(gradient: Sparse) -> tuple[tuple[int, ...], Tensor]:
    values, fmt = gradient.values, gradient.values.fmt
    columns = _columns(gradient)
    positions, bits = tuple(sorted(columns)), []
    for position in positions:
        addends = columns[position]
        if len(addends) == 1:
            bits.append(addends[0])
            continue
        total = _sum(fmt, [fmt.decode(addend) for addend in addends])
        if total is None:
            raise InexactSum(f"the rows at position {position} have no exact sum")
        bits.append(fmt.encode(total))
    return positions, Tensor(values.format, (len(bits),), tuple(bits))


def exact_elements(gradient: Sparse | Tensor) -> dict[int, Fraction | str]:
    """The sum at each position where it is not zero, as a rational.

    Two gradients have equal elements if they are the same gradient, dense or by rows,
    with duplicates or without.  A sum that is not finite is a text: inf, -inf or nan.
    """
    if isinstance(gradient, Sparse):
        fmt, columns = gradient.values.fmt, _columns(gradient)
    else:
        fmt, columns = gradient.fmt, {i: [b] for i, b in enumerate(gradient.bits)}
    elements: dict[int, Fraction | str] = {}
    for position, addends in columns.items():
        values = [fmt.decode(addend) for addend in addends]
        if not all(map(math.isfinite, values)):
            elements[position] = str(sum(values))
        elif total := sum(map(Fraction, values)):
            elements[position] = total
    return elements


def _columns(gradient: Sparse) -> dict[int, list[int]]:
    """The encodings given for each position."""
    bits, indices = gradient.values.bits, gradient.indices
    width = len(bits) // len(indices) if indices else 0
    columns: dict[int, list[int]] = defaultdict(list)
    for k, row in enumerate(indices):
        for i in range(width):
            columns[row * width + i].append(bits[k * width + i])
    return columns


def _sum(fmt: Format, values: list[float]) -> float | None:
    """The sum of finite values, if no order of adding them can round; otherwise None.

    For two values an exact sum is enough.  More values are multiples of some 2^k, and
    so is every partial sum; all partial sums are numbers of the format if the sum of
    the magnitudes is at most 2^k 2^precision and does not overflow.
    """
    if not all(map(math.isfinite, values)):
        return None
    exact = [Fraction(value) for value in values]
    if len(exact) > 2 and not _fits(fmt, exact):
        return None
    total = fmt.round(sum(exact, Fraction()))
    return total if math.isfinite(total) and Fraction(total) == sum(exact) else None


def _fits(fmt: Format, values: list[Fraction]) -> bool:
    scale = max(value.denominator for value in values)  # a power of two
    whole = [abs(int(value * scale)) for value in values]
    all_bits = 0
    for number in whole:
        all_bits |= number
    unit = all_bits & -all_bits  # the lowest bit that any of them has
    overflows = math.isinf(fmt.round(Fraction(sum(whole), scale)))
    return sum(whole) <= unit << fmt.precision and not overflows
