"""Options: each shared one is declared once, and each of `run` has a field."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest

import adagrad_conformance
from adagrad_conformance.cli import list as list_command
from adagrad_conformance.cli.diagnose import DiagnoseOptions
from adagrad_conformance.cli.main import LISTED, main
from adagrad_conformance.cli.running.run import RunOptions
from adagrad_conformance.evaluation.defaults import CI_SEED, chosen_seed
from adagrad_conformance.reports.formats import FORMATS

SUITE = Path(adagrad_conformance.__file__).parent
SHARED = ("--format", "--level", "--seed", "--timeout", "--memory", "--jobs")


def declared(option):
    """The files in which an option is declared, once for each declaration."""
    for path in (SUITE / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "click.option"
                and option in [getattr(arg, "value", None) for arg in node.args]
            ):
                yield path.name


@pytest.mark.parametrize("option", SHARED)
def test_a_shared_option_is_declared_once(option):
    assert list(declared(option)) == ["options.py"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("run", RunOptions(("numpy",))), ("diagnose", DiagnoseOptions("numpy"))],
)
def test_every_option_of_a_command_is_a_field_with_its_default(name, plain):
    given = main.commands[name].make_context(name, ["numpy"]).params
    assert type(plain)(**given) == plain
    assert set(given) == {field.name for field in dataclasses.fields(plain)}


def test_options_of_a_run_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions(("numpy",)).seed = 3


def test_the_environment_is_asked_for_a_ci_in_one_place():
    asks = re.compile(r"""environ\b.*["']CI["']""")
    found = [p.name for p in SUITE.rglob("*.py") if asks.search(p.read_text())]
    assert found == ["defaults.py"]


def test_the_chosen_seed(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert chosen_seed(7) == 7
    assert len({chosen_seed(None) for _ in range(3)}) > 1
    monkeypatch.setenv("CI", "1")
    assert chosen_seed(None) == CI_SEED
    assert chosen_seed(0) == 0


def choices(command, option):
    (param,) = [p for p in main.commands[command].params if option in p.opts]
    return list(param.type.choices)


def test_commands_offer_the_formats_of_the_table():
    assert choices("run", "--format") == list(FORMATS)
    several = [name for name, form in FORMATS.items() if form.several]
    assert choices("report", "--format") == several


def test_list_knows_what_it_offers():
    assert list(LISTED) == list(list_command._LISTS)
