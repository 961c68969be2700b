"""The evidence tables: for each claim, constant and switch, where it is promised.

A table is a TOML file of this folder, for the ports of one family:

    [[ports]]        names, as in the registry; standing; why and played, where needed
    [sources.NAME]   title, version, place: a page, or a file of the package
    [[evidence]]     of, kind, source, section, words; ports, where not all are meant

Rule 1.  `of` names claims (`sparse`), constants (`constant:eps`) and switches of the
         dialect (`eps=inside`).
Rule 2.  `promised` is what documentation says, `evident` what a signature, a type or a
         base class shows, `source` what the source alone does.
Rule 3.  What rests on the source alone binds nobody: a port that departs from it is
         observed, not accused.
Rule 4.  A row that names ports stands before a row for all ports of the table.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "HARNESS_CLAIMS",
    "KINDS",
    "STANDINGS",
    "Evidence",
    "EvidenceError",
    "PortEvidence",
    "evidence_of",
    "read_table",
]

#: What each kind of evidence means, the strongest first.
KINDS: Mapping[str, str] = {
    "promised": "the documentation says so",
    "evident": "a signature, a type or a base class shows it",
    "source": "the source alone does so",
}
#: What is said of a port as a whole.
STANDINGS: Mapping[str, str] = {
    "published": "its users are meant to use it",
    "private": "its authors do not mean it to be used",
    "abandoned": "it has no releases any more",
}
#: What the suite needs to look into a port; they promise nothing to users.
HARNESS_CLAIMS = frozenset(["state", "state-write", "many-steps", "gradients"])

_FOLDER = Path(__file__).parent
_KEYS = {
    "ports": ({"names", "standing"}, {"why", "played"}),
    "sources": ({"title", "version", "place"}, set[str]()),
    "evidence": ({"of", "kind", "source", "section", "words"}, {"ports"}),
}


class EvidenceError(Exception):
    """A table is not as it must be; the message names the file and the row."""


@dataclass(frozen=True)
class Evidence:
    """Where one thing is promised."""

    of: str  #: a claim, `constant:NAME` or `switch=value`
    kind: str  #: one of `KINDS`
    title: str
    version: str
    place: str  #: a page, or a file of the package
    section: str
    words: str  #: what is promised, in short

    @property
    def cited(self) -> str:
        """One line: what is promised and where."""
        where = ", ".join(filter(None, (self.title, self.version, self.section)))
        return f"{self.words} ({where})"


@dataclass(frozen=True)
class PortEvidence:
    """All that is known of what a port promises."""

    standing: str = "published"
    why: str = ""  #: of a standing other than published
    played: str = ""  #: how the environment departs from what the package declares
    rows: Mapping[str, Evidence] = field(default_factory=dict)

    def chosen_by_source(self, claims: frozenset[str]) -> list[str]:
        """Those of the claims that nothing but the source of the port supports."""
        kinds = {name: row.kind for name, row in self.rows.items()}
        return sorted(c for c in claims - HARNESS_CLAIMS if kinds.get(c) == "source")


@functools.cache
def _tables() -> Mapping[str, PortEvidence]:
    found: dict[str, PortEvidence] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for name, evidence in read_table(path).items():
            if name in found:
                raise EvidenceError(f"{path.name}: {name} stands in another table too")
            found[name] = evidence
    return found


def evidence_of(port: str) -> PortEvidence | None:
    """What is known of a registered port; None where no table names it.

    Raises `EvidenceError` for a table that is not as it must be.
    """
    return _tables().get(port)


def read_table(path: Path) -> dict[str, PortEvidence]:
    """The evidence of each port that a table names; raises `EvidenceError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EvidenceError(f"{path.name}: {error}") from None
    if unknown := table.keys() - _KEYS.keys():
        raise EvidenceError(f"{path.name}: unknown table {sorted(unknown)[0]!r}")
    sources = table.get("sources", {})
    for name, source in sources.items():
        _check_keys(path, f"source {name}", source, "sources")
    heads = list(_heads(path, table))
    names = [name for head in heads for name in head["names"]]
    rows: dict[str, dict[str, Evidence]] = {name: {} for name in names}
    for everybody in (True, False):  # rule 4
        for row in table.get("evidence", ()):
            if ("ports" not in row) == everybody:
                _enter(path, row, sources, rows)
    return {
        name: PortEvidence(
            head["standing"], head.get("why", ""), head.get("played", ""), rows[name]
        )
        for head in heads
        for name in head["names"]
    }


def _heads(path: Path, table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for head in table.get("ports", ()):
        _check_keys(path, "ports", head, "ports")
        if head["standing"] not in STANDINGS:
            raise EvidenceError(f"{path.name}: unknown standing {head['standing']!r}")
        if head["standing"] != "published" and "why" not in head:
            raise EvidenceError(f"{path.name}: {head['names']} lacks 'why'")
        yield head


def _enter(
    path: Path,
    row: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, str]],
    rows: Mapping[str, dict[str, Evidence]],
) -> None:
    """Enter a row of evidence for the ports that it is about."""
    what = f"evidence of {row.get('of')}"
    _check_keys(path, what, row, "evidence")
    if row["kind"] not in KINDS:
        raise EvidenceError(f"{path.name}: {what}: unknown kind {row['kind']!r}")
    if row["source"] not in sources:
        raise EvidenceError(f"{path.name}: {what}: no source {row['source']!r}")
    chosen = row.get("ports", list(rows))
    if unknown := [name for name in chosen if name not in rows]:
        raise EvidenceError(f"{path.name}: {what}: no port {unknown[0]!r} here")
    given = (row["section"], row["words"])
    for port in chosen:
        for of in row["of"]:
            source = sources[row["source"]]
            cited = (source["title"], source["version"], source["place"])
            rows[port][of] = Evidence(of, row["kind"], *cited, *given)


def _check_keys(path: Path, what: str, row: Mapping[str, Any], table: str) -> None:
    needed, more = _KEYS[table]
    if lacking := needed - row.keys():
        raise EvidenceError(f"{path.name}: {what} lacks {sorted(lacking)[0]!r}")
    if unknown := row.keys() - needed - more:
        raise EvidenceError(f"{path.name}: {what}: unknown key {sorted(unknown)[0]!r}")
