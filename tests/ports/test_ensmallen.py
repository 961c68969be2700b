"""ensmallen, compiled from its headers: as they are, and with one line changed.

It keeps its word in all that it claims; what a changed line breaks must be found, so
what is judged comes from those headers.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from port_kit import environment_of, failed, run

from adagrad_conformance import environments

UPDATE = "ensmallen_bits/ada_grad/ada_grad_update.hpp"
ROOT = """arma::sqrt(squaredGradient) +
          parent.epsilon"""

#: What is changed -> (line, line in its place, checks to play, requirement that fails)
CHANGES = {
    "eps inside the root": (
        *(ROOT, "arma::sqrt(squaredGradient + parent.epsilon)"),
        *("algorithm/eps-outside-root/*", "algorithm/update"),
    ),
    "the last square alone": (
        *("squaredGradient += (", "squaredGradient = ("),
        *("algorithm/*", "algorithm/accumulator"),
    ),
    "a rate that nobody chooses": (
        *("(stepSize * gradient)", "(0.01 * gradient)"),
        *("plain/lr-changed/*", "groups/option-change"),
    ),
}


@pytest.fixture
def environment():
    return environment_of("ensmallen", build=True)


@pytest.mark.parametrize("only", ["[ag]*", "s*/*"])
def test_it_keeps_its_word(environment, only, tmp_path):
    assert failed(run("ensmallen", tmp_path, "--only", only)) == {}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_line_is_found(environment, name, tmp_path):
    line, other, only, requirement = CHANGES[name]
    include = tmp_path / "include"
    shutil.copytree(environment.folder / "usr" / "include", include)
    header = include / UPDATE
    text = header.read_text()
    assert text.count(line) == 1
    header.write_text(text.replace(line, other))
    source = Path(environments.__file__).parent / environment.program
    compiler, *words = environment.compiling(source, tmp_path / "port")
    subprocess.run([compiler, f"-I{include}", *words], check=True)
    found = failed(run(f"exec:{tmp_path / 'port'}", tmp_path, "--only", only))
    assert requirement in found
