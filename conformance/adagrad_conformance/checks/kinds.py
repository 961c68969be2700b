"""What can be checked, beside scenarios: relations, native checks, adaptive runs.

All kinds have an id (a permanent path of words), requirements (the first one foremost)
and a level, and stand side by side in a run, its stream and its reports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.adapters.native.table import NATIVE, NativeEntry
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.bookkeeping import claims_needed
from adagrad_reference.scenario import Event, Scenario, Tensor

__all__ = [
    "Adaptive",
    "Check",
    "NativeCheck",
    "Place",
    "Relation",
    "Same",
    "kind",
    "native_checks",
    "needed_claims",
]

#: (optimizer, param)
Place = tuple[str, str]


@dataclass(frozen=True)
class Same:
    """Elements of the left run, and the same elements of the right run, in order.

    `events` are the numbers of the two events after which they are compared; `left`
    and `right` give optimizer, param and the elements (None: all of them).
    """

    events: tuple[int, int]
    left: tuple[Place, tuple[int, ...] | None]
    right: tuple[Place, tuple[int, ...] | None]


@dataclass(frozen=True)
class Relation:
    """Two scenarios of which the outcome of one follows from that of the other.

    The right run's theta must be `theta_factor` times the left one's and its S
    `sum_factor` times, bit for bit (the factors are powers of two, or -1; zeros have
    no sign).
    """

    id: str
    requirements: tuple[str, ...]
    left: Scenario
    right: Scenario
    same: Sequence[Same]
    theta_factor: float = 1.0
    sum_factor: float = 1.0
    note: str = ""

    @property
    def level(self) -> str:
        """That of its first requirement."""
        return REQUIREMENTS[self.requirements[0]].level


@dataclass(frozen=True)
class NativeCheck:
    """A piece of host code, by its name in native/table.py."""

    entry: NativeEntry

    @property
    def id(self) -> str:
        """Its name."""
        return self.entry.id

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it decides."""
        return self.entry.requirements

    @property
    def level(self) -> str:
        """That of its first requirement."""
        return REQUIREMENTS[self.requirements[0]].level


class Adaptive(ABC):
    """A scenario that is written while it is played: events depend on what was read."""

    id: str
    requirements: tuple[str, ...]
    tensors: Mapping[str, Tensor]

    @property
    def level(self) -> str:
        """That of its first requirement."""
        return REQUIREMENTS[self.requirements[0]].level

    @property
    @abstractmethod
    def claims(self) -> frozenset[str]:
        """The claims that it needs."""

    @abstractmethod
    def events(self) -> Generator[Event, Mapping[Place, Reading], None]:
        """Yield events; each is answered with the readings after it."""

    @abstractmethod
    def problem(self, thetas: Sequence[Tensor]) -> str | None:
        """What is wrong with a run, given its first param after every event."""


Check = Scenario | Relation | NativeCheck | Adaptive

_KINDS = {
    Scenario: "scenario",
    Relation: "relation",
    NativeCheck: "native",
    Adaptive: "adaptive",
}


def kind(check: Check) -> str:
    """The kind of a check in one word."""
    return next(word for cls, word in _KINDS.items() if isinstance(check, cls))


def needed_claims(check: Check) -> frozenset[str]:
    """The claims that a port must make for the check to be run on it."""
    match check:
        case Scenario():
            return claims_needed(check)
        case Relation():
            return claims_needed(check.left) | claims_needed(check.right)
        case NativeCheck():
            return check.entry.claims
    return check.claims


def native_checks() -> list[NativeCheck]:
    """All native checks."""
    return [NativeCheck(entry) for entry in NATIVE.values()]
