"""What each form says of one check."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from adagrad_conformance.execution.status import Status
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Finding, Summary, summaries

__all__ = [
    "Outcome",
    "details",
    "headline",
    "outcome_of",
    "plain",
    "replay",
    "summaries_of",
]

Json = Mapping[str, Any]


class Outcome(StrEnum):
    """What becomes of a check, in the words of test reports."""

    PASSED = "passed"
    FAILED = "failed"  #: judged, and wrong
    ERROR = "error"  #: it broke off
    SKIPPED = "skipped"  #: not asked, or waived


def outcome_of(check: Json) -> Outcome:
    """The outcome of a check; a finding at MAY asks for nothing, and is skipped."""
    status = Status(check["status"])
    if not status.was_judged or "waived" in check or status is Status.WAIVED:
        return Outcome.SKIPPED
    if status.is_failure and check["level"] == "MAY":
        return Outcome.SKIPPED
    if status.broke_off:
        return Outcome.ERROR
    return Outcome.FAILED if status.is_failure else Outcome.PASSED


def headline(check: Json) -> str:
    """One line: what is wrong, or why the check was skipped."""
    if waived := check.get("waived"):
        return plain(f"waived: {waived['reason']}")
    status = Status(check["status"])
    if not status.was_judged:
        return plain(f"{status}: {check['message']}")
    if status is Status.PASS:
        return ""
    one = Finding(check["requirement"] or "", check["level"], [dict(check)])
    return plain(one.evidence)


def details(check: Json, faults: Sequence[Json], seed: int | None) -> list[str]:
    """Further lines on a failure: its faults, the requirement, and how to see it."""
    own = [f for f in faults if f["fault"] in check.get("faults", ())]
    lines = [f"fault {fault['fault']}: {fault['words']}" for fault in own]
    lines.append(f"breaks {check['requirement']} ({check['level']})")
    if promise := check.get("promise"):
        lines.append(f"promised: {promise}")
    return [*map(plain, lines), replay(check, seed)]


def replay(check: Json, seed: int | None) -> str:
    """The command that plays a check again."""
    target = shlex.quote(plain(check["target"]))
    only = shlex.quote(plain(check["scenario"].partition("~")[0]))
    of_seed = f" --seed {seed}" if seed is not None else ""
    return f"adagrad-conformance run {target} --only {only}{of_seed} -v"


def plain(text: str) -> str:
    """Text on one line, without what no report may hold."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def summaries_of(streams: Sequence[Stream]) -> list[tuple[Json, Summary]]:
    """The targets of all streams, each with the header of its stream."""
    return [
        (stream.header, summary)
        for stream in streams
        for summary in summaries(stream.targets, stream.checks, stream.faults)
    ]
