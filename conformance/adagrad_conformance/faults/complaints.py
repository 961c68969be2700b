"""Complaints: what is wrong with a unit, in one token each.

The numbers of a step give two tokens, `S` and `theta`; every other complaint has its
kind.  A fault explains complaints, so that two faults at one step stay two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adagrad_conformance.grading.failure import Failure, FailureKind

from .units import NUMERIC, Unit, decays

__all__ = [
    "SUM",
    "THETA",
    "UNCOUNTED",
    "Complaint",
    "complaints_of",
    "consequences",
    "failure_of",
    "token",
    "weights_of",
    "without",
]

SUM, THETA = "S", "theta"
_OF_SUM = frozenset([FailureKind.SUM, FailureKind.SUM_SIGN])

#: What also comes of a step that is skipped.
UNCOUNTED = ("counter", "state-missing")

#: The key of a unit, and a token.
Complaint = tuple[Any, ...]


def token(failure: Failure) -> str:
    """`S`, `theta`, or the kind."""
    if failure.kind in NUMERIC:
        return SUM if failure.kind in _OF_SUM else THETA
    return str(failure.kind)


def complaints_of(unit: Unit) -> list[Complaint]:
    """The complaints of a unit, each once."""
    tokens = dict.fromkeys(map(token, unit.failures))
    return [(*unit.key, each) for each in tokens]


def failure_of(unit: Unit, complaint: Complaint) -> Failure:
    """The failure behind a complaint of a unit."""
    return next(f for f in unit.failures if token(f) == complaint[-1])


def without(
    unit: Unit, explained: Iterable[Complaint] | set[Complaint]
) -> list[Failure]:
    """The failures of a unit that are not explained."""
    known = explained if isinstance(explained, set) else set(explained)
    return [f for f in unit.failures if (*unit.key, token(f)) not in known]


#: Complaints about the gradient that a param is left with.
_OF_GRADIENT = {
    "gradient-missing", "gradient-appeared", "gradient-changed",
}  # fmt: skip


def consequences(unit: Unit, what: str, later: bool) -> list[Complaint]:
    """The complaints of a unit that follow from one of its param, there or `later`."""
    mine = complaints_of(unit)
    if what == "state-missing":
        return mine
    if what in _OF_GRADIENT:  # the step after it has another gradient, or none
        same = later and unit.features.get("same gradient")
        return mine if same else [x for x in mine if later and x[-1] == "counter"]
    if what == "counter" and decays(unit):
        return [each for each in mine if each[-1] in (SUM, THETA, "counter")]
    return []


def weights_of(units: Mapping[int, Sequence[Unit]]) -> dict[Complaint, float]:
    """Each failed check counts 1, shared among its complaints."""
    found: dict[Complaint, float] = {}
    for some in units.values():
        listed = [complaint for unit in some for complaint in complaints_of(unit)]
        found.update({complaint: 1 / len(listed) for complaint in listed})
    return found
