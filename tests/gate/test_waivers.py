"""Waivers: what they cover, and each way in which one is in trouble."""

import datetime
import json
import tomllib

import pytest
from gate_kit import check, fault, stream

from adagrad_conformance.errors import UserError
from adagrad_conformance.gate.drafting import draft
from adagrad_conformance.gate.exporting import FORMS
from adagrad_conformance.gate.matching import apply_waivers
from adagrad_conformance.gate.waivers import holds_for, read_waivers

TODAY = datetime.date(2026, 11, 29)
KNOWN = ["a/b/1", "a/b/2", "a/b/3", "a/c/1", "a/b", "a/c"]
RED = stream(
    check("a/b/1", "fail", faults=["eps-inside-root"]),
    check("a/b/2", "fail", faults=["eps-inside-root", "tail-past-4"]),
    check("a/b/3"),
    check("a/c/1", "crash", message="Traceback\nend of it"),
    faults=[fault("eps-inside-root"), fault("tail-past-4")],
)


def waivers(tmp_path, *entries):
    path = tmp_path / "waivers.toml"
    path.write_text("# kept\n" + "".join(f"[[waiver]]\n{e}\n" for e in entries))
    return read_waivers(path)


def gate(tmp_path, *entries, run=RED, whole=True):
    return apply_waivers(run, waivers(tmp_path, *entries), KNOWN, whole, TODAY)


def covered(gated):
    return [c["scenario"] for c in gated.stream.checks if "waived" in c]


# -- what is covered -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scenarios"),
    [
        ("a/b/1", ["a/b/1"]),
        ("a/b", ["a/b/1", "a/b/2"]),
        ("a/b/*", ["a/b/1", "a/b/2"]),
        ("eps-inside-root", ["a/b/1"]),
        ("*", ["a/b/1", "a/b/2"]),
    ],
)
def test_a_waiver_names_a_check_a_requirement_or_a_fault(tmp_path, name, scenarios):
    gated = gate(tmp_path, f'id = "{name}"\nreason = "known"')
    assert covered(gated) == scenarios


def test_a_second_fault_in_a_check_is_not_waived_with_the_first(tmp_path):
    one, two = ('id = "eps-inside-root"', 'id = "tail-*"')
    assert covered(gate(tmp_path, f'{one}\nreason = "x"')) == ["a/b/1"]
    both = gate(tmp_path, f'{one}\nreason = "x"', f'{two}\nreason = "y"')
    assert covered(both) == ["a/b/1", "a/b/2"]


def test_green_only_where_everything_is_waived(tmp_path):
    some = 'id = "a/b"\nreason = "x"'
    rest = 'id = "a/c"\nstatus = "crash"\nreason = "x"'
    assert gate(tmp_path, some).exit_code() == 1
    assert gate(tmp_path, some, rest).exit_code() == 0
    should = check("a/b/3", "fail", level="SHOULD")
    run = stream(*RED.checks[:2], RED.checks[3], should)
    assert gate(tmp_path, some, rest, run=run).exit_code(strict=True) == 0
    run = stream(check("a/b/1", "fail"), check("a/c/1", "fail", level="SHOULD"))
    left = gate(tmp_path, 'id = "a/b/1"\nreason = "x"', run=run)
    assert (left.exit_code(), left.exit_code(strict=True)) == (0, 1)


@pytest.mark.parametrize(
    "lack", [{"basis": {"lacking": ["sizes"]}}, {"interrupted": True}], ids=list
)
def test_waivers_do_not_lift_a_port_that_claims_little_over_the_floor(tmp_path, lack):
    run = stream(check("a/b/1", "fail"))
    run.targets[0].update(lack)
    gated = gate(tmp_path, 'id = "a/b"\nreason = "x"', run=run)
    assert covered(gated) == ["a/b/1"]
    assert gated.exit_code() == 4


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ('target = "mine.py:*"', True),
        ('target = "other"', False),
        ('version = "<2"', True),
        ('version = ">=1.1"', False),
        ('platform = "Linux"', True),
        ('platform = "Darwin"', False),
        ('format = "binary32"', False),
    ],
)
def test_a_waiver_holds_where_its_conditions_do(tmp_path, when, holds):
    gated = gate(tmp_path, f'id = "a/b/1"\nreason = "x"\nwhen = {{{when}}}')
    assert covered(gated) == ["a/b/1"] * holds
    assert gated.troubles == ()


@pytest.mark.parametrize(
    ("version", "condition", "holds"),
    [
        ("2.13.0+cpu", "<2.14", True),
        ("2.13.0+cpu", "==2.13", True),
        ("2.9", "<2.10", True),
        ("2.3", ">=2.1,<2.3", False),
        ("2.2.9", ">=2.1,<2.3", True),
        ("1.0", "!=1", False),
    ],
)
def test_versions_are_numbers(version, condition, holds):
    assert holds_for(version, condition) is holds


