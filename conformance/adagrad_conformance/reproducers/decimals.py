"""Numbers of a format as short decimals, for scripts of every language."""

from __future__ import annotations

import math

from adagrad_reference.formats import BINARY32, BINARY64, Format

__all__ = ["listed", "shortest"]

#: Decimal digits that are enough for every format.
_DIGITS = 17


def shortest(fmt: Format, value: float) -> str:
    """The shortest decimal that rounds to `value`, also by way of binary32.

    Torch rounds a Python float to binary32 before it rounds to a format of 16 bits.
    Infinities and NaN are `inf` and `nan`, as `float` writes them.
    """
    if math.isnan(value) or math.isinf(value) or value == int(value):
        return float.__repr__(value)
    for digits in range(1, _DIGITS):
        short = float(f"{value:.{digits}g}")
        if math.isfinite(short) and fmt.nearest(short) == value:
            through = short if fmt == BINARY64 else BINARY32.nearest(short)
            if fmt.nearest(through) == value:
                return float.__repr__(short)
    return float.__repr__(value)


def listed(numbers: list[str]) -> str:
    """A Python list; a long one that repeats its beginning is written as a product."""
    for period in range(1, 6 if len(numbers) > 8 else 0):
        times, rest = divmod(len(numbers), period)
        if numbers == numbers[:period] * times + numbers[:rest]:
            text = f"[{', '.join(numbers[:period])}] * {times}"
            return f"{text} + [{', '.join(numbers[:rest])}]" if rest else text
    return f"[{', '.join(numbers)}]"
