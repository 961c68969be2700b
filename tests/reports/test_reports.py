"""Reports: what is counted, how tables hold, and snippets that do what they say."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from adagrad_conformance.adapters.torch_optim import single
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli.explain import explain
from adagrad_conformance.cli.main import main
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.reports.markdown import report_text
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.reports.summary import summaries
from adagrad_conformance.reports.terminal import print_summary
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_conformance.requirements.classification import Theme
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.flags import Flag
from adagrad_reference.scenario import Load, Tensor

HOSTILE = "a | b * <c> `d` [e](f) _g_"


def target(name="port", **more):
    record = {
        "record": "target",
        "target": name,
        "name": name,
        "version": "1.0",
        "language": "Ada",
        "claims": ["binary32"],
    }
    return {**record, **more}


def check(scenario, status="pass", level="MUST", name="port", **more):
    failed = {"event": 2, "param": "p", "element": 1, "observed": "1", "expected": "2"}
    record = {
        "record": "check",
        "target": name,
        "requirement": "algorithm/update",
        "requirements": ["algorithm/update"],
        "scenario": scenario,
        "level": level,
        "status": status,
        "grade": "tight" if status == "pass" else None,
        "max_error_ulp": "0.5" if status == "pass" else None,
        "mean_error_ulp": "0.25" if status == "pass" else None,
        "elements": 3,
        "message": "" if status == "pass" else "theta is outside",
        **(failed if status == "fail" else {}),
    }
    return {**record, **more}


def stream(targets, checks):
    header = {
        "record": "header",
        "stream_version": 1,
        "suite": "0.1.0",
        "vectors": "0123456789abcdef" * 4,
        "seed": 42,
        "level": "MAY",
        "only": None,
        "environment": {
            "python": "3", "machine": "m", "system": "s", "mpmath": "1", "numpy": "2",
        },
    }  # fmt: skip
    footer = {"record": "footer", "counts": {}, "exit_code": 0}
    return Stream(header, tuple(targets), tuple(checks), footer)


MIXED = [
    check("algorithm/a/binary32"),
    check("algorithm/b/binary32", grade="lawful", max_error_ulp="2.75"),
    check("algorithm/c/binary32", "fail", grade="fail"),
    check("groups/d/binary32", "crash", message="boom"),
    check("groups/e/binary32", "timeout", message="no answer within 60 s"),
    check("groups/f/binary32", "malformed", message="bad"),
    check("groups/g/binary32", "waived", message="declared"),
    check("groups/h/binary32", "not-claimed", message="groups"),
    check("groups/i/binary32", "not-claimed", message="groups"),
    check("groups/j/binary32", "fail", "SHOULD"),
    check("groups/k/binary32", "pass", "SHOULD", grade="exact", max_error_ulp="0"),
    check("groups/l/binary32", "fail", "MAY"),
    check("layout/m/binary32", "not-claimed", "SHOULD", message="layout"),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The stream of a real run: a right port, a wrong one, one that is not there."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "port.py").write_text(
        "from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter\n"
        "class Wrong(NumpyAdapter):\n"
        "    claims = NumpyAdapter.claims - {'layout'}\n"
        "    def zero_grad(self, optimizer, set_to_none):\n"
        "        pass\n"
        "    def step(self, optimizer):\n"
        "        if len(self.params) > 1:\n"
        "            super().step(optimizer)\n"
        "        super().step(optimizer)\n"
    )
    out = folder / "out.json"
    targets = ["numpy", f"{folder}/port.py:Wrong", "no_such_module:Port"]
    only = ["--only", "*binary32", "--seed", "1", "--json", str(out)]
    result = CliRunner().invoke(main, ["run", *targets, *only, "--jobs", "2"])
    assert result.exit_code == 3, result.output
    return read_stream(out)


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
    assert [theme.name for theme in port.themes] == ["algorithm", "groups", "layout"]
    assert [theme.failed for theme in port.themes] == [1, 3, 0]
    assert [theme.judged_at() for theme in port.themes] == [3, 7, 0]


def test_the_worst_grade_and_the_largest_error():
    (port,) = summaries([target()], MIXED)
    assert [t.worst_grade for t in port.themes] == ["fail", "-", "-"]  # of MUST
    assert [t.max_error for t in port.themes] == ["2.75", "0", "-"]


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
        assert port.total.judged_at() == (status not in ("not-claimed", "skipped"))


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
        assert sum(len(theme.records) for theme in port.themes) == len(port.records)
        for number in ("failed", "findings"):
            parts = sum(getattr(theme, number) for theme in port.themes)
            assert parts == getattr(total, number)
    counts = Counter(f"{c['level']}/{c['status']}" for c in real.checks)
    assert real.footer["counts"] == counts


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
        assert row[3:5] == ["document", f"**{port.verdict.lower()}**"]
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
    assert row[4:9] == ["**not conformant**", "3 of 7", "the same", "1", "3"]


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
            head = f"\n### {finding.requirement} ("
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
    text = report_text([stream([target()], [check("a/b")])], bench)
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


# -- the terminal --------------------------------------------------------------------


def printed(targets, checks, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for summary in summaries(targets, checks):
        print_summary(console, summary)
    return console.export_text()


def test_the_terminal_shows_counts_verdict_and_what_to_do():
    text = printed([target()], MIXED)
    assert "NOT CONFORMANT: 3 of 7 MUST checks pass, 1 findings at SHOULD" in text
    assert "Failures at MUST (4)" in text
    assert "Findings at SHOULD (1)" in text
    assert "Reported at MAY (1)" in text
    assert "not claimed (checks that need it): groups (2), layout (1)" in text
    assert "next: adagrad-conformance explain algorithm/c/binary32" in text


def test_the_terminal_takes_brackets_for_text():
    text = printed(
        [target("exec:port [bold]x[/]", problem="[red]no[/red] [/]")],
        [],
    )
    assert "exec:port [bold]x[/]" in text
    assert "[red]no[/red] [/]" in text
    text = printed([target()], [check("a/b", "fail", message="[/] [bold]")])
    assert "[/] [bold]" in text


def test_the_terminal_shows_a_failure_without_requirement():
    bare = check("mine/first", "fail", requirement=None, requirements=[])
    text = printed([target()], [bare])
    assert "mine/first" in text
    assert "None" not in text


# -- snippets ------------------------------------------------------------------------

LIBRARY = Library.read()
SCENARIOS = list(LIBRARY.scenarios())


def refuses(scenario):
    return any(e["outcome"] == "refused" for e in LIBRARY.raw[scenario.id]["expect"])


#: Every kind of script in every format, in turn.
PLAYED = [s for s in SCENARIOS if not refuses(s)]
FIRST = {s.id.split("/")[0]: s for s in reversed(PLAYED)}
SAMPLE = [
    *FIRST.values(),
    *PLAYED[7 :: len(PLAYED) // 18],
    *[s for s in PLAYED if Flag.GUARDED in s.flags][:12],
]


@pytest.mark.parametrize("start", range(0, 8))
def test_every_snippet_compiles(start):
    for scenario in SCENARIOS[start::8]:
        compile(torch_snippet(scenario), scenario.id, "exec")


def bits_of(tensor):
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    integers = {8: torch.int64, 4: torch.int32, 2: torch.int16}[tensor.element_size()]
    width = 8 * tensor.element_size()
    flat = tensor.detach().contiguous().view(integers).flatten().tolist()
    return [value & ((1 << width) - 1) for value in flat]


def nan_free(tensor: Tensor, bits):
    """Encodings, all NaN alike: their payload and sign are nobody's business."""
    return ["nan" if (x := tensor.fmt.decode(b)) != x else b for b in bits]


