"""A match over kinds is closed: what is forgotten is named by the type checker."""

from __future__ import annotations

import ast
from itertools import zip_longest
from pathlib import Path
from typing import get_args

from adagrad_conformance.reproducers import driver
from adagrad_conformance.transport.schema import protocol_schema
from adagrad_reference.scenario import Event
from adagrad_reference.scenario_json import EVENT_WORDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("reference/adagrad_reference", "conformance/adagrad_conformance")
KINDS = {kind.__name__ for kind in get_args(Event)}


def is_closed(match, behind=None):
    """Whether what no case takes ends in an error, in the last case or behind it."""
    last = match.cases[-1]
    wild = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
    if not wild or last.guard is not None:
        return isinstance(behind, ast.Raise)
    statement = last.body[-1]
    if isinstance(statement, ast.Raise):
        return True
    call = getattr(statement, "value", None)
    return isinstance(call, ast.Call) and ast.unparse(call.func) == "assert_never"


def matches(tree):
    """Every match, with the statement behind it."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                for statement, behind in zip_longest(block, block[1:]):
                    if isinstance(statement, ast.Match):
                        yield statement, behind


def is_over_events(match):
    """Whether a case names a kind of event."""
    named = (n for case in match.cases for n in ast.walk(case.pattern))
    return any(
        isinstance(n, ast.MatchClass) and ast.unparse(n.cls) in KINDS for n in named
    )


def trees(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path, ast.parse(path.read_text())


OPEN = [
    "Read():\n   pass",
    "_:\n   pass",
    "y if y:\n   raise E",
    "Read() | _:\n   return 1",
]


def test_a_match_that_goes_on_is_found():
    closed = ["_:\n   raise E", "_:\n   assert_never(x)", "other:\n   raise E"]
    for text, expected in [(t, True) for t in closed] + [(t, False) for t in OPEN]:
        (found,) = matches(ast.parse(f"def f(x):\n match x:\n  case {text}"))
        assert is_closed(*found) is expected, text
    text = "def f(x):\n match x:\n  case Read():\n   return 1\n raise E"
    (found,) = matches(ast.parse(text))
    assert is_closed(*found)
    assert is_over_events(found[0])


def test_every_match_of_the_reference_is_closed():
    found = [(p, m) for p, tree in trees(PACKAGES[0]) for m in matches(tree)]
    assert len(found) > 20
    assert [(p.name, m[0].lineno) for p, m in found if not is_closed(*m)] == []


def test_every_match_over_events_is_closed():
    found = [
        (path, match)
        for package in PACKAGES
        for path, tree in trees(package)
        for match in matches(tree)
        if is_over_events(match[0])
    ]
    assert len(found) > 20
    assert [(p.name, m[0].lineno) for p, m in found if not is_closed(*m)] == []


def kinds_asked_one_by_one(function):
    """The kinds of events that `isinstance` is asked for in a function."""
    asked = (
        call.args[1]
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "isinstance"
    )
    return KINDS & {
        n.id for part in asked for n in ast.walk(part) if isinstance(n, ast.Name)
    }


def test_no_function_asks_for_kind_after_kind():
    """A function that treats many kinds of events matches them, and so is closed."""
    asking = {
        f"{path.name}: {function.name}": kinds_asked_one_by_one(function)
        for package in PACKAGES
        for path, tree in trees(package)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
    }
    many = {name for name, kinds in asking.items() if len(kinds) > 3}
    assert many <= {"allowed.py: _left_open"}  # rules on single kinds, in order


# -- the tables that stand outside the code -------------------------------------------


def test_the_protocol_has_every_event():
    schema = protocol_schema()["$defs"]
    assert schema["event"]["properties"]["do"]["enum"] == list(EVENT_WORDS.values())
    guide = (ROOT / "conformance" / "PROTOCOL.md").read_text()
    assert [w for w in EVENT_WORDS.values() if f'"do": "{w}"' not in guide] == []


def test_a_script_can_write_every_event():
    """What it writes, `driver` imports; see adapter_script.py."""
    assert set(driver.__all__) >= KINDS
