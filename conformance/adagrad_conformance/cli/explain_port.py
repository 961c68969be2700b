"""`explain-port`: what a published port promises, claim by claim, and where."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_conformance.adapters.evidence.reading import (
    KINDS,
    STANDINGS,
    EvidenceError,
    evidence_of,
)
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.errors import UserError

__all__ = ["port_explanation"]


def port_explanation(name: str) -> Iterator[str]:
    """The lines; the strongest evidence comes first."""
    try:
        port = evidence_of(name)
    except EvidenceError as error:
        raise UserError(f"the evidence cannot be read: {error}") from None
    if port is None:
        known = "it is a port of this suite, bound by the document as a whole"
        why = known if name in PORTS else "there is no such port"
        raise UserError(f"no evidence for {name!r}: {why}; see 'ports list'")
    kinds = [row.kind for row in port.rows.values()]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS)
    yield f"{name}: {port.standing}, {STANDINGS[port.standing]}; {counts}"
    for what, text in (("why", port.why), ("played", port.played)):
        if text:
            yield f"  {what}: {text}"
    for kind, meaning in KINDS.items():
        rows = sorted(r.of for r in port.rows.values() if r.kind == kind)
        if not rows:
            continue
        yield f"\n{kind}: {meaning}"
        if kind == "source":
            yield "  a port that departs from these is observed, not accused"
        for of in rows:
            row = port.rows[of]
            yield f"  {of}: {row.words}"
            yield f"    {', '.join((row.title, row.version, row.section))}: {row.place}"