# -- troubles --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('id = "a/b/1"\nreason = " "', "a/b/1 has no reason"),
        ('id = "a/b/1"\nreason = "x"\nexpires = 2026-11-28', "expired on 2026-11-28"),
        ('id = "a/b/3"\nreason = "x"', "a/b/3 is not needed: it passes"),
        ('id = "a/b/11"\nreason = "x"', "no requirement; did you mean a/b/1?"),
        ('id = "gone"\nreason = "x"', "gone is a fault that is not found any more"),
        (
            'id = "a/c/1"\nreason = "x"',
            "a/c/1 ends in crash, worse than the waived fail",
        ),
        (
            'id = "a/b/1"\nreason = "x"\nmax_error = 2.5',
            "a/b/1 is 3 ulp outside, more than the waived 2.5",
        ),
    ],
)
def test_a_waiver_in_trouble_is_one_line_with_its_place_and_red(tmp_path, entry, words):
    every = ('id = "a/b"\nreason = "x"', 'id = "a/c"\nstatus = "crash"\nreason = "x"')
    assert gate(tmp_path, *every).exit_code() == 0
    gated = gate(tmp_path, *every, entry)
    (line,) = gated.troubles
    assert line.startswith(f"{tmp_path}/waivers.toml:9: ")
    assert words in line
    assert gated.exit_code() == 1


def test_the_last_day_still_holds(tmp_path):
    entry = 'id = "a/b/1"\nreason = "x"\nexpires = 2026-11-29'
    assert covered(gate(tmp_path, entry)) == ["a/b/1"]


def test_a_distance_within_what_is_waived_is_covered(tmp_path):
    entry = 'id = "a/b/1"\nreason = "x"\nmax_error = 3'
    assert covered(gate(tmp_path, entry)) == ["a/b/1"]


def test_of_what_was_not_selected_nothing_is_said(tmp_path):
    entries = [f'id = "{name}"\nreason = "x"' for name in ("a/c", "gone", "a/c/1")]
    run = stream(check("a/b/3"), only="a/b/3")
    gated = gate(tmp_path, *entries, run=run, whole=False)
    assert (gated.troubles, gated.exit_code()) == ((), 0)


# -- the file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            'id = "a"\nreson = "x"\nreason = "y"',
            "unknown key 'reson'; did you mean rea",
        ),
        ('reason = "x"', "it has no 'id'"),
        ('id = "a"', "it has no 'reason'"),
        ('id = 3\nreason = "x"', "id = 3: "),
        ('id = "a"\nreason = "x"\nstatus = "red"', "status = 'red' is none of fail, "),
        ('id = "a"\nreason = "x"\nexpires = "soon"', "expires = 'soon' is no date"),
        ('id = "a"\nreason = "x"\nexpires = "2027-01-31"', "without quotes"),
        ('id = "a"\nreason = "x"\nmax_error = -1', "max_error = -1: "),
        ('id = "a"\nreason = "x"\nwhen = {os = "x"}', "unknown key 'os'"),
        ('id = "a"\nreason = "x"\nwhen = {version = "new"}', "version = 'new' is no"),
    ],
)
def test_a_wrong_entry_is_one_line_with_its_place(tmp_path, entry, words):
    with pytest.raises(UserError) as raised:
        waivers(tmp_path, 'id = "a"\nreason = "x"', entry)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{tmp_path}/waivers.toml:5: ")
    assert words in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[waiver", "is no TOML"),
        ("waver = 3", "unknown key 'waver'; did you mean waiver?"),
        ("waiver = 3", "waiver = 3: "),
        (b"\xff", "is no TOML"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_is_none_is_one_line(tmp_path, text, words):
    path = tmp_path / "waivers.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=words):
        read_waivers(path)


def test_an_empty_file_waives_nothing(tmp_path):
    assert waivers(tmp_path) == []


# -- drafts and exports ----------------------------------------------------------------


def test_a_draft_has_what_fails_and_waives_nothing_until_it_is_filled_in(tmp_path):
    path = tmp_path / "waivers.toml"
    text, added = draft(RED, path)
    path.write_text(text)
    ids = [entry["id"] for entry in tomllib.loads(text)["waiver"]]
    assert (added, ids) == (3, ["eps-inside-root", "tail-past-4", "a/c"])
    blank = apply_waivers(RED, read_waivers(path), KNOWN, True, TODAY)
    assert covered(blank) == []
    assert len(blank.troubles) == 3
    path.write_text(text.replace('reason = ""', 'reason = "known"'))
    filled = apply_waivers(RED, read_waivers(path), KNOWN, True, TODAY)
    assert (filled.exit_code(), filled.troubles) == (0, ())


def test_a_draft_keeps_comments_and_what_is_known(tmp_path):
    path = tmp_path / "waivers.toml"
    mine = '# mine\n[[waiver]]\nid = "a/c" # of old\nreason = "x"\nstatus = "crash"\n'
    path.write_text(mine)
    text, added = draft(RED, path)
    assert text.startswith(mine)
    assert added == 2


def test_exports_are_what_others_read(tmp_path):
    listed = waivers(tmp_path, 'id = "a/b"\nreason = "x"\nlink = "http://y"')
    found = json.loads(FORMS["json"](listed))
    assert found == {"a/b": {"category": "fail", "reason": "x", "issue": "http://y"}}
    ids = [x for x in FORMS["text"](listed).splitlines() if not x.startswith("#")]
    assert ids == ["a/b"]
