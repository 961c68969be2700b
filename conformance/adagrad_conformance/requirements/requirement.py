"""What a requirement is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALGORITHM", "OPTIMIZER", "PROFILES", "TORCH", "Requirement"]

ALGORITHM, OPTIMIZER, TORCH = "algorithm", "optimizer", "torch"

#: What kind of port a requirement speaks to.
PROFILES = {
    ALGORITHM: "a step function",
    OPTIMIZER: "an optimizer with state, groups, None, save and load",
    TORCH: "a torch.optim.Optimizer",
}


@dataclass(frozen=True)
class Requirement:
    """One demand, traced to a clause of clauses.py.

    MUST is demanded; a SHOULD that fails is shown as a finding; MAY is reported only.
    `why` says how a user is hurt by a port that does otherwise; `also` are further
    clauses that it decides.
    """

    id: str
    level: str
    clause: str
    profile: str
    demands: str
    why: str
    also: tuple[str, ...] = ()

    @property
    def clauses(self) -> tuple[str, ...]:
        """All clauses that it decides."""
        return (self.clause, *self.also)
