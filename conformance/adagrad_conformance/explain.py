"""`explain ID`: from a sentence of the document to a bit pattern."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.bookkeeping import Bookkeeper, Update
from adagrad_reference.codec import decimal
from adagrad_reference.formats import Format
from adagrad_reference.play import Box, ParamExpectation
from adagrad_reference.scenario import Scenario, Tensor

from .library import Library
from .requirements.clauses import CLAUSES
from .requirements.table import REQUIREMENTS
from .snippet import torch_snippet

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
    """The explanation of a clause, a requirement or a scenario; None if unknown."""
    if name in CLAUSES:
        return "\n".join(_clause(name))
    if name in REQUIREMENTS:
        return "\n".join(_requirement(name, library))
    scenario = next((s for s in library.scenarios() if s.id == name), None)
    return None if scenario is None else "\n".join(_scenario(scenario, library))


def _clause(name: str) -> Iterator[str]:
    clause = CLAUSES[name]
    yield f"clause {name}"
    yield f"  says:   {clause.says}"
    if clause.ruling:
        yield f"  ruling: {clause.ruling}"
    if clause.finding:
        yield f"  finding on the document: {clause.finding}"
    yield "requirements"
    for requirement in REQUIREMENTS.values():
        if requirement.clause == name:
            yield f"  {requirement.id} ({requirement.level}): {requirement.demands}"


def _requirement(name: str, library: Library) -> Iterator[str]:
    requirement = REQUIREMENTS[name]
    clause = CLAUSES[requirement.clause]
    yield f"requirement {name} ({requirement.level})"
    yield f"  demands: {requirement.demands}"
    yield f"  why:     {requirement.why}"
    yield f"  clause:  {clause.id}: {clause.says} {clause.ruling}".rstrip()
    yield "scenarios that decide it"
    for scenario in library.scenarios():
        if name in scenario.requirements:
            yield f"  {scenario.id}"


def _scenario(scenario: Scenario, library: Library) -> Iterator[str]:
    yield f"scenario {scenario.id} ({scenario.level})"
    if scenario.note:
        yield f"  {scenario.note}"
    for name in scenario.requirements:
        requirement = REQUIREMENTS[name]
        yield f"decides {name}: {requirement.demands}"
        clause = CLAUSES[requirement.clause]
        yield f"  clause {clause.id}: {clause.says} {clause.ruling}".rstrip()
    yield "formula"
    yield FORMULA
    yield "inputs"
    for name, tensor in scenario.tensors.items():
        yield f"  {name}: {tensor.format} {list(tensor.shape)} {_some(tensor)}"
    yield "events, and what is due"
    yield from _events(scenario, library)
    yield "reproduce in torch"
    yield from ("  " + line for line in torch_snippet(scenario).splitlines())


def _events(scenario: Scenario, library: Library) -> Iterator[str]:
    books = Bookkeeper(scenario)
    expected = library.expectations(scenario)
    for number, (event, due) in enumerate(zip(scenario.events, expected, strict=True)):
        effect = books.apply(event)
        kind = type(event).__name__
        if due.refusal:
            yield f"  {number} {kind}: must be refused: {due.refusal}"
            continue
        yield f"  {number} {kind} {event.optimizer}"
        for update in effect.updates:
            yield from _update(scenario, update, due.params[update.param])


def _update(scenario: Scenario, update: Update, due: ParamExpectation) -> Iterator[str]:
    o = update.options
    yield (
        f"      {update.param}: step t = {update.t}, lr {o.lr!r}, "
        f"lr_decay {o.lr_decay!r}, weight_decay {o.weight_decay!r}, "
        f"eps {o.eps!r}, maximize {o.maximize}"
    )
    yield f"      g     {_some(update.gradient)}"
    fmt = scenario.tensors[update.param].fmt
    columns = (
        ("S", due.state_sum, due.exact_sum),
        ("theta", due.theta, due.exact_theta),
    )
    for what, boxes, exact in columns:
        if boxes is None:
            continue
        for i, box in enumerate(boxes["lawful"][:_SHOWN]):
            best = "" if exact is None else f"  exact {_bits(fmt, exact[i])}"
            yield f"      {what}[{i}]".ljust(16) + _box(fmt, box) + best


def _box(fmt: Format, box: Box) -> str:
    if box.lo > box.hi:
        return "NaN alone"
    text = _bits(fmt, box.lo)
    if box.hi != box.lo:
        text += f" .. {_bits(fmt, box.hi)}"
    return text + (" or NaN" if box.nan else "")


def _bits(fmt: Format, value: float) -> str:
    return f"{decimal(fmt, value)} [{fmt.to_hex(value)}]"


def _some(tensor: Tensor) -> str:
    values = tensor.values()
    shown = ", ".join(decimal(tensor.fmt, v) for v in values[:_SHOWN])
    more = f", ... ({len(values)} elements)" if len(values) > _SHOWN else ""
    return f"[{shown}{more}]"
