"""Recorded scripts are run: what passes, or breaks down, is found and not kept."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import Environment
from adagrad_conformance.adapters.registry import PORTS, Port
from adagrad_conformance.cli.main import main
from adagrad_conformance.reports.recorded import recording
from adagrad_conformance.reproducers import verification as script_check
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_conformance.transport.targets import command_under

ASSERTS = 'seen = 1.0\nassert seen == {}, f"p[0] = {{seen}}, due 2.0"\n'
ACCEPTS = "raise SystemExit('accepted, though lr=inf is not finite')\n"
RAISES = "raise {}('q')\n"
REFUSED = "refused what is legal: KeyError: 'q'"
JAVASCRIPT = """import assert from "node:assert/strict";
import port from "port";
const seen = {};
assert.ok(seen === 2, `p[0] = ${{seen}}, due 2`);
"""
CPP = """#include <iostream>
int main() {{
  const double seen = {};
  if (!(seen == 2.0)) {{
    std::cerr << "p[0] = " << seen << ", due 2.0" << '\\n';
    return 1;
  }}
}}
"""


def folder_of(place, text, suffix=".py", evidence="theta is wrong"):
    """A folder of reproducers with one script."""
    place.mkdir(parents=True, exist_ok=True)
    (place / f"a-b{suffix}").write_text(text)
    (place / "a-b.json").write_text("{}\n")
    index = f"# Reproducers\n\n## a/b (MUST)\n\n{evidence}\n\nrun --scenario a-b.json\n"
    (place / "README.md").write_text(index)
    return place


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (ASSERTS.format(2.0), ""),
        (ACCEPTS, "accepted, though lr=inf is not finite"),
        (RAISES.format("KeyError"), REFUSED),
        (RAISES.format("KeyError"), "crash: KeyError: 'q'"),
    ],
)
def test_a_script_that_ends_in_its_fault_is_right(tmp_path, text, evidence):
    assert script_troubles("numpy", folder_of(tmp_path, text, ".py", evidence)) == {}


@pytest.mark.parametrize(
    ("text", "evidence", "trouble"),
    [
        (ASSERTS.format(1.0), "", "passes"),
        ("import no_such_module\n" + ASSERTS.format(2.0), "", "ends in ModuleNotFound"),
        ("x = (\n" + ASSERTS.format(2.0), "", "ends in SyntaxError"),
        ("no_such_name\n" + ACCEPTS, "", "ends in NameError"),
        (RAISES.format("KeyError"), "refused what is legal: ValueError: p", "ends in"),
        (RAISES.format("KeyError"), "", "ends in KeyError: 'q'"),
        ("raise SystemExit(3)\n", "", "ends in nothing (exit code 3)"),
        ("while True: pass\n", "", "does not end within"),
    ],
)
def test_a_script_that_does_not_is_named(
    tmp_path, monkeypatch, text, evidence, trouble
):
    if "while" in text:
        monkeypatch.setattr(script_check, "PATIENCE", 0.5)
    place = folder_of(tmp_path, text, ".py", evidence)
    found = script_troubles("numpy", place)
    assert list(found) == ["a-b.py"]
    assert found["a-b.py"].startswith(trouble)


def test_a_script_for_node_has_the_packages_of_its_port(tmp_path, monkeypatch):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path / "ports"))
    made = Environment("mine", npm=("port@1.0.0",))
    package = made.folder / "node_modules" / "port"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = 1;\n")
    monkeypatch.setitem(ENVIRONMENTS, "mine", made)
    monkeypatch.setitem(PORTS, "mine", Port("x:y", "mine"))
    for seen, due in (("port", {}), ("2", {"a-b.mjs": "passes"})):
        place = folder_of(tmp_path / "out", JAVASCRIPT.format(seen), ".mjs")
        assert script_troubles("mine", place) == due


def test_a_script_in_cpp_is_compiled_as_its_port_is(tmp_path, monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    one = Environment(
        "mine",
        program="adapter_kits/cpp/adapter.cpp",
        flags=lambda python: ["-DSEEN=1"],
    )
    monkeypatch.setitem(ENVIRONMENTS, "mine", one)
    monkeypatch.setitem(PORTS, "mine", Port(environment="mine", program=("port",)))
    place = folder_of(tmp_path, CPP.format("SEEN"), ".cpp")
    assert script_troubles("mine", place) == {}
    none = 'int main() { std::cerr << "p has no accumulator" << "\\n"; return 1; }\n'
    folder_of(tmp_path, f"#include <iostream>\n{none}", ".cpp")
    assert script_troubles("mine", place) == {}
    folder_of(tmp_path, CPP.format("2 * SEEN"), ".cpp")
    assert script_troubles("mine", place) == {"a-b.cpp": "passes"}
    folder_of(tmp_path, CPP.format("NOT_DEFINED"), ".cpp")
    assert script_troubles("mine", place) == {"a-b.cpp": "ends in the compiler's error"}


def test_what_a_program_has_no_words_for_is_a_command(tmp_path):
    """No adapter in Python drives it; the exit code is that of `run`."""
    place = folder_of(
        tmp_path, "adagrad-conformance run x --scenario a-b.json\n", ".sh"
    )
    found = script_troubles("numpy", place)
    told = "ends with exit code 2, which is no verdict"
    assert found == {"a-b.sh": told}


def test_a_script_by_hand_begins_again_where_its_port_is(tmp_path, monkeypatch):
    """Another Python serves it, as it serves the port."""
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path / "ports"))
    made = Environment("small")
    monkeypatch.setattr(Environment, "folder", tmp_path / "ports" / "small")
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    (made.folder / "built.json").touch()
    command = command_under(made.python, str(tmp_path / "script.py"))
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from adagrad_conformance.by_hand import load_adapter\n"
        "print(sys.argv, load_adapter.__module__)\n"
    )
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    words = f"{[str(tmp_path / 'script.py')]} adagrad_conformance.reproducers.driver\n"
    assert ran.stdout == words, ran.stderr


# -- records ---------------------------------------------------------------------------


def cli(*line):
    return CliRunner().invoke(main, [str(word) for word in line])


@pytest.fixture
def strided(monkeypatch):
    """A run of which only what torch/fused fails is played."""
    whole = subprocess.run

    def some(command, **options):
        if "run" in command:
            command = [
                *command,
                "--only",
                "layout/every-other-element/*",
                "--fresh",
                "0",
            ]
        return whole(command, **options)

    monkeypatch.setattr(recording.subprocess, "run", some)


def record(name, folder):
    return cli("ports", "record", name, "-o", folder, "--seed", "1")


def test_a_record_has_scripts_that_end_in_their_faults(tmp_path, strided):
    assert record("torch/fused", tmp_path).output == "torch/fused: recorded\n"
    kept = gzip.decompress((tmp_path / "streams" / "torch-fused.jsonl.gz").read_bytes())
    assert b'"status": "fail"' in kept
    assert b'"reproducer"' not in kept  # whole scenarios: there are smaller ones beside
    script = tmp_path / "reproducers" / "torch-fused" / "layout-strided-param.py"
    ran = cli("ports", "check", "-r", tmp_path)
    told = "torch/fused: each script ends in its fault\n"
    assert (ran.exit_code, ran.output) == (0, told)
    script.write_text("pass\n")
    ran = cli("ports", "check", "torch/fused", "-r", tmp_path)
    told = "torch/fused: layout-strided-param.py passes\n"
    assert (ran.exit_code, ran.output) == (1, told)


def test_a_script_that_passes_is_left_out(tmp_path, strided, monkeypatch):
    name = "layout-strided-param.py"
    passes = {name: "passes"}
    monkeypatch.setattr(recording, "script_troubles", lambda *given: passes)
    ran = record("torch/fused", tmp_path)
    told = f"torch/fused: recorded, but for scripts: {name} passes\n"
    assert (ran.exit_code, ran.output) == (0, told)
    place = tmp_path / "reproducers" / "torch-fused"
    assert not (place / name).exists()
    index = (place / "README.md").read_text()
    assert name not in index
    assert "--scenario layout-strided-param.json" in index


def test_a_port_that_fails_no_more_has_no_scripts_left(tmp_path, strided):
    place = folder_of(tmp_path / "reproducers" / "numpy", "as it was\n")
    assert record("numpy", tmp_path).exit_code == 0
    assert not place.exists()
    ran = cli("ports", "check", "numpy", "-r", tmp_path)
    told = "numpy: nothing failed, so there is no script\n"
    assert (ran.exit_code, ran.output) == (0, told)


def test_what_is_no_port_and_what_is_not_built_is_said(tmp_path, monkeypatch):
    ran = cli("ports", "check", "nonsense", "-r", tmp_path)
    assert (ran.exit_code, "no port 'nonsense'" in ran.output) == (2, True)
    ran = cli("ports", "check", "numpy", "-r", tmp_path)
    assert (ran.exit_code, "has no record of numpy" in ran.output) == (2, True)
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path / "ports"))
    folder_of(tmp_path / "reproducers" / "mlx", ACCEPTS)
    ran = cli("ports", "check", "-r", tmp_path)
    assert ran.exit_code == 3
    assert ran.output == "mlx: not run: its environment mlx is not built\n"
