"""What is shipped: the wheel, in a clean environment, from an unrelated folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = ("Temporary failure in name resolution", "Network is unreachable")


def run(*line, **options):
    """Run a command; its output is the message if it fails."""
    ran = subprocess.run(
        [str(word) for word in line], capture_output=True, text=True, **options
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*build, "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """(the environment's folder of programs, an unrelated folder)."""
    base = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", base / "venv")
    programs = base / "venv" / "bin"
    install = (programs / "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    ran = subprocess.run([str(x) for x in install], capture_output=True, text=True)
    if ran.returncode and any(words in ran.stderr for words in OFFLINE):
        pytest.skip("the dependencies cannot be fetched without a network")
    assert ran.returncode == 0, ran.stderr
    elsewhere = base / "elsewhere"
    elsewhere.mkdir()
    return programs, elsewhere


@pytest.fixture
def shipped(installed):
    """Run a program of the clean environment in the unrelated folder."""
    programs, elsewhere = installed
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def start(program, *args):
        return run(programs / program, *args, cwd=elsewhere, env=env)

    return start


def test_the_wheel_holds_vectors_schema_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    vectors = ROOT / "vectors"
    for path in (p for p in vectors.rglob("*") if p.is_file()):
        assert f"adagrad_conformance/vectors/{path.relative_to(vectors)}" in names
    for name in ("data/MANIFEST.json", "schema.json", "README.md"):
        assert f"adagrad_conformance/vectors/{name}" in names
    for package in ("adagrad_conformance", "adagrad_reference"):
        assert f"{package}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_every_file_and_nothing_else(wheel):
    """Modules, and what is written for other languages."""
    names = {
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    }
    packages = ("reference/adagrad_reference", "conformance/adagrad_conformance")
    files = {
        str(path.relative_to((ROOT / package).parent))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if "/vectors/" not in name} == files
    assert {name.split("/")[0] for name in names} == {
        "adagrad_conformance",
        "adagrad_reference",
    }


def test_it_runs_on_the_packaged_vectors(shipped):
    output = shipped("adagrad-conformance", "run", "numpy", "--only", "algorithm/*")
    assert "CONFORMANT" in output
    assert "NOT CONFORMANT" not in output
    code = "from adagrad_conformance.checks import vector_files as v"
    code += "; print(v.vectors_folder())"
    folder = Path(shipped("python", "-c", code).strip())
    assert folder.parts[-3:] == ("adagrad_conformance", "vectors", "data")
    assert "site-packages" in folder.parts
    assert ROOT not in folder.parents


def test_the_other_commands_work(shipped):
    assert "numpy" in shipped("adagrad-conformance", "list", "candidates").split()
    text = shipped("adagrad-conformance", "explain", "lr-decay/first-step")
    assert "lr-decay/first-step-uses-lr/binary64" in text
    assert "next:" in shipped("adagrad-conformance", "new-adapter", "--language", "c")
    name = "maximize/ascends/binary32"
    assert name in shipped("adagrad-conformance", "vectors", "show", name)


def test_python_m_works(shipped):
    assert "run torch/single" in shipped(
        "python", "-m", "adagrad_conformance", "--help"
    )


def test_a_framework_that_is_not_installed_is_named(installed):
    programs, elsewhere = installed
    line = [programs / "adagrad-conformance", "run", "torch/single", "--fresh", "0"]
    ran = subprocess.run(line, cwd=elsewhere, capture_output=True, text=True)
    assert ran.returncode == 3
    assert "torch" in ran.stdout
    assert "install" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
