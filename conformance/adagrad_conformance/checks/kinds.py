"""The four kinds of checks: scenarios, relations, native checks, adaptive runs.

Every check has an id (a permanent path of words), the requirements that it decides
(the first one foremost) and a level.  Checks of all kinds stand side by side in a run,
its stream and its reports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.adapters.native.table import NATIVE, NativeEntry
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference import claims
from adagrad_reference.scenario import Event, Scenario, Tensor

__all__ = [
    "Adaptive",
    "Check",
    "Kind",
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
    `sum_factor` times, bit for bit (the factors are powers of two, or -1; the sign of
    a zero is ignored).
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
        """The level of the foremost requirement."""
        return REQUIREMENTS[self.requirements[0]].level


@dataclass(frozen=True)
class NativeCheck:
    """A function of adapters/native that runs in the port's process."""

    entry: NativeEntry

    @property
    def id(self) -> str:
        """The id of the table's entry."""
        return self.entry.id

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that it decides, the first one foremost."""
        return self.entry.requirements

    @property
    def level(self) -> str:
        """The level of the foremost requirement."""
        return REQUIREMENTS[self.requirements[0]].level


class Adaptive(ABC):
    """A scenario that is written while it is played: events depend on readings."""

    id: str
    requirements: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    options: Mapping[str, Any]  #: of the optimizer that it makes

    @property
    def level(self) -> str:
        """The level of the foremost requirement."""
        return REQUIREMENTS[self.requirements[0]].level

    @property
    @abstractmethod
    def needed_claims(self) -> frozenset[str]:
        """The claims that a port must make for the run to be played on it."""

    @abstractmethod
    def events(self) -> Generator[Event, Mapping[Place, Reading], None]:
        """Yield events; the readings after an event are sent back to the generator."""

    @abstractmethod
    def problem(self, thetas: Sequence[Tensor]) -> str | None:
        """What is wrong with a run; `thetas` are its first param after each event."""


Check = Scenario | Relation | NativeCheck | Adaptive
Kind = Literal["scenario", "relation", "native", "adaptive"]


def kind(check: Check) -> Kind:
    """The kind of a check, as records of the stream name it."""
    match check:
        case Scenario():
            return "scenario"
        case Relation():
            return "relation"
        case NativeCheck():
            return "native"
        case Adaptive():
            return "adaptive"
        case _:
            assert_never(check)


def needed_claims(check: Check) -> frozenset[str]:
    """The claims that a port must make for the check to be run on it."""
    match check:
        case Scenario():
            return claims.needed_claims(check)
        case Relation(left=left, right=right):
            return claims.needed_claims(left) | claims.needed_claims(right)
        case NativeCheck(entry=entry):
            return entry.needed_claims
        case Adaptive():
            return check.needed_claims
        case _:
            assert_never(check)


def native_checks() -> list[NativeCheck]:
    """All native checks, in the order of their table."""
    return [NativeCheck(entry) for entry in NATIVE.values()]
