"""Clauses, requirements and findings on the document, with the ports that fail each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Finding, Summary
from adagrad_conformance.reports.tables import code, escape, table
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS

__all__ = ["demanded", "findings_of", "requirement_sections"]


def requirement_sections(
    streams: Sequence[Stream], ports: Sequence[Summary]
) -> Iterator[str]:
    """The lines, with headings of the second order."""
    yield "## Findings on the document\n"
    yield from _document()
    yield "\n## From the document to the checks\n"
    yield from _clauses(streams)
    yield "\n## Requirements\n"
    yield from _requirements(streams, ports)


def demanded(requirement: str) -> str:
    """What a requirement demands and why, in one line; empty where there is none."""
    if requirement not in REQUIREMENTS:
        return ""
    known = REQUIREMENTS[requirement]
    return f"{known.demands} Otherwise: {_lower(known.why)}"


def _document() -> Iterator[str]:
    for clause in CLAUSES.values():
        if clause.finding:
            yield f"- {clause.id}: {clause.finding} Ruling: {clause.ruling}"


def _clauses(streams: Sequence[Stream]) -> Iterator[str]:
    checks = _checks(streams)
    rows = []
    for clause in CLAUSES.values():
        ids = [r.id for r in REQUIREMENTS.values() if clause.id in r.clauses]
        decided = [f"`{name}` ({len(checks.get(name, ()))})" for name in ids]
        reading = f"{clause.says} {clause.ruling}".strip()
        unchecked = (
            f"not checked: {clause.unchecked}" if clause.unchecked else "**none**"
        )
        rows.append((clause.id, escape(reading), ", ".join(decided) or unchecked))
    yield "In brackets: how many checks of these runs decide the requirement.\n"
    yield from table(("clause", "what it says, and the ruling", "requirements"), rows)


def _checks(streams: Sequence[Stream]) -> dict[str, set[str]]:
    """The checks of these runs by requirement."""
    checks: dict[str, set[str]] = {}
    for stream in streams:
        for record in stream.checks:
            for name in record["requirements"]:
                checks.setdefault(name, set()).add(record["scenario"])
    return checks


def _requirements(streams: Sequence[Stream], ports: Sequence[Summary]) -> Iterator[str]:
    """The table of requirements; a port fails one by a check foremost its own."""
    checks = _checks(streams)
    rows = []
    for r in REQUIREMENTS.values():
        failing = [code(p.target["target"]) for p in ports if findings_of(p, r.id)]
        rows.append(
            (
                f"`{r.id}`",
                r.level,
                r.profile,
                ", ".join(r.clauses),
                escape(demanded(r.id)),
                str(len(checks.get(r.id, ()))),
                ", ".join(failing) or "-",
            )
        )
    head = (
        "requirement",
        "level",
        "profile",
        "clauses",
        "demand",
        "checks",
        "failed by",
    )
    yield from table(head, rows)


def findings_of(port: Summary, requirement: str) -> list[Finding]:
    """What a port does not keep of a requirement."""
    return [f for f in port.findings if f.requirement == requirement]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
