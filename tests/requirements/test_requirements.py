"""The requirements as data: chapters, ids, classification, and no second table."""

from __future__ import annotations

import ast
import dataclasses
import importlib
from pathlib import Path

import pytest

import adagrad_conformance
from adagrad_conformance.adapters.base import CLAIMS
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.requirements.classification import Classification, Theme
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.requirement import PROFILES, Requirement
from adagrad_conformance.requirements.table import CHAPTERS, REQUIREMENTS, foremost
from adagrad_reference.fault_class import FaultClass
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import LEVELS

SUITE = Path(adagrad_conformance.__file__).parent
FOLDER = SUITE / "requirements"
LISTED = [r for chapter in CHAPTERS for r in chapter.REQUIREMENTS]


def test_every_chapter_of_the_folder_is_in_the_table():
    names = [path.stem for path in FOLDER.glob("*.py") if path.stem != "table"]
    modules = [importlib.import_module(f"{CHAPTERS[0].__package__}.{n}") for n in names]
    assert {m for m in modules if hasattr(m, "REQUIREMENTS")} == set(CHAPTERS)


def test_no_id_stands_twice():
    assert len(LISTED) == len(REQUIREMENTS)


@pytest.mark.parametrize("requirement", LISTED, ids=lambda r: r.id)
def test_every_value_is_one_that_others_know(requirement):
    assert requirement.level in LEVELS
    assert requirement.profile in PROFILES
    assert set(requirement.clauses) <= set(CLAUSES)
    found = requirement.classification
    assert isinstance(found.theme, Theme)
    assert isinstance(found.fault_class, FaultClass)
    assert set(found.keeps_claims) <= set(CLAIMS)
    assert set(found.options) <= set(OPTION_NAMES)


def test_every_theme_and_every_class_of_fault_has_a_requirement():
    used = [requirement.classification for requirement in LISTED]
    assert {c.theme for c in used} == set(Theme)
    assert {c.fault_class for c in used} == set(FaultClass)


def test_nothing_of_a_classification_has_a_default():
    """A requirement that leaves one out is a TypeError where its chapter is read."""
    for field in dataclasses.fields(Classification):
        assert field.default is field.default_factory is dataclasses.MISSING
    with pytest.raises(TypeError, match="classification"):
        Requirement("a/b", "MUST", "ALG-1", "torch", demands="x", why="y")


def test_the_foremost_requirement():
    first, second = LISTED[:2]
    assert foremost((first.id, second.id)) is first
    assert foremost(()) is None
    assert foremost(("of/a-user", first.id)) is None


#: The beginnings of ids.
WORDS = {requirement.id.split("/")[0] + "/" for requirement in LISTED}


def keys_of_dicts(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            yield {key.value for key in node.keys if isinstance(key, ast.Constant)}


@pytest.mark.parametrize(
    "path",
    [path for path in SUITE.rglob("*.py") if FOLDER not in path.parents],
    ids=lambda path: path.relative_to(SUITE).as_posix(),
)
def test_no_other_table_is_keyed_by_requirements(path):
    ids = WORDS | set(REQUIREMENTS)
    for keys in keys_of_dicts(path):
        assert not (keys & ids) - set(PORTS)  # some ports are named like a requirement
