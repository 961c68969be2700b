"""What was seen of each check, as data: written by the runner, read by the grader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adagrad_conformance.adapters.base import NativeAnswer, Reading, Trace
from adagrad_conformance.adapters.contract import WrongMembers, WrongWidth
from adagrad_conformance.checks.kinds import (
    Adaptive,
    Check,
    NativeCheck,
    Place,
    Relation,
)
from adagrad_reference.scenario import Scenario, Tensor

from .status import Status

__all__ = [
    "AdaptiveSeen",
    "ClosureCall",
    "EventSeen",
    "NativeSeen",
    "NotPlayed",
    "Observation",
    "RelationSeen",
    "Seen",
]


@dataclass(frozen=True)
class ClosureCall:
    """One call of the closure: the params at that moment."""

    params: Mapping[str, Tensor]


@dataclass
class EventSeen:
    """What was seen of one event."""

    refusal: str | None = None
    readings: Mapping[Place, Reading] = field(default_factory=dict)
    calls: list[ClosureCall] = field(default_factory=list)
    loss: float | None = None
    trace: Mapping[str, Trace] | None = None


@dataclass
class Observation:
    """What was seen of one scenario; `status` is why it broke off, if it did."""

    scenario: Scenario
    events: list[EventSeen] = field(default_factory=list)
    status: Status | None = None  #: a status that broke off, or not-claimed
    message: str = ""
    reason: str | None = None  #: of the status, one of status.REASONS
    detail: WrongMembers | WrongWidth | None = None  #: of a malformed answer

    @property
    def check(self) -> Scenario:
        """What was played."""
        return self.scenario


@dataclass
class RelationSeen:
    """What was seen of the two runs of a relation."""

    check: Relation
    left: Observation
    right: Observation

    @property
    def status(self) -> Status | None:
        """Why one of them broke off."""
        return self.left.status or self.right.status

    @property
    def message(self) -> str:
        """More on that."""
        return self.left.message or self.right.message

    @property
    def reason(self) -> str | None:
        """The reason of that status."""
        return self.left.reason or self.right.reason


@dataclass
class NativeSeen:
    """What a native check found."""

    check: NativeCheck
    answer: NativeAnswer | None = None
    status: Status | None = None
    message: str = ""
    reason: str | None = None


@dataclass
class AdaptiveSeen:
    """What was seen of a run that was written while it was played."""

    check: Adaptive
    observation: Observation

    @property
    def status(self) -> Status | None:
        """Why it broke off."""
        return self.observation.status

    @property
    def message(self) -> str:
        """More on that."""
        return self.observation.message

    @property
    def reason(self) -> str | None:
        """The reason of that status."""
        return self.observation.reason


@dataclass
class NotPlayed:
    """A check that was not even begun, and why."""

    check: Check
    status: Status
    message: str
    reason: str | None = None


Seen = Observation | RelationSeen | NativeSeen | AdaptiveSeen | NotPlayed
