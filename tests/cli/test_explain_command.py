"""`explain`: clauses, requirements and checks of every kind, down to the bits."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import KNOWN, SCENARIOS, SHIPPED, cli

from adagrad_conformance.checks.kinds import Adaptive, NativeCheck, Relation, kind
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.cli import explain
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.scenario import Scenario, Steps

CHECKS = known_checks(KNOWN)


@pytest.fixture
def listed(known, monkeypatch):
    """Do not write down all checks again for every explanation."""
    monkeypatch.setattr(explain, "known_checks", lambda library: CHECKS)


def test_explain_knows_every_clause(listed):
    for name, clause in CLAUSES.items():
        text = cli("explain", name).output
        assert clause.says in text
        assert clause.ruling in text
        assert clause.unchecked in text
        for requirement in REQUIREMENTS.values():
            listed_there = f"\n  {requirement.id} ({requirement.level}): " in text
            assert listed_there == (name in requirement.clauses)


def test_explain_says_why_a_clause_is_not_checked(listed):
    text = cli("explain", "M-zero-grad-memory").output
    assert "not checked: advice on memory and speed" in text
    assert "requirements" not in text


def test_explain_knows_every_requirement(listed):
    for name, requirement in REQUIREMENTS.items():
        text = cli("explain", name).output
        assert requirement.demands in text
        assert requirement.why in text
        assert f"profile: {requirement.profile}" in text
        for clause in requirement.clauses:
            assert f"clause {clause}: {CLAUSES[clause].says}" in text
        decisive = [c for c in CHECKS if name in c.requirements]
        for check in decisive:
            assert f"\n  {kind(check):9} {check.id}\n" in text
        assert decisive or name == "numerics/fresh"


def test_explain_of_what_is_drawn_anew(listed):
    text = cli("explain", "numerics/fresh").output
    assert text.endswith("scenario  fresh/*, drawn anew for each run\n")


def some(kind_of_check, count):
    """Some checks of a kind, from all over the list."""
    found = [c for c in CHECKS if isinstance(c, kind_of_check)]
    return found[:: max(1, len(found) // count)]


def decides(text, check):
    assert text.startswith(f"{kind(check)} {check.id} ({check.level})") or (
        check.id in REQUIREMENTS and f"\n{kind(check)} {check.id} (" in text
    )
    for name in check.requirements:
        assert f"decides {name}: {REQUIREMENTS[name].demands}" in text


@pytest.mark.parametrize("relation", some(Relation, 12), ids=lambda r: r.id)
def test_explain_shows_both_runs_of_a_relation(listed, relation):
    text = cli("explain", relation.id).output
    decides(text, relation)
    assert relation.note in text
    left, right = text.split("\nleft: ")[1].split("\nright: ")
    for part, scenario in ((left, relation.left), (right, relation.right)):
        snippet = torch_snippet(scenario).splitlines()
        assert part.rstrip().endswith(snippet[-1])
        assert all(f"    {line}" in part for line in snippet)
    assert text.count(" = right ") == len(relation.same)
    for factor in (relation.theta_factor, relation.sum_factor):
        assert factor == 1 or f" on the right is {factor!r} times" in text


@pytest.mark.parametrize("check", some(NativeCheck, 8), ids=lambda c: c.id)
def test_explain_shows_what_a_native_check_does_and_where(listed, check):
    text = cli("explain", check.id).output
    decides(text, check)
    module, _, function = check.entry.place.partition(":")
    code = getattr(importlib.import_module(module), function)
    assert code.__doc__.splitlines()[0] in text
    path, line = text.splitlines()[-1].strip().rsplit(":", 1)
    assert f"def {function}(" in Path(path).read_text().splitlines()[int(line) - 1]


def test_explaining_a_native_check_imports_no_framework():
    (first, *_) = [c for c in CHECKS if isinstance(c, NativeCheck)]
    code = (
        "import sys; from adagrad_conformance.cli.main import main\n"
        f"main(['explain', {first.id!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "False", ran.stderr


@pytest.mark.parametrize("check", some(Adaptive, 3), ids=lambda c: c.id)
def test_explain_shows_what_an_adaptive_run_is(listed, check):
    text = cli("explain", check.id).output
    decides(text, check)
    assert "written while it is played" in text
    assert type(check).__doc__.splitlines()[0] in text
    for claim in check.needed_claims:
        assert claim in text


def has_many_steps(scenario):
    return any(isinstance(event, Steps) for event in scenario.events)


GENERATED = [c for c in CHECKS[len(SCENARIOS) :] if isinstance(c, Scenario)]


@pytest.mark.parametrize(
    "scenario",
    [s for s in GENERATED if has_many_steps(s)][::3] + GENERATED[:1],
    ids=lambda s: s.id,
)
def test_explain_knows_scenarios_that_no_file_holds(listed, scenario):
    text = cli("explain", scenario.id).output
    decides(text, scenario)
    assert ("nothing is due" in text) == has_many_steps(scenario)
    assert "inputs\n" in text
    assert text.rstrip().endswith(torch_snippet(scenario).splitlines()[-1])


def test_explain_shows_the_rows_of_a_sparse_gradient(listed):
    text = cli("explain", "sparse/absent-rows/binary64").output
    assert ", the others keep every bit\n" in text
    assert "torch.sparse_coo_tensor(" in text


def test_explain_shows_the_parts_of_a_complex_param(listed):
    text = cli("explain", "complex/one-part/binary64").output
    assert ": complex binary64 [" in text
    assert "theta[0].real " in text
    assert "theta[0].imag " in text
    assert "dtype=torch.complex128" in text


@pytest.mark.parametrize("scenario", SCENARIOS[::23], ids=lambda s: s.id)
def test_explain_shows_a_scenario_down_to_the_bits(listed, scenario):
    text = cli("explain", scenario.id).output
    assert scenario.note in text
    for name in scenario.requirements:
        assert f"decides {name}: {REQUIREMENTS[name].demands}" in text
    for number, event in enumerate(scenario.events):
        assert f"  {number} {type(event).__name__}" in text
    for due in SHIPPED.raw[scenario.id]["expect"]:
        if due["outcome"] == "refused":
            assert due["reason"] in text
        for param in due.get("params", {}).values():
            if "theta" in param and param["theta"]["lawful"]["lo"]:
                lo, hi = (param["theta"]["lawful"][key][0] for key in ("lo", "hi"))
                assert "NaN alone" in text or (f"[{lo}]" in text and f"[{hi}]" in text)
    assert "torch.optim.Adagrad(" in text
