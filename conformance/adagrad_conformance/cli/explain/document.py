"""Clauses of the document, the requirements made of them, and what decides those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adagrad_conformance.checks.kinds import Check, kind
from adagrad_conformance.checks.scenarios.random_scenarios import REQUIREMENT as FRESH
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.requirement import PROFILES
from adagrad_conformance.requirements.table import REQUIREMENTS

__all__ = ["clause_lines", "decided_lines", "requirement_lines"]


def clause_lines(name: str) -> Iterator[str]:
    """A clause, its ruling, and the requirements made of it."""
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


def requirement_lines(name: str, checks: Iterable[Check]) -> Iterator[str]:
    """A requirement, its clauses, and those of the checks that decide it."""
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


def decided_lines(names: Iterable[str]) -> Iterator[str]:
    """The requirements that a check decides, each with its clauses."""
    for name in names:
        requirement = REQUIREMENTS[name]
        yield f"decides {name}: {requirement.demands}"
        yield from _clauses(requirement.clauses)


def _clauses(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        clause = CLAUSES[name]
        yield f"  clause {name}: {clause.says} {clause.ruling}".rstrip()
