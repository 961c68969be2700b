"""Where a scenario stands while its observation is read, event by event."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.execution.observations import EventSeen
from adagrad_conformance.grading.case import Case, Terms
from adagrad_conformance.grading.failure import Failure, FailureKind, Number
from adagrad_reference.dialect_bookkeeping import bookkeeper
from adagrad_reference.effects import Effect, Update
from adagrad_reference.formats import Format
from adagrad_reference.interval import stored_box
from adagrad_reference.scenario import Event, Scenario, Step, Tensor
from adagrad_reference.trajectories import Trajectory

from .master_weights import Masters

__all__ = ["Played", "Progress", "in_the_wider"]


@dataclass(frozen=True)
class Played:
    """One event: what it does by the books, and what was seen of it."""

    number: int
    event: Event
    effect: Effect
    shown: EventSeen

    def failure(self, kind: FailureKind, place: Place | None = None) -> Failure:
        """A failure at this event, of a param under an optimizer."""
        who, param = place or (self.event.optimizer, None)
        return Failure(kind, self.number, who, param)

    @cached_property
    def updates(self) -> dict[Place, Update]:
        """The step of each param that takes one, for an event of one step."""
        return {(self.event.optimizer, u.param): u for u in self.effect.updates}

    @cached_property
    def moved(self) -> set[str]:
        """The params that take a step."""
        steps = (self.effect.updates, *self.effect.runs)
        return {update.param for step in steps for update in step}


@dataclass
class Progress:
    """The books, and theta, S and saves as the port last showed them."""

    scenario: Scenario
    terms: Terms
    case: Case
    masters: Masters | None
    expected: Trajectory | None  #: for a port that shows no state
    theta: dict[str, Tensor] = field(default_factory=dict)
    sums: dict[Place, Tensor | None] = field(default_factory=dict)
    saved: dict[tuple[str, str], Tensor | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.books = bookkeeper(self.scenario, self.terms.dialect)
        self.theta.update(self.scenario.tensors)

    @cached_property
    def has_closure(self) -> bool:
        """Whether some step of the scenario is given a closure."""
        events = self.scenario.events
        return any(isinstance(e, Step) and e.loss is not None for e in events)

    def stepped(self, place: Place) -> Tensor:
        """The numbers that the next step starts from: the master, or else theta."""
        held = self.masters.held if self.masters else {}
        return held.get(place, self.theta[place[1]])

    def first_sum(self, update: Update, fmt: Format) -> Tensor | None:
        """S of a param before its first step, where no state has been shown yet.

        None where S, kept in a wider `fmt`, may be tau in that format or the param's.
        """
        tau = self.terms.dialect.initial_sum(update.options, update.options)
        like = self.scenario.tensors[update.param]
        stored = stored_box(like.fmt, tau).lo
        if fmt.width > like.fmt.width and stored_box(fmt, tau).lo != stored:
            return None
        bits = like.fmt.encode(stored)
        return Tensor(like.format, like.shape, (bits,) * len(like.bits))

    def note(self, readings: dict[Place, Reading]) -> None:
        """Keep what was shown after an event."""
        for (optimizer, param), reading in readings.items():
            self.theta[param] = reading.theta
            self.sums[optimizer, param] = reading.state_sum

    @cached_property
    def flushes(self) -> bool:
        """Whether the port takes subnormal numbers as zero, as it declares."""
        return "flush-to-zero" in self.terms.claims

    def check_kept(
        self,
        failure: Failure,
        due: Tensor,
        shown: Tensor,
        elements: Collection[int] | None = None,
    ) -> None:
        """Note the first element whose bits differ; of some elements, or of all."""
        due, shown = in_the_wider(due, shown)
        if due.bits == shown.bits:
            return
        for element, (a, b) in enumerate(zip(due.bits, shown.bits, strict=True)):
            if a != b and (elements is None or element in elements):
                if self.flushes and _is_flushed(due.fmt, a, b):
                    continue
                seen, kept = Number(due.fmt, b), Number(due.fmt, a)
                found = replace(failure, element=element, observed=seen, due=kept)
                self.case.fail(found)
                return


def _is_flushed(fmt: Format, before: int, after: int) -> bool:
    """Whether a subnormal number became zero."""
    return not fmt.decode(after) and abs(fmt.decode(before)) < fmt.smallest_normal


def in_the_wider(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The same numbers, both in the wider one of their formats."""
    if a.format == b.format:
        return a, b
    fmt = max(a.fmt, b.fmt, key=lambda each: each.width)
    return _in_format(a, fmt), _in_format(b, fmt)


def _in_format(tensor: Tensor, fmt: Format) -> Tensor:
    if tensor.fmt == fmt:
        return tensor
    bits = tuple(fmt.encode(tensor.fmt.decode(code)) for code in tensor.bits)
    return replace(tensor, format=fmt.name, bits=bits, layout=None)
