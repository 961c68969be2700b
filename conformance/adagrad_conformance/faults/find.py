"""The search for faults: a greedy cover of all complaints by causes.

Rule 1.  A cause is a switch of the dialects (judged by the enclosure), a rule of
         rules.py, or a mechanism: one sort of complaint.  Rules and mechanisms may hold
         under a condition.
Rule 2.  A cause gains what it explains: each failed check counts 1, shared among its
         complaints.  It pays for its words, and for all that passes and would not.
Rule 3.  The best cause is taken; what is left is searched again, judged by the switches
         found so far, until no cause gains enough.  What remains is unexplained.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NativeSeen,
    NotPlayed,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.attribution import broken_requirement
from adagrad_conformance.grading.case import Case, StepsSeen, Terms
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.judge import judged_cases
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.dialects import DIALECTS, Dialect, single_changes
from adagrad_reference.scenario import Steps
from adagrad_reference.switches import SWITCHES

from .broken_off import broken_off
from .causes import Cause
from .complaints import (
    SUM,
    THETA,
    Complaint,
    complaints_of,
    consequences,
    failure_of,
    weights_of,
    without,
)
from .conditions import FeatureTable
from .exercised import exercises
from .fault import Evidence, Fault, Faults
from .mechanisms import mechanism_causes
from .rows import row_causes
from .rules import Rule, rules, slug_of_switch
from .units import NUMERIC, Unit, drop_repeated, templates_of, units_of
from .wording import is_clear

__all__ = ["find_faults"]

#: What a switch costs, in failed checks.
_SWITCH = 0.4
#: The least gain of a cause, as a share of the failed checks, and in checks.
_LEAST_SHARE, _LEAST = 0.02, 0.1
#: Words cost less where few checks fail: in full from so many on, and at least this.
_DEAR, _CHEAP = 5, 0.3
#: Where a rule explains this share of the failed checks, no other switch is tried.
_CLEAR = 0.85
#: At most so many causes are looked for.
_MOST = 8
#: Checks by which a dialect is looked at: a glance, a first look, and in full.
_GLANCE, _SOME, _MANY = 5, 12, 100
#: What an event costs to judge, in elements.
_EVENT = 20
#: And what it costs to judge anything at all.
_CALL = 500
#: Passing checks that are evidence against an explanation.
_EVIDENCE = 200

#: Switches that allow numbers a few ulp off: they would explain what others leave.
_LOOSE = {"square", "inverse", "scalars"}

#: The share of units at which two mechanisms that are one come together.
_SAME = 0.7

_Weights = Mapping[Complaint, float]


@dataclass
class _Part:
    """One run of a check, as it is judged by the dialect found so far."""

    piece: int
    run: int
    seen: Seen
    verdict: Verdict
    case: Case | None = None  #: what it came to by the declared dialect, where known
    units: list[Unit] = field(default_factory=list)
    #: its complaints by dialects, as they were judged
    known: dict[Dialect, set[Complaint]] = field(default_factory=dict)
    #: by switch, whether it may change anything here
    exercised: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def templates(self) -> list[Unit]:
        """Its units before they are judged."""
        return templates_of(self.piece, self.run, self.seen)

    def exercises(self, switch: str) -> bool:
        """Whether a switch may change anything in it."""
        if switch not in self.exercised:
            self.exercised[switch] = exercises(self.seen, switch)
        return self.exercised[switch]

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others."""
        return self.piece, self.run

    @property
    def failing(self) -> list[Unit]:
        """Its units with complaints."""
        return [unit for unit in self.units if unit.failures]


class _Telling(NamedTuple):
    """The parts that exercise a switch, and the weight of those that fail."""

    failing: list[_Part]
    passing: list[_Part]
    most: float


def find_faults(
    seen: Sequence[Seen],
    terms: Terms,
    cases: Sequence[Case],
    verdicts: Sequence[Verdict],
    levels: Iterable[str] = ("MUST",),
    ended: Callable[[], bool] = lambda: False,
) -> Faults:
    """The faults behind the failures at these levels.

    `cases` and `verdicts` are those of `seen`, in the same order, on these terms.  The
    search is bounded by the numbers that were judged, so that it finds the same each
    time; once it has `ended`, what is left is unexplained.
    """
    wanted = set(levels)
    failing: list[_Part] = []
    passing: list[_Part] = []
    judged = zip(seen, cases, verdicts, strict=True)
    for number, (thing, case, verdict) in enumerate(judged):
        if isinstance(thing, NotPlayed) or not verdict.status.was_judged:
            continue
        if verdict.status is Status.PASS:
            if not isinstance(thing, RelationSeen):
                passing += _parts(number, thing, case, verdict)
        elif verdict.level in wanted:
            failing += _parts(number, thing, case, verdict)
    if not failing:
        return Faults(())
    budget = sum(map(_numbers, [*failing, *passing]))
    parts = [*failing, *_spread(passing)[:_EVIDENCE]]
    return _Search(terms, parts, budget, ended).run()


