"""Reproducers as files: what is written runs by itself, in processes of its own.

The scripts are run by a real Python, the scenarios by the real command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from reproducer_kit import code_lines, library, reproducer, scenarios, verdict_of

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.registry import ADAPTERS
from adagrad_conformance.checks.kinds import Relation
from adagrad_conformance.checks.relations import relations
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.status import Status
from adagrad_conformance.faults.fault import Evidence, Fault
from adagrad_conformance.grading.failure import Failure, FailureKind, Number
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.summary import NO_REQUIREMENT
from adagrad_conformance.reproducers import smallest as module
from adagrad_conformance.reproducers import writing
from adagrad_conformance.reproducers.languages import SHELL
from adagrad_conformance.reproducers.ranking import cheapest_failures
from adagrad_conformance.reproducers.run import check_folder, reproduce
from adagrad_conformance.reproducers.scripts import Failed, script_of
from adagrad_conformance.reproducers.writing import (
    Reproducer,
    ReproducerError,
    file_name,
    write_reproducers,
)
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.transport.loading import load_adapter
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.formats import BINARY64
from adagrad_reference.scenario_json import scenario_from_json

MUTANTS = Path(__file__).resolve().parents[1] / "mutants"
PATIENCE = 60.0

#: A numpy port and a torch port that are wrong, as files of a user's.
NUMPY_PORT = f"""
import sys
sys.path.append({str(MUTANTS)!r})
from mutant_kit import Bent, adapter
class Wrong(Bent):
    def update(self, g, s, clr, o):
        return clr * g / (s + o["eps"] ** 2) ** 0.5
class Hasty(Bent):
    def load_state_dict(self, state_dict):
        raise AttributeError("no such thing")
port = lambda: adapter(Wrong)
hasty = lambda: adapter(Hasty)
class WrongWhenLarge(Bent):
    def update(self, g, s, clr, o):
        return clr * g / (s ** 0.5 + o["eps"]) * (1 if g.size < 40 else 2)
large = lambda: adapter(WrongWhenLarge)
right = lambda: adapter(Bent)
"""
TORCH_PORT = """
import torch
class Wrong(torch.optim.Adagrad):
    def zero_grad(self, set_to_none=True):
        return super().zero_grad(set_to_none=False)
