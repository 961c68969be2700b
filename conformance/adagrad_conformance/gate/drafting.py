"""Waivers written from a run: an entry for each fault, whose reason is to be filled in.

What stands in a file stays as it is, with its comments; entries are added behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from adagrad_conformance.errors import UserError
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.writers.common import plain

from .matching import failed

__all__ = ["draft"]

Json = Mapping[str, Any]

#: The longest comment on an entry.
_LONGEST = 160
_HEAD = (
    "Known failures of a port. An entry without a reason waives nothing.",
    "Keys: id, reason, status, link, owner, expires, max_error, when.",
)


def draft(stream: Stream, path: Path) -> tuple[str, int]:
    """The text of the file with an entry added for each fault that is not waived, and
    for each requirement that fails without one; and how many were added.

    Raises `UserError` where the file is no TOML.
    """
    try:
        document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    if not path.exists():
        for line in _HEAD:
            document.add(tomlkit.comment(line))
        document.add(tomlkit.nl())
    if "waiver" not in document:
        document["waiver"] = tomlkit.aot()
    listed = document["waiver"]
    if not isinstance(listed, AoT):
        raise UserError(f"{path}: waiver is no [[waiver]]")
    known = {str(entry.get("id")) for entry in listed}
    added = 0
    for name, status, about in _entries(stream):
        if name in known:
            continue
        entry = tomlkit.table()
        entry.add(tomlkit.comment(about))
        entry["id"] = name
        if status != "fail":
            entry["status"] = status
        entry["reason"] = ""
        listed.append(entry)
        known.add(name)
        added += 1
    return tomlkit.dumps(document), added


def _entries(stream: Stream) -> Iterator[tuple[str, str, str]]:
    """(id, status, what it is about) for what fails at MUST and is not waived."""
    open_ones = [
        check
        for check in stream.checks
        if failed(check) and check["level"] == "MUST" and "waived" not in check
    ]
    shown = {name for check in open_ones for name in check.get("faults", ())}
    for fault in stream.faults:
        if fault["fault"] in shown:
            own = [c for c in open_ones if fault["fault"] in c.get("faults", ())]
            yield fault["fault"], _status(own), f"{fault['words']} ({len(own)} checks)"
    loose: dict[tuple[str, str], list[Any]] = {}
    for check in open_ones:
        if not check.get("faults"):
            name = check["requirement"] or check["scenario"]
            loose.setdefault((name, check["status"]), []).append(check)
    for (name, status), own in loose.items():
        about = str(own[0]["message"]).strip().splitlines() or [status]
        yield name, status, f"{plain(about[-1])[:_LONGEST]} ({len(own)} checks)"


def _status(checks: Sequence[Json]) -> str:
    """The worst way in which checks fail: the rarest but `fail`."""
    counts = Counter(check["status"] for check in checks)
    other = [status for status in counts if status != "fail"]
    return min(other, key=lambda status: counts[status], default="fail")