def _parts(number: int, thing: Seen, case: Case, verdict: Verdict) -> Iterator[_Part]:
    match thing:
        case RelationSeen():
            yield _Part(number, 0, thing.left, verdict)
            yield _Part(number, 1, thing.right, verdict)
            yield _Part(number, 2, thing, verdict, case)
        case AdaptiveSeen():
            yield _Part(number, 0, thing.observation, verdict, case)
        case _:
            yield _Part(number, 0, thing, verdict, case)


class _Search:
    """All parts, and what is explained so far."""

    def __init__(
        self,
        terms: Terms,
        parts: list[_Part],
        budget: int,
        ended: Callable[[], bool],
    ) -> None:
        self.terms, self.parts, self.is_over = terms, parts, ended
        self.hidden = "state" not in terms.claims
        self.explained: set[Complaint] = set()  #: by other causes than switches
        self.spent, self.budget = 0, budget
        self.most = 0  #: checks that fail
        self.rules: list[Rule] = []  #: that the port is known to compute
        self.named = {part.piece: part.verdict for part in parts}
        self.checks = {
            part.piece: getattr(part.seen, "check", None) for part in reversed(parts)
        }

    # -- judging by a dialect ----------------------------------------------------------

    def _judge(self) -> None:
        """Enter the units of all parts by the declared dialect."""
        new = [part for part in self.parts if part.case is None]
        judged = judged_cases([p.seen for p in new], self.terms, graded=False)
        for part, case in zip(new, judged, strict=True):
            part.case = case
        for part in self.parts:
            assert part.case is not None
            part.units = self._units(part, part.case)
        own = {
            part.piece
            for part in self.parts
            if not isinstance(part.seen, RelationSeen) and part.failing
        }
        # two runs that differ because one is wrong by itself are no complaint more
        for part in self.parts:
            if isinstance(part.seen, RelationSeen) and part.piece in own:
                part.units = []
        self.table = FeatureTable(unit for part in self.parts for unit in part.units)

    def _units(self, part: _Part, case: Case) -> list[Unit]:
        units = units_of(part.piece, part.run, part.seen, case, part.templates)
        if case.status is not None and case.status.is_failure:
            units.append(_break_of(part, case))
        return list(_first_of_each(units)) if self.hidden else units

    def _strike(self, unit: Unit, explained: set[Complaint]) -> None:
        """Leave out what is explained."""
        left = without(unit, explained)
        unit.spoilt |= len(left) < len(unit.failures)
        unit.failures = left

    def _rejudge(self, dialect: Dialect, switches: Iterable[str]) -> None:
        """Leave out what is no complaint by another dialect."""
        names = list(switches)
        parts = [p for p in self.parts if p.failing and any(map(p.exercises, names))]
        for part, left in zip(parts, self._complaints(parts, dialect), strict=True):
            for unit in part.failing:
                self._strike(unit, set(complaints_of(unit)) - left)

    def _failing(self) -> dict[int, list[Unit]]:
        """The units with complaints, by check."""
        found: dict[int, list[Unit]] = defaultdict(list)
        for part in self.parts:
            found[part.piece] += part.failing
        return {piece: units for piece, units in found.items() if units}

    # -- the loop ----------------------------------------------------------------------

    def run(self) -> Faults:
        """Find one cause after the other (rule 3)."""
        base = self.terms.dialect
        self._judge()
        failing = self._failing()
        total = len(weights_of(failing))
        found: list[tuple[Cause, list[tuple[Unit, Complaint]]]] = []
        for _ in range(_MOST):
            if self.is_over():
                break
            weights = weights_of(failing)
            best = self._best(base, failing, weights)
            if best is None:
                break
            before = {
                unit.key: replace(unit, failures=list(unit.failures))
                for some in failing.values()
                for unit in some
            }
            if best.dialect is not None:
                changes = _difference(best.dialect, base)
                names = _switches_of(best.dialect, base)
                base = best.dialect
                self._rejudge(base, names)
                self.rules += [r for r in rules() if r.switch in changes]
            else:
                if best.rule is not None:
                    self.rules.append(best.rule)
                self.explained |= best.explains
                if best.extend is not None:
                    self.explained |= best.extend()
                self.explained |= set(self._consequences(best.explains))
                for part in self.parts:
                    for unit in part.failing:
                        self._strike(unit, self.explained)
            left = self._failing()
            still = weights_of(left).keys()
            own = [(before[x[:-1]], x) for x in weights if x not in still]
            if not own:
                break
            found.append((best, own))
            failing = left
            if not failing:
                break
        faults = tuple(self._fault(*group) for group in _merged(found))
        rest = tuple(
            Evidence(self.named[unit.piece].scenario, failure)
            for units in failing.values()
            for unit in units
            for failure in unit.failures[:1]
        )
        return Faults(faults, rest, total)

    def _consequences(self, explained: set[Complaint]) -> Iterator[Complaint]:
        """Complaints that follow from others of the same param."""
        first: dict[tuple[int, int, str, str | None], dict[str, int]] = {}
        for piece, run, event, optimizer, param, what in explained:
            at = first.setdefault((piece, run, optimizer, param), {})
            at[what] = min(event, at.get(what, event))
        for part in self.parts:
            for unit in part.failing:
                place = (unit.piece, unit.run, unit.optimizer, unit.param)
                for what, event in first.get(place, {}).items():
                    if event <= unit.event:
                        yield from consequences(unit, what, unit.event > event)

    def _best(
        self, base: Dialect, failing: Mapping[int, list[Unit]], weights: _Weights
    ) -> Cause | None:
        """The cause that gains most; None where none gains enough."""
        units = [unit for some in failing.values() for unit in some]
        passing = [u for p in self.parts for u in p.units if u.tells]
        price = min(1.0, max(_CHEAP, len(failing) / _DEAR))
        wrong = [
            u for u in units if u.steps and any(f.kind in NUMERIC for f in u.failures)
        ]
        causes = list(
            row_causes(
                self.table,
                wrong,
                [u for u in passing if u.steps],
                weights,
                price,
                self.rules,
            )
        )
        causes += mechanism_causes(self.table, units, passing, weights, price)
        first = max(causes, key=lambda cause: cause.gain, default=None)
        candidates = [
            dialect
            for dialect in _candidates(base)
            if not self.explained
            or not _LOOSE.intersection(_switches_of(dialect, base))
        ]
        if first and first.gain > _CLEAR * len(failing):
            candidates = [base.also(*first.switch)] if first.switch else []
        gain = max(0.0, first.gain if first else 0.0)
        causes += self._switches(base, candidates, weights, gain)
        causes = [c for c in causes if c.gain >= self._least(c, len(failing))]
        return max(causes, key=lambda cause: cause.gain, default=None)

    def _least(self, cause: Cause, failing: int) -> float:
        """The least that a cause must gain.

        Numbers that are left over when most are explained tell little; any other
        complaint stands for itself.
        """
        self.most = max(self.most, failing)
        numeric = cause.dialect is not None or any(
            complaint[-1] in (SUM, THETA) for complaint in cause.explains
        )
        return max(_LEAST, _LEAST_SHARE * self.most) if numeric else _LEAST

    # -- switches ----------------------------------------------------------------------

    def _switches(
        self,
        base: Dialect,
        candidates: Sequence[Dialect],
        weights: _Weights,
        known: float,
    ) -> Iterator[Cause]:
        """The best of the dialects, which differ from the one so far in one switch.

        A switch is not tried where it could not gain more than `known`: it explains no
        check that does not exercise it.
        """
        able = [p for p in self.parts if isinstance(p.seen, Observation | NativeSeen)]
        failing = _spread([part for part in able if part.failing])
        passing = _spread([part for part in able if not part.failing])
        mine = {
            part.key: sum(weights[x] for u in part.failing for x in complaints_of(u))
            for part in failing
        }
        telling: dict[tuple[str, ...], _Telling] = {}
        for dialect in candidates:
            names = _switches_of(dialect, base)
            if names not in telling:
                bad, good = (
                    [p for p in parts if any(map(p.exercises, names))]
                    for parts in (failing, passing)
                )
                most = sum(mine[part.key] for part in bad)
                telling[names] = _Telling(bad, good, most)
        scores = []
        order = sorted(
            candidates,
            key=lambda d: len(telling[_switches_of(d, base)].passing),
        )
        for number, dialect in enumerate(order):
            its = telling[_switches_of(dialect, base)]
            if self._ended() or its.most - _price(dialect, base) <= known:
                continue
            if not self._change(its.failing[:_GLANCE], dialect, weights)[0]:
                continue
            bad, good = its.failing[:_SOME], its.passing[:_SOME]
            explained, broken = self._change(bad, dialect, weights)
            broken += self._change(good, dialect, weights)[1]
            share = len(its.failing) / len(bad)
            scores.append(((explained - broken) * share, -number, dialect))
        scores.sort(key=lambda score: score[:2], reverse=True)
        for score, _, dialect in scores[:2]:
            if score <= known / 2:
                continue
            # where a switch does not act, nothing changes
            its = telling[_switches_of(dialect, base)]
            some, others = its.failing[:_MANY], its.passing[:_MANY]
            explained, broken = self._change(some, dialect, weights)
            more = self._change(others, dialect, weights)[1]
            explained *= len(its.failing) / len(some)
            broken *= len(its.failing) / len(some)
            broken += more * len(its.passing) / max(1, len(others))
            change = _difference(dialect, base)
            yield Cause(
                slug_of_switch(*change[0])
                if len(change) == 1
                else f"as-{dialect.name}",
                "; ".join(SWITCHES[name].words(value) for name, value in change),
                SWITCHES[change[0][0]].class_of(change[0][1]),
                explained - 1.5 * broken - _price(dialect, base),
                against=round(broken),
                dialect=dialect,
                root="; ".join("=".join(each) for each in change),
            )

    def _ended(self) -> bool:
        return self.spent > self.budget or self.is_over()

    def _complaints(
        self, parts: Sequence[_Part], dialect: Dialect
    ) -> list[set[Complaint]]:
        """The complaints of parts by a dialect; each part is judged once by each."""
        new = [part for part in parts if dialect not in part.known]
        cases = judged_cases(
            [part.seen for part in new],
            self.terms.by(dialect),
            graded=False,
            brief=True,
        )
        for part, case in zip(new, cases, strict=True):
            part.known[dialect] = self._light(part, case)
        self.spent += _CALL + sum(map(_numbers, new))
        return [part.known[dialect] for part in parts]

    def _light(self, part: _Part, case: Case) -> set[Complaint]:
        """The complaints of a case, without the features of units."""
        found: dict[tuple[int, str, str | None], Unit] = {}
        steps: dict[tuple[int, str, str | None], StepsSeen]
        steps = {(s.event, s.optimizer, s.param): s for s in case.steps}
        for failure in case.failures:
            place = (failure.event, failure.optimizer, failure.param)
            if place not in found:
                names = (part.piece, part.run, *place)
                found[place] = Unit(*names, "", {}, steps=steps.get(place))
            found[place].failures.append(failure)
        units = list(found.values())
        drop_repeated(units)
        if case.status is not None and case.status.is_failure:
            units.append(_break_of(part, case))
        if self.hidden:
            units = list(_first_of_each(units))
        return {complaint for unit in units for complaint in complaints_of(unit)}

    def _change(
        self, parts: Sequence[_Part], dialect: Dialect, weights: _Weights
    ) -> tuple[float, float]:
        """What a dialect explains, and how much it breaks, in checks."""
        explained = broken = 0.0
        for part, left in zip(parts, self._complaints(parts, dialect), strict=True):
            old = {x for unit in part.failing for x in complaints_of(unit)}
            explained += sum(weights[x] for x in old - left)
            new = left - old - self.explained
            new -= part.known.get(self.terms.dialect, set())
            broken += len(new) / (len(new) + len(old)) if new else 0.0
        return explained, broken

    # -- faults ------------------------------------------------------------------------

    def _fault(self, cause: Cause, own: Sequence[tuple[Unit, Complaint]]) -> Fault:
        pieces = sorted({unit.piece for unit, _ in own})
        first = [m for m in own if m[1] in cause.explains] or own
        unit, complaint = min(first, key=_showing)
        like: tuple[str, ...] = ()
        if cause.dialect is not None:
            changes = cause.dialect.changes
            like = tuple(d.about for d in DIALECTS.values() if d.changes == changes)
        broken = Counter(
            broken_requirement(check, failure_of(unit, complaint))
            for unit, complaint in own
            if (check := self.checks[unit.piece]) is not None
        )
        return Fault(
            cause.slug,
            cause.kind,
            cause.words,
            broken.most_common(1)[0][0] if broken else None,
            min((self.named[p].level for p in pieces), default="MUST"),
            len(own),
            tuple(self.named[p].scenario for p in pieces),
            Evidence(self.named[unit.piece].scenario, failure_of(unit, complaint)),
            cause.against,
            cause.dialect,
            like,
        )