def executed(text):
    """What is bound after a snippet has run."""
    names = {"print": lambda *_: None}
    exec(compile(text, "snippet", "exec"), names)
    return names


def observed(scenario):
    """The last reading of every param on torch/single."""
    candidate = InProcessClient(single)
    candidate.start()
    seen = play(candidate, scenario)
    assert not seen.status, seen.message
    last = {}
    for event in seen.events:
        last.update(event.readings)
    return last


def test_the_sample_is_a_sample():
    assert len(SAMPLE) >= 30
    assert {s.id.split("/")[0] for s in SAMPLE} == {
        s.id.split("/")[0] for s in SCENARIOS
    }
    assert {name for s in SAMPLE for name in s.formats} == {
        "binary64", "binary32", "bfloat16", "binary16"
    }  # fmt: skip
    assert any(isinstance(event, Load) for s in SAMPLE for event in s.events)
    assert any(t.layout for s in SAMPLE for t in s.tensors.values())


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda s: s.id)
def test_a_snippet_does_what_the_suite_sees(scenario):
    names = executed(torch_snippet(scenario))
    optimizer = scenario.events[-1].optimizer
    readings = observed(scenario)
    for name, tensor in scenario.tensors.items():
        mine, theirs = names[name].data, readings[optimizer, name]
        due = nan_free(tensor, theirs.theta.bits)
        assert nan_free(tensor, bits_of(mine)) == due
        assert tuple(mine.shape) == tensor.shape
        if theirs.storage is not None:
            whole = mine.as_strided((tensor.layout.length,), (1,), 0)
            assert bits_of(whole) == list(theirs.storage)
        state = names[optimizer].state[names[name]]
        if theirs.state_sum is not None:
            total = nan_free(tensor, theirs.state_sum.bits)
            assert nan_free(tensor, bits_of(state["sum"])) == total
            assert int(state["step"]) == theirs.t


#: Of what a constructor of torch refuses too: the last event is the refused one.
REFUSED = [s for s in SCENARIOS if s.id.startswith("groups/refuses-")]


@pytest.mark.parametrize("scenario", REFUSED, ids=lambda s: s.id)
def test_a_snippet_of_a_refusal_raises(scenario):
    assert refuses(scenario)
    with pytest.raises(ValueError, match="Invalid"):
        executed(torch_snippet(scenario))


def test_a_snippet_takes_another_constructor():
    text = torch_snippet(SCENARIOS[0], "mylib.Adagrad", ", fused=True")
    assert "= mylib.Adagrad([dict(params=[p])], " in text
    assert ", fused=True)" in text


@pytest.mark.parametrize(
    "scenario",
    [s for s in SCENARIOS if any(t.layout for t in s.tensors.values())][::4],
    ids=lambda s: s.id,
)
def test_explain_ends_with_a_snippet_that_runs_for_layouts_too(scenario):
    text = explain(scenario.id, LIBRARY)
    assert text is not None
    snippet = text.partition("reproduce in torch\n")[2]
    lines = [line.removeprefix("  ") for line in snippet.splitlines()]
    names = executed("\n".join(lines))
    optimizer, readings = scenario.events[-1].optimizer, observed(scenario)
    for name in scenario.tensors:
        due = list(readings[optimizer, name].theta.bits)
        assert bits_of(names[name].data) == due


def test_a_verdict_by_a_declared_dialect_says_so():
    target = {"target": "x", "dialect": "keras", "departs": ["eps is inside the root"]}
    check = {"target": "x", "level": "MUST", "status": "pass"}
    (by_keras,) = summaries([target], [check])
    assert by_keras.verdict_words == "CONFORMANT by its dialect keras"
    (by_document,) = summaries([{**target, "departs": []}], [check])
    assert by_document.verdict_words == "CONFORMANT"
