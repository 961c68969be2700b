"""Mutants by machine: the part of REPORT.md on what is wrong at one meeting alone.

The data is what `tests/mutants/machine.py` adds to the kill matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.reports.tables import code, escape, table

__all__ = ["machine_section"]

_INTRO = """\
Each of these wrong ports is right everywhere but where two features of a step meet
(or three): a layout and complex numbers, a load and a group added after it. They are
made by machine, one for every pair, and each is really played. *Not met* are those
whose features no scenario brings together; *met and missed* those that pass where they
do meet."""

_KINDS: Mapping[str, str] = {
    "pairs": "wrong where two features meet: every pair",
    "pairs-in-formats": "wrong where two features meet, in one format alone: a sample",
    "triples": "wrong where three features meet: a sample",
}

#: The most names that a line lists.
_NAMED = 20


def machine_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    yield from (_INTRO, "")
    yield from table(
        ("mutants", "caught", "share", "not met", "met and missed"),
        [_row(words, data[kind]) for kind, words in _KINDS.items()],
    )
    yield ""
    for kind in _KINDS:
        yield from _names(f"{kind}, not met", data[kind]["unmet"])
        yield from _names(f"{kind}, met and missed", data[kind]["missed"])
    yield f"Played on {data['scenarios']} scenarios. Pairs that never meet, and why:"
    yield ""
    for reason, count in sorted(data["excluded"].items(), key=lambda x: (-x[1], x[0])):
        yield f"- {count}: {escape(reason)}"


def _row(words: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    caught, count = found["caught"], found["mutants"]
    share = f"{_share(caught, count)} %" if count else "-"
    unmet, missed = str(len(found["unmet"])), str(len(found["missed"]))
    return (words, f"{caught} of {count}", share, unmet, missed)


def _share(part: int, whole: int) -> str:
    """A percentage; 100 is shown for all alone."""
    return "100" if part == whole else f"{min(100 * part / whole, 99.9):.1f}"


def _names(words: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        rest = len(names) - _NAMED
        more = f" and {rest} more" if rest > 0 else ""
        yield f"- {words}: {', '.join(map(code, names[:_NAMED]))}{more}"
        yield ""
