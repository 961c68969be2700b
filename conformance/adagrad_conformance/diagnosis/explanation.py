"""Explanations of what failed, as data."""

from __future__ import annotations

from dataclasses import dataclass

from adagrad_reference.dialects import Dialect

__all__ = ["Diagnosis", "Explanation", "Separator"]


@dataclass(frozen=True)
class Explanation:
    """One way to explain what failed.

    `explained` of the `failed` checks pass by it, and `broken` others fail by it.
    """

    kind: str  #: the class of the fault
    name: str
    words: tuple[str, ...]
    explained: int
    failed: int
    broken: int = 0
    dialect: Dialect | None = None  #: None for a pattern
    like: tuple[str, ...] = ()  #: published implementations that do the same

    @property
    def text(self) -> str:
        """What it says, in one line."""
        words = "; ".join(self.words)
        return words if self.dialect else f"what failed has in common: {words}"

    @property
    def complete(self) -> bool:
        """Whether it explains all that was observed."""
        return self.explained == self.failed and not self.broken

    @property
    def left(self) -> int:
        """The number of checks against it: unexplained, or broken by it."""
        return self.failed - self.explained + self.broken


@dataclass(frozen=True)
class Separator:
    """A scenario that the first dialect passes and the next one fails."""

    scenario: str
    against: tuple[str, ...]  #: the next dialect in words


@dataclass(frozen=True)
class Diagnosis:
    """Explanations, the best one first; a pattern is the last.

    `separator` is None where no check of this run separates the first from the next, or
    no other dialect explains anything.
    """

    explanations: tuple[Explanation, ...]
    separator: Separator | None = None
    rest: Explanation | None = None  #: what is left over by the first has in common

    @property
    def first(self) -> Explanation:
        """The best one."""
        return self.explanations[0]
