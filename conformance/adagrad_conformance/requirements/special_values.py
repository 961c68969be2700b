"""Zeros, infinities and NaN."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import ALGORITHM, Requirement

__all__ = ["REQUIREMENTS"]

_SPECIAL_VALUES = Classification(
    Theme.SPECIAL_VALUES,
    FaultClass.NUMERICS,
    keeps_claims=(),
    options=(),
    needs_its_state=True,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "special-values/zero-on-zero",
        "MUST",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "A zero gradient on S = 0 leaves theta where eps > 0.",
        "The first zero gradient would make NaN.",
    ),
    Requirement(
        "special-values/zero-on-zero-without-eps",
        "MAY",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "With eps = 0 a zero gradient on S = 0 gives NaN or, guarded, no step.",
        "Both are seen in the world; which one is reported.",
    ),
    Requirement(
        "special-values/default-eps-in-binary16",
        "SHOULD",
        "R-special",
        ALGORITHM,
        replace(_SPECIAL_VALUES, keeps_claims=("defaults",)),
        "In binary16 the default eps should not make NaN of a zero gradient.",
        "1e-10 is 0 in binary16: the first zero gradient ruins the param.",
    ),
    Requirement(
        "special-values/non-finite-gradient",
        "MUST",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "An infinite or NaN gradient spoils its own element only.",
        "One bad sample would ruin a whole tensor.",
    ),
    Requirement(
        "special-values/infinite-theta",
        "MUST",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "An infinite theta without decay stays infinite.",
        "It would turn into NaN and spread.",
    ),
    Requirement(
        "special-values/zero-sign",
        "SHOULD",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "Zeros have the sign of IEEE 754 arithmetic.",
        "1/theta, atan2 and checksums see the sign.",
    ),
    Requirement(
        "special-values/overflow-moves",
        "MAY",
        "R-special",
        ALGORITHM,
        _SPECIAL_VALUES,
        "Where g * g overflows the format, theta still moves, by a wider intermediate.",
        "With S = inf the param stands still for good; both are legal.",
    ),
)
