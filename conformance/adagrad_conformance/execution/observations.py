"""What was observed in each check, as data: written by the runner, then graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adagrad_conformance.adapters.contract import (
    NativeAnswer,
    Reading,
    Trace,
    WrongMembers,
    WrongWidth,
)
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
    "Ending",
    "EventSeen",
    "NativeSeen",
    "NotPlayed",
    "Observation",
    "RelationSeen",
    "Seen",
]


@dataclass(frozen=True)
class ClosureCall:
    """One call of the closure: all params at that moment."""

    params: Mapping[str, Tensor]


@dataclass
class EventSeen:
    """What was observed of one event, and in the reads after it."""

    refusal: str | None = None  #: the port's words, if it refused the event
    readings: Mapping[Place, Reading] = field(default_factory=dict)
    calls: list[ClosureCall] = field(default_factory=list)
    loss: float | None = None  #: what the step returned
    trace: Mapping[str, Trace] | None = None  #: of many steps, by param


@dataclass(kw_only=True)
class Ending:
    """Why a check broke off, or was not begun; `status` is None where it was played."""

    status: Status | None = None
    message: str = ""
    reason: str | None = None  #: a key of `status.REASONS`
    detail: WrongMembers | WrongWidth | None = None  #: of a malformed answer, as data


@dataclass
class Observation(Ending):
    """What was observed of one scenario, up to its end or to where it broke off."""

    scenario: Scenario
    events: list[EventSeen] = field(default_factory=list)

    @property
    def check(self) -> Scenario:
        """The check that was played: the scenario itself."""
        return self.scenario


@dataclass
class NativeSeen(Ending):
    """What a native check answered; None where it broke off."""

    check: NativeCheck
    answer: NativeAnswer | None = None


@dataclass
class NotPlayed(Ending):
    """A check that was not begun."""

    check: Check


class _OfRuns:
    """The ending of a check that consists of runs: that of `ending`."""

    @property
    def ending(self) -> Ending:
        """The run that broke off, or any run if none did."""
        raise NotImplementedError

    @property
    def status(self) -> Status | None:
        """The status of the run that broke off."""
        return self.ending.status

    @property
    def message(self) -> str:
        """The message of the run that broke off."""
        return self.ending.message

    @property
    def reason(self) -> str | None:
        """The reason of the run that broke off."""
        return self.ending.reason


@dataclass
class RelationSeen(_OfRuns):
    """What was observed of the two runs of a relation."""

    check: Relation
    left: Observation
    right: Observation

    @property
    def ending(self) -> Ending:
        """The first of the two runs that broke off."""
        return self.left if self.left.status else self.right


@dataclass
class AdaptiveSeen(_OfRuns):
    """What was observed of an adaptive run, whose scenario was written meanwhile."""

    check: Adaptive
    observation: Observation

    @property
    def ending(self) -> Ending:
        """The one run that the check consists of."""
        return self.observation


Seen = Observation | RelationSeen | NativeSeen | AdaptiveSeen | NotPlayed
