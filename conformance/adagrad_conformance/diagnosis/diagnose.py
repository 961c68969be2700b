"""What explains everything that was observed: a dialect, a known bug, or a trait.

A port that fails hundreds of checks usually has one mistake.  `diagnose` judges the
same observations again by other dialects (search.py).  An explanation is as good as
what it leaves over: checks that fail by the document and by it, and checks that pass
by the document and fail by it.

No tolerance enters here either: an observation agrees with a dialect if every value
lies in that dialect's enclosure.  Where no dialect explains most of what failed,
traits.py names what the failed checks have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.execution.observations import NotPlayed, Seen
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.verdict import Verdict

from .evidence import CachedJudge, Evidence, evidence_of, explicable
from .explanation import Diagnosis, Explanation
from .search import explanations, separator
from .traits import Pattern, pattern

__all__ = ["diagnose"]


def diagnose(
    seen: Sequence[Seen],
    terms: Terms,
    verdicts: Sequence[Verdict],
    levels: Iterable[str] = ("MUST",),
) -> Diagnosis | None:
    """What explains the failures at these levels; None where there are none.

    `verdicts` are those of `seen`, in the same order, on these terms.  Where the port
    declares a dialect, explanations name what is beyond it.
    """
    wanted = set(levels)
    pairs = [
        (thing, verdict)
        for thing, verdict in zip(seen, verdicts, strict=True)
        if not isinstance(thing, NotPlayed)
        and verdict.status.was_judged
        and (verdict.level in wanted or verdict.status is Status.PASS)
    ]
    evidence = [evidence_of(thing, verdict) for thing, verdict in pairs]
    failed = [piece for piece in evidence if piece.failed]
    if not failed:
        return None
    judge = CachedJudge(terms)
    evidence = list(explicable(judge, evidence))
    found = list(explanations(judge, evidence))
    checks = [(thing.check, verdict) for thing, verdict in pairs]
    other = _of_pattern(pattern(checks), len(failed))
    if not found or 2 * found[0].left > len(failed):
        return Diagnosis((other,))
    dialects = [e.dialect for e in found if e.dialect is not None]
    good = [e for e in found if 2 * e.left <= e.failed]
    left = judge.left([piece for piece in evidence if piece.parts], dialects[0])
    apart = separator(judge, evidence, dialects)
    return Diagnosis((*good, other), apart, _rest(checks, evidence, left))


def _rest(
    checks: Sequence[tuple[Check, Verdict]],
    evidence: Sequence[Evidence],
    left: Sequence[Evidence],
) -> Explanation | None:
    """What checks that the best dialect does not account for have in common."""
    names = {piece.verdict.scenario for piece in left if piece.failed}
    names |= {
        piece.verdict.scenario for piece in evidence if piece.failed and not piece.parts
    }
    if not names:
        return None
    judged = [
        (check, verdict if check.id in names else replace(verdict, status=Status.PASS))
        for check, verdict in checks
    ]
    return _of_pattern(pattern(judged), len(names))


def _of_pattern(found: Pattern, failed: int) -> Explanation:
    return Explanation(
        found.kind, "pattern", (found.words,), found.failed, failed, found.passed
    )
