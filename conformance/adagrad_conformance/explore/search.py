"""Both explorations of one port: drawn scenarios, then the state machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_reference.scenario import Scenario

from .legal_events import MAX_EVENTS
from .machine import machine
from .strategy import scenarios, verdict

__all__ = ["Found", "Search", "explore"]


@dataclass(frozen=True)
class Found:
    """A scenario that fails, as small as Hypothesis makes it, and its verdict."""

    scenario: Scenario
    verdict: Verdict
    steady: bool = True  #: it failed each time that it was played


@dataclass
class Search:
    """The extent of an exploration, and what it found."""

    examples: int = 0
    events: int = 0
    found: Found | None = None


class _Difference(Exception):
    """An example fails; Hypothesis shrinks it."""


class _Enough(BaseException):
    """The exploration must end; Hypothesis does not catch a BaseException."""


@dataclass
class _Judge:
    client: Client
    claims: frozenset[str]
    search: Search = field(default_factory=Search)
    last: Found | None = None

    def ready(self) -> None:
        """Start a port that has ended."""
        if self.client.alive:
            return
        try:
            self.client.start()
        except NotLoaded as error:
            raise _Enough from error

    def __call__(self, seen: Observation) -> None:
        if self.last is None:
            self.search.examples += 1
            self.search.events += len(seen.events)
        found = verdict(seen, self.claims)
        if found.status is Status.PASS:
            return
        played = seen.scenario.events[: len(seen.events) + bool(seen.status)]
        self.last = Found(replace(seen.scenario, events=played), found)
        if found.status is Status.TIMEOUT:  # each further one would take as long
            raise _Enough
        raise _Difference(found.status)


def explore(
    client: Client, claims: frozenset[str], examples: int, start: int
) -> Search:
    """Explore a started port until a scenario fails.

    Each of the two explorations plays up to `examples`, always the same for the same
    seed `start`.  Raises `NoScenario` where the claims allow no scenario, and
    `NotLoaded` where a port that has ended does not start again.
    """
    judge = _Judge(client, claims)
    for run in (_drawn, _driven):
        try:
            run(judge, examples, start)
        except _Difference:
            judge.search.found = judge.last
        except _Enough as enough:
            if judge.last is None:
                raise enough.__cause__ or enough from None
            judge.search.found = judge.last
        except Flaky:
            if judge.last is None:
                raise
            judge.search.found = replace(judge.last, steady=False)
        if judge.search.found:
            break
    return judge.search


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=MAX_EVENTS - 1,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def _drawn(judge: _Judge, examples: int, start: int) -> None:
    @seed(start)
    @_settings(examples)
    @given(scenarios(judge.claims))
    def test(scenario: Scenario) -> None:
        judge.ready()
        judge(play(judge.client, scenario))

    test()


def _driven(judge: _Judge, examples: int, start: int) -> None:
    driven = seed(start)(machine(judge.client, judge.claims, judge.ready, judge))
    run_state_machine_as_test(driven, settings=_settings(examples))
