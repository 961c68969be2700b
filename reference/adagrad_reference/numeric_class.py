"""The numeric classes: what a floating-point unit may do beside rounding to nearest.

An arithmetic carries its class as a whole.  A further freedom is a further field here,
read by the operations of the arithmetics and by the formula in enclosure.py.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLASSES", "FLUSHED", "LAWFUL", "TIGHT", "NumericClass"]


@dataclass(frozen=True)
class NumericClass:
    """What a port may do; declared before it is judged, never widened afterwards."""

    name: str
    #: sqrt may be off by less than one ulp (vector libraries are) instead of half.
    faithful_root: bool
    #: the decayed learning rate may be evaluated in F throughout, or by a reciprocal.
    scalars_in_format: bool
    #: numbers that are subnormal in F, read or made, may be zeros of either sign.
    flushes: bool = False
    #: S may be kept in a format wider than F, up to binary64.
    keeps_sum: bool = False
    #: binary64 is computed in the 80-bit format of x87, of 64 bits of precision.
    extended: bool = False


TIGHT = NumericClass("tight", faithful_root=False, scalars_in_format=False)
LAWFUL = NumericClass("lawful", faithful_root=True, scalars_in_format=True)
FLUSHED = NumericClass(
    "flushed", faithful_root=True, scalars_in_format=True, flushes=True
)

#: The classes that vectors carry, by name, narrowest first; `lawful` is what MUST
#: demands.  `FLUSHED`, wider than both, is for ports that declare it.
CLASSES: dict[str, NumericClass] = {cls.name: cls for cls in (TIGHT, LAWFUL)}
