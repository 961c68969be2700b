"""The search for dialects that explain what failed.

Every dialect that differs from the declared one in one switch is tried, and every
declared dialect; where one switch leaves much over, others are added to it one by one.
First on a few checks, then on a sample, the best ones on everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adagrad_reference.dialects import DIALECTS, DOCUMENT, Dialect, single_changes
from adagrad_reference.switches import SWITCHES

from .evidence import CachedJudge, Evidence, spread
from .explanation import Explanation, Separator

__all__ = ["explanations", "separator"]

#: How many failed checks a glance takes; how many failed and passed ones a first look.
GLANCE, FAILED, PASSED = 4, 10, 20
#: The worst share of a first look, left over and broken, that is looked into further.
HOPE = 0.8
#: Checks with more numbers than this are looked at in the end only.
SMALL = 3000
#: How many failed, and how many passed, checks rank the finalists.
SAMPLE = 150
#: How many explanations are looked at in full, and how many switches may combine.
FINALISTS, DEPTH = 4, 3


def explanations(
    judge: CachedJudge, evidence: Sequence[Evidence]
) -> Iterator[Explanation]:
    """The best explanations by dialects, best first."""
    explicable = [piece for piece in evidence if piece.numbers <= SMALL and piece.parts]
    failed = [piece for piece in explicable if piece.failed]
    if 2 * len(failed) < sum(piece.failed for piece in evidence):
        return  # most of it is nothing that a dialect could account for
    failed = spread(failed, SAMPLE)
    passed = [piece for piece in explicable if not piece.failed]
    small = [*failed, *spread(passed, SAMPLE)]
    dialects = [*_single(judge.terms.dialect), *_combined()]
    best = _finalists(judge, small, failed, dialects)
    for _ in range(DEPTH - 1):
        if not best or not judge.left(small, best[0]):
            break
        left = judge.left(failed, best[0])
        more = [
            best[0].also(*change.changes[0])
            for change in single_changes()
            if change.changes[0][0] not in dict(_beyond(best[0], judge.terms.dialect))
        ]
        finalists = _finalists(judge, small, left or failed, more)
        if not finalists or not _better(judge, small, finalists[0], best[0]):
            break
        best = finalists[:1] + best
    best.sort(
        key=lambda d: (len(judge.left(small, d)), len(_beyond(d, judge.terms.dialect)))
    )
    for number, dialect in enumerate(best[:FINALISTS]):
        # the others are worth a full look where they account for half of the sample
        if number == 0 or 2 * len(judge.left(small, dialect)) <= len(failed):
            yield _explained(judge, evidence, dialect)
        elif number == 1:
            yield _explained(judge, small, dialect)


def _single(base: Dialect) -> list[Dialect]:
    """Every dialect that differs from the declared one in one switch."""
    if not base.changes:
        return single_changes()
    others = [change.changes[0] for change in single_changes()]
    back = [(name, SWITCHES[name].document) for name, _ in base.changes]
    given = set(base.changes)
    return [base.also(*other) for other in (*others, *back) if other not in given]


def _beyond(dialect: Dialect, base: Dialect) -> list[tuple[str, str]]:
    """(switch, value) wherever the two differ."""
    return [
        (name, getattr(dialect, name))
        for name in SWITCHES
        if getattr(dialect, name) != getattr(base, name)
    ]


def _words(dialect: Dialect, base: Dialect) -> tuple[str, ...]:
    """What a dialect does beyond the declared one, in words."""
    if not base.changes:
        return dialect.words
    return tuple(SWITCHES[name].words(value) for name, value in _beyond(dialect, base))


def _combined() -> list[Dialect]:
    """The declared dialects that are more than a single change."""
    return [
        dialect
        for dialect in DIALECTS.values()
        if len(dialect.changes) > 1 or dialect.defaults != DOCUMENT.defaults
    ]


def _finalists(
    judge: CachedJudge,
    small: Sequence[Evidence],
    failed: Sequence[Evidence],
    dialects: Sequence[Dialect],
) -> list[Dialect]:
    """The dialects that account for most, by a first look and then in full."""
    bad = spread(failed, FAILED)
    good = spread([piece for piece in small if not piece.failed], PASSED)
    scores = []
    for order, dialect in enumerate(dialects):
        if len(judge.left(bad[:GLANCE], dialect)) == len(bad[:GLANCE]):
            continue
        unexplained = len(judge.left(bad, dialect))
        broken = len(judge.left(good, dialect))
        score = unexplained / len(bad) + broken / max(1, len(good))
        scores.append((score, len(_beyond(dialect, judge.terms.dialect)), order))
    chosen = [
        dialects[order]
        for place, (score, _, order) in enumerate(sorted(scores)[:FINALISTS])
        if score <= HOPE or place < 2  # the second tells what the first is not
    ]
    return sorted(chosen, key=lambda d: len(judge.left(small, d)))


def _better(
    judge: CachedJudge, evidence: Sequence[Evidence], new: Dialect, old: Dialect
) -> bool:
    """A further switch must account for a good part of what was left."""
    return len(judge.left(evidence, new)) <= 0.8 * len(judge.left(evidence, old))


def _explained(
    judge: CachedJudge, evidence: Sequence[Evidence], dialect: Dialect
) -> Explanation:
    left = judge.left([piece for piece in evidence if piece.parts], dialect)
    failed = [piece for piece in evidence if piece.failed]
    unexplained = sum(piece.failed for piece in left)
    unexplained += sum(not piece.parts for piece in failed)
    return Explanation(
        _kind(dialect, judge.terms.dialect),
        dialect.name,
        _words(dialect, judge.terms.dialect),
        len(failed) - unexplained,
        len(failed),
        sum(not piece.failed for piece in left),
        dialect,
        tuple(d.about for d in DIALECTS.values() if d.changes == dialect.changes),
    )


def _kind(dialect: Dialect, base: Dialect) -> str:
    name, value = (*_beyond(dialect, base), *dialect.changes)[0]
    return SWITCHES[name].class_of(value)


def separator(
    judge: CachedJudge, evidence: Sequence[Evidence], dialects: Sequence[Dialect]
) -> Separator | None:
    """The smallest scenario that speaks for the first dialect, not the second."""
    if len(dialects) < 2:
        return None
    small = [
        piece
        for piece in evidence
        if piece.numbers <= SMALL and piece.parts and piece.verdict.kind == "scenario"
    ]
    by_first, by_second = (judge.agree(small, dialect) for dialect in dialects[:2])
    telling = [
        piece
        for piece, first, second in zip(small, by_first, by_second, strict=True)
        if first and not second
    ]
    if not telling:
        return None
    scenario = min(telling, key=lambda u: u.numbers).verdict.scenario
    return Separator(scenario, dialects[1].words)
