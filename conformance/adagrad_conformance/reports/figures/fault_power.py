"""How faults are named: the part of REPORT.md on one bug, two and three.

The data is what `tests/mutants/fault_power.py` adds to the kill matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.reports.tables import code, table

__all__ = ["fault_section"]

Row = Mapping[str, Any]

_INTRO = """\
One bug in, one fault out: the faults that are found of wrong ports at MUST, of every
second check of a run. The class of a wrong port was written down with it, before any
fault was looked for. A fault has up to two classes: of what is wrong, and of where it
is. Pairs and triples are wrong ports with the bugs of two and three that change
different methods; each is named if a class is its own, or one by which it was named
alone."""

#: The share of its complaints that a fault must explain to be its cause.
_MOST = 0.7
#: The share of its complaints that the one fault of a port should explain.
_NEARLY_ALL = 0.9
#: The most names that a line lists.
_NAMED = 20


def fault_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    yield from (_INTRO, "")
    rows = [row for row in data["mutants"] if row.get("complaints")]
    counts = sorted(len(row["faults"]) for row in rows)
    complaints = sum(row["complaints"] for row in rows)
    left = sum(map(_left, rows))
    figures = [
        ("wrong ports that fail", f"{len(rows)} of {len(data['mutants'])} played"),
        ("faults reported, median", str(counts[len(counts) // 2])),
        ("faults reported, nine tenths of the ports", f"up to {_ninth(counts)}"),
        ("first fault of the right class", _share(rows, _is_right)),
        ("of them by what is wrong, not by where", _share(rows, _is_right_kind)),
        ("some fault of the right class", _share(rows, _has_right)),
        (
            "first fault right, with a cause and seven tenths of the complaints",
            _share(rows, _is_exact),
        ),
        ("one fault explains nine tenths of the complaints", _share(rows, _is_clear)),
        ("complaints that no fault explains", _percent(left, complaints)),
    ]
    for name, words in (("pairs", "two bugs"), ("triples", "three bugs")):
        groups = [row for row in data.get(name, ()) if "named" in row]
        if groups:
            figures.append((f"{words}: all named", _share(groups, _all_named)))
    yield from table(("figure", "value"), figures)
    if broken := [row for row in data["mutants"] if row.get("problem")]:
        listed = ", ".join(code(row["names"][0]) for row in broken[:_NAMED])
        yield from ("", f"- **did not end**: {listed}")
    if silent := [row for row in rows if not row["faults"]]:
        listed = ", ".join(code(row["names"][0]) for row in silent[:_NAMED])
        yield from ("", f"- told to be without an explanation: {listed}")


def _ninth(counts: Sequence[int]) -> int:
    return counts[min(len(counts) - 1, int(0.9 * len(counts)))]


def _left(row: Row) -> int:
    """Complaints without a cause."""
    open_ones = sum(int(f["complaints"]) for f in row["faults"] if f["open"])
    return int(row["unexplained"]) + open_ones


def _names(fault: Row, row: Row) -> bool:
    return row["kinds"][0] in (fault["kind"], fault["place"])


def _is_right(row: Row) -> bool:
    return any(_names(fault, row) for fault in row["faults"][:1])


def _is_right_kind(row: Row) -> bool:
    return any(fault["kind"] == row["kinds"][0] for fault in row["faults"][:1])


def _has_right(row: Row) -> bool:
    return any(_names(fault, row) for fault in row["faults"])


def _is_exact(row: Row) -> bool:
    first = next(iter(row["faults"]), None)
    if first is None or first["open"] or not _is_right(row):
        return False
    return bool(first["complaints"] >= _MOST * row["complaints"])


def _is_clear(row: Row) -> bool:
    most = max((fault["complaints"] for fault in row["faults"]), default=0)
    return bool(most >= _NEARLY_ALL * row["complaints"])


def _all_named(row: Row) -> bool:
    return all(row["named"])


def _share(rows: Sequence[Row], holds: Any) -> str:
    return _percent(sum(map(holds, rows)), len(rows))


def _percent(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({100 * part / max(1, whole):.1f} %)"