"""


def checks(*requirements):
    return [s for name in requirements for s in scenarios(name)]


def results_of(names, listed):
    """A run of targets; registered ones are played in this process."""
    targets = [parse_target(name) for name in names]
    candidates = [
        InProcessClient(partial(load_adapter, target.name))
        if target.name in ADAPTERS
        else SubprocessClient(target.command, PATIENCE)
        for target in targets
    ]
    expect = library().expectations
    return targets, [
        evaluate_client(target.name, candidate, listed, expect)
        for target, candidate in zip(targets, candidates, strict=True)
    ]


def reproduced(folder, targets, results, listed):
    """What `--reproducers` says of each target."""
    verdicts = [result.verdicts for result in results]
    expect = library().expectations
    return [*reproduce(str(folder), targets, verdicts, listed, expect, PATIENCE)]


def written(tmp_path, name, listed):
    """The folder with the reproducers of one target, as the command writes it."""
    targets, results = results_of([name], listed)
    assert not results[0].problem
    reproduced(tmp_path / "out", targets, results, listed)
    return tmp_path / "out" / file_name(name)


def python(path):
    return subprocess.run(
        [sys.executable, path.name], cwd=path.parent, capture_output=True, text=True
    )


def replayed(target, path):
    command = [sys.executable, "-m", "adagrad_conformance", "run", target]
    return subprocess.run(
        [*command, "--scenario", str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "CI": "1"},
    )


def test_torch_fused_by_torch_alone(tmp_path):
    """A known fault of torch: its fused kernel writes beside a strided param."""
    place = written(tmp_path, "torch/fused", checks("layout/strided-param"))
    assert place.name == "torch-fused"
    names = {path.name for path in place.iterdir()}
    assert names == {
        "README.md",
        "layout-strided-param.json",
        "layout-strided-param.py",
    }
    script = place / "layout-strided-param.py"
    text = script.read_text()
    assert "\nimport torch\n" in text
    assert "adagrad_conformance" not in text
    assert code_lines(text) <= 10
    ran = python(script)
    assert ran.returncode == 1
    assert "AssertionError: p[1] storage = " in ran.stderr
    assert ", due " in ran.stderr
    right = place / "right.py"
    right.write_text(text.replace("fused=True", "fused=False"))
    assert python(right).returncode == 0

    data = place / "layout-strided-param.json"
    assert replayed("torch/fused", data).returncode == 1
    scenario = scenario_from_json(json.loads(data.read_text()))
    assert verdict_of(torch_optim.single, scenario).status == "pass"
    assert len(scenario.events) == 2
    index = (place / "README.md").read_text()
    assert "layout/strided-param (MUST)" in index
    assert "memory outside the param was written: p[1] = " in index
    assert "adagrad-conformance run torch/fused --scenario " in index
    assert "python layout-strided-param.py" in index


def test_a_port_in_a_file_by_its_adapter(tmp_path):
    path = tmp_path / "my_port.py"
    path.write_text(NUMPY_PORT)
    place = written(tmp_path, f"{path}:port", checks("numerics/eps"))
    script = place / "numerics-eps.py"
    assert code_lines(script.read_text()) <= 10
    ran = python(script)
    assert ran.returncode == 1
    assert "AssertionError: p[0] = " in ran.stderr
    right = place / "right.py"
    right.write_text(script.read_text().replace("my_port.py:port", "my_port.py:right"))
    assert python(right).returncode == 0
    data = place / "numerics-eps.json"
    assert replayed(f"{path}:port", data).returncode == 1
    assert replayed(f"{path}:right", data).returncode == 0


def test_a_fault_of_many_elements_is_a_command(tmp_path, monkeypatch):
    """It is searched for, and then not written down number by number."""
    monkeypatch.setattr(module, "LARGEST", 39)
    path = tmp_path / "my_port.py"
    path.write_text(NUMPY_PORT)
    every = next(s for s in checks("layout/any-size") if s.id == "sizes/all/binary64")
    place = written(tmp_path, f"{path}:large", [every])
    index = (place / "README.md").read_text()
    assert "A scenario of 40 elements, too large to be read; again by" in index
    assert f"--only {every.id}" in index
    assert [x.name for x in place.iterdir()] == ["README.md"]


def test_a_torch_class_in_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TORCH_PORT)
    place = written(tmp_path, f"{path}:Wrong", checks("zero-grad/to-none"))
    script = place / "zero-grad-to-none.py"
    text = script.read_text()
    assert f"Wrong = run_path('{path}')['Wrong']" in text
    assert "adagrad_conformance" not in text
    assert code_lines(text) <= 10
    ran = python(script)
    assert ran.returncode == 1
    assert "AssertionError" in ran.stderr
    right = place / "right.py"
    right.write_text(text.replace("= Wrong(", "= torch.optim.Adagrad("))
    assert python(right).returncode == 0


def test_a_crash_is_the_end_of_its_script(tmp_path):
    path = tmp_path / "my_port.py"
    path.write_text(NUMPY_PORT)
    few = checks("state-dict/deepcopy")[:4]
    place = written(tmp_path, f"{path}:hasty", few)
    ran = python(place / "state-dict-deepcopy.py")
    assert ran.returncode == 1
    assert "AttributeError: no such thing" in ran.stderr
    scenario = scenario_from_json(
        json.loads((place / "state-dict-deepcopy.json").read_text())
    )
    assert len(scenario.events) <= 4
    assert "crash: AttributeError" in (place / "README.md").read_text()


def test_another_language_by_the_command(tmp_path):
    """For exec: targets the script is the command itself."""
    path = tmp_path / "my_port.py"
    path.write_text(NUMPY_PORT)
    host = f"{sys.executable} -m adagrad_conformance.host {path}:port"
    place = written(tmp_path, f"exec:{host}", checks("numerics/eps")[:6])
    script = place / "numerics-eps.sh"
    assert "\nadagrad-conformance run 'exec:" in script.read_text()
    assert script.read_text().endswith(" --scenario numerics-eps.json\n")
    ran = subprocess.run(
        ["sh", script.name],
        cwd=place,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert ran.returncode == 1
    assert "NOT CONFORMANT" in ran.stdout


# -- which, and where ------------------------------------------------------------------


def failed(check, name=None, status="fail", **where):
    first = name or check.requirements[0]
    found = Failure(FailureKind.THETA, 1, **where) if status == "fail" else None
    return Verdict(check.id, (first,), "MUST", Status(status), failure=found)


def test_the_failure_that_is_least_to_look_at_stands_for_all():
    listed = checks("state-dict/deepcopy", "state-dict/new-process")[:40]
    verdicts = [failed(check, "one") for check in listed]
    _, chosen = cheapest_failures(verdicts, listed)["one"]
    wide = [s for s in listed if s.formats[0] in ("binary32", "binary64")]
    here = [s for s in wide if s.requirements[0] != "state-dict/new-process"]
    assert module.size(chosen) == min(map(module.size, here))
    narrow = [s for s in listed if s not in wide]
    some = [failed(check, "one") for check in narrow]
    assert cheapest_failures(some, listed)["one"][1] in narrow
    passed = [Verdict(s.id, ("one",), "MUST", Status.PASS) for s in listed]
    assert cheapest_failures(passed, listed) == {}


def test_a_scenario_comes_before_a_relation_and_a_wrong_value_before_a_crash():
    relation = next(relations())
    small, other = sorted(checks("numerics/ordinary"), key=module.size)[:2]
    listed = [relation, small, other]
    verdicts = [
        failed(relation, "one"),
        failed(small, "one", status="crash"),
        failed(other, "one"),
    ]
    assert cheapest_failures(verdicts, listed)["one"][1] is other
    assert cheapest_failures(verdicts[:2], listed)["one"][1] is small
    assert cheapest_failures(verdicts[:1], listed)["one"][1] is relation


def test_a_relation_stands_in_the_index_with_its_command(tmp_path):
    relation = next(relations())
    assert isinstance(relation, Relation)
    targets = [parse_target("numpy")]
    _, (result,) = results_of(["numpy"], [])
    result.verdicts = [failed(relation)]
    reproduced(tmp_path, targets, [result], [relation])
    assert [path.name for path in (tmp_path / "numpy").iterdir()] == ["README.md"]
    text = (tmp_path / "numpy" / "README.md").read_text()
    assert "not made smaller" in text
    assert f"adagrad-conformance run numpy --only {relation.id}" in text


def test_nothing_failed_and_nothing_is_written(tmp_path):
    targets, results = results_of(["numpy"], checks("numerics/eps")[:2])
    reproduced(tmp_path / "out", targets, results, [])
    assert not (tmp_path / "out").exists()


def test_file_names_are_safe_and_tell_requirements_apart():
    names = [file_name(name) for name in REQUIREMENTS]
    assert len(set(names)) == len(names)
    assert file_name("../../etc/passwd") == "etc-passwd"
    assert file_name("exec:node 'my port.mjs'") == "exec-node-my-port.mjs"
    assert file_name("\x00") == "no-requirement"


# -- files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return reproducer("EpsInsideRoot", "numerics/eps")


def test_a_folder_is_replaced_whole(tmp_path, found):
    place = write_reproducers(tmp_path, "mine", [found])
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert len(before) == 3
    (place / "older.json").write_text("{}")
    assert write_reproducers(tmp_path, "mine", [found]) == place
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_of_the_users_own_is_left_alone(tmp_path, found):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ReproducerError, match="holds other files"):
        write_reproducers(tmp_path, "mine", [found])
    assert (mine / "thesis.tex").read_text() == "years of work"
    (tmp_path / "other").write_text("a file")
    with pytest.raises(ReproducerError, match="is no folder"):
        write_reproducers(tmp_path, "other", [found])


def test_a_full_disk_leaves_what_was_there(tmp_path, found, monkeypatch):
    place = write_reproducers(tmp_path, "mine", [found])
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    whole = Path.write_text
    writes = []

    def full(path, *args, **kwargs):
        writes.append(path)
        if len(writes) == 2:
            raise OSError(28, "No space left on device")
        return whole(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_reproducers(tmp_path, "mine", [found])
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_cannot_be_written_is_a_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is no folder"):
        check_folder(str(tmp_path / "file"))
    with pytest.raises(UserError, match="is no folder"):
        check_folder(str(tmp_path / "no" / "such"))
    relation = next(relations())
    targets, results = results_of(["numpy"], [])
    results[0].verdicts = [failed(relation)]

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adagrad_conformance.reproducers.run.write_reproducers", full)
    with pytest.raises(UserError, match="No space left on device"):
        reproduced(tmp_path, targets, results, [relation])


def test_a_reproducer_without_a_scenario_is_a_note():
    verdict = Verdict("torch/pickled", ("state-dict/entries",), "MUST", Status.CRASH)
    note = Reproducer("state-dict/entries", "torch/pickled", verdict, note="host code")
    (text,) = [t for n, t in writing._texts("torch/single", [note]) if n == "README.md"]
    assert "crash: no message" in text
    assert "--only torch/pickled" in text


def test_a_script_for_a_scenario_without_requirement_replays_the_file_beside_it():
    """A user's own scenario; the script and the index name the same file."""
    scenario = replace(scenarios("numerics/eps")[0], requirements=())
    identity = Identity("port", "1", "C", frozenset())
    file = f"{file_name(NO_REQUIREMENT)}.json"
    verdict = Verdict("x", (), "MUST", Status.CRASH)
    script = script_of(Failed(scenario, "exec:./port", identity, file, verdict))
    assert script.language is SHELL
    found = Reproducer(NO_REQUIREMENT, "x", verdict, scenario, script)
    texts = dict(writing._texts("exec:./port", [found]))
    assert f"--scenario {file}" in script.text
    assert f"--scenario {file}" in texts["README.md"]
    assert file in texts


