"""What a requirement is."""

from __future__ import annotations

from dataclasses import dataclass

from .classification import Classification

__all__ = ["ALGORITHM", "OPTIMIZER", "PROFILES", "TORCH", "Requirement"]

ALGORITHM, OPTIMIZER, TORCH = "algorithm", "optimizer", "torch"

#: The kinds of ports that requirements apply to.
PROFILES = {
    ALGORITHM: "a step function",
    OPTIMIZER: "an optimizer with state, groups, None, save and load",
    TORCH: "a torch.optim.Optimizer",
}


@dataclass(frozen=True)
class Requirement:
    """One demand, traced to a clause of clauses.py.

    MUST is demanded; a SHOULD that fails is shown as a finding; MAY is reported only.
    `why` states how a port that does otherwise hurts a user; `also` are further
    clauses that the requirement decides.
    """

    id: str
    level: str
    clause: str
    profile: str
    classification: Classification
    demands: str
    why: str
    also: tuple[str, ...] = ()

    @property
    def clauses(self) -> tuple[str, ...]:
        """All clauses that the requirement decides."""
        return (self.clause, *self.also)
