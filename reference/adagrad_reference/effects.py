"""The effect of an event: updates, restored and written state, or the refusal.

These are data; bookkeeping.py derives them from events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .options import Options
from .scenario import SetState, Tensor

__all__ = ["Effect", "Move", "Restored", "Run", "Update"]


@dataclass(frozen=True)
class Update:
    """One param takes its t-th step.

    With a sparse gradient only some elements move: `elements` are their positions in
    the param's encodings, and `gradient` is theirs alone.
    """

    param: str
    t: int
    options: Options
    gradient: Tensor
    elements: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Restored:
    """`param` receives the state that `source` had when `save` was made."""

    param: str
    save: str
    source: str


class Move(NamedTuple):
    """An update before its counter is known; see `Update`."""

    param: str
    options: Options
    gradient: Tensor
    elements: tuple[int, ...] | None


@dataclass(frozen=True)
class Run:
    """Many steps: the moves of each step in the first two rounds of a cycle.

    All further rounds are as the second one, since every gradient is given by then.
    """

    counters: Mapping[str, int]  #: before
    rounds: Sequence[Sequence[Move]]
    counting: Sequence[tuple[str, ...]]  #: the params that count, by round
    length: int  #: of the cycle
    count: int
    taken: Callable[..., tuple[Update, ...]]

    def numbers(self) -> Iterator[int]:
        """The index into `rounds` of each step."""
        for number in range(self.count):
            yield min(number, self.length + number % self.length)

    def updates(self) -> Iterator[tuple[Update, ...]]:
        """The updates of each step."""
        counters = dict(self.counters)
        for number in self.numbers():
            yield self.taken(counters, self.rounds[number], self.counting[number])


@dataclass(frozen=True)
class Effect:
    """The changes of state by an event, or the reason why it must be refused."""

    refusal: str | None = None
    updates: tuple[Update, ...] = ()
    fresh: tuple[tuple[str, float], ...] = ()  #: (param, tau) with new state
    restored: tuple[Restored, ...] = ()
    written: SetState | None = None
    run: Run | None = None

    @cached_property
    def runs(self) -> tuple[tuple[Update, ...], ...]:
        """The updates of each of many steps."""
        return tuple(self.run.updates()) if self.run else ()