_Found = tuple[Cause, list[tuple[Unit, Complaint]]]


def _merged(found: Iterable[_Found]) -> list[_Found]:
    """What was found; the same cause under several conditions is one.

    So are two sorts of complaints that come at the same units, where no rule tells one
    from the other: what loses the sum at a load loses the counter, too.
    """
    merged: list[_Found] = []
    by_root: dict[str, _Found] = {}
    for cause, own in found:
        same = by_root.get(cause.root) or next(
            (other for other in merged if _together(other, (cause, own))), None
        )
        if same:
            same[1].extend(own)
        else:
            same = cause, list(own)
            merged.append(same)
        by_root[cause.root] = same
    return merged


def _together(one: _Found, two: _Found) -> bool:
    """Whether two mechanisms come at the same units."""
    if any(cause.rule or cause.dialect for cause, _ in (one, two)):
        return False
    first, second = ({unit.key for unit, _ in own} for _, own in (one, two))
    return len(first & second) >= _SAME * min(len(first), len(second))


def _break_of(part: _Part, case: Case) -> Unit:
    """The unit of a check that broke off."""
    number, event = 0, None
    if isinstance(part.seen, Observation):
        events = part.seen.scenario.events
        number = min(len(part.seen.events), len(events) - 1)
        event = events[number] if events else None
    ended = broken_off(case.message)
    names = {
        "requirement": next(iter(part.verdict.requirements), ""),
        "event": type(event).__name__ if event else "check",
        "ending": (str(case.status), ended.exception, ended.place),
    }
    place = f" ({ended.place})" if ended.place else ""
    said = f"{case.status}: {ended.said}{place}"
    failure = Failure(FailureKind.NATIVE, number, observed=said)
    optimizer = event.optimizer if event else ""
    return Unit(part.piece, part.run, number, optimizer, "?", "break", names, [failure])


