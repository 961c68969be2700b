"""The classes of faults: the part of a port in which a fault lies."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FaultClass"]


class FaultClass(StrEnum):
    """The part of a port in which a fault lies, as far as a failed check shows it."""

    FORMULA = "formula"
    RATE = "rate"
    DECAY = "decay"
    GRADIENTS = "gradients"
    STATE = "state"
    INTERFACE = "interface"
    LAYOUT = "layout"
    NUMERICS = "numerics"
    SPARSE = "sparse"
    COMPLEX = "complex"
