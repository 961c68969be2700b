"""The paper: Duchi, Hazan and Singer (2011)."""

from __future__ import annotations

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import ALGORITHM, Requirement

__all__ = ["REQUIREMENTS"]

_PAPER = Classification(
    Theme.NUMERICS,
    FaultClass.FORMULA,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "paper/regret-bound",
        "MUST",
        "PAPER",
        ALGORITHM,
        _PAPER,
        "On convex problems the run keeps the regret bound of Theorem 5.",
        "What the algorithm is known for would not hold.",
    ),
)
