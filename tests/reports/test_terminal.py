"""What a person reads: the answer first, in few lines, whatever a port says."""

from __future__ import annotations

import io

import pytest
from report_kit import MIXED, check, stream, target

from adagrad_conformance.evaluation.telling import MOST
from adagrad_conformance.reports.terminal import (
    write_brief,
    write_full,
    write_terminal,
)


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)


def fault(number, name="port", **more):
    record = {
        **{"record": "fault", "target": name, "fault": f"fault-{number}"},
        **{"kind": "formula", "words": f"it does {number} things wrong"},
        **{"requirement": "algorithm/update", "level": "MUST", "complaints": 5},
        **{"checks": 3, "against": 0, "like": [], "switches": {}},
        **{"scenario": "algorithm/c/binary32", "evidence": "p[0] = 1, due 2"},
    }
    return {**record, **more}


def printed(targets, checks, faults=(), write=write_terminal):
    out = io.StringIO()
    write([stream(targets, checks, faults)], out, None)
    return out.getvalue()


EXPLAINED = {
    **{"complaints": 12, "unexplained": 2},
    "first": [{"scenario": "a/b", "evidence": "p = 3, due 4"}],
}


def test_the_answer_comes_first_then_failures_findings_and_what_to_do():
    lines = printed([target()], MIXED).splitlines()
    assert lines[0] == "NOT CONFORMANT: port, 3 of 7 MUST checks pass"
    text = "\n".join(lines)
    assert "failures at MUST (4)" in text
    assert "findings at SHOULD (1); at MAY 1" in text
    assert "not claimed (checks that need it): groups (2), layout (1)" in text
    assert "seed 42; adagrad-conformance 0.1.0, vectors 0123456789ab" in text
    assert lines[-1] == "  next: adagrad-conformance explain algorithm/c/binary32"


def test_what_is_reported_at_may_asks_for_nothing():
    may = [check for check in MIXED if check["level"] == "MAY"]
    assert may
    text = printed([target()], [*(c for c in MIXED if c["status"] == "pass"), *may])
    assert "at MAY 1" in text
    assert "next:" not in text


def test_a_fault_has_three_lines_what_the_evidence_and_how_to_see_it_again():
    like = fault(1, like=["Keras 3"])
    text = printed([target(explained=EXPLAINED)], MIXED, [like])
    assert (
        "  1. fault-1: it does 1 things wrong\n"
        "     formula, 3 checks: p[0] = 1, due 2; as in Keras 3\n"
        "     adagrad-conformance run port --only algorithm/c/binary32 --seed 42 -v\n"
        "  unexplained: 2 of 12 complaints, such as a/b: p = 3, due 4\n"
    ) in text
    assert "failures at MUST" not in text


def test_a_port_without_an_explanation_is_told_so():
    text = printed([target(explained=EXPLAINED)], MIXED)
    assert "failures at MUST (4), for which no one cause was found" in text


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_no_port_takes_more_than_its_lines(count):
    crowd = [
        check(f"x/{n}/y", "fail", level, requirement=f"r/{n}", promise="p" * 50)
        for n in range(count)
        for level in ("MUST", "SHOULD", "MAY")
    ]
    faults = [fault(number) for number in range(count)]
    port = target(explained=EXPLAINED, doubt="d", departs=["e"], dialect="keras")
    for given in (faults, []):
        text = printed([port], crowd + MIXED, given)
        assert len(text.splitlines()) <= MOST
        assert text.splitlines()[-1].startswith("  next: ")
    if count > 5:
        assert "more: " in printed([port], crowd, faults)


def test_what_nearly_no_port_keeps_comes_last():
    rare = [
        check(f"s/{n}", "fail", "SHOULD", requirement="lr-decay/counts-beyond-2-24")
        for n in range(30)
    ]
    other = [
        check(f"t/{n}", "fail", "SHOULD", requirement=f"groups/{n}") for n in range(3)
    ]
    text = printed([target()], rare + other)
    assert "lr-decay" not in text.partition("findings")[2].partition("next")[0]
    assert "groups/2 (1)" in text


def test_lines_end_at_the_last_column_but_commands(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = printed([target(explained=EXPLAINED)], MIXED, [fault(1)])
    long = [line for line in text.splitlines() if len(line) > 40]
    assert all("adagrad-conformance" in line or "NOT CONF" in line for line in long)
    assert any(line.endswith("…") for line in text.splitlines())
    monkeypatch.delenv("COLUMNS")
    assert "…" not in printed([target(explained=EXPLAINED)], MIXED, [fault(1)])


@pytest.mark.parametrize("write", [write_terminal, write_full, write_brief])
def test_a_text_of_a_port_is_never_markup(write):
    odd = "exec:mine.py:Fire :fire: [bold]x[/] \x1b[31m"
    shown = "exec:mine.py:Fire :fire: [bold]x[/] ?[31m"
    assert shown in printed([target(odd)], [check("a/b", name=odd)], write=write)
    assert shown in printed([target("y", problem=odd)], [], write=write)
    if write is not write_brief:
        failed = check("a/b", "fail", message=odd)
        assert shown in printed([target()], [failed], write=write)
        words = fault(1, words=odd, evidence=odd)
        assert printed([target()], [failed], [words], write=write).count(shown) >= 2


def test_a_failure_without_requirement_is_shown():
    bare = check("mine/first", "fail", requirement=None, requirements=[])
    text = printed([target()], [bare])
    assert "mine/first" in text
    assert "None" not in text


def test_the_full_form_has_a_table_and_every_failure():
    crowd = [check(f"x/{n}/y", "fail", requirement=f"r/{n}") for n in range(40)]
    text = printed([target()], crowd + MIXED, [fault(1)], write=write_full)
    assert all(f"r/{n} (1), such as x/{n}/y" in text for n in range(40))
    assert "max error (ulp at scale)" in text
    assert "5 complaints in 3 checks" in text


def test_the_brief_form_is_one_line_a_target():
    text = printed(
        [target(), target("y", problem="no module y")], MIXED, (), write_brief
    )
    assert text.splitlines() == [
        "NOT CONFORMANT: port, 3 of 7 MUST checks pass",
        "NOT JUDGED: y, no module y",
    ]
