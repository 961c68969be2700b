"""Faults of published ports: confirmed by scripts, and all that makes a verdict."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from report_kit import check, stream, target

from adagrad_conformance.cli.main import main
from adagrad_conformance.evaluation.conclusion import Conclusion
from adagrad_conformance.reports.pages.report import report_text
from adagrad_conformance.reports.recorded.faults import (
    Confirmation,
    FaultError,
    assign,
    confirm,
    fault_record,
    faults_of,
)
from adagrad_conformance.reports.summary import summaries

#: It runs in this Python, and has evidence.
PORT = "torch/fused"
SCRIPT = """
import sys
seen = 4.0 if "--control" in sys.argv else 5.0
if seen != 4.0:
    sys.exit(f"expected 4.0, seen {seen}")
"""
TABLE = f"""
port = "{PORT}"
[[faults]]
id = "five-for-four"
title = "two and two are five"
promise = "binary64"
place = "arithmetic.py, add"
script = "five.py"
covers = ["layout/*", "sparse/update"]
"""


@pytest.fixture
def folder(tmp_path):
    scripts = tmp_path / "faults" / "torch-fused"
    scripts.mkdir(parents=True)
    (scripts / "five.py").write_text(SCRIPT)
    (tmp_path / "faults" / "torch-fused.toml").write_text(TABLE)
    return tmp_path


def only(folder):
    (fault,) = faults_of(PORT, folder)
    return fault


def test_a_script_that_shows_the_fault_confirms_it(folder):
    found = confirm(only(folder), folder)
    assert found.confirmed
    assert found.seen == "expected 4.0, seen 5.0"
    record = fault_record(found)
    assert record["script"] == "faults/torch-fused/five.py"
    assert "trouble" not in record


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("", "the script ends well"),
        ("raise ValueError('no such device')", "ends in 'ValueError: no such device'"),
        ("import sys; sys.exit('expected 4.0, seen 5.0')", "the control fails"),
        (SCRIPT.replace("expected", "due"), "the script ends in 'due 4.0, seen 5.0'"),
    ],
)
def test_any_other_script_confirms_nothing(folder, script, trouble):
    (folder / "faults" / "torch-fused" / "five.py").write_text(script)
    found = confirm(only(folder), folder)
    assert not found.confirmed
    assert trouble in found.trouble
    assert fault_record(found)["trouble"] == found.trouble


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f'port = "{PORT}"', 'port = "torch/single"', "port = 'torch/single'"),
        ('id = "five-for-four"', "", "fault None lacks 'id'"),
        ("promise = ", "promise_of = ", "fault five-for-four lacks 'promise'"),
        ('"binary64"', '"telepathy"', "nothing promises 'telepathy'"),
        ('script = "five.py"', 'script = "six.py"', "there is no script six.py"),
        ("covers = ", "more = 1\ncovers = ", "unexpected keyword argument 'more'"),
        ("[[faults]]", "[[faults", "torch-fused.toml: "),
    ],
)
def test_what_is_wrong_with_a_file_of_faults_is_told(folder, old, new, words):
    path = folder / "faults" / "torch-fused.toml"
    path.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(FaultError) as caught:
        faults_of(PORT, folder)
    assert words in str(caught.value)


def test_a_port_without_a_file_has_no_faults(folder):
    assert faults_of("torch/single", folder) == []


def said(*arguments):
    result = CliRunner().invoke(main, ["ports", "confirm", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_command_says_what_is_confirmed(folder):
    found = said(PORT, "-r", folder)
    assert found == (0, f"{PORT}: five-for-four: confirmed: expected 4.0, seen 5.0\n")
    (folder / "faults" / "torch-fused" / "five.py").write_text("")
    told = f"{PORT}: five-for-four: NOT CONFIRMED: the script ends well\n"
    assert said("-r", folder) == (1, told)
    code, words = said("torch/single", "-r", folder)
    assert code == 2
    assert "has no faults of torch/single; they lie in faults/" in words


# -- what makes a verdict --------------------------------------------------------------

FAILED = [
    check("layout/x", "fail", requirement="layout/any-size"),
    check("sparse/x", "fail", requirement="sparse/update"),
    check("sparse/y", "fail", requirement="sparse/empty"),
    check("sparse/z", "fail", requirement="sparse/update", level="MAY"),
    check("sparse/w", "pass", requirement="sparse/update"),
]


def test_failures_go_to_the_fault_that_covers_them(folder):
    fault = only(folder)
    shown = assign(FAILED, [Confirmation(fault, "seen")])
    assert [(r["scenario"], f and f.id) for r, f in shown] == [
        ("layout/x", "five-for-four"),
        ("sparse/x", "five-for-four"),
        ("sparse/y", None),
    ]
    loose = assign(FAILED, [Confirmation(fault, trouble="it ends well")])
    assert not any(found for _, found in loose)


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([], Conclusion.CONFORMANT),
        ([FAILED[0] | {"fault": "five-for-four"}], Conclusion.NOT_CONFORMANT),
        (FAILED[:1], Conclusion.UNCONFIRMED),
        (
            [FAILED[0] | {"fault": "five-for-four"}, FAILED[2]],
            Conclusion.NOT_CONFORMANT,
        ),
    ],
)
def test_only_confirmed_faults_make_a_verdict(records, verdict):
    records = [*records, FAILED[4]]
    (found,) = summaries([target() | {"faults": []}], records)
    assert found.verdict is verdict
    (found,) = summaries([target()], records)  # a port of a user's own
    failed = any(r["status"] == "fail" for r in records)
    right, wrong = Conclusion.CONFORMANT, Conclusion.NOT_CONFORMANT
    assert found.verdict is (wrong if failed else right)


def test_the_report_lists_faults_and_what_no_fault_explains(folder):
    fault = fault_record(confirm(only(folder), folder))
    records = [FAILED[0] | {"fault": "five-for-four"}, FAILED[2]]
    port = target() | {"faults": [fault], "played": "with torch 9"}
    text = report_text([stream([port], records)], None)
    assert "two and two are five" in text
    assert "[five-for-four](ports/faults/torch-fused/five.py)" in text
    assert "`sparse/empty` (1)" in text
    assert "1 breaks its own word." in text
    assert "is played with torch 9." in text


def test_private_code_is_not_counted():
    apart = target() | {"standing": "private", "faults": []}
    text = report_text([stream([apart], [FAILED[4]])], None)
    assert "Not counted: private code" in text
    assert "0 ports in 0 languages" in text
