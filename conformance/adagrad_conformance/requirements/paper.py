"""The paper: Duchi, Hazan and Singer (2011)."""

from __future__ import annotations

from .requirement import ALGORITHM, Requirement

__all__ = ["REQUIREMENTS"]

REQUIREMENTS = (
    Requirement(
        "paper/regret-bound",
        "MUST",
        "PAPER",
        ALGORITHM,
        "On convex problems the run keeps the regret bound of Theorem 5.",
        "What the algorithm is known for would not hold.",
    ),
)
