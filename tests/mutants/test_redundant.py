"""Scenarios that can go: what is served by another check, and by no means more."""

from __future__ import annotations

import json

import power
import pytest
import redundant as tool
from redundant import redundant


def check(*requirements, cost=1, kind="scenario"):
    return {"kind": kind, "requirements": list(requirements), "cost": cost}


def kills(checks, **mutants):
    found = {
        name: {"named": named, "fails": fails}
        for name, (named, fails) in mutants.items()
    }
    return {"checks": checks, "mutants": found}


def test_the_costly_one_of_two_equal_checks_goes():
    checks = {"a/small": check("r"), "a/large": check("r", cost=9)}
    both = (["r"], ["a/small", "a/large"])
    assert redundant(kills(checks, m=both), ()) == ["a/large"]


def test_what_alone_catches_a_mutant_stays():
    checks = {"a/small": check("r"), "a/large": check("r", cost=9)}
    data = kills(checks, m=(["r"], ["a/small", "a/large"]), n=(["r"], ["a/large"]))
    assert redundant(data, ()) == ["a/small"]


def test_a_mutant_stays_caught_by_every_requirement_that_it_names():
    checks = {"a/one": check("r"), "a/other": check("s", cost=9), "a/last": check("s")}
    data = kills(checks, m=(["r", "s"], ["a/one", "a/other"]))
    assert redundant(data, ()) == ["a/last"]
    data = kills(checks, m=(["r"], ["a/one", "a/other"]))
    assert redundant(data, ()) == ["a/other"]


def test_every_requirement_keeps_a_check():
    assert redundant(kills({"a/one": check("r"), "a/two": check("s")}), ()) == []


def test_relations_and_kept_globs_stay():
    checks = {
        "relations/a": check("r", cost=9, kind="relation"),
        "meetings/a": check("r", cost=8),
        "a/one": check("r", cost=7),
    }
    assert redundant(kills(checks), ("meetings/*",)) == ["a/one"]
    assert redundant(kills(checks), ()) == ["meetings/a", "a/one"]


def test_the_command_lists_them(tmp_path, capsys):
    checks = {"a/small": check("r"), "a/large": check("r", cost=9)}
    path = tmp_path / "kills.json"
    path.write_text(json.dumps(kills(checks, m=(["r"], ["a/small", "a/large"]))))
    assert tool.main([str(path)]) == 0
    assert capsys.readouterr().out.split() == (
        ["9", "a/large", "1", "of", "2", "checks", "can", "go,", "9", "of", "10"]
    )


@pytest.mark.parametrize("whole_rows", [True, False])
def test_what_a_mutant_fails_is_written(tmp_path, monkeypatch, whole_rows):
    only = "algorithm/update/"
    whole = power.Bench
    monkeypatch.setattr(
        power, "Bench", lambda *_: whole(lambda c: c.id.startswith(only), {})
    )
    path = tmp_path / "kills.json"
    names = ["--only", "formula/PlusSign", "--only", "groups/ThirdGroupWrong"]
    out = [str(tmp_path / "power.json")] if whole_rows else []
    assert power.main([*out, "--kills", str(path), *names, "--jobs", "1"]) == 0
    assert (tmp_path / "power.json").exists() == whole_rows
    data = json.loads(path.read_text())
    assert data["mutants"]["groups/ThirdGroupWrong"]["fails"] == []
    assert set(data["mutants"]["formula/PlusSign"]["fails"]) == set(data["checks"])
    assert all(c["kind"] == "scenario" and c["cost"] for c in data["checks"].values())
