"""What is caught of ports that have little: the part of REPORT.md on profiles.

The data is what `tests/mutants/profiles.py` adds to the kill matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adagrad_conformance.reports.tables import code, escape, table

__all__ = ["profile_section", "profile_table"]

_INTRO = """\
The same wrong ports, each with no more claims than a kind of published port makes, and
its state out of sight where such ports hide it. A fault is *possible* in a profile if
the wrong port departs there from the right one by more than rounding, on checks or on
random scenarios that no run plays. The last columns are comparisons with torch in the
same profile, by alarms that no right port raises."""

#: The most names that a line lists.
_NAMED = 30


def profile_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    yield from (_INTRO, "")
    first = next(iter(data.values()))
    yield from (f"Played on {first['mutants']} wrong ports.", "")
    yield from profile_table(data)
    for name, row in data.items():
        if row["missed"]:
            listed = ", ".join(map(code, row["missed"][:_NAMED]))
            rest = len(row["missed"]) - _NAMED
            more = f", and {rest} more" if rest > 0 else ""
            why = " (in the boxes of a hidden state, or in no check)" * row["hidden"]
            yield f"- not caught in {code(name)}{why}: {listed}{more}"


def profile_table(data: Mapping[str, Any]) -> Iterator[str]:
    """A row a profile."""
    methods = list(next(iter(data.values()))["methods"])
    head = ("profile", "what it has", "checks", "possible", "caught at MUST", *methods)
    yield from table(head, [_row(name, row) for name, row in data.items()])


def _row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    possible, caught = row["possible"], row["caught"]
    share = f" ({100 * caught / possible:.1f} %)" if possible else ""
    methods = (f"{count} of {possible}" for count in row["methods"].values())
    return (
        code(name),
        escape(row["words"]),
        str(row["checks"]),
        str(possible),
        f"{caught} of {possible}{share}",
        *methods,
    )
