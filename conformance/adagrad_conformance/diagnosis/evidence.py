"""The evidence of a run, and how it fares by one dialect or another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NativeSeen,
    NotPlayed,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.dialects import Dialect
from adagrad_reference.scenario import Scenario, Steps

__all__ = ["CachedJudge", "Evidence", "evidence_of", "explicable", "spread"]


@dataclass(frozen=True)
class Evidence:
    """A judged check, and the observations that a dialect must explain."""

    verdict: Verdict
    parts: tuple[Seen, ...]
    numbers: int
    failed: bool


@dataclass
class CachedJudge:
    """Judges evidence by dialects, each pair of the two once."""

    terms: Terms
    known: dict[tuple[Dialect, str], bool] = field(default_factory=dict)

    def agree(self, evidence: Sequence[Evidence], dialect: Dialect) -> list[bool]:
        """Whether each piece of evidence passes by the dialect."""
        new = [u for u in evidence if (dialect, u.verdict.scenario) not in self.known]
        parts = [part for piece in new for part in piece.parts]
        verdicts = iter(judge(parts, self.terms.by(dialect), graded=False))
        for piece in new:
            statuses = [next(verdicts).status for _ in piece.parts]
            passes = bool(statuses) and set(statuses) == {Status.PASS}
            self.known[dialect, piece.verdict.scenario] = passes
        return [self.known[dialect, piece.verdict.scenario] for piece in evidence]

    def left(self, evidence: Sequence[Evidence], dialect: Dialect) -> list[Evidence]:
        """The evidence that the dialect does not explain."""
        agreed = self.agree(evidence, dialect)
        return [piece for piece, fine in zip(evidence, agreed, strict=True) if not fine]


def evidence_of(thing: Seen, verdict: Verdict) -> Evidence:
    """The evidence of one check.

    Each run of a relation is a scenario to be explained.  A native check without steps
    has no part that a dialect could explain.
    """
    match thing:
        case RelationSeen():
            parts: tuple[Seen, ...] = (thing.left, thing.right)
        case AdaptiveSeen():
            parts = (thing.observation,)
        case NativeSeen() if thing.answer is None or not thing.answer.steps:
            parts = ()
        case Observation() | NativeSeen() | NotPlayed():
            parts = (thing,)
        case _:
            assert_never(thing)
    numbers = sum(map(_numbers, parts))
    return Evidence(verdict, parts, numbers, verdict.status.is_failure)


def explicable(cached: CachedJudge, evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """The evidence, without the parts of checks that fail for a reason without numbers.

    Such a check fails although its runs agree with the declared dialect.
    """
    failed = [piece for piece in evidence if piece.failed and piece.parts]
    agreed = dict(
        zip(map(id, failed), cached.agree(failed, cached.terms.dialect), strict=True)
    )
    for piece in evidence:
        yield replace(piece, parts=()) if agreed.get(id(piece)) else piece


def _numbers(part: Seen) -> int:
    if not isinstance(part, Observation):
        return 1
    scenario: Scenario = part.scenario
    size = sum(len(tensor.bits) for tensor in scenario.tensors.values())
    events = sum(e.count if isinstance(e, Steps) else 1 for e in scenario.events)
    return size * events


def spread(evidence: Sequence[Evidence], count: int) -> list[Evidence]:
    """Some of the evidence, from every requirement in turn, the smallest first."""
    groups: dict[str, list[Evidence]] = defaultdict(list)
    for piece in sorted(evidence, key=lambda u: u.numbers):
        groups[(piece.verdict.requirements or ("",))[0]].append(piece)
    rounds = range(max(map(len, groups.values()), default=0))
    spread = [group[i] for i in rounds for group in groups.values() if i < len(group)]
    return spread[:count]
