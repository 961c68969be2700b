"""The judge is doubted first: the line of the adapter that every failure crosses."""

from __future__ import annotations

import inspect

import pytest
from report_kit import check, stream, target

from adagrad_conformance.adapters.published import torch_functional_port
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.reports.pages.report import report_text
from adagrad_conformance.reports.recorded.crossing import crossed_by_all, crossed_line
from adagrad_reference.scenario import Scenario, Step

#: It runs in this Python, and its adapter is a published one.
PORT = "torch/functional-optimizer"


def scenarios(*, that_step: bool) -> list[Scenario]:
    """Scenarios of binary32 that take a step, or none."""
    return [
        scenario
        for scenario in Library.read().scenarios()
        if any(isinstance(event, Step) for event in scenario.events) == that_step
        and {"binary32"} == {t.fmt.name for t in scenario.tensors.values()}
        and scenario.id.startswith(("parameters/", "special-values/"))
    ]


def records(failed, passed):
    """Records of checks with these ids."""
    for word, ids in (("fail", failed), ("pass", passed)):
        for each in ids:
            yield {"scenario": each, "status": word, "level": "MUST"}


def test_a_line_counts_that_all_failures_and_no_passes_run():
    failed = [{"a.py:9", "a.py:10", "b.py:1"}, {"a.py:9", "a.py:10", "c.py:4"}]
    assert crossed_by_all(failed, [{"b.py:1"}]) == ["a.py:9", "a.py:10"]
    assert crossed_by_all(failed, [{"a.py:9"}, {"a.py:10"}]) == []
    assert crossed_by_all(failed, []) == []
    assert crossed_by_all([], failed) == []


def test_the_line_is_found_in_the_process_of_a_real_port():
    stepping = [s.id for s in scenarios(that_step=True)][:6]
    resting = [s.id for s in scenarios(that_step=False)][:6]
    assert stepping
    assert resting
    lines, first = inspect.getsourcelines(torch_functional_port.FunctionalOptimizer)
    line = crossed_line(PORT, list(records(stepping, resting)), 60)
    file, _, number = line.rpartition(":")
    assert file == "torch_functional_port.py"
    assert first <= int(number) < first + len(lines)
    mixed = [*stepping[1:], *resting]
    assert crossed_line(PORT, list(records(stepping[:1], mixed)), 60) is None


@pytest.mark.parametrize("level", ["MUST", "MAY"])
def test_what_a_fault_explains_or_nobody_demands_is_not_doubted(level):
    explained = [
        {"scenario": "x", "status": "fail", "level": level, "fault": "known"},
        {"scenario": "y", "status": "fail", "level": "SHOULD"},
        {"scenario": "z", "status": "pass", "level": "MUST"},
    ]
    assert crossed_line(PORT, explained, 60) is None


def test_the_report_says_so():
    port = target("optax", faults=[], crossing="some_port.py:12")
    text = report_text(
        [stream([port], [check("a/b/binary32", "fail", name="optax")])], None
    )
    assert "Each runs `some_port.py:12` of the adapter, and no passed check" in text
