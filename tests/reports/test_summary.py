"""What is counted of a target, and the conclusion."""

from __future__ import annotations

from collections import Counter

import pytest
from report_kit import MIXED, check, target

from adagrad_conformance.execution.status import Status
from adagrad_conformance.reports.summary import summaries

# -- the summary ---------------------------------------------------------------------


def test_the_summary_counts_what_it_says():
    (port,) = summaries([target()], MIXED)
    total = port.total
    assert total.judged_at("MUST") == 7
    assert total.failed == 4
    assert total.judged_at("SHOULD") == 2
    assert total.findings == 1
    assert total.count(None, "not-claimed") == 3
    assert port.verdict == "NOT CONFORMANT"
    assert port.not_claimed == {"groups": 2, "layout": 1}
    assert [theme.name for theme in port.families] == ["algorithm", "groups", "layout"]
    assert [theme.failed for theme in port.families] == [1, 3, 0]
    assert [theme.judged_at() for theme in port.families] == [3, 7, 0]


def test_the_worst_grade_and_the_largest_error():
    (port,) = summaries([target()], MIXED)
    assert [t.worst_grade for t in port.families] == ["fail", "-", "-"]  # of MUST
    assert [t.max_error for t in port.families] == ["2.75", "0", "-"]


def test_findings_stand_by_level_and_requirement():
    (port,) = summaries([target()], MIXED)
    assert [f.level for f in port.findings] == ["MUST", "SHOULD", "MAY"]
    assert [len(f.records) for f in port.findings] == [4, 1, 1]
    assert "theta is outside" in port.findings[0].evidence
    assert "p[1] = 1, due 2" in port.findings[0].evidence


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([], "NOT JUDGED"),
        ([check("a/b", "not-claimed")], "NOT JUDGED"),
        ([check("a/b")], "CONFORMANT"),
        ([check("a/b"), check("a/c", "not-claimed")], "CONFORMANT"),
        ([check("a/b", "waived")], "CONFORMANT"),
        ([check("a/b"), check("a/c", "fail", "SHOULD")], "CONFORMANT"),
        ([check("a/b"), check("a/c", "fail")], "NOT CONFORMANT"),
        ([check("a/b"), check("a/c", "crash")], "NOT CONFORMANT"),
        ([check("a/b"), check("a/c", "error")], "NOT CONFORMANT"),
    ],
)
def test_the_verdict(checks, verdict):
    (port,) = summaries([target()], checks)
    assert port.verdict == verdict


def test_a_target_with_a_problem_is_not_judged():
    (port,) = summaries([target(problem="no module")], [])
    assert port.verdict == "NOT JUDGED"


def test_every_status_is_judged_or_not_claimed():
    for status in Status:
        (port,) = summaries([target()], [check("a/b", status)])
        unasked = ("not-claimed", "not-reached", "skipped")
        assert port.total.judged_at() == (status not in unasked)


def test_targets_are_kept_apart():
    targets = [target("x"), target("y"), target("z")]
    checks = [check("a/b", name="y"), check("a/b", "fail", name="x")]
    ports = summaries(targets, checks)
    assert [port.verdict for port in ports] == [
        "NOT CONFORMANT",
        "CONFORMANT",
        "NOT JUDGED",
    ]


def test_a_real_stream_adds_up(real):
    ports = summaries(real.targets, real.checks)
    assert [port.verdict for port in ports] == [
        "CONFORMANT",
        "NOT CONFORMANT",
        "NOT JUDGED",
    ]
    for port in ports:
        counted = Counter((c["level"], c["status"]) for c in port.records)
        total = port.total
        for (level, status), count in counted.items():
            assert total.count(level, status) == count
        assert sum(len(theme.records) for theme in port.families) == len(port.records)
        for number in ("failed", "findings"):
            parts = sum(getattr(theme, number) for theme in port.families)
            assert parts == getattr(total, number)
    counts = Counter(f"{c['level']}/{c['status']}" for c in real.checks)
    assert real.footer["counts"] == counts


def test_a_verdict_by_a_declared_dialect_says_so():
    target = {"target": "x", "dialect": "keras", "departs": ["eps is inside the root"]}
    check = {"target": "x", "level": "MUST", "status": "pass"}
    (by_keras,) = summaries([target], [check])
    assert by_keras.verdict_words == "CONFORMANT by its dialect keras"
    (by_document,) = summaries([{**target, "departs": []}], [check])
    assert by_document.verdict_words == "CONFORMANT"
