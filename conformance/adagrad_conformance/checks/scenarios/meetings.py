"""Every two features meet: the covering array of `checks/meetings` as a family."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_conformance.checks.meetings import writing
from adagrad_reference.scenario import Scenario

__all__ = ["FAMILY", "scenarios"]

FAMILY = "meetings"


def scenarios() -> Iterator[Scenario]:
    """The scenario of each row, in the order of the rows."""
    yield from writing.scenarios()
