"""The names in scripts: letters with digits, distinct, and none that a script binds."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest
from hostile_kit import PLAYED, hostile
from hypothesis import given, settings
from hypothesis import strategies as st

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.languages import PYTHON
from adagrad_conformance.reproducers.names import script_names
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_syntax.base import NotExpressible
from adagrad_conformance.reproducers.torch_script import (
    torch_constructor,
    torch_reproducer,
    torch_snippet,
)
from adagrad_conformance.reproducers.torch_script.constructors import SCRIPT_WORDS
from adagrad_reference.bookkeeping import ScenarioError
from adagrad_reference.scenario import Load, Save, Step

NAME = re.compile(r"[A-Za-z][0-9]*", re.ASCII)
SAVED = next(s for s in PLAYED if any(isinstance(e, Save) for e in s.events))


def names_of(*params, taken=()):
    tensor = SAVED.tensors["p"]
    return script_names(replace(SAVED, tensors=dict.fromkeys(params, tensor)), taken)


@settings(max_examples=200, database=None, deadline=None, derandomize=True)
@given(
    st.lists(st.text(max_size=3) | st.sampled_from(["p", "p1", "A", "s", "f32"])),
    st.sets(st.sampled_from(["p", "i", "p1"])),
)
def test_each_name_has_one_of_its_own(params, taken):
    names = names_of(*params, taken=taken)
    found = [*names.params.values(), *names.optimizers.values(), *names.saves.values()]
    assert list(names.params) == list(dict.fromkeys(params))
    assert len(set(found)) == len(found)
    assert all(NAME.fullmatch(name) for name in found)
    assert not set(found) & taken


def test_a_letter_with_digits_stays_and_all_others_are_replaced():
    names = names_of("q", "p", "p 1", "p1", "long", "A")
    assert names.params == {
        **{"q": "q", "p": "p", "p1": "p1", "A": "A"},
        **{"p 1": "p2", "long": "p3"},
    }
    assert names.optimizers == {"A": "A1"}  # a param has it
    assert list(names.replaced()) == [
        "p2 is the param 'p 1'",
        "p3 is the param 'long'",
        "A1 is the optimizer 'A'",
    ]


def test_what_a_scenario_has_not_is_an_error():
    names = script_names(SAVED, ())
    for event in (Step("A", {"r": None}), Load("A", "t", "bytes")):
        with pytest.raises(ScenarioError, match="there is no"):
            names.scenario(replace(SAVED, events=(*SAVED.events, event)))


def test_an_assertion_is_renamed_with_its_scenario():
    names = script_names(hostile(SAVED, "a b"), ())
    found = names.assertion(Assertion(Look.THETA, "a b", "a b", 1))
    assert (found.optimizer, found.param, found.place) == ("A", "p", "p[1]")


@pytest.mark.parametrize("target", [name for name, port in PORTS.items() if port.torch])
def test_a_reader_is_told_which_name_is_which(target):
    text = torch_reproducer(hostile(SAVED, "a\nb"), torch_constructor(target), None)
    assert "\n# p is the param 'a\\\\nb'\n" in text
    assert "\n# A is the optimizer 'a\\\\nb'\n" in text


# -- what a script binds itself --------------------------------------------------------


def bound(tree):
    """The names that a script binds in its own scope."""
    inner = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.DictComp)
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        if not isinstance(node, (*inner, ast.GeneratorExp)):
            yield from bound(node)


def short(text):
    return {name for name in bound(ast.parse(text)) if NAME.fullmatch(name)}


@pytest.mark.parametrize(
    "target", [name for name, port in PORTS.items() if port.syntax]
)
def test_no_param_has_a_name_that_the_script_of_a_port_binds(target):
    written = 0
    for played in PLAYED:
        syntax = syntax_of(target)
        try:
            text = port_reproducer(played, syntax, None, {})
        except NotExpressible:
            continue
        written += 1
        if syntax.language is PYTHON:
            assert short(text) - syntax.taken <= {"p", "q", "s"}
        for letter in syntax.taken:
            names = script_names(hostile(played, letter), syntax.taken)
            assert letter not in names.params.values()
    assert written


def test_no_param_has_a_name_that_a_script_in_torch_binds():
    for played in PLAYED:
        text = torch_snippet(played)
        assert short(text) - SCRIPT_WORDS <= {"p", "q", "A", "B"}
