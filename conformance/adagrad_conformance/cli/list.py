"""`list`: what there is, a line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from adagrad_conformance.adapters.registry import ADAPTERS
from adagrad_conformance.checks.kinds import kind
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.dialects import DIALECTS

from .vectors import library

__all__ = ["listing"]


def listing(what: str) -> Iterator[str]:
    """The lines of `list`, which knows these words by `main.LISTED`."""
    return _LISTS[what]()


def _candidates() -> Iterator[str]:
    yield from ADAPTERS


def _clauses() -> Iterator[str]:
    for clause in CLAUSES.values():
        yield f"{clause.id:26}{clause.says} {clause.ruling}".rstrip()


def _requirements() -> Iterator[str]:
    for r in REQUIREMENTS.values():
        yield f"{r.level:7}{r.id:43}{r.profile:10} {r.clause:22}{r.demands}"


def _checks() -> Iterator[str]:
    for check in known_checks(library()):
        yield f"{check.level:7}{kind(check):9} {check.id}"


def _scenarios() -> Iterator[str]:
    for name, data in library().raw.items():
        yield f"{data['level']:7}{name}"


def _dialects() -> Iterator[str]:
    width = max(map(len, DIALECTS)) + 2
    for dialect in DIALECTS.values():
        words = "; ".join(dialect.words) or "the document"
        about = f"{dialect.about}: " if dialect.about else ""
        yield f"{dialect.name:{width}}{about}{words}"


_LISTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "candidates": _candidates,
    "clauses": _clauses,
    "requirements": _requirements,
    "checks": _checks,
    "scenarios": _scenarios,
    "dialects": _dialects,
}