def _first_of_each(units: Sequence[Unit]) -> Iterator[Unit]:
    """Without a state to judge from, what comes after a wrong theta follows from it."""
    wrong: set[tuple[str, str | None]] = set()
    for unit in units:
        place = unit.optimizer, unit.param
        if place in wrong:
            unit.failures = [f for f in unit.failures if f.kind not in NUMERIC]
            if not unit.failures:
                continue
        elif any(f.kind in NUMERIC for f in unit.failures):
            wrong.add(place)
        yield unit


def _candidates(base: Dialect) -> Iterator[Dialect]:
    """The dialects that differ in one switch, and those that are known."""
    given = dict(base.changes)
    for change in single_changes():
        name, value = change.changes[0]
        if given.get(name) != value:
            yield base.also(name, value)
    for name in given:
        yield base.also(name, SWITCHES[name].document)
    for dialect in DIALECTS.values():
        if len(_difference(dialect, base)) > 1:
            yield dialect


def _difference(dialect: Dialect, base: Dialect) -> list[tuple[str, str]]:
    """(switch, value) wherever the first is not as the second."""
    return [
        (name, getattr(dialect, name))
        for name in SWITCHES
        if getattr(dialect, name) != getattr(base, name)
    ]


def _switches_of(dialect: Dialect, base: Dialect) -> tuple[str, ...]:
    """The switches in which two dialects differ."""
    return tuple(name for name, _ in _difference(dialect, base))


