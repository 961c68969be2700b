"""When a smaller scenario still shows the same fault, and still shows it fairly.

Rule 1.  The same fault: the same status, kind of event, kind of complaint (theta or S
         or counter or gradient or refusal ...; without its numbers) and kind of value
         seen (a number, an infinity, NaN).
Rule 2.  The same theme: the claims that a requirement is about stay in use.  A failure
         of `weight-decay/coupled` keeps its weight decay, else it could slide into
         another fault of the same port.
Rule 3.  No new ground: no claim that the scenario did not need before (but writing a
         state), no refusal that was not in it, nothing that the document leaves open,
         and no number near the ends of its format where there was none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.failure import Failure, FailureKind, Number, Value
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import foremost
from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.claims import needed_claims
from adagrad_reference.events import changes_state, options_of
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import (
    AddGroup,
    Load,
    New,
    Save,
    Scenario,
    Steps,
    ZeroGrad,
)

__all__ = ["Fault", "Ground", "failing_event", "fault", "ground"]


@dataclass(frozen=True)
class Fault:
    """What a smaller scenario must share with the one that failed."""

    status: Status
    event: str  #: the kind of the event at fault
    complaint: str  #: the kind of failure, or how the port broke off
    value: str  #: the sort of value observed


def fault(seen: Observation, verdict: Verdict) -> Fault:
    """The fault of a failed scenario (rule 1)."""
    number = failing_event(seen, verdict)
    kind = "begin"
    if number < len(seen.scenario.events):
        event = seen.scenario.events[number]
        kind = "Step" if isinstance(event, Steps) else type(event).__name__
    failure = verdict.failure if verdict.status is Status.FAIL else None
    if failure is None:
        return Fault(verdict.status, kind, _trouble(verdict.message), "")
    return Fault(verdict.status, kind, _complaint(failure), _sort(failure.observed))


def failing_event(seen: Observation, verdict: Verdict) -> int:
    """The number of the event that failed, or in which the port broke off."""
    if verdict.status is Status.FAIL and verdict.failure is not None:
        return verdict.failure.event
    return len(seen.events)


def _complaint(failure: Failure) -> str:
    """The kind of failure; with it, where several faults share it, what tells them."""
    match failure.kind:
        case FailureKind.CALLS:
            return f"{failure.kind} {failure.observed}"
        case FailureKind.REFUSED:  # the port's own words, of which the first names it
            words = re.match(r"\w+", str(failure.observed))
            return f"{failure.kind} {words.group() if words else ''}"
        case FailureKind.ACCEPTED:
            return f"{failure.kind} {_without_numbers(str(failure.due))}"
    return failure.kind


def _without_numbers(text: str) -> str:
    return re.sub(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", text)


def _trouble(message: str) -> str:
    """How the port broke off: in its own words, the exception's name or the signal."""
    lines = message.strip().splitlines() or [""]
    if lines[0].startswith("the process ended"):
        return lines[0]
    name = re.match(r"[\w.]+(?=:|$)", lines[-1])
    return name.group() if name else re.sub(r"\d+", "#", lines[-1])


def _sort(observed: Value) -> str:
    value = observed.value if isinstance(observed, Number) else observed
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "infinity"
    return type(value).__name__


# -- fairness ----------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """What a scenario stands on; a smaller one must not go beyond."""

    claims: frozenset[str]
    theme: frozenset[str]
    open: frozenset[str]
    ordinary: bool

    def allows(self, scenario: Scenario) -> bool:
        """Whether a scenario is possible and stays on this ground."""
        try:
            needed = needed_claims(scenario)
        except (ScenarioError, KeyError):
            return False
        if not self.theme <= _used_claims(scenario, needed):
            return False
        if not needed <= self.claims | {"state-write"}:
            return False
        if not frozenset(_left_open(scenario)) <= self.open:
            return False
        return not self.ordinary or is_ordinary(scenario)


def ground(scenario: Scenario) -> Ground:
    """The ground of a scenario that failed."""
    needed = needed_claims(scenario)
    requirement = foremost(scenario.requirements)
    theme = requirement.classification.keeps_claims if requirement else ()
    about = {*theme, *(f"{name} on" for name in theme)}
    return Ground(
        needed,
        _used_claims(scenario, needed) & about,
        frozenset(_left_open(scenario)),
        is_ordinary(scenario),
    )


def _used_claims(scenario: Scenario, needed: frozenset[str]) -> frozenset[str]:
    """The claims needed; for an option that is on somewhere also `NAME on`."""
    on = {
        f"{name.replace('_', '-')} on"
        for event in scenario.events
        for values in options_of(event)
        for name, value in values.items()
        if value
    }
    return needed | on


def _left_open(scenario: Scenario) -> Iterator[str]:
    """Refusals, and what has more than one legal outcome."""
    books, loaded = Bookkeeper(scenario), set[str]()
    live: dict[str, str] = {}  #: saves that still are what they were, and of whom
    for event in scenario.events:
        who = event.optimizer
        if isinstance(event, AddGroup) and who in loaded:
            missing = set(OPTION_NAMES[:-1]) - set(event.group.options)
            if missing - {"initial_accumulator_value"}:
                yield "a group added after a load takes defaults"
        if isinstance(event, ZeroGrad) and not event.set_to_none:
            params = books.params(who)
            if any(books.gradients[param] is None for param in params):
                yield "zero_grad meets a gradient that is None"
        if isinstance(event, Load):
            if event.via == "same-object" and live.get(event.name) != who:
                yield "a live state dict is loaded late"
            if event.via == "new-process":
                yield from _moving(books, who)
        effect = books.apply(event)
        if effect.refusal:
            yield f"refused: {_without_numbers(effect.refusal)}"
        if isinstance(event, Save):
            live[event.name] = who
        elif changes_state(event):
            live = {name: owner for name, owner in live.items() if owner != who}
        if isinstance(event, New):
            loaded.discard(who)
        elif isinstance(event, Load):
            loaded.add(who)


def _moving(books: Bookkeeper, who: str) -> Iterator[str]:
    """What a move to another process may lose."""
    if len(books.optimizers) > 1:
        yield "other optimizers are left behind"
    for params, options in books.groups(who):
        for param in params:
            if options.initial_accumulator_value and not books.counter(who, param):
                yield "a param moves before its first step"
