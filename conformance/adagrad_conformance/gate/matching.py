"""Which failures waivers cover, and which waivers are in trouble.

Rule 1.  A failure is covered by the first waiver that names its check or a requirement
         of it, where the waiver's conditions hold; or by waivers of all the faults that
         it shows: a second fault in the same check is not waived with the first.
Rule 2.  A waiver in trouble covers nothing: without a reason, or expired.
Rule 3.  A failure is worse than waived where it breaks off otherwise than waived, or
         its number lies further outside than `max_error`.  It is not covered.
Rule 4.  A waiver that covers nothing is in trouble, too: what it names passes, or names
         nothing that exists.  But of what was not selected, or was not judged, nothing
         is said: with --only the rest is silent.
"""

from __future__ import annotations

import datetime
import fnmatch
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adagrad_conformance.errors import meant
from adagrad_conformance.execution.status import Status
from adagrad_conformance.reports.records import Stream

from .waivers import Waiver, holds_for

__all__ = ["Gated", "apply_waivers", "failed"]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Gated:
    """A stream in which covered failures are marked, and the waivers in trouble.

    Each trouble is one line, which begins with the place of the waiver.
    """

    stream: Stream
    troubles: tuple[str, ...] = ()

    def exit_code(self, strict: bool = False) -> int:
        """The exit code of the run, by what is not waived.

        As of a run without waivers, but where nothing failed that is not waived it is
        0, or 4 where too little was judged; and 1 where a waiver is in trouble.
        """
        code = int(self.stream.footer["exit_code"])
        levels = ("MUST", "SHOULD") if strict else ("MUST",)
        open_ones = (c for c in self.stream.checks if failed(c) and "waived" not in c)
        if code == 1 and not any(c["level"] in levels for c in open_ones):
            code = 4 if any(map(_is_too_little, self.stream.targets)) else 0
        return 1 if self.troubles and code in (0, 4) else code


def _is_too_little(target: Json) -> bool:
    """Whether the floor of a verdict was not reached."""
    return bool(target.get("interrupted") or target.get("basis", {}).get("lacking"))


def failed(check: Json) -> bool:
    """Whether the record of a check is a failure."""
    return Status(check["status"]).is_failure


def apply_waivers(
    stream: Stream,
    waivers: Sequence[Waiver],
    known: Collection[str],
    whole: bool,
    today: datetime.date,
) -> Gated:
    """The stream with covered failures marked.

    `known` are the names of all checks and requirements; `whole` says whether
    everything was selected, so that a fault that was not found is gone.
    """
    run = _Run(stream)
    valid = [w for w in waivers if w.reason.strip() and not _expired(w, today)]
    checks: list[dict[str, Any]] = []
    covering: set[Waiver] = set()
    worse: dict[str, str] = {}
    for check in stream.checks:
        named = [
            waiver
            for waiver in (valid if failed(check) else ())
            if run.names(waiver, check) and run.applies(waiver, check)
        ]
        covering.update(named)
        kept = []
        for waiver in named:
            if trouble := _worse(waiver, check):
                worse.setdefault(waiver.place, trouble)
            else:
                kept.append(waiver)
        covered = _covered(check, kept)
        marked = {"waived": covered.record()} if covered else {}
        checks.append({**check, **marked})
    troubles = [
        trouble
        for waiver in waivers
        for trouble in _troubles(waiver, run, known, whole, today)
        if waiver not in covering
    ]
    troubles += worse.values()
    return Gated(replace(stream, checks=tuple(checks)), tuple(troubles))


def _covered(check: Json, waivers: Sequence[Waiver]) -> Waiver | None:
    """The first of the waivers, if they cover a failure that each of them names."""
    for waiver in waivers:
        if not waiver.is_of_fault:
            return waiver
    patterns = [waiver.id for waiver in waivers]
    shown = check.get("faults", ())
    whole = all(any(fnmatch.fnmatchcase(f, p) for p in patterns) for f in shown)
    return waivers[0] if waivers and whole else None


class _Run:
    """What was played, and where."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.targets = {target["target"]: target for target in stream.targets}
        self.system = stream.header["environment"]["system"]

    def names(self, waiver: Waiver, check: Json) -> bool:
        """Whether the waiver names the check, its requirement, or a fault of it."""
        if waiver.is_of_fault:
            return _is_one(waiver.id, check.get("faults", ()))
        plain = check["scenario"].partition("~")[0]
        names = [check["scenario"], plain, *check["requirements"]]
        return _is_one(waiver.id, filter(None, [*names, check["requirement"]]))

    def applies(self, waiver: Waiver, check: Json) -> bool:
        """Whether the waiver's conditions hold."""
        target, when = self.targets[check["target"]], waiver.when
        return (
            fnmatch.fnmatchcase(check["target"], when.get("target", "*"))
            and when.get("platform", self.system) == self.system
            and holds_for(target.get("version", ""), when.get("version", ">=0"))
            and check["scenario"].partition("~")[0].endswith(when.get("format", ""))
        )


def _is_one(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _expired(waiver: Waiver, today: datetime.date) -> bool:
    return waiver.expires is not None and waiver.expires < today


def _worse(waiver: Waiver, check: Json) -> str | None:
    """How a failure is worse than waived (rule 3)."""
    if check["status"] not in (waiver.status, Status.FAIL):
        return (
            f"{waiver.place}: {check['scenario']} ends in {check['status']}, worse "
            f"than the waived {waiver.status}"
        )
    if waiver.max_error is None:
        return None
    outside = check.get("outside_ulp")
    far = math.inf if outside is None else float(outside)
    if far <= waiver.max_error:
        return None
    return (
        f"{waiver.place}: {check['scenario']} is {far:g} ulp outside, more than the "
        f"waived {waiver.max_error:g}"
    )


def _troubles(
    waiver: Waiver,
    run: _Run,
    known: Collection[str],
    whole: bool,
    today: datetime.date,
) -> Iterator[str]:
    """What is wrong with a waiver that covers nothing (rules 2 and 4)."""
    head = f"{waiver.place}: {waiver.id}"
    if not waiver.reason.strip():
        yield f"{head} has no reason; say why the failure is accepted"
        return
    if _expired(waiver, today):
        yield f"{head} expired on {waiver.expires}; mend the port, or set another date"
        return
    if waiver.is_of_fault:
        its = [c for c in run.stream.checks if run.applies(waiver, c)]
        if whole and its:
            yield f"{head} is a fault that is not found any more; remove the waiver"
        return
    if not _is_one(waiver.id, known):
        yield f"{head} names no check and no requirement{meant(waiver.id, known)}"
        return
    named = [
        check
        for check in run.stream.checks
        if run.names(waiver, check)
        and run.applies(waiver, check)
        and Status(check["status"]).was_judged
    ]
    if named and not any(map(failed, named)):
        count = "it passes" if len(named) == 1 else f"all {len(named)} checks pass"
        yield f"{head} is not needed: {count}; remove the waiver"
