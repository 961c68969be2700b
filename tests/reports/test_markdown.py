"""REPORT.md: what it lists, and tables that hold whatever a port answers."""

from __future__ import annotations

import re

import pytest
from report_kit import HOSTILE, MIXED, check, stream, target

from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.reports.pages.report import report_text
from adagrad_conformance.reports.summary import summaries
from adagrad_conformance.requirements.classification import Theme
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS

# -- REPORT.md -----------------------------------------------------------------------


def cells(row):
    """The cells of a row of a markdown table, as GitHub splits it."""
    assert row.startswith("| ")
    assert row.endswith(" |")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def tables(text):
    """(header cells, rows of cells) of every table."""
    lines = text.splitlines()
    found = []
    for i, line in enumerate(lines):
        if re.fullmatch(r"\|(---\|)+", line):
            rows = []
            for row in lines[i + 1 :]:
                if not row.startswith("|"):
                    break
                rows.append(cells(row))
            found.append((cells(lines[i - 1]), rows))
            assert line.count("---") == len(found[-1][0])
    return found


def table(text, first):
    return next(rows for head, rows in tables(text) if head[0] == first)


def holds_together(text):
    """Every row as many cells as its header, and no line that broke off a table."""
    assert len(tables(text)) >= 4
    for head, rows in tables(text):
        assert rows or head[0] == "port by theme"
        for row in rows:
            assert len(row) == len(head), row
    inside = False
    for line in text.splitlines():
        if inside and line and not line.startswith(("|", "#")):
            pytest.fail(f"a line hangs on a table: {line}")
        inside = line.startswith("|")


def test_the_report_of_a_real_stream(real):
    text = report_text([real], None)
    holds_together(text)
    rows = {row[0]: row for row in table(text, "port")}
    ports = {p.target["target"]: p for p in summaries(real.targets, real.checks)}
    assert set(rows) == {f"`{name}`" for name in ports}
    for name, port in ports.items():
        row, total = rows[f"`{name}`"], port.total
        if port.target.get("problem"):
            assert "no_such_module" in row[4]
            continue
        must = total.judged_at("MUST")
        assert row[3:5] == ["document", f"**{port.stands}**"]
        assert row[5:7] == [f"{must - total.failed} of {must}", "the same"]
        assert row[7:9] == [str(total.findings), str(total.count(None, "not-claimed"))]
        assert row[9:] == [total.worst_grade, total.max_error, "here"]
    assert "seed 1;" in text
    assert real.header["vectors"][:16] in text


def test_the_report_counts_by_theme():
    decided = {
        "algorithm": "algorithm/update",
        "groups": "groups/add",
        "layout": "layout/any-size",
    }
    records = [
        {**r, "requirement": decided[r["scenario"].split("/")[0]]} for r in MIXED
    ]
    text = report_text([stream([target()], records)], None)
    holds_together(text)
    head, rows = next(t for t in tables(text) if t[0][0] == "port by theme")
    cells = dict(zip(head, rows[0], strict=True))
    assert "✗1" in cells["numerics"]
    assert "!" not in cells["numerics"]
    assert "✗3" in cells["groups"]
    assert "!1" in cells["groups"]
    assert cells["layout"] == "–"
    row = table(text, "port")[0]
    assert row[4:9] == ["**breaks its own word**", "3 of 7", "the same", "1", "3"]


def test_the_map_has_every_requirement_in_one_theme():
    """The cells of a port with one failure a requirement add up to all of them."""
    records = [
        check(f"x/{number}", "fail", requirement=name)
        for number, name in enumerate(REQUIREMENTS)
    ]
    text = report_text([stream([target()], records)], None)
    head, rows = next(t for t in tables(text) if t[0][0] == "port by theme")
    assert head[1:] == list(Theme)
    marks = [int(cell.split("✗")[1]) for cell in rows[0][1:]]
    assert sum(marks) == len(REQUIREMENTS)


def test_the_report_lists_every_clause_and_counts_its_scenarios(real):
    text = report_text([real], None)
    rows = {row[0]: row for row in table(text, "clause")}
    assert set(rows) == set(CLAUSES)
    decided = {}
    for record in real.checks:
        for name in record["requirements"]:
            decided.setdefault(name, set()).add(record["scenario"])
    for requirement in REQUIREMENTS.values():
        number = len(decided.get(requirement.id, ()))
        for clause in requirement.clauses:
            assert f"`{requirement.id}` ({number})" in rows[clause][2]
    assert not [name for name, row in rows.items() if "**none**" in row[2]]


