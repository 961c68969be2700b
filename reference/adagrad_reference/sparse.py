"""Sparse gradients: which elements they touch, and with what.

Duplicate rows are summed before anything else (the ruling on "Sparse").  A port may
add them in any order and width, so a scenario whose sums are not exact in the format
is refused: then there is one right sum.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from .scenario import Sparse, Tensor

__all__ = ["InexactSum", "touched"]


class InexactSum(ValueError):
    """Duplicate rows whose sum is no number of the format."""


def touched(gradient: Sparse) -> tuple[tuple[int, ...], Tensor]:
    """The positions (in the param's encodings) that are touched, and their gradient.

    The gradient is flat, in the order of the positions.  Raises `InexactSum`.
    """
    values, fmt = gradient.values, gradient.values.fmt
    width = len(values.bits) // len(gradient.indices) if gradient.indices else 0
    sums: dict[int, Fraction] = defaultdict(Fraction)
    for k, row in enumerate(gradient.indices):
        for i in range(width):
            value = fmt.decode(values.bits[k * width + i])
            sums[row * width + i] += Fraction(value)
    positions = tuple(sorted(sums))
    bits = []
    for position in positions:
        rounded = fmt.round(sums[position])
        if Fraction(rounded) != sums[position]:
            raise InexactSum(f"the rows at position {position} have no exact sum")
        bits.append(fmt.encode(rounded))
    return positions, Tensor(values.format, (len(bits),), tuple(bits))
