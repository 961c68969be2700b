"""A fault: complaints with one cause, under a name that lasts."""

from __future__ import annotations

from dataclasses import dataclass

from adagrad_conformance.grading.failure import Failure
from adagrad_reference.dialects import Dialect

__all__ = ["Evidence", "Fault", "Faults"]


@dataclass(frozen=True)
class Evidence:
    """The check that shows a fault best: the smallest one, and its complaint."""

    check: str
    failure: Failure


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
    against: int = 0
    dialect: Dialect | None = None  #: where switches explain it
    like: tuple[str, ...] = ()  #: published implementations that do the same


@dataclass(frozen=True)
class Faults:
    """All faults of a port, the gravest first, and what none of them explains."""

    faults: tuple[Fault, ...]
    unexplained: tuple[Evidence, ...] = ()
    complaints: int = 0  #: in all
