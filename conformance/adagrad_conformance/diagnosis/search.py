"""What explains everything that was observed: a dialect, a known bug, or a pattern.

Whoever fails hundreds of checks has made one mistake.  `diagnose` judges the same
observations again by every dialect that differs from the document in one switch, and
by every declared dialect.  An explanation is as good as what it leaves over: checks
that fail by the document and by it, and checks that pass by the document and fail by
it.  Where one switch is not enough, others are added to it one by one.

No tolerance enters here either: an observation agrees with a dialect if every value
lies in that dialect's enclosure.  Where no dialect explains most of what failed,
patterns.py says what the failed checks have in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adagrad_conformance.checks.kinds import Check
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
from adagrad_reference.dialects import DIALECTS, DOCUMENT, Dialect, single_changes
from adagrad_reference.scenario import Scenario, Steps
from adagrad_reference.switches import SWITCHES

from .traits import Pattern, pattern

__all__ = [
    "Diagnosis",
    "Explanation",
    "Separator",
    "diagnose",
]

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


@dataclass(frozen=True)
class Explanation:
    """One way to explain what failed.

    `explained` of the `failed` checks pass by it, and `broken` others fail by it.
    """

    kind: str  #: the class of the fault
    name: str
    words: tuple[str, ...]
    explained: int
    failed: int
    broken: int = 0
    dialect: Dialect | None = None  #: None for a pattern
    like: tuple[str, ...] = ()  #: published implementations that do the same

    @property
    def text(self) -> str:
        """In one line."""
        words = "; ".join(self.words)
        return words if self.dialect else f"what failed has in common: {words}"

    @property
    def complete(self) -> bool:
        """Whether it explains all that was observed."""
        return self.explained == self.failed and not self.broken

    @property
    def left(self) -> int:
        """How many checks speak against it."""
        return self.failed - self.explained + self.broken


@dataclass(frozen=True)
class Separator:
    """A scenario that the first explanation passes and the next dialect fails."""

    scenario: str
    against: tuple[str, ...]  #: the next dialect in words


@dataclass(frozen=True)
class Diagnosis:
    """Explanations, the best one first; a pattern is the last.

    `separator` is None where the checks of this run do not tell the first from the
    next, or there is no other dialect that accounts for anything.
    """

    explanations: tuple[Explanation, ...]
    separator: Separator | None = None
    rest: Explanation | None = None  #: what is left over by the first has in common

    @property
    def first(self) -> Explanation:
        """The best one."""
        return self.explanations[0]


@dataclass(frozen=True)
class _Unit:
    """A check, and the observations that a dialect must account for."""

    verdict: Verdict
    parts: tuple[Seen, ...]
    numbers: int
    failed: bool


@dataclass
class _Court:
    """Judges units by dialects; each unit once."""

    terms: Terms
    known: dict[tuple[Dialect, str], bool] = field(default_factory=dict)

    def agree(self, units: Sequence[_Unit], dialect: Dialect) -> list[bool]:
        """Whether each unit passes by the dialect."""
        new = [u for u in units if (dialect, u.verdict.scenario) not in self.known]
        parts = [part for unit in new for part in unit.parts]
        verdicts = iter(judge(parts, self.terms.by(dialect), graded=False))
        for unit in new:
            statuses = [next(verdicts).status for _ in unit.parts]
            passes = bool(statuses) and set(statuses) == {Status.PASS}
            self.known[dialect, unit.verdict.scenario] = passes
        return [self.known[dialect, unit.verdict.scenario] for unit in units]

    def left(self, units: Sequence[_Unit], dialect: Dialect) -> list[_Unit]:
        """The units that the dialect does not account for."""
        agreed = self.agree(units, dialect)
        return [unit for unit, fine in zip(units, agreed, strict=True) if not fine]


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
    units = [_unit(thing, verdict) for thing, verdict in pairs]
    failed = [unit for unit in units if unit.failed]
    if not failed:
        return None
    court = _Court(terms)
    units = list(_explicable(court, units))
    found = list(_explanations(court, units))
    checks = [(thing.check, verdict) for thing, verdict in pairs]
    other = _of_pattern(pattern(checks), len(failed))
    if not found or 2 * found[0].left > len(failed):
        return Diagnosis((other,))
    dialects = [e.dialect for e in found if e.dialect is not None]
    good = [e for e in found if 2 * e.left <= e.failed]
    separator = _separator(court, units, dialects)
    left = court.left([unit for unit in units if unit.parts], dialects[0])
    return Diagnosis((*good, other), separator, _rest(checks, units, left))


def _unit(thing: Seen, verdict: Verdict) -> _Unit:
    """The runs of a relation, or of a law, are each a scenario to account for."""
    match thing:
        case RelationSeen():
            parts: tuple[Seen, ...] = (thing.left, thing.right)
        case AdaptiveSeen():
            parts = (thing.observation,)
        case NativeSeen() if thing.answer is None or not thing.answer.steps:
            parts = ()
        case _:
            parts = (thing,)
    numbers = sum(map(_numbers, parts))
    return _Unit(verdict, parts, numbers, verdict.status.is_failure)


def _explicable(court: _Court, units: Sequence[_Unit]) -> Iterator[_Unit]:
    """No dialect accounts for what fails although its runs agree with the declared."""
    failed = [unit for unit in units if unit.failed and unit.parts]
    agreed = dict(
        zip(map(id, failed), court.agree(failed, court.terms.dialect), strict=True)
    )
    for unit in units:
        yield replace(unit, parts=()) if agreed.get(id(unit)) else unit


def _numbers(part: Seen) -> int:
    if not isinstance(part, Observation):
        return 1
    scenario: Scenario = part.scenario
    size = sum(len(tensor.bits) for tensor in scenario.tensors.values())
    events = sum(e.count if isinstance(e, Steps) else 1 for e in scenario.events)
    return size * events


# -- the search ------------------------------------------------------------------------


def _explanations(court: _Court, units: Sequence[_Unit]) -> Iterator[Explanation]:
    """The best explanations by dialects, best first."""
    explicable = [unit for unit in units if unit.numbers <= SMALL and unit.parts]
    failed = [unit for unit in explicable if unit.failed]
    if 2 * len(failed) < sum(unit.failed for unit in units):
        return  # most of it is nothing that a dialect could account for
    failed = _spread(failed, SAMPLE)
    passed = [unit for unit in explicable if not unit.failed]
    small = [*failed, *_spread(passed, SAMPLE)]
    dialects = [*_single(court.terms.dialect), *_combined()]
    best = _finalists(court, small, failed, dialects)
    for _ in range(DEPTH - 1):
        if not best or not court.left(small, best[0]):
            break
        left = court.left(failed, best[0])
        more = [
            best[0].also(*change.changes[0])
            for change in single_changes()
            if change.changes[0][0] not in dict(_beyond(best[0], court.terms.dialect))
        ]
        finalists = _finalists(court, small, left or failed, more)
        if not finalists or not _better(court, small, finalists[0], best[0]):
            break
        best = finalists[:1] + best
    best.sort(
        key=lambda d: (len(court.left(small, d)), len(_beyond(d, court.terms.dialect)))
    )
    for number, dialect in enumerate(best[:FINALISTS]):
        # the others are worth a full look where they account for half of the sample
        if number == 0 or 2 * len(court.left(small, dialect)) <= len(failed):
            yield _explained(court, units, dialect)
        elif number == 1:
            yield _explained(court, small, dialect)


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
    court: _Court,
    small: Sequence[_Unit],
    failed: Sequence[_Unit],
    dialects: Sequence[Dialect],
) -> list[Dialect]:
    """The dialects that account for most, by a first look and then in full."""
    bad = _spread(failed, FAILED)
    good = _spread([unit for unit in small if not unit.failed], PASSED)
    scores = []
    for order, dialect in enumerate(dialects):
        if len(court.left(bad[:GLANCE], dialect)) == len(bad[:GLANCE]):
            continue
        unexplained = len(court.left(bad, dialect))
        broken = len(court.left(good, dialect))
        score = unexplained / len(bad) + broken / max(1, len(good))
        scores.append((score, len(_beyond(dialect, court.terms.dialect)), order))
    chosen = [
        dialects[order]
        for place, (score, _, order) in enumerate(sorted(scores)[:FINALISTS])
        if score <= HOPE or place < 2  # the second tells what the first is not
    ]
    return sorted(chosen, key=lambda d: len(court.left(small, d)))


def _better(court: _Court, units: Sequence[_Unit], new: Dialect, old: Dialect) -> bool:
    """A further switch must account for a good part of what was left."""
    return len(court.left(units, new)) <= 0.8 * len(court.left(units, old))


def _explained(court: _Court, units: Sequence[_Unit], dialect: Dialect) -> Explanation:
    left = court.left([unit for unit in units if unit.parts], dialect)
    failed = [unit for unit in units if unit.failed]
    unexplained = sum(unit.failed for unit in left)
    unexplained += sum(not unit.parts for unit in failed)
    return Explanation(
        _kind(dialect, court.terms.dialect),
        dialect.name,
        _words(dialect, court.terms.dialect),
        len(failed) - unexplained,
        len(failed),
        sum(not unit.failed for unit in left),
        dialect,
        tuple(d.about for d in DIALECTS.values() if d.changes == dialect.changes),
    )


def _kind(dialect: Dialect, base: Dialect) -> str:
    name, value = (*_beyond(dialect, base), *dialect.changes)[0]
    return SWITCHES[name].class_of(value)


def _rest(
    checks: Sequence[tuple[Check, Verdict]],
    units: Sequence[_Unit],
    left: Sequence[_Unit],
) -> Explanation | None:
    """What checks that the best dialect does not account for have in common."""
    names = {unit.verdict.scenario for unit in left if unit.failed}
    names |= {unit.verdict.scenario for unit in units if unit.failed and not unit.parts}
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


def _spread(units: Sequence[_Unit], count: int) -> list[_Unit]:
    """Some units, from every requirement in turn, the smallest first."""
    groups: dict[str, list[_Unit]] = defaultdict(list)
    for unit in sorted(units, key=lambda u: u.numbers):
        groups[(unit.verdict.requirements or ("",))[0]].append(unit)
    rounds = range(max(map(len, groups.values()), default=0))
    spread = [group[i] for i in rounds for group in groups.values() if i < len(group)]
    return spread[:count]


def _separator(
    court: _Court, units: Sequence[_Unit], dialects: Sequence[Dialect]
) -> Separator | None:
    """The smallest scenario that speaks for the first dialect, not the second."""
    if len(dialects) < 2:
        return None
    small = [
        unit
        for unit in units
        if unit.numbers <= SMALL and unit.parts and unit.verdict.kind == "scenario"
    ]
    by_first, by_second = (court.agree(small, dialect) for dialect in dialects[:2])
    telling = [
        unit
        for unit, first, second in zip(small, by_first, by_second, strict=True)
        if first and not second
    ]
    if not telling:
        return None
    scenario = min(telling, key=lambda u: u.numbers).verdict.scenario
    return Separator(scenario, dialects[1].words)