def test_no_clause_is_without_a_requirement_or_a_reason():
    traced = {clause for r in REQUIREMENTS.values() for clause in r.clauses}
    assert traced <= set(CLAUSES)
    for clause in CLAUSES.values():
        assert (clause.id in traced) != bool(clause.unchecked), clause.id


def test_no_requirement_is_without_a_check():
    checks = [*known_checks(Library.read()), *fresh_scenarios(1)]
    decided = {name for c in checks for name in c.requirements}
    assert decided == set(REQUIREMENTS)
    foremost = {c.requirements[0]: c.level for c in checks}
    for name, level in foremost.items():
        assert level == REQUIREMENTS[name].level


def test_the_report_lists_every_requirement(real):
    rows = table(report_text([real], None), "requirement")
    assert [row[0].strip("`") for row in rows] == list(REQUIREMENTS)
    for row, requirement in zip(rows, REQUIREMENTS.values(), strict=True):
        assert row[1:4] == [
            requirement.level,
            requirement.profile,
            ", ".join(requirement.clauses),
        ]
    failing = {f.requirement for f in summaries(real.targets, real.checks)[1].findings}
    assert failing
    for row in rows:
        assert (row[6] != "-") == (row[0].strip("`") in failing)


def test_what_could_not_be_run_here_is_listed_with_its_reason():
    checks = [check("a/b"), check("torch/cuda", "skipped", message="no CUDA device")]
    text = report_text([stream([target()], checks)], None)
    section = text.partition("## Not run here\n")[2].partition("\n## ")[0]
    assert "`torch/cuda`: no CUDA device" in section
    assert "no CUDA device" not in report_text([stream([target()], checks[:1])], None)


def test_the_report_lists_every_failure(real):
    text = report_text([real], None)
    for port in summaries(real.targets, real.checks):
        for finding in port.findings:
            head = f"\n### {finding.requirement} ({finding.level})"
            section = text.partition(head)[2].partition("\n#")[0]
            name, number = re.escape(port.target["target"]), len(finding.records)
            assert re.search(rf"^- .*`{name}`.*: {number} checks?\b", section, re.M)


def test_the_report_explains_every_grade(real):
    rows = table(report_text([real], None), "grade")
    assert {row[0] for row in rows} == set(GRADES)


def test_a_report_without_findings_says_so():
    text = report_text([stream([target()], [check("a/b")])], None)
    assert "## Failures and findings\n\nNone." in text


def test_a_failed_scenario_without_requirements_is_not_lost():
    """`run --scenario FILE` may play one that names none."""
    bare = check("mine/first", "fail", requirement=None, requirements=[])
    text = report_text([stream([target()], [bare])], None)
    findings = text.partition("## Failures and findings")[2].partition("\n## ")[0]
    assert "mine/first" in findings


def test_the_report_shows_the_figures_of_the_bench():
    row = {"what": "steps", "value": "1 | 2", "goal": "3", "met": "yes"}
    bench = {"about": "Measured somewhere.", "figures": [row]}
    text = report_text([stream([target()], [check("a/b")])], {"bench": bench})
    assert "Measured somewhere." in text
    assert len(table(text, "what")[0]) == 4


@pytest.mark.parametrize(
    "what",
    [
        {"target": "exec:sh -c 'a | b'", "name": "x"},
        {"version": HOSTILE},
        {"language": HOSTILE},
        {"version": "1\n2"},
        {"problem": HOSTILE},
        {"problem": "first\nsecond"},
    ],
    ids=str,
)
def test_what_a_port_says_of_itself_breaks_no_table(what):
    record = target(**what)
    checks = [] if "problem" in what else [check("a/b", name=record["target"])]
    holds_together(report_text([stream([record], checks)], None))


@pytest.mark.parametrize(
    "what",
    [
        {"message": HOSTILE},
        {"message": "first\n| second | row |\n# third"},
        {"observed": "<script>alert(1)</script>"},
        {"message": "\n"},
        {"scenario": "mine/`tick`|pipe"},
    ],
    ids=str,
)
def test_what_a_port_answers_breaks_nothing(what):
    failed = check("a/b", "fail", **{k: v for k, v in what.items() if k != "scenario"})
    failed["scenario"] = what.get("scenario", "a/b")
    text = report_text([stream([target()], [failed])], None)
    holds_together(text)
    assert "<script>" not in text
    assert "\n# third" not in text
    if what.get("message") == HOSTILE:
        assert "a \\| b \\* &lt;c" in text


def test_two_streams_make_one_report(real):
    other = stream([target("second")], [check("a/b", name="second")])
    text = report_text([real, other], None)
    assert len(table(text, "port")) == len(real.targets) + 1
    holds_together(text)


def test_the_same_stream_gives_the_same_report(real):
    assert report_text([real], None) == report_text([real], None)
