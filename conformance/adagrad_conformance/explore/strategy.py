"""Scenarios as a Hypothesis strategy, and one scenario played and judged."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from adagrad_conformance.adapters.base import CLAIMS, Adapter
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.scenario import Event, Scenario

from .events import KINDS, first, possible, used
from .legal_events import MAX_EVENTS, Draft
from .numbers import formats, one_of, params

__all__ = ["check", "scenarios", "verdict"]

#: Every claim that a drawn scenario may need.
_EVERYTHING = frozenset(CLAIMS)
#: The end first, so that examples shrink to it; then every kind, some more often.
_NEXT = ("end", *("step",) * 8, *("save",) * 2, *("load",) * 4, *KINDS)


def scenarios(
    claims: frozenset[str] = _EVERYTHING, max_events: int = MAX_EVENTS
) -> st.SearchStrategy[Scenario]:
    """A strategy of scenarios that every right port with these claims must pass.

    `claims` are keys of `adapters.base.CLAIMS`; a scenario needs no other ones.  All
    numbers are ordinary, all demands are MUST (legal_events.py lists the choices that
    the document leaves).  Examples shrink to few events, few params and numbers of few
    digits.

        from hypothesis import given
        from adagrad_conformance.explore import check, scenarios

        @given(scenarios(MyAdapter.claims))
        def test_my_port(scenario):
            assert check(MyAdapter, scenario).status == "pass"

    Raises `NoScenario` where the claims allow none, and ValueError for unknown ones.
    """
    if unknown := set(claims) - _EVERYTHING:
        raise ValueError(
            f"unknown claims {sorted(unknown)}; known: {', '.join(CLAIMS)}"
        )
    formats(claims)
    return _scenarios(frozenset(claims), max_events)


@st.composite
def _scenarios(draw: st.DrawFn, claims: frozenset[str], max_events: int) -> Scenario:
    draft = Draft(params(draw, claims), claims)
    draft.add(first(draw, draft))
    while True:
        full = len(draft.scenario.events) >= max_events or draft.over
        kind, event = draw(_next(draft, full).filter(_is_used))[:2]
        if kind == "end":
            return draft.scenario
        if event is not None:
            draft.add(event)
            assume(draft.ordinary.holds)


@st.composite
def _next(draw: st.DrawFn, draft: Draft, full: bool) -> tuple[str, Event | None, bool]:
    """A kind of event, an event of it if one is possible, and whether it is used.

    The end is drawn even where it is the only choice, so that a full scenario has an
    end behind it after Hypothesis has deleted an event.  One small change, from used to
    unused, deletes an event: Hypothesis drops what a filter rejects.
    """
    kind = one_of(draw, ("end", "end") if full else _NEXT)
    event = None
    if kind != "end" and possible(draft, kind):
        event = KINDS[kind].event(draw, draft)
    return kind, event, used(draw)


def _is_used(drawn: tuple[str, Event | None, bool]) -> bool:
    return drawn[2]


def check(adapter: Callable[[], Adapter], scenario: Scenario) -> Verdict:
    """Play a scenario on an adapter in this process, and judge it.

    `adapter` makes a new one: a class without arguments, or a function such as
    `lambda: TorchAdapter("mine", MyAdagrad)`.  The status is "pass", "fail",
    "not-claimed", "crash" or "malformed"; `failure` and `message` have the details.
    """
    client = InProcessClient(adapter)
    identity = client.start()
    (seen,) = observe(client, identity, [scenario])
    (found,) = judge([seen], Terms(identity.claims))
    return found


def verdict(seen: Observation, claims: frozenset[str]) -> Verdict:
    """The verdict of what was observed so far."""
    (found,) = judge([seen], Terms(claims))
    return found