# -- one script a fault ----------------------------------------------------------------


def a_fault(slug, *checks):
    failure = Failure(FailureKind.THETA, 1, "A", "p")
    evidence = Evidence(checks[0], failure)
    return Fault(slug, "formula", f"{slug} in words", None, "MUST", 3, checks, evidence)


def test_a_fault_gets_one_reproducer_by_a_check_that_shows_it_alone():
    first, second, *_ = scenarios("numerics/eps")
    third = scenarios("weight-decay/coupled")[0]
    verdicts = [
        Verdict(s.id, s.requirements, "MUST", Status.FAIL)
        for s in (first, second, third)
    ]
    checks = [first, second, third]
    faults = [a_fault("one", first.id, second.id), a_fault("two", first.id)]
    found = cheapest_failures(verdicts, checks, faults)
    assert found["one"][1] is second
    assert found["two"][1] is first
    loose = third.requirements[0]
    assert set(found) == {"one", "two", loose}
    assert found[loose][1] is third
    without = cheapest_failures(verdicts, checks)
    assert set(without) == {s.requirements[0] for s in checks}


def test_the_head_of_a_script_says_what_is_wrong_and_what_is_due():
    scenario = scenarios("numerics/eps")[0]
    verdict = Verdict(
        scenario.id,
        ("algorithm/update",),
        "MUST",
        Status.FAIL,
        promise="eps: eps stands outside the root (a page, 1.0)",
        failure=Failure(
            *(FailureKind.THETA, 1, "A", "p", 0),
            observed=Number.of(BINARY64, -0.9),
            due=Number.of(BINARY64, -0.75),
        ),
    )
    identity = Identity("port\nsys.exit()", "1.0", "Python", frozenset())
    failed = Failed(
        *(scenario, "exec:port", identity, "x.json", verdict),
        words="eps is inside\nimport os",
    )
    head = [
        line for line in script_of(failed).text.splitlines() if line.startswith("#")
    ]
    assert head[:5] == [
        "# eps is inside import os",
        "# Port: port sys.exit() 1.0",
        "# Promised: eps: eps stands outside the root (a page, 1.0)",
        "# Formula: clr = lr / (1 + (t - 1) * lr_decay), "
        "p - clr * g / (sqrt(sum) + eps)",
        head[4],
    ]
    assert "due" not in head[4]
    assert "-0.75" in head[4]
    assert "-0.9" in head[4]
