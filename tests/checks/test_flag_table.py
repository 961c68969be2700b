"""The table of flags is complete, used, and the only place that names them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.checks.scenarios.families import FAMILIES, GENERATED
from adagrad_conformance.checks.vector_files import vectors_folder
from adagrad_reference import flags
from adagrad_reference.flags import Flag, FlagEffect

PACKAGES = [
    Path(package.__file__).parent
    for package in (adagrad_conformance, adagrad_reference)
]
#: Flags that are ordinary words, which other texts may consist of.
WORDS = {Flag.CANCELLATION, Flag.GUARDED, Flag.OVERFLOWS, Flag.SUBNORMAL, Flag.TIE}


def test_a_flag_is_its_name():
    assert Flag.named("tie") is Flag.TIE == "tie"
    with pytest.raises(ValueError, match="unknown flag 'knot'; known: cancellation, "):
        Flag.named("knot")


def test_every_flag_has_a_meaning_and_every_effect_a_flag():
    assert len({flag.meaning for flag in Flag}) == len(Flag)
    assert all(flag.meaning for flag in Flag)
    assert {flag.effect for flag in Flag} == set(FlagEffect)


def test_every_flag_is_used_by_a_scenario():
    families = (*FAMILIES, *GENERATED)
    used = {f for family in families for s in family.scenarios() for f in s.flags}
    assert used == set(Flag)


def test_readers_of_vectors_are_told_what_changes_the_comparison():
    page = (vectors_folder().parent / "README.md").read_text()
    compared = {FlagEffect.ELEMENTS, FlagEffect.GRADIENTS, FlagEffect.END}
    for flag in Flag:
        assert (f"`{flag}`" in page) == (flag.effect in compared), flag


@pytest.mark.parametrize(
    "path", [p for package in PACKAGES for p in package.rglob("*.py")], ids=str
)
def test_no_other_file_names_a_flag_by_a_text(path):
    texts = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert path == Path(flags.__file__) or not texts & (set(Flag) - WORDS)