def _price(dialect: Dialect, base: Dialect) -> float:
    return _SWITCH * len(_difference(dialect, base))


def _spread(parts: Sequence[_Part]) -> list[_Part]:
    """The parts of every requirement in turn, the smallest first."""
    groups: dict[str, list[_Part]] = defaultdict(list)
    for part in sorted(parts, key=_numbers):
        groups[(part.verdict.requirements or ("",))[0]].append(part)
    rounds = range(max(map(len, groups.values()), default=0))
    found = [g[i] for i in rounds for g in groups.values() if i < len(g)]
    # host code is cheap to judge, and says least of numbers
    return sorted(found, key=lambda part: not isinstance(part.seen, Observation))


def _numbers(part: _Part) -> int:
    """How much there is to judge in a part: elements, and what an event costs."""
    if not isinstance(part.seen, Observation):
        return _EVENT
    scenario = part.seen.scenario
    size = sum(tensor.size for tensor in scenario.tensors.values())
    events = sum(e.count if isinstance(e, Steps) else 1 for e in scenario.events)
    return (size + _EVENT) * events


def _showing(pair: tuple[Unit, Complaint]) -> tuple[object, ...]:
    """The order in which complaints show a fault: the clear ones of few elements."""
    unit, complaint = pair
    slight = not is_clear(failure_of(unit, complaint))
    return slight, _size(unit), unit.piece, unit.event, str(complaint[-1])


def _size(unit: Unit) -> int:
    return len(unit.steps.gradient) if unit.steps else 1
