"""What the tests of liars share: the scenarios, and how a liar is judged."""

from __future__ import annotations

import functools
from collections import Counter

from adagrad_conformance.checks.scenarios.families import GENERATED
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import Step, Steps

SEED = 1_859


@functools.cache
def library():
    return Library.read()


@functools.cache
def scenarios(fmt=None):
    """The default ones, all or of one format, but what is a MAY: it may fail."""
    every = (*library().scenarios(), *fresh_scenarios(SEED))
    chosen = [s for s in every if s.level != "MAY"]
    return [s for s in chosen if fmt is None or fmt in s.formats]


def long_runs():
    """The scenarios of many steps in one event."""
    every = (s for family in GENERATED for s in family.scenarios())
    return [s for s in every if any(isinstance(e, Steps) for e in s.events)]


def judged(factory, chosen=None):
    """The result of a liar made by `factory`, on binary32 unless told otherwise."""
    chosen = scenarios("binary32") if chosen is None else chosen
    result = evaluate_client(
        "liar", InProcessClient(factory), chosen, library().expectations
    )
    assert result.problem is None
    return {v.scenario: v for v in result.verdicts}


def statuses(verdicts):
    """How many of each status among the MUST."""
    return Counter(v.status for v in verdicts.values() if v.level == "MUST")


def those_with(kind, fmt="binary32"):
    """Ids of scenarios in which an event of the kind occurs."""
    return {s.id for s in scenarios(fmt) if any(isinstance(e, kind) for e in s.events)}


def moves(scenario):
    """Whether a gradient that is not zero moves a param of a right port in it."""
    books = Bookkeeper(scenario)
    effects = [books.apply(event) for event in scenario.events]
    updates = (update for effect in effects for update in effect.updates)
    return any(value != 0 for update in updates for value in update.gradient.values())


def those_with_closure(scenario):
    return any(isinstance(e, Step) and e.loss is not None for e in scenario.events)
