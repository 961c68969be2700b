"""`explain ID`: from a sentence of the document to a bit pattern.

document.py  clauses and requirements
checks.py    the four kinds of check
events.py    a scenario event by event, down to the bits
"""

from __future__ import annotations

from collections.abc import Iterable

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.projection.project import projection_named
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli.vectors import library
from adagrad_conformance.errors import UserError
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json

from .checks import check_lines
from .document import clause_lines, requirement_lines

__all__ = ["explain", "explanation"]


def explanation(name: str) -> str:
    """The text of `explain`; raises `UserError` for an unknown name."""
    text = explain(name, library())
    if text is None:
        raise UserError(
            f"no clause, requirement or scenario is called {name!r}; "
            "'list clauses', 'list requirements' and 'list scenarios' show them"
        )
    return text


def explain(name: str, library: Library) -> str | None:
    """The explanation of a clause, a requirement or a check; None if unknown."""
    if name in CLAUSES:
        return "\n".join(clause_lines(name))
    if name in library.raw:
        scenario = scenario_from_json(library.raw[name])
        return "\n".join(check_lines(scenario, library))
    checks = known_checks(library)
    lines: list[str] = []
    if "~" in name:
        found = projection_named(name, _scenarios(checks).get)
        lines += check_lines(found, library) if found else ()
    if name in REQUIREMENTS:
        lines += requirement_lines(name, checks)
    for check in checks:
        if check.id == name:  # a requirement and its only check may share their name
            lines += check_lines(check, library)
    return "\n".join(lines) or None


def _scenarios(checks: Iterable[Check]) -> dict[str, Scenario]:
    return {check.id: check for check in checks if isinstance(check, Scenario)}
