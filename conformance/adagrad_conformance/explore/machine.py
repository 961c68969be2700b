"""A state machine that drives a port and the reference's books side by side.

It has a rule for each kind of event.  A run is judged at its end, or at once where the
port and the books diverge; Hypothesis then shrinks the run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.recording import recorded
from adagrad_conformance.execution.session import Session
from adagrad_conformance.transport.client import Client
from adagrad_reference.scenario import Event

from .events import KINDS, first, possible, used
from .legal_events import Draft
from .numbers import params

__all__ = ["SideBySide", "machine"]


def _rule(kind: str) -> Any:
    """The rule that draws an event of a kind and plays it."""

    def play(self: SideBySide, data: Any) -> None:
        event = KINDS[kind].event(data.draw, self.draft)
        if used(data.draw):
            self.follow(event)

    play.__name__ = kind.replace("-", "_")
    allowed = precondition(lambda self: possible(self.draft, kind))
    return allowed(rule(data=st.data())(play))


class SideBySide(RuleBasedStateMachine):
    """One run: the draft decides which events may come, the session plays them.

    `machine` makes subclasses with the port, its claims, and a judge of runs.
    """

    client: Client
    claims: frozenset[str]
    ready: Callable[[], None]
    judge: Callable[[Observation], None]

    draft: Draft
    seen: Observation

    def __init__(self) -> None:
        super().__init__()
        self._around = sys.exc_info()[1]

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Draw params and a first optimizer."""
        self.draft = Draft(params(data.draw, self.claims), self.claims)
        self.seen = Observation(self.draft.scenario)
        self.ready()
        with recorded(self.seen):
            self.session = Session(self.client, self.draft.scenario)
        if self.seen.status:
            self.judge(self.seen)
        self.follow(first(data.draw, self.draft))

    def follow(self, event: Event) -> None:
        """Play an event on both sides; judge at once if they diverge."""
        self.draft.add(event)
        assume(self.draft.ordinary.holds)
        self.seen.scenario = self.draft.scenario
        with recorded(self.seen):
            self.seen.events.append(self.session.do(event))
        if self.seen.status or self.session.diverged:
            self.judge(self.seen)

    def teardown(self) -> None:
        """Judge the run, unless an exception ended it."""
        if sys.exc_info()[1] is self._around:
            self.judge(self.seen)

    @precondition(lambda self: self.draft.over)
    @rule()
    def rest(self) -> None:
        """Do nothing after the last event: some rule must be possible."""


#: Further rules of kinds that are drawn more often.
_MORE = {"step": ("step_again", "step_once_more"), "load": ("load_again",)}

for _kind in KINDS:
    for _name in (_kind.replace("-", "_"), *_MORE.get(_kind, ())):
        setattr(SideBySide, _name, _rule(_kind))


def machine(
    client: Client,
    claims: frozenset[str],
    ready: Callable[[], None],
    judge: Callable[[Observation], None],
) -> type[SideBySide]:
    """The state machine of a port.

    `ready` is called before each run and starts a port that has ended.  `judge` is
    called with every run and raises for a wrong one.
    `hypothesis.stateful.run_state_machine_as_test` runs the machine.
    """
    parts = {
        "client": client,
        "claims": claims,
        "ready": staticmethod(ready),
        "judge": staticmethod(judge),
    }
    return type("SideBySide", (SideBySide,), parts)
