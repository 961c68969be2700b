"""Which smaller scenarios are fair: those within the limits of the one that failed.

Rule 1.  The same theme: the claims that a requirement is about stay in use.  A failure
         of `weight-decay/coupled` keeps its weight decay, else it could slide into
         another fault of the same port.
Rule 2.  No new ground: no claim that the scenario did not need before (but writing a
         state), no refusal that was not in it, nothing that the document leaves open,
         and no number near the ends of its format where there was none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
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
    ZeroGrad,
)

from .same_failure import without_numbers

__all__ = ["Limits", "limits_of"]


@dataclass(frozen=True)
class Limits:
    """What a smaller scenario may use and must keep, in claims and open questions."""

    claims: frozenset[str]
    theme: frozenset[str]
    open: frozenset[str]
    ordinary: bool

    def allows(self, scenario: Scenario) -> bool:
        """Whether a scenario is possible and stays within the limits."""
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


def limits_of(scenario: Scenario) -> Limits:
    """The limits for what a failed scenario is reduced to."""
    needed = needed_claims(scenario)
    requirement = foremost(scenario.requirements)
    theme = requirement.classification.keeps_claims if requirement else ()
    about = {*theme, *(f"{name} on" for name in theme)}
    return Limits(
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
            yield f"refused: {without_numbers(effect.refusal)}"
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
