"""A failure is counted against the requirement of the event that failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.grading.attribution import broken_requirement, failed_level
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_reference.scenario import Load, New, Save, Step


@pytest.fixture(scope="module")
def by_requirement():
    """One scenario of each foremost requirement."""
    found = {}
    for scenario in Library.read().scenarios():
        if scenario.requirements:
            found.setdefault(scenario.requirements[0], scenario)
    return found


def broken(scenario, kind, which):
    """What a failure at the first event of a kind, or at an index, breaks."""
    index = which
    if isinstance(which, type):
        index = next(i for i, e in enumerate(scenario.events) if isinstance(e, which))
    return broken_requirement(scenario, Failure(kind, index, "A", "p"))


@pytest.mark.parametrize(
    ("foremost", "kind", "event", "due"),
    [
        ("state-dict/bytes", FailureKind.THETA, Step, "algorithm/update"),
        ("state-dict/bytes", FailureKind.SUM, Step, "algorithm/accumulator"),
        ("state-dict/bytes", FailureKind.COUNTER, Step, "lr-decay/own-counter"),
        ("state-dict/bytes", FailureKind.REFUSED, New, "algorithm/all-inputs"),
        ("state-dict/bytes", FailureKind.SUM_CHANGED, Save, "state-dict/bytes"),
        ("state-dict/bytes", FailureKind.SUM_CHANGED, Load, "state-dict/bytes"),
        ("state-dict/bytes", FailureKind.THETA, -1, "state-dict/bytes"),
        ("none-vs-zero/none-skips", FailureKind.GRADIENT_CHANGED, Step, None),
        ("layout/any-size", FailureKind.STORAGE, Step, "layout/strided-param"),
        ("layout/after-load", FailureKind.THETA, Step, "layout/strided-param"),
        ("numerics/ordinary", FailureKind.THETA, Step, "numerics/ordinary"),
        ("weight-decay/coupled", FailureKind.SUM, Step, "weight-decay/coupled"),
        ("groups/add", FailureKind.THETA, Step, "algorithm/update"),
        ("groups/option-change", FailureKind.THETA, Step, "algorithm/update"),
        ("groups/option-change", FailureKind.THETA, -1, "groups/option-change"),
        ("numerics/eps", FailureKind.INITIAL_SUM, New, "algorithm/initial-accumulator"),
        ("parameters/defaults", FailureKind.INITIAL_SUM, New, "parameters/defaults"),
    ],
)
def test_what_an_event_breaks(by_requirement, foremost, kind, event, due):
    scenario = by_requirement[foremost]
    index = len(scenario.events) - 1 if event == -1 else event
    assert broken(scenario, kind, index) == (due or "gradients/untouched")


def test_a_check_without_requirements_breaks_none(by_requirement):
    scenario = by_requirement["numerics/ordinary"]
    bare = replace(scenario, requirements=())
    assert broken(bare, FailureKind.THETA, Step) is None


def test_raising_where_a_square_overflows_is_no_wrong_number():
    scenarios = {s.id: s for s in Library.read().scenarios()}
    for fmt in ("binary32", "binary64"):
        scenario = scenarios[f"special-values/overflow/{fmt}"]
        step = next(i for i, e in enumerate(scenario.events) if isinstance(e, Step))
        refused = Failure(FailureKind.REFUSED, step, "A", "p")
        assert failed_level(scenario, refused) == "SHOULD"
        assert broken_requirement(scenario, refused) == "numerics/overflow"
        wrong = Failure(FailureKind.SUM, step, "A", "p")
        assert failed_level(scenario, wrong) == "MUST"
        made = Failure(FailureKind.REFUSED, 0, "A", "p")
        assert failed_level(scenario, made) == "MUST"


def test_every_other_refusal_of_a_step_stays_at_its_level(by_requirement):
    for scenario in by_requirement.values():
        if scenario.requirements[0].endswith(("overflow", "overflow-moves")):
            continue
        for i, event in enumerate(scenario.events):
            if isinstance(event, Step):
                refused = Failure(FailureKind.REFUSED, i, "A", "p")
                assert failed_level(scenario, refused) == scenario.level, scenario.id
