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
from dataclasses import replace

from adagrad_conformance.execution.observations import (
    NotPlayed,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.attribution import broken_requirement
from adagrad_conformance.grading.case import Case, Terms
from adagrad_conformance.grading.judge import judged_cases
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.dialects import DIALECTS, Dialect

from .causes import Cause
from .complaints import (
    SUM,
    THETA,
    UNCOUNTED,
    Complaint,
    complaints_of,
    consequences,
    failure_of,
    weights_of,
    without,
)
from .conditions import FeatureTable
from .fault import Evidence, Fault, Faults
from .mechanisms import mechanism_causes
from .other_inputs import rules
from .parts import Part, numbers, parts_of, spread, units_of_part
from .rows import row_causes
from .rules import SKIPPED, Rule
from .switch_search import (
    SwitchSearch,
    Weights,
    candidates,
    difference,
    switches_of,
)
from .units import NUMERIC, Unit
from .wording import is_clear

__all__ = ["find_faults"]

#: The least gain of a cause, as a share of the failed checks, and in checks.
_LEAST_SHARE, _LEAST = 0.01, 0.1
#: Words cost less where few checks fail: in full from so many on, and at least this.
_DEAR, _CHEAP = 5, 0.3
#: Where a rule explains this share of the failed checks, no other switch is tried.
_CLEAR = 0.85
#: Where causes leave more than this share unexplained, the rest is named by the
#: requirement that it breaks, if that is the same for at least this share of it.
_OPEN, _MAINLY = 0.5, 0.33
#: No switch is tried where less than this share of the failed checks is left.
_SMALL = 0.05
#: At most so many causes are looked for.
_MOST = 8
#: The least number of elements that the search may judge.
_BUDGET = 200_000
#: Passing checks that are evidence against an explanation.
_EVIDENCE = 200

#: Switches that allow numbers a few ulp off: they would explain what others leave.
_LOOSE = {"square", "inverse", "scalars"}

#: The share of units at which two mechanisms that are one come together.
_SAME = 0.7


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
    failing: list[Part] = []
    passing: list[Part] = []
    judged = zip(seen, cases, verdicts, strict=True)
    for number, (thing, case, verdict) in enumerate(judged):
        if isinstance(thing, NotPlayed) or not verdict.status.was_judged:
            continue
        if verdict.status is Status.PASS:
            if not isinstance(thing, RelationSeen):
                passing += parts_of(number, thing, case, verdict)
        elif verdict.level in wanted:
            failing += parts_of(number, thing, case, verdict)
    if not failing:
        return Faults(())
    budget = max(_BUDGET, sum(map(numbers, [*failing, *passing])))
    parts = [*failing, *spread(passing)[:_EVIDENCE]]
    return _Search(terms, parts, budget, ended).run()


_Found = tuple[Cause, list[tuple[Unit, Complaint]]]


class _Search:
    """All parts, and what is explained so far."""

    def __init__(
        self,
        terms: Terms,
        parts: list[Part],
        budget: int,
        ended: Callable[[], bool],
    ) -> None:
        self.terms, self.parts, self.is_over = terms, parts, ended
        self.switches = SwitchSearch(terms, budget, ended)
        self.explained: set[Complaint] = set()  #: by other causes than switches
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
            part.units = units_of_part(part, part.case, self.switches.hidden)
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

    def _strike(self, unit: Unit, explained: set[Complaint]) -> None:
        """Leave out what is explained."""
        left = without(unit, explained)
        unit.spoilt |= len(left) < len(unit.failures)
        unit.failures = left

    def _rejudge(self, dialect: Dialect, switches: Iterable[str]) -> None:
        """Leave out what is no complaint by another dialect."""
        names = list(switches)
        parts = [p for p in self.parts if p.failing and any(map(p.exercises, names))]
        for part, left in zip(
            parts, self.switches.complaints(parts, dialect), strict=True
        ):
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
        found: list[_Found] = []
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
                changes = difference(best.dialect, base)
                names = switches_of(best.dialect, base)
                base = best.dialect
                self._rejudge(base, names)
                self.rules += [r for r in rules() if r.switch in changes]
            else:
                if best.rule is not None:
                    self.rules.append(best.rule)
                self.explained |= best.explains
                if best.extend is not None:
                    self.explained |= best.extend()
                self.explained |= set(self._consequences(best))
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
        if len(weights_of(failing)) > _OPEN * total:
            found += self._open(failing)
            failing = self._failing()
        faults = tuple(self._fault(*group) for group in _merged(found))
        rest = tuple(
            Evidence(self.named[unit.piece].scenario, failure)
            for units in failing.values()
            for unit in units
            for failure in unit.failures[:1]
        )
        return Faults(faults, rest, total)

    def _consequences(self, cause: Cause) -> Iterator[Complaint]:
        """Complaints that follow from those that a cause explains, of the same param.

        A step that is skipped is not counted.
        """
        skips = cause.rule is not None and cause.rule.slug == SKIPPED
        first: dict[tuple[int, int, str, str | None], dict[str, int]] = {}
        for piece, run, event, optimizer, param, what in cause.explains:
            at = first.setdefault((piece, run, optimizer, param), {})
            at[what] = min(event, at.get(what, event))
        for part in self.parts:
            for unit in part.failing:
                place = (unit.piece, unit.run, unit.optimizer, unit.param)
                for what, event in first.get(place, {}).items():
                    if event <= unit.event:
                        if skips:
                            yield from ((*unit.key, each) for each in UNCOUNTED)
                        yield from consequences(unit, what, unit.event > event)

    def _open(self, failing: Mapping[int, list[Unit]]) -> Iterator[_Found]:
        """What departs by no cause that was found: the requirement that it breaks."""
        broken: dict[str, list[tuple[Unit, Complaint]]] = defaultdict(list)
        for piece, units in failing.items():
            check = self.checks[piece]
            if check is None:
                continue
            for unit in (replace(u, failures=list(u.failures)) for u in units):
                for complaint in complaints_of(unit):
                    name = broken_requirement(check, failure_of(unit, complaint))
                    broken[name or ""].append((unit, complaint))
        name = max(broken, key=lambda each: len(broken[each]), default="")
        own, left = broken[name], sum(map(len, broken.values()))
        if name not in REQUIREMENTS or len(own) < _MAINLY * left:
            return
        slug, kind = name.replace("/", "-"), REQUIREMENTS[name].classification
        words = f"{name} is not kept, by no cause that was found"
        self.explained |= {complaint for _, complaint in own}
        for part in self.parts:
            for unit in part.failing:
                self._strike(unit, self.explained)
        yield Cause(slug, words, kind.fault_class, 0.0, root=slug, is_open=True), own

    def _best(
        self, base: Dialect, failing: Mapping[int, list[Unit]], weights: Weights
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
        chosen = [
            dialect
            for dialect in candidates(base)
            if not self.explained or not _LOOSE.intersection(switches_of(dialect, base))
        ]
        if first and first.gain > _CLEAR * len(failing):
            chosen = [base.also(*first.switch)] if first.switch else []
        elif len(failing) < _SMALL * self.most:
            chosen = []  # it costs much, and tells of little
        gain = max(0.0, first.gain if first else 0.0)
        causes += self.switches.causes(
            self.parts, self.explained, base, chosen, weights, gain
        )
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
            cause.place,
            cause.against,
            cause.dialect,
            like,
            cause.is_open,
        )


def _merged(found: Iterable[_Found]) -> list[_Found]:
    """What was found; the same rule under several conditions is one.

    So is one sort of complaint under conditions of one class, and so are two sorts that
    come at the same units, where no rule tells one from the other: what loses the sum
    at a load loses the counter, too.
    """
    merged: list[_Found] = []
    by_root: dict[tuple[str, str], _Found] = {}
    for cause, own in found:
        root = cause.root, "" if cause.rule or cause.dialect else str(cause.kind)
        same = by_root.get(root) or next(
            (other for other in merged if _together(other, (cause, own))), None
        )
        if same:
            same[1].extend(own)
        else:
            same = cause, list(own)
            merged.append(same)
        by_root[root] = same
    return merged


def _together(one: _Found, two: _Found) -> bool:
    """Whether two mechanisms come at the same units."""
    if any(cause.rule or cause.dialect for cause, _ in (one, two)):
        return False
    first, second = ({unit.key for unit, _ in own} for _, own in (one, two))
    return len(first & second) >= _SAME * min(len(first), len(second))


def _showing(pair: tuple[Unit, Complaint]) -> tuple[object, ...]:
    """The order in which complaints show a fault: the clear ones of few elements."""
    unit, complaint = pair
    slight = not is_clear(failure_of(unit, complaint))
    aside = complaint[-1] not in (SUM, THETA)
    return slight, _size(unit), aside, unit.piece, unit.event, str(complaint[-1])


def _size(unit: Unit) -> int:
    return len(unit.steps.gradient) if unit.steps else 1
