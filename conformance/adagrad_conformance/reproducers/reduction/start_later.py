"""The boldest move: begin right before the event at fault, from what the port showed.

A run of ten thousand steps becomes one, if the fault does not hang on how the port came
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import (
    Group,
    New,
    Scenario,
    SetState,
    Step,
    Steps,
    Tensor,
)

from .same_failure import failing_event

__all__ = ["cut_short", "restarted"]


@dataclass(frozen=True)
class _Start:
    """A param before a step: theta, S (None: none yet), and the steps behind it."""

    theta: Tensor
    state_sum: Tensor | None
    t: int


def cut_short(seen: Observation, verdict: Verdict) -> Scenario:
    """The scenario without the events, and the steps, behind the fault."""
    number, failure = failing_event(seen, verdict), verdict.failure
    events = seen.scenario.events[: number + 1]
    step = failure.step if failure and verdict.status is Status.FAIL else None
    if step is not None and number < len(events):
        last = events[number]
        if isinstance(last, Steps):
            events = (*events[:number], replace(last, count=step + 1))
    return replace(seen.scenario, events=events)


def restarted(seen: Observation, verdict: Verdict) -> Iterator[Scenario]:
    """A scenario of one step: new params, the state written, the gradient given."""
    number, failure = failing_event(seen, verdict), verdict.failure
    events = seen.scenario.events
    if number >= len(events) or failure is None or failure.param is None:
        return
    event, param = events[number], failure.param
    if not isinstance(event, Step | Steps):
        return
    books = Bookkeeper(seen.scenario)
    for earlier in events[:number]:
        books.apply(earlier)
    groups = [g for g in books.groups(event.optimizer) if param in g[0]]
    if not groups:
        return
    start = _before(seen, number, param, books.counter(event.optimizer, param))
    if isinstance(event, Step):
        given = event.gradients.get(param, books.gradients[param])
        loss = event.loss
    else:
        step = failure.step or 0
        given = event.cycle[step % len(event.cycle)].get(param)
        start, loss = _within(seen, number, param, step, start), None
    made = New(event.optimizer, (Group((param,)),), groups[0][1].changed())
    named = {"lr": groups[0][1].lr, "eps": groups[0][1].eps}
    made = replace(made, options={**named, **made.options})
    written = []
    if start.state_sum is not None and start.t:
        written.append(SetState(event.optimizer, param, start.state_sum, start.t))
    step_event = Step(event.optimizer, {param: given}, loss)
    yield replace(
        seen.scenario,
        tensors={param: start.theta},
        events=(made, *written, step_event),
    )


def _before(seen: Observation, number: int, param: str, t: int) -> _Start:
    """What was read of the param before an event."""
    first = seen.scenario.tensors[param]
    who = seen.scenario.events[number].optimizer
    reading = seen.events[number - 1].readings.get((who, param)) if number else None
    if reading is None:
        return _Start(first, None, t)
    theta = replace(reading.theta, layout=first.layout)
    return _Start(theta, reading.state_sum, t)


def _within(
    seen: Observation, number: int, param: str, step: int, before: _Start
) -> _Start:
    """What the trace of many steps shows before one of them.

    The counter is that of a param which takes part in each of them.
    """
    trace = (seen.events[number].trace or {}).get(param)
    if trace is None or step == 0 or before.state_sum is None:
        return before
    width = len(before.theta.bits)
    part = slice((step - 1) * width, step * width)
    theta = replace(before.theta, bits=trace.theta[part])
    total = replace(before.state_sum, bits=trace.state_sum[part])
    return _Start(theta, total, before.t + step)
