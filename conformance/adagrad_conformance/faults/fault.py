"""A fault: complaints with one cause, under a name that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adagrad_conformance.grading.failure import Failure
from adagrad_reference.dialects import Dialect

from .wording import evidence_text

__all__ = ["Evidence", "Fault", "Faults"]

Json = dict[str, Any]

#: So many unexplained complaints are shown.
_SHOWN = 3


@dataclass(frozen=True)
class Evidence:
    """The check that shows a fault best: the smallest one, and its complaint."""

    check: str
    failure: Failure

    def record(self) -> Json:
        """As plain data."""
        return {"scenario": self.check, "evidence": evidence_text(self.failure)}


@dataclass(frozen=True)
class Fault:
    """Complaints with one cause.

    `complaints` of `checks` checks are its own; `against` checks pass that would fail
    by it.
    """

    slug: str  #: the lasting name, from the cause: `eps-inside-root`
    kind: str  #: the class of the fault
    words: str
    requirement: str | None
    level: str
    complaints: int
    checks: tuple[str, ...]
    evidence: Evidence
    #: the class that its condition hints at, or the requirement that it breaks; or ""
    place: str = ""
    against: int = 0
    dialect: Dialect | None = None  #: where switches explain it
    like: tuple[str, ...] = ()  #: published implementations that do the same
    is_open: bool = False  #: no cause was found: it says what is broken

    def record(self) -> Json:
        """As plain data."""
        return {
            "fault": self.slug,
            "kind": str(self.kind),
            "place": str(self.place) or None,
            "words": self.words,
            "requirement": self.requirement,
            "level": self.level,
            "complaints": self.complaints,
            "checks": len(self.checks),
            "against": self.against,
            "like": list(self.like),
            "switches": dict(self.dialect.changes) if self.dialect else {},
            **self.evidence.record(),
        }


@dataclass(frozen=True)
class Faults:
    """All faults of a port, the gravest first, and what none of them explains."""

    faults: tuple[Fault, ...]
    unexplained: tuple[Evidence, ...] = ()
    complaints: int = 0  #: in all

    def of_check(self, scenario: str) -> list[str]:
        """The names of the faults that a check shows."""
        return [fault.slug for fault in self.faults if scenario in fault.checks]

    def rest(self) -> Json:
        """What no fault explains, as plain data."""
        return {
            "complaints": self.complaints,
            "unexplained": len(self.unexplained),
            "first": [each.record() for each in self.unexplained[:_SHOWN]],
        }
