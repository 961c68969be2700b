"""A state machine that drives a port and the reference's books side by side.

Its rules are the kinds of event.  What was seen is judged when a run ends, or at once
where port and books part; Hypothesis then shrinks the run.
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
    """One run: the draft says what may come, the session plays it.

    Subclasses, made by `machine`, have the port, its claims, and what judges a run.
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
        """Params, and a first optimizer."""
        self.draft = Draft(params(data.draw, self.claims), self.claims)
        self.seen = Observation(self.draft.scenario)
        self.ready()
        with recorded(self.seen):
            self.session = Session(self.client, self.draft.scenario)
        if self.seen.status:
            self.judge(self.seen)
        self.follow(first(data.draw, self.draft))

    def follow(self, event: Event) -> None:
        """Play an event on both sides; judge at once if they part."""
        self.draft.add(event)
        assume(self.draft.ordinary.holds)
        self.seen.scenario = self.draft.scenario
        with recorded(self.seen):
            self.seen.events.append(self.session.do(event))
        if self.seen.status or self.session.diverged:
            self.judge(self.seen)

    def teardown(self) -> None:
        """Judge the run, if it came to its end and not to an exception."""
        if sys.exc_info()[1] is self._around:
            self.judge(self.seen)

    step = _rule("step")
    step_again = _rule("step")
    step_once_more = _rule("step")
    make = _rule("make")
    make_wrongly = _rule("make-wrongly")
    set_option = _rule("set-option")
    add_group = _rule("add-group")
    add_twice = _rule("add-twice")
    zero_grad = _rule("zero-grad")
    read = _rule("read")
    save = _rule("save")
    load = _rule("load")
    load_again = _rule("load")
    set_state = _rule("set-state")
    many_steps = _rule("many-steps")
    decayed_rows = _rule("decayed-rows")

    @precondition(lambda self: self.draft.over)
    @rule()
    def rest(self) -> None:
        """After the last event."""


def machine(
    client: Client,
    claims: frozenset[str],
    ready: Callable[[], None],
    judge: Callable[[Observation], None],
) -> type[SideBySide]:
    """The state machine of a port.

    `ready` is called before each run, to start the port if it has ended.  `judge` is
    told of every run that was played, and raises where it finds something wrong.  Run
    it with `hypothesis.stateful.run_state_machine_as_test`.
    """
    parts = {
        "client": client,
        "claims": claims,
        "ready": staticmethod(ready),
        "judge": staticmethod(judge),
    }
    return type("SideBySide", (SideBySide,), parts)
