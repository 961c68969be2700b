"""Verdicts: what grading says of one scenario on one port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adagrad_conformance.adapters.contract import WrongMembers, WrongWidth
from adagrad_conformance.execution.status import Status

from .failure import Failure

__all__ = ["GRADES", "Verdict"]

#: Numeric grades, best first; a check has the worst of its elements.
GRADES: Mapping[str, str] = {
    "exact": "the correctly rounded result of the exact step",
    "tight": "within the enclosure of correctly rounded operations",
    "lawful": "within the enclosure that MUST demands",
    "flushed": "lawful but for subnormal numbers taken as zero, which is declared",
    "box": "within the enclosure along the trajectory; the port shows no state",
    "fail": "no legal evaluation gives this value",
}


@dataclass(frozen=True)
class Verdict:
    """The judgement of one scenario."""

    scenario: str
    requirements: tuple[str, ...]
    level: str
    status: Status
    grade: str | None = None
    max_error: float | None = None  #: in ulp at scale, before rounding
    mean_error: float | None = None
    elements: int = 0  #: how many element-steps were judged
    #: how far the worst value lies outside its box, in ulp of the nearer end; infinite
    #: where the fault is no distance (NaN, bits that must not change, a wrong outcome)
    margin: float | None = None
    failure: Failure | None = None  #: the first one
    message: str = ""
    kind: str = "scenario"
    reason: str | None = None  #: why it broke off, one of `status.REASONS`
    detail: WrongMembers | WrongWidth | None = None  #: of a malformed answer, as data
    broken: str | None = None  #: the requirement that the failure breaks
    promise: str | None = None  #: of a published port: what it breaks, and where it is

    @property
    def requirement(self) -> str | None:
        """The requirement that it is about: what broke, or else the foremost one."""
        return self.broken or next(iter(self.requirements), None)
