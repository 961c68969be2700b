"""Projections for ports whose state cannot be written, and that know no None.

A state is reached by steps: with g = sqrt(S) a first step makes an accumulator of about
S, and the param starts where that step leads it to about the theta that was wanted.
Further steps with zero gradients bring the counter to t, up to `MOST`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.events import gradients_of, map_gradients
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Scenario,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    tensor,
)

__all__ = ["MOST", "reached_by_steps", "with_gradients"]

#: The most steps by which a written counter is reached.
MOST = 12


def reached_by_steps(scenario: Scenario) -> Scenario:
    """Steps in place of written states; neighbouring states share their steps."""
    events: list[Event] = []
    tensors = dict(scenario.tensors)
    books, moved = Bookkeeper(scenario), set[str]()
    runs = groupby(
        scenario.events,
        lambda e: e.optimizer if isinstance(e, SetState) else None,
    )
    for name, run in runs:
        listed = list(run)
        written = [e for e in listed if isinstance(e, SetState)]
        if name is not None:
            options = _options(books, name)
            for event in written:
                if event.param not in moved:
                    tensors[event.param] = _started(
                        tensors[event.param], event.state_sum, options[event.param]
                    )
                moved.add(event.param)
            events += _steps(name, written)
        for played in listed:
            effect = books.apply(played)
            moved |= {update.param for update in effect.updates}
        if name is None:
            events += listed
    return replace(scenario, tensors=tensors, events=tuple(events))


def _options(books: Bookkeeper, optimizer: str) -> dict[str, Options]:
    return {p: o for params, o in books.groups(optimizer) for p in params}


def _steps(optimizer: str, written: Sequence[SetState]) -> list[Event]:
    firsts: dict[str, Gradient] = {
        event.param: _mapped(event.state_sum, _root) for event in written
    }
    zeros: dict[str, Gradient] = {
        event.param: _mapped(event.state_sum, lambda _: 0.0) for event in written
    }
    count = min(MOST, max(1, *(event.t for event in written)))
    return [Step(optimizer, firsts), *[Step(optimizer, zeros)] * (count - 1)]


def _root(total: float) -> float:
    return math.sqrt(total) if total >= 0 and math.isfinite(total) else 0.0


def _started(theta: Tensor, total: Tensor, options: Options) -> Tensor:
    """The theta from which the first step leads to about the one that was given."""
    sign = -1.0 if options.maximize else 1.0
    values = [
        x + sign * options.lr * _root(s) / ((_root(s) + options.eps) or 1.0)
        for x, s in zip(theta.values(), total.values(), strict=True)
    ]
    return replace(tensor(theta.fmt, values, (len(values),)), shape=theta.shape)


def _mapped(like: Tensor, change: Callable[[float], float]) -> Tensor:
    values = [change(value) for value in like.values()]
    flat = tensor(like.fmt, values, (len(values),))
    return replace(like, bits=flat.bits)


def with_gradients(scenario: Scenario) -> Scenario | None:
    """A gradient wherever a param of a stepping optimizer has none.

    It is the first one that the scenario gives the param.  A step in which no param has
    a gradient is left out.
    """
    firsts = _first_gradients(scenario)
    books, events = Bookkeeper(scenario), []
    for event in scenario.events:
        changed = event
        if isinstance(event, Step | Steps):
            params = books.params(event.optimizer)
            if not all(param in firsts for param in params):
                return None
            given = gradients_of(event)
            if not any(
                g is not None for gradients in given for g in gradients.values()
            ):
                books.apply(event)
                continue
            held = books.gradients

            def filled(
                gradients: Mapping[str, Gradient],
                params: Sequence[str] = params,
                held: Mapping[str, Gradient] = held,
            ) -> Mapping[str, Gradient]:
                whole: dict[str, Gradient] = {
                    p: g for p, g in gradients.items() if g is not None
                }
                for param in params:
                    if param not in whole and (
                        param in gradients or held[param] is None
                    ):
                        whole[param] = firsts[param]
                return whole

            changed = map_gradients(event, filled)
        books.apply(changed)
        events.append(changed)
    return replace(scenario, events=tuple(events))


def _first_gradients(scenario: Scenario) -> dict[str, Gradient]:
    found: dict[str, Gradient] = {}
    for event in scenario.events:
        for gradients in gradients_of(event):
            for param, gradient in gradients.items():
                if isinstance(gradient, Tensor | Sparse):
                    found.setdefault(param, gradient)
    return found
