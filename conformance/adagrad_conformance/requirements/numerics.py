"""Rounding, range and precision."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import ALGORITHM, Requirement

__all__ = ["REQUIREMENTS"]

_NUMERICS = Classification(
    Theme.NUMERICS,
    FaultClass.NUMERICS,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)
_OF_A_STATE = replace(_NUMERICS, needs_its_state=True)

REQUIREMENTS = (
    Requirement(
        "numerics/ordinary",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _NUMERICS,
        "Random steps stay inside the enclosure, of huge and tiny gradients too.",
        "Precision is lost where no other check looks.",
    ),
    Requirement(
        "numerics/fresh",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _NUMERICS,
        "Random scenarios that no file contains are played as rightly as known ones.",
        "A port that looks results up, or is tuned to the files, is found out.",
    ),
    Requirement(
        "numerics/meetings",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _NUMERICS,
        "Every two features that can meet in a step meet: formats, layouts, sizes, "
        "groups, options and what came before.",
        "Two features that are right each alone go wrong where they meet.",
    ),
    Requirement(
        "numerics/zero-theta",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _OF_A_STATE,
        "From theta = 0 the update itself is seen, to its last bit.",
        "Elsewhere theta hides the error of the update.",
    ),
    Requirement(
        "numerics/large-lr",
        "MUST",
        "R-numerics",
        ALGORITHM,
        replace(_NUMERICS, options=("lr",)),
        "Large rates with weight decay stay inside the enclosure.",
        "Decay that is applied apart from the gradient shows here.",
    ),
    Requirement(
        "numerics/eps",
        "MUST",
        "R-numerics",
        ALGORITHM,
        replace(_NUMERICS, options=("eps",)),
        "Gradients of the size of eps show where eps stands.",
        "eps inside the root is another algorithm for small gradients.",
    ),
    Requirement(
        "numerics/late-step",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _OF_A_STATE,
        "Steps 2, 5, 7, 1000 and beyond stay inside the enclosure.",
        "A decayed rate held in a narrow format drifts with t.",
    ),
    Requirement(
        "numerics/cancellation",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _OF_A_STATE,
        "g near -weight_decay * theta, and theta near the update, stay inside.",
        "Cancellation multiplies every rounding before it.",
    ),
    Requirement(
        "numerics/ties",
        "MUST",
        "R-numerics",
        ALGORITHM,
        _OF_A_STATE,
        "Results half-way between two numbers stay inside.",
        "Truncation instead of rounding shows here.",
    ),
    Requirement(
        "numerics/overflow",
        "MUST",
        "R-special",
        ALGORITHM,
        _OF_A_STATE,
        "Where g * g overflows, S is inf, or finite in a wider intermediate; raising "
        "there is a SHOULD.",
        "NaN would spread where a finite step or none is right.",
    ),
    Requirement(
        "numerics/subnormals",
        "SHOULD",
        "R-numerics",
        ALGORITHM,
        _OF_A_STATE,
        "Subnormal inputs and results are kept, unless flushing them is declared.",
        "Flushing to zero stops learning near zero; it should be declared.",
    ),
)
