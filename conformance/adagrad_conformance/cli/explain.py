"""`explain ID`: from a sentence of the document to a bit pattern."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from adagrad_conformance.checks.kinds import (
    Adaptive,
    Check,
    NativeCheck,
    Place,
    Relation,
    Same,
    kind,
)
from adagrad_conformance.checks.scenarios.random_scenarios import REQUIREMENT as FRESH
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.requirement import PROFILES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.bookkeeping import Bookkeeper, Update
from adagrad_reference.boxes import encoded
from adagrad_reference.expectations import ParamExpectation
from adagrad_reference.formats import decimal
from adagrad_reference.scenario import Event, Scenario, Steps, Tensor
from adagrad_reference.scenario_json import scenario_from_json

__all__ = ["explain"]

FORMULA = """\
  clr   = lr / (1 + (t - 1) lr_decay)      ALG-4
  g     = -g if maximize                   ALG-9
  g     = g + weight_decay theta, if != 0  ALG-5
  S     = S + g g                          ALG-6
  theta = theta - clr g / (sqrt(S) + eps)  ALG-7"""

#: Elements shown of each param.
_SHOWN = 4


def explain(name: str, library: Library) -> str | None:
    """The explanation of a clause, a requirement or a check; None if unknown."""
    if name in CLAUSES:
        return "\n".join(_clause(name))
    if name in library.raw:
        return "\n".join(_check(scenario_from_json(library.raw[name]), library))
    checks = known_checks(library)
    lines: list[str] = []
    if name in REQUIREMENTS:
        lines += _requirement(name, checks)
    for check in checks:
        if check.id == name:  # a requirement and its only check may share their name
            lines += _check(check, library)
    return "\n".join(lines) or None


# -- the document ----------------------------------------------------------------------


def _clause(name: str) -> Iterator[str]:
    clause = CLAUSES[name]
    yield f"clause {name}"
    yield f"  says:   {clause.says}"
    if clause.ruling:
        yield f"  ruling: {clause.ruling}"
    if clause.finding:
        yield f"  finding on the document: {clause.finding}"
    if clause.unchecked:
        yield f"  not checked: {clause.unchecked}"
        return
    yield "requirements"
    for requirement in REQUIREMENTS.values():
        if name in requirement.clauses:
            yield f"  {requirement.id} ({requirement.level}): {requirement.demands}"


def _requirement(name: str, checks: Iterable[Check]) -> Iterator[str]:
    requirement = REQUIREMENTS[name]
    yield f"requirement {name} ({requirement.level})"
    yield f"  demands: {requirement.demands}"
    yield f"  why:     {requirement.why}"
    yield f"  profile: {requirement.profile}: {PROFILES[requirement.profile]}"
    yield from _clauses(requirement.clauses)
    yield "checks that decide it"
    for check in checks:
        if name in check.requirements:
            yield f"  {kind(check):9} {check.id}"
    if name == FRESH:
        yield "  scenario  fresh/*, drawn anew for each run"


def _clauses(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        clause = CLAUSES[name]
        yield f"  clause {name}: {clause.says} {clause.ruling}".rstrip()


# -- checks ----------------------------------------------------------------------------


def _check(check: Check, library: Library) -> Iterator[str]:
    yield f"{kind(check)} {check.id} ({check.level})"
    if isinstance(check, Scenario | Relation) and check.note:
        yield f"  {check.note}"
    for name in check.requirements:
        requirement = REQUIREMENTS[name]
        yield f"decides {name}: {requirement.demands}"
        yield from _clauses(requirement.clauses)
    match check:
        case Scenario():
            yield from _scenario(check, library)
        case Relation():
            yield from _relation(check)
        case NativeCheck():
            yield from _native(check)
        case _:
            yield from _adaptive(check)


def _scenario(scenario: Scenario, library: Library) -> Iterator[str]:
    yield "formula"
    yield FORMULA
    yield from _inputs(scenario.tensors.items())
    if any(isinstance(event, Steps) for event in scenario.events):
        yield "each step is judged from what the port showed before it: nothing is due"
        yield "beforehand"
    else:
        yield "events, and what is due"
        yield from _events(scenario, library)
    yield "reproduce in torch"
    yield from _indented(torch_snippet(scenario))


def _inputs(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[str]:
    yield "inputs"
    for name, tensor in tensors:
        pairs = "complex " if tensor.complex else ""
        shape = list(tensor.shape)
        yield f"  {name}: {pairs}{tensor.format} {shape} {_some(tensor)}"


def _relation(relation: Relation) -> Iterator[str]:
    yield "compared bit for bit, theta and S and t; zeros have no sign"
    for what, factor in (("theta", relation.theta_factor), ("S", relation.sum_factor)):
        if factor != 1:
            yield f"  {what} on the right is {factor!r} times {what} on the left"
    for same in relation.same:
        yield f"  {_same(same)}"
    for side, scenario in (("left", relation.left), ("right", relation.right)):
        yield f"{side}: {', '.join(map(_word, scenario.events))}"
        yield from ("  " + line for line in _inputs(scenario.tensors.items()))
        yield "  in torch"
        yield from _indented(torch_snippet(scenario), "    ")


def _same(same: Same) -> str:
    def side(where: tuple[Place, tuple[int, ...] | None], event: int) -> str:
        (optimizer, param), elements = where
        return f"{param}{_places(elements)} of {optimizer} after event {event}"

    left, right = (
        side(where, event)
        for where, event in zip((same.left, same.right), same.events, strict=True)
    )
    return f"left {left} = right {right}"


def _places(elements: tuple[int, ...] | None) -> str:
    if elements is None:
        return ""
    shown = ", ".join(map(str, elements[:_SHOWN]))
    more = f", ... ({len(elements)} elements)" if len(elements) > _SHOWN else ""
    return f"[{shown}{more}]"


def _word(event: Event) -> str:
    return f"{type(event).__name__} {event.optimizer}"


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


# -- a scenario, event by event --------------------------------------------------------


def _events(scenario: Scenario, library: Library) -> Iterator[str]:
    books = Bookkeeper(scenario)
    expected = library.expectations(scenario)
    for number, (event, due) in enumerate(zip(scenario.events, expected, strict=True)):
        effect = books.apply(event)
        if due.refusal:
            word = type(event).__name__
            yield f"  {number} {word}: must be refused: {due.refusal}"
            continue
        yield f"  {number} {_word(event)}"
        for update in effect.updates:
            yield from _update(scenario, update, due.params[update.param])


def _update(scenario: Scenario, update: Update, due: ParamExpectation) -> Iterator[str]:
    o = update.options
    yield (
        f"      {update.param}: step t = {update.t}, lr {o.lr!r}, "
        f"lr_decay {o.lr_decay!r}, weight_decay {o.weight_decay!r}, "
        f"eps {o.eps!r}, maximize {o.maximize}"
    )
    like = scenario.tensors[update.param]
    show = encoded(like.fmt)
    places: Iterable[int] = range(len(like.bits))
    if update.elements is not None:
        places = update.elements
        yield f"      moved {_places(update.elements)}, the others keep every bit"
    yield f"      g     {_some(update.gradient)}"
    columns = (
        ("S", due.state_sum, due.exact_sum),
        ("theta", due.theta, due.exact_theta),
    )
    for what, boxes, exact in columns:
        if boxes is None:
            continue
        for i in list(places)[:_SHOWN]:
            best = "" if exact is None else f"  exact {show(exact[i])}"
            place = f"      {what}{_element(like, i)}".ljust(15)
            yield f"{place} " + boxes["lawful"][i].words(show) + best


def _element(like: Tensor, i: int) -> str:
    """The element of an encoding; of a complex one its part."""
    return f"[{i // 2}].{('real', 'imag')[i % 2]}" if like.complex else f"[{i}]"


def _some(tensor: Tensor) -> str:
    values = tensor.values()
    shown = ", ".join(decimal(tensor.fmt, v) for v in values[:_SHOWN])
    more = f", ... ({len(values)} elements)" if len(values) > _SHOWN else ""
    return f"[{shown}{more}]"
