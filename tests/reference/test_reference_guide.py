"""The guide of the reference names every module, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import adagrad_reference
from adagrad_reference import algorithm

PACKAGE = Path(adagrad_reference.__file__).parent
GUIDE = (PACKAGE.parent / "README.md").read_text()


def test_every_module_stands_in_the_table_of_files():
    table = GUIDE[GUIDE.index("| file | what |") :].split("\n\n")[0]
    named = re.findall(r"`(\w+\.py)`", table)
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert sorted(named) == sorted(modules)


def test_no_text_of_the_package_names_a_file_that_is_gone():
    modules = {path.name for path in PACKAGE.glob("*.py")}
    texts = [(path.name, path.read_text()) for path in PACKAGE.glob("*.py")]
    for where, text in [("README.md", GUIDE), *texts]:
        assert set(re.findall(r"\b(\w+\.py)\b", text)) <= modules, where


def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(example, {})
    state_sum, denominator, theta = map(float, capsys.readouterr().out.split())
    assert (state_sum, denominator) == (0.25, 0.5 + 1e-10)
    assert theta == 1 - 0.1 * 0.5 / denominator


def test_the_formula_stays_on_one_screen():
    assert len(Path(algorithm.__file__).read_text().splitlines()) <= 85
