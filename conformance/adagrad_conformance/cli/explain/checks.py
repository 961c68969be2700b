"""The four kinds of check: what each plays, and how it is judged."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import assert_never

from adagrad_conformance.checks.kinds import (
    Adaptive,
    Check,
    NativeCheck,
    Place,
    Relation,
    Same,
    kind,
)
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_reference.scenario import Scenario, Steps, Tensor

from .document import decided_lines
from .events import event_lines, event_word, first_places, first_values

__all__ = ["check_lines"]

FORMULA = """\
  clr   = lr / (1 + (t - 1) lr_decay)      ALG-4
  g     = -g if maximize                   ALG-9
  g     = g + weight_decay theta, if != 0  ALG-5
  S     = S + g g                          ALG-6
  theta = theta - clr g / (sqrt(S) + eps)  ALG-7"""


def check_lines(check: Check, library: Library) -> Iterator[str]:
    """A check, the requirements that it decides, and what it plays."""
    yield f"{kind(check)} {check.id} ({check.level})"
    if isinstance(check, Scenario | Relation) and check.note:
        yield f"  {check.note}"
    yield from decided_lines(check.requirements)
    match check:
        case Scenario():
            yield from _scenario(check, library)
        case Relation():
            yield from _relation(check)
        case NativeCheck():
            yield from _native(check)
        case Adaptive():
            yield from _adaptive(check)
        case _:
            assert_never(check)


def _scenario(scenario: Scenario, library: Library) -> Iterator[str]:
    yield "formula"
    yield FORMULA
    yield from _inputs(scenario.tensors.items())
    if any(isinstance(event, Steps) for event in scenario.events):
        yield "each step is judged from what the port showed before it: nothing is due"
        yield "beforehand"
    else:
        yield "events, and what is due"
        yield from event_lines(scenario, library)
    yield "reproduce in torch"
    yield from _indented(torch_snippet(scenario))


def _inputs(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[str]:
    yield "inputs"
    for name, tensor in tensors:
        pairs = "complex " if tensor.complex else ""
        shape = list(tensor.shape)
        yield f"  {name}: {pairs}{tensor.format} {shape} {first_values(tensor)}"


def _relation(relation: Relation) -> Iterator[str]:
    yield "compared bit for bit, theta and S and t; zeros have no sign"
    for what, factor in (("theta", relation.theta_factor), ("S", relation.sum_factor)):
        if factor != 1:
            yield f"  {what} on the right is {factor!r} times {what} on the left"
    for same in relation.same:
        yield f"  {_same(same)}"
    for side, scenario in (("left", relation.left), ("right", relation.right)):
        yield f"{side}: {', '.join(map(event_word, scenario.events))}"
        yield from ("  " + line for line in _inputs(scenario.tensors.items()))
        yield "  in torch"
        yield from _indented(torch_snippet(scenario), "    ")


def _same(same: Same) -> str:
    def side(where: tuple[Place, tuple[int, ...] | None], event: int) -> str:
        (optimizer, param), elements = where
        return f"{param}{first_places(elements)} of {optimizer} after event {event}"

    left, right = (
        side(where, event)
        for where, event in zip((same.left, same.right), same.events, strict=True)
    )
    return f"left {left} = right {right}"


def _native(check: NativeCheck) -> Iterator[str]:
    """From the source: nothing of the framework is imported."""
    module, _, function = check.entry.place.partition(":")
    claims = ", ".join(sorted(check.entry.needed_claims))
    yield f"host code, for ports that claim {claims}"
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        yield f"  {check.entry.place}"
        return
    source = Path(spec.origin).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield from _indented(ast.get_docstring(node) or "")
            yield f"  {spec.origin}:{node.lineno}"


def _adaptive(check: Adaptive) -> Iterator[str]:
    yield "written while it is played: each event depends on what the port showed"
    yield from _indented(inspect.getdoc(type(check)) or "")
    code = type(check)
    yield f"  {inspect.getsourcefile(code)}:{inspect.getsourcelines(code)[1]}"
    yield f"  for ports that claim {', '.join(sorted(check.needed_claims))}"
    yield from _inputs(check.tensors.items())


def _indented(text: str, by: str = "  ") -> Iterator[str]:
    return ((by + line).rstrip() for line in text.splitlines())
