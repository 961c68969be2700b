"""What a check comes to while it is judged, and the terms on which it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adagrad_conformance.adapters.contract import WrongMembers, WrongWidth
from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.execution.status import Status
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.formats import Format
from adagrad_reference.options import Options
from adagrad_reference.scenario import Scenario

from .failure import Failure

__all__ = ["Bits", "Case", "Expectations", "StepsSeen", "Terms", "no_file"]

#: What a file holds of a scenario: an entry for each event, or None where none does.
Expectations = Callable[[Scenario], Sequence[EventExpectation] | None]

Bits = tuple[int, ...]


def no_file(scenario: Scenario) -> None:
    """The expectations where no files of vectors are at hand: all are computed."""
    del scenario


@dataclass(frozen=True)
class Terms:
    """What a port is held to: its claims, its dialect, and what files expect.

    `expect` is called for ports without the claim `state` alone, and by the document;
    what no file holds is computed.
    """

    claims: frozenset[str]
    expect: Expectations = no_file
    dialect: Dialect = DOCUMENT

    def by(self, dialect: Dialect) -> Terms:
        """The same, by another dialect."""
        return replace(self, dialect=dialect)


@dataclass(frozen=True)
class StepsSeen:
    """Steps of one param as observed, to be judged in a batch.

    The columns hold encodings, one step behind the other, a step for each (t, options)
    of `settings`.  `places` are the positions in the param of a step's elements, where
    not all of them moved; `numbers` are those of the steps in a longer run.  Each `row`
    encodings are a row of the param (row_wise.py).
    """

    event: int
    optimizer: str
    param: str
    format: Format
    settings: tuple[tuple[int, Options], ...]
    gradient: Bits
    theta: Bits
    state_sum: Bits
    new_theta: Bits
    new_sum: Bits
    places: tuple[int, ...] | None = None
    numbers: tuple[int, ...] | None = None
    row: int = 1
    sum_format: Format | None = None  #: of S, where it is kept wider than the param

    @property
    def width(self) -> int:
        """Elements of one step."""
        return len(self.gradient) // len(self.settings)

    def where(self, i: int) -> tuple[int, int | None]:
        """The position of an element in its param, and the number of its step."""
        step, element = divmod(i, self.width)
        place = self.places[element] if self.places else element
        return place, self.numbers[step] if self.numbers else None


@dataclass
class Case:
    """Failures, steps and grades of one check, collected until its verdict."""

    check: Check
    status: Status | None = None  #: one that no judgement changes: it broke off
    message: str = ""
    failures: list[Failure] = field(default_factory=list)
    steps: list[StepsSeen] = field(default_factory=list)
    grades: list[str] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    boxed: int = 0  #: elements judged by boxes along the trajectory
    margins: list[float] = field(default_factory=list)  #: of the failures, in ulp
    reason: str | None = None  #: of the status
    detail: WrongMembers | WrongWidth | None = None  #: of a malformed answer

    def fail(self, failure: Failure, margin: float = math.inf) -> None:
        """Note a failure; `margin` is how far a value lies outside, in ulp."""
        self.failures.append(failure)
        self.margins.append(margin)
