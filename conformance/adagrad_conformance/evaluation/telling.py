"""What a person reads of a result, the answer first, in at most `MOST` lines.

A result (result.py) and the records of a stream (reports/summary.py) are both put into
`Told`; the lines are made here alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .conclusion import Conclusion

__all__ = ["MOST", "Group", "Line", "Told", "lines"]

Json = Mapping[str, Any]

#: At most so many lines are told of one target.
MOST = 25
#: Findings at SHOULD that are told, a line each, and groups of failures without faults.
_FINDINGS, _GROUPS = 3, 5
#: Kinds of complaints that are one cause, whatever requirement they break.
_SORTS = frozenset(
    {
        *("accepted-though-illegal", "initial-accumulator", "gradient-changed"),
        *("gradient-appeared", "gradient-missing", "storage-written", "loss"),
        *("closure-calls", "state-missing"),
    }
)
#: Requirements at SHOULD that hardly any published port keeps: they are told last.
_RARELY_KEPT = frozenset({"state-dict/old-pickle", "lr-decay/counts-beyond-2-24"})


class Line(NamedTuple):
    """One line; what is `whole` is never cut off."""

    text: str
    style: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Group:
    """The failures of one requirement."""

    requirement: str
    level: str
    count: int
    example: str  #: the id of a check
    evidence: str
    promise: str | None = None
    sort: str = ""  #: the kind of the first complaint


@dataclass(frozen=True)
class Told:
    """What is known of one target; texts of a port may hold anything."""

    target: str
    conclusion: Conclusion
    answer: str  #: verdict, target and counts
    problem: str | None = None
    notes: Sequence[str] = ()  #: what qualifies the verdict
    basis: Sequence[str] = ()  #: what it rests on
    faults: Sequence[Json] = ()  #: as `Fault.record` has them
    explained: Json | None = (
        None  #: as `Faults.rest` has it; None: nothing was searched
    )
    groups: Sequence[Group] = ()
    missing: str = ""  #: claims that checks needed
    skipped: Sequence[str] = ()
    port: str = ""
    seed: int | None = None
    origin: str = ""  #: the versions of the suite and its vectors
    is_run: bool = True  #: whether it is told of a run of the command line
    hints: Sequence[str] = field(default=())  #: commands to go on with


def lines(told: Told) -> list[Line]:
    """At most `MOST` lines, the answer first."""
    answer = Line(told.answer, told.conclusion, whole=True)
    if told.problem:
        return [answer, *(Line(f"  {note}") for note in told.notes)]
    head = [answer, *(Line(f"  {x}") for x in (*told.notes, *told.basis))]
    tail = [*_not_judged(told), *_ending(told)]
    should = _findings(told)
    room = MOST - len(head) - len(tail) - len(should)
    return [*head, *_wrong(told, room), *should, *tail][:MOST]


def _wrong(told: Told, room: int) -> list[Line]:
    """What is wrong at MUST: faults, or where none was found, failures."""
    rest = told.explained or {}
    failed = [group for group in told.groups if group.level == "MUST"]
    if not failed:
        return []
    if not told.faults:
        words = f"  failures at MUST ({sum(g.count for g in failed)})"
        if told.explained is not None:
            words += ", for which no one cause was found"
        return [Line(words, "red"), *_groups(failed, room - 1, told.is_run)]
    left = list(_left(rest))
    shown = max(1, (room - 1 - len(left)) // 3)
    told_faults = told.faults[:shown]
    found = [
        line
        for number, fault in enumerate(told_faults, 1)
        for line in _fault(number, fault, told)
    ]
    if more := told.faults[shown:]:
        names = ", ".join(fault["fault"] for fault in more)
        found.append(Line(f"  and {len(more)} more: {names}"))
    return found + left


def _fault(number: int, fault: Json, told: Told) -> Iterator[Line]:
    """What, the evidence, and how to see it again."""
    checks = f"{fault['checks']} check{'s' * (fault['checks'] != 1)}"
    yield Line(f"  {number}. {fault['fault']}: {fault['words']}", "red")
    like = f"; as in {'; '.join(fault['like'])}" if fault["like"] else ""
    yield Line(f"     {fault['kind']}, {checks}: {fault['evidence']}{like}")
    if told.is_run:
        yield Line(f"     {_replay(told, fault['scenario'])}", whole=True)
    else:
        yield Line(f"     such as {fault['scenario']}")


def _replay(told: Told, scenario: str) -> str:
    """The command that plays one check again."""
    target, check = shlex.quote(told.target), shlex.quote(scenario.partition("~")[0])
    seed = f" --seed {told.seed}" if told.seed is not None else ""
    return f"adagrad-conformance run {target} --only {check}{seed} -v"


def _left(rest: Json) -> Iterator[Line]:
    """What no fault explains."""
    if rest.get("unexplained"):
        first = rest["first"][0]
        yield Line(
            f"  unexplained: {rest['unexplained']:,} of {rest['complaints']:,} "
            f"complaints, such as {first['scenario']}: {first['evidence']}",
            "yellow",
        )


def _groups(groups: Sequence[Group], room: int, is_run: bool) -> list[Line]:
    """Failures by requirement, each with an example."""
    found: list[Line] = []
    for number, group in enumerate(groups[:_GROUPS]):
        its = [
            Line(f"    {group.requirement} ({group.count}), such as {group.example}"),
            Line(f"      {group.evidence}"),
        ]
        if group.promise:
            its.append(Line(f"      promised: {group.promise}"))
        if number and len(found) + len(its) >= room:
            break
        found += its
    shown = sum(not line.text.startswith("     ") for line in found)
    if len(groups) > shown:
        more = f"    and {len(groups) - shown} more requirements"
        found.append(Line(f"{more}; -v shows them" if is_run else more))
    return found


def _findings(told: Told) -> list[Line]:
    """Findings at SHOULD, a line a cause; those that most ports share come last."""
    found = [group for group in told.groups if group.level == "SHOULD"]
    found.sort(key=lambda group: group.requirement in _RARELY_KEPT)
    causes: dict[str, list[Group]] = {}
    for group in found:
        one = group.requirement in _RARELY_KEPT or group.sort not in _SORTS
        causes.setdefault(group.requirement if one else group.sort, []).append(group)
    listed = [
        Line(f"    {name} ({sum(g.count for g in own)}): {own[0].evidence}")
        for name, own in list(causes.items())[:_FINDINGS]
    ]
    more = len(causes) > len(listed)
    rest = f", by {len(causes)} causes; -v shows them" if more else ""
    count = sum(group.count for group in found)
    may = [group for group in told.groups if group.level == "MAY"]
    beside = f"; at MAY {sum(g.count for g in may)}" if may else ""
    if not found and not may:
        return []
    return [Line(f"  findings at SHOULD ({count}){beside}{rest}", "yellow"), *listed]


def _not_judged(told: Told) -> Iterator[Line]:
    if told.missing:
        yield Line(f"  not claimed (checks that need it): {told.missing}", "dim")
    for text in told.skipped[:1]:
        yield Line(f"  not run here: {text}", "dim")


def _ending(told: Told) -> Iterator[Line]:
    seed = "" if told.seed is None else f"seed {told.seed}"
    if parts := [part for part in (told.port, seed, told.origin) if part]:
        yield Line(f"  port: {'; '.join(parts)}", "dim")
    for hint in told.hints[:1]:
        yield Line(f"  next: {hint}", whole=True)
