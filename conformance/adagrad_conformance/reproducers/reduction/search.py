"""The search for a smallest scenario that still shows a fault.

Moves are tried in a fixed order, the boldest first; one that shows the same fault on
fair terms and is smaller is taken, and the search goes on from there, until no move
helps or the budget is spent.  Nothing is random: the same port gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.adapters.claims import with_implied
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Expectations, Terms, no_file
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.claims import needed_claims
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.scenario import Scenario, Steps

from . import events, numbers, tensors
from .allowed import Limits, limits_of
from .same_failure import Fault, fault
from .size import size
from .start_later import cut_short, restarted

__all__ = ["BUDGET", "Outcome", "Reduction"]

#: Plays that a reduction may take.
BUDGET = 400
#: Plays that starting a port again counts for.
RESTART = 25
#: Each so many steps, or elements, of a scenario count for a play more.
LONG, LARGE = 1_000, 10_000


@dataclass(frozen=True)
class Outcome:
    """A scenario as played: what was seen, and the verdict."""

    scenario: Scenario
    seen: Observation
    verdict: Verdict


Move = Callable[[Outcome], Iterator[Scenario]]


def _of_scenario(move: Callable[[Scenario], Iterator[Scenario]]) -> Move:
    return lambda outcome: move(outcome.scenario)


def _fewer_elements(outcome: Outcome) -> Iterator[Scenario]:
    found = outcome.verdict.failure
    place = (found.param, found.element) if found else (None, None)
    return tensors.fewer_elements(outcome.scenario, *place)


#: In the order in which they are tried.
MOVES: tuple[Move, ...] = (
    lambda outcome: restarted(outcome.seen, outcome.verdict),
    _of_scenario(events.fewer_events),
    _of_scenario(events.fewer_params),
    _fewer_elements,
    _of_scenario(events.fewer_steps),
    _of_scenario(events.fewer_groups),
    _of_scenario(events.fewer_options),
    _of_scenario(events.fewer_gradients),
    _of_scenario(tensors.plainer_layouts),
    _of_scenario(tensors.fewer_rows),
    _of_scenario(numbers.plainer_numbers),
    _of_scenario(numbers.plainer_options),
)


@dataclass
class Reduction:
    """The reduction of one failed scenario on one port."""

    client: Client  #: started
    identity: Identity
    expect: Expectations = no_file
    budget: int = BUDGET
    plays: int = 0  #: scenarios given to the port
    spent: int = 0  #: of the budget
    tried: set[bytes] = field(default_factory=set)
    fault: Fault = field(init=False)
    limits: Limits = field(init=False)
    control: Callable[[Scenario], bool] | None = field(init=False, default=None)

    @cached_property
    def terms(self) -> Terms:
        """What the port is held to, by the dialect that it declares."""
        dialect = DIALECTS[self.identity.dialect]
        return Terms(self.identity.claims, self.expect, dialect)

    def run(self, scenario: Scenario) -> Outcome | None:
        """The smallest outcome found; None if the scenario does not fail now."""
        best = self.outcome(scenario)
        if best is None or not best.verdict.status.is_failure:
            return None
        if best.verdict.status is Status.TIMEOUT:  # each further one would take as long
            return replace(best, scenario=cut_short(best.seen, best.verdict))
        self.fault = fault(best.seen, best.verdict)
        self.limits = limits_of(scenario)
        self.control = _control(scenario)
        while (better := self._round(best)) is not best:
            best = better
        return best

    def _round(self, best: Outcome) -> Outcome:
        """Every move once, each for as long as it helps."""
        best = self._taken(best, lambda o: iter((cut_short(o.seen, o.verdict),)))
        for move in MOVES:
            best = self._taken(best, move)
        return best

    def _taken(self, best: Outcome, move: Move) -> Outcome:
        """The best that one move leads to; after each success it begins again."""
        found: Outcome | None = best
        while found is not None:
            best, found = found, None
            for smaller in move(best):
                if self.spent >= self.budget:
                    return best
                found = self._try(smaller, size(best.scenario))
                if found is not None:
                    break
        return best

    def _try(self, scenario: Scenario, limit: tuple[int, ...]) -> Outcome | None:
        if size(scenario) >= limit or self._known(scenario):
            return None
        if not self.limits.allows(scenario):
            return None
        identity = self.identity
        if missing_claims(scenario, identity.claims, identity.constants):
            return None
        found = self.outcome(scenario)
        if found is None or fault(found.seen, found.verdict) != self.fault:
            return None
        fair = self.control is None or self.control(scenario)
        return found if fair else None

    def _known(self, scenario: Scenario) -> bool:
        """Whether a scenario with the same tensors and events was tried before."""
        parts = (scenario.tensors, scenario.events)
        key = blake2b(repr(parts).encode(), digest_size=16).digest()
        if key in self.tried:
            return True
        self.tried.add(key)
        return False

    def outcome(self, scenario: Scenario) -> Outcome | None:
        """Play and judge; None where the reference cannot compute what is due."""
        steps = sum(e.count for e in scenario.events if isinstance(e, Steps))
        elements = sum(tensor.size for tensor in scenario.tensors.values())
        self.plays += 1
        self.spent += 1 + steps // LONG + elements // LARGE
        if not self.client.alive:
            try:
                self.client.start()
            except (NotLoaded, Malformed):
                self.spent = self.budget
                return None
            self.spent += RESTART
        seen = play(self.client, scenario)
        try:
            (verdict,) = judge([seen], self.terms)
        except ArithmeticError:
            return None
        return Outcome(scenario, seen, verdict)


def _control(scenario: Scenario) -> Callable[[Scenario], bool] | None:
    """Whether a right port passes: the suite's own, where it passes this scenario."""
    own = InProcessClient(NumpyAdapter)
    identity = own.start()

    def passes(given: Scenario) -> bool:
        (verdict,) = judge([play(own, given)], Terms(identity.claims))
        return verdict.status is Status.PASS

    if not needed_claims(scenario) <= with_implied(identity.claims) or not passes(
        scenario
    ):
        return None
    return passes
