"""A run held against an older one: only what got worse is a regression.

Rule 1.  Two streams can be compared where target and vectors are the same.  Another
         version of the port is what is compared; another seed plays other random
         checks, so of those nothing is said.
Rule 2.  A regression is: a new fault; a check that passed and fails now, or that ended
         better; a worse numeric grade; a larger error of a check that passes.  Errors
         are exact, so that there is no tolerance.
Rule 3.  What was red before is no regression.  What was not judged before is none
         either, unless it fails now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adagrad_conformance.errors import UserError
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.reports.records import Stream

from .matching import failed

__all__ = ["Change", "Comparison", "compare"]

Json = Mapping[str, Any]

_GRADES = list(GRADES)
#: Statuses from the best to the worst, as far as one is better than another.
_ORDER = [Status.PASS, Status.WAIVED, Status.FAIL]


@dataclass(frozen=True)
class Change:
    """What is otherwise than before, in one line; `is_worse` is a regression."""

    kind: str  #: new-fault, lost-fault, lost-pass, new-pass, grade or error
    words: str
    is_worse: bool


@dataclass(frozen=True)
class Comparison:
    """What changed of one target, regressions first; `same` checks are as before."""

    target: str
    old: str  #: version of the port
    new: str
    changes: tuple[Change, ...]
    same: int

    @property
    def regressions(self) -> list[Change]:
        """What got worse."""
        return [change for change in self.changes if change.is_worse]


def compare(old: Stream, new: Stream, other_vectors: bool = False) -> list[Comparison]:
    """A comparison for each target of the new stream.

    Raises `UserError` where the older one has no such target, or other vectors, unless
    these are allowed.
    """
    digests = old.header["vectors"], new.header["vectors"]
    if digests[0] != digests[1] and not other_vectors:
        short = " and ".join(digest[:12] for digest in digests)
        raise UserError(
            f"the baseline was made with other vectors ({short}); make it anew, or "
            "allow it with --other-vectors"
        )
    befores = {target["target"]: target for target in old.targets}
    found = []
    for target in new.targets:
        name = target["target"]
        if name not in befores:
            listed = ", ".join(befores) or "none"
            raise UserError(f"no baseline for {name}; the file has {listed}")
        if problem := befores[name].get("problem"):
            raise UserError(f"the baseline of {name} was not judged: {problem}")
        changes = sorted(_changes(name, old, new), key=lambda c: not c.is_worse)
        mine = [c for c in new.checks if c["target"] == name]
        different = {c.words.partition(":")[0] for c in changes}
        same = sum(c["scenario"] not in different for c in mine)
        was, is_now = (t.get("version", "") for t in (befores[name], target))
        found.append(Comparison(name, was, is_now, tuple(changes), same))
    return found


def _changes(target: str, old: Stream, new: Stream) -> Iterator[Change]:
    before, now = (
        {c["scenario"]: c for c in stream.checks if c["target"] == target}
        for stream in (old, new)
    )
    yield from _of_faults(target, old, new)
    for scenario, check in now.items():
        earlier = before.get(scenario)
        if earlier is None:
            if failed(check) and old.header["seed"] == new.header["seed"]:
                yield _lost(scenario, "not played", check)
            continue
        yield from _of_check(scenario, earlier, check)
    if problem := next(
        (t["problem"] for t in new.targets if t["target"] == target and "problem" in t),
        None,
    ):
        yield Change("lost-pass", f"{target}: not judged: {problem}", True)


def _of_faults(target: str, old: Stream, new: Stream) -> Iterator[Change]:
    before, now = (
        {f["fault"]: f for f in stream.faults if f["target"] == target}
        for stream in (old, new)
    )
    for name, fault in now.items():
        if name not in before:
            words = f"{name}: {fault['words']} ({fault['checks']} checks)"
            yield Change("new-fault", words, True)
    for name in before.keys() - now.keys():
        yield Change("lost-fault", f"{name}: not found any more", False)


def _lost(scenario: str, was: str, check: Json) -> Change:
    lines = str(check["message"]).strip().splitlines() or [""]
    words = f"{scenario}: {was} before, {check['status']} now: {lines[-1]}"
    return Change("lost-pass", words, True)


def _of_check(scenario: str, before: Json, now: Json) -> Iterator[Change]:
    """What changed of one check."""
    old, new = Status(before["status"]), Status(now["status"])
    if not new.was_judged or not old.was_judged:
        if new.is_failure:
            yield _lost(scenario, old, now)
        elif old is Status.PASS and new is Status.NOT_CLAIMED:
            words = f"{scenario}: passed before, not claimed now: {now['message']}"
            yield Change("lost-pass", words, True)
        return
    if new.is_failure and (not old.is_failure or _rank(new) > _rank(old)):
        yield _lost(scenario, old, now)
    elif old.is_failure and not new.is_failure:
        yield Change("new-pass", f"{scenario}: {old} before, {new} now", False)
    elif not new.is_failure:
        yield from _of_numbers(scenario, before, now)


def _rank(status: Status) -> int:
    return _ORDER.index(status) if status in _ORDER else len(_ORDER)


def _of_numbers(scenario: str, before: Json, now: Json) -> Iterator[Change]:
    """A grade or an error of a check that passes both times."""
    old, new = before["grade"], now["grade"]
    if old in _GRADES and new in _GRADES and old != new:
        words = f"{scenario}: {old} before, {new} now"
        yield Change("grade", words, _GRADES.index(new) > _GRADES.index(old))
        return
    old, new = before["max_error_ulp"], now["max_error_ulp"]
    if old is not None and new is not None and old != new:
        words = f"{scenario}: {old} ulp before, {new} now"
        yield Change("error", words, float(new) > float(old))
