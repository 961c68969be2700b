"""The search among switches: the same observations, judged by other dialects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from adagrad_conformance.execution.observations import NativeSeen, Observation
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.failure import FailureKind
from adagrad_conformance.grading.judge import judged_cases
from adagrad_reference.dialects import DIALECTS, Dialect, single_changes
from adagrad_reference.switches import SWITCHES

from .causes import Cause
from .complaints import Complaint, complaints_of
from .parts import Part, light_complaints, numbers, spread
from .rules import slug_of_switch

__all__ = ["SwitchSearch", "Weights", "candidates", "difference", "switches_of"]

#: Complaints that are made by the document and by each dialect.
_BY_NO_SWITCH = {
    str(kind)
    for kind in (
        *(FailureKind.STORAGE, FailureKind.GRADIENT_CHANGED, FailureKind.ROWS_CHANGED),
        *(FailureKind.GRADIENT_MISSING, FailureKind.GRADIENT_APPEARED),
        *(FailureKind.CALLS, FailureKind.CLOSURE_PARAM, FailureKind.LOSS),
    )
}

#: What a switch costs, in failed checks.
_SWITCH = 0.4
#: Checks by which a dialect is looked at: a glance, a first look, and in full.
_GLANCE, _SOME, _MANY = 5, 12, 100
#: And what it costs to judge anything at all.
_CALL = 500

Weights = Mapping[Complaint, float]


class _Telling(NamedTuple):
    """The parts that exercise a switch, and the weight of those that fail."""

    failing: list[Part]
    passing: list[Part]
    most: float


class SwitchSearch:
    """Judges parts by dialects, each part once by each, within a budget of numbers."""

    def __init__(self, terms: Terms, budget: int, is_over: Callable[[], bool]) -> None:
        self.terms, self.budget, self.is_over = terms, budget, is_over
        self.hidden = "state" not in terms.claims
        self.spent = 0
        self.explained: set[Complaint] = set()

    def causes(
        self,
        parts: Sequence[Part],
        explained: set[Complaint],
        base: Dialect,
        candidates: Sequence[Dialect],
        weights: Weights,
        known: float,
    ) -> Iterator[Cause]:
        """The best of the dialects, which differ from the one so far in one switch.

        A switch is not tried where it could not gain more than `known`: it explains no
        check that does not exercise it.
        """
        self.explained = explained
        able = [p for p in parts if isinstance(p.seen, Observation | NativeSeen)]
        failing, passing = (
            # those first that were judged before: what they come to is known
            sorted(spread([p for p in able if bool(p.failing) is wrong]), key=_is_new)
            for wrong in (True, False)
        )
        mine = {
            part.key: sum(
                weights[complaint]
                for unit in part.failing
                for complaint in complaints_of(unit)
                if complaint[-1] not in _BY_NO_SWITCH
            )
            for part in failing
        }
        telling: dict[tuple[str, ...], _Telling] = {}
        for dialect in candidates:
            names = switches_of(dialect, base)
            if names not in telling:
                bad, good = (
                    [p for p in some if any(map(p.exercises, names))]
                    for some in (failing, passing)
                )
                most = sum(mine[part.key] for part in bad)
                telling[names] = _Telling(bad, good, most)
        scores = []
        order = sorted(
            candidates,
            key=lambda d: len(telling[switches_of(d, base)].passing),
        )
        for number, dialect in enumerate(order):
            its = telling[switches_of(dialect, base)]
            if self.ended() or its.most - _price(dialect, base) <= known:
                continue
            if not self._change(its.failing[:_GLANCE], dialect, weights)[0]:
                continue
            bad, good = its.failing[:_SOME], its.passing[:_SOME]
            gained, broken = self._change(bad, dialect, weights)
            broken += self._change(good, dialect, weights)[1]
            share = len(its.failing) / len(bad)
            scores.append(((gained - broken) * share, -number, dialect))
        scores.sort(key=lambda score: score[:2], reverse=True)
        for score, _, dialect in scores[:2]:
            if score <= known / 2:
                continue
            # where a switch does not act, nothing changes
            its = telling[switches_of(dialect, base)]
            chosen, others = its.failing[:_MANY], its.passing[:_MANY]
            gained, broken = self._change(chosen, dialect, weights)
            more = self._change(others, dialect, weights)[1]
            gained *= len(its.failing) / len(chosen)
            broken *= len(its.failing) / len(chosen)
            broken += more * len(its.passing) / max(1, len(others))
            change = difference(dialect, base)
            yield Cause(
                slug_of_switch(*change[0])
                if len(change) == 1
                else f"as-{dialect.name}",
                "; ".join(SWITCHES[name].words(value) for name, value in change),
                SWITCHES[change[0][0]].class_of(change[0][1]),
                gained - 1.5 * broken - _price(dialect, base),
                against=round(broken),
                dialect=dialect,
                root="; ".join("=".join(each) for each in change),
            )

    def ended(self) -> bool:
        """Whether the search has judged as much as it may, or is over."""
        return self.spent > self.budget or self.is_over()

    def complaints(
        self, parts: Sequence[Part], dialect: Dialect
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
            part.known[dialect] = light_complaints(part, case, self.hidden)
        self.spent += _CALL + sum(map(numbers, new))
        return [part.known[dialect] for part in parts]

    def _change(
        self, parts: Sequence[Part], dialect: Dialect, weights: Weights
    ) -> tuple[float, float]:
        """What a dialect explains, and how much it breaks, in checks."""
        explained = broken = 0.0
        for part, left in zip(parts, self.complaints(parts, dialect), strict=True):
            old = {x for unit in part.failing for x in complaints_of(unit)}
            explained += sum(weights[x] for x in old - left)
            new = left - old - self.explained
            new -= part.known.get(self.terms.dialect, set())
            broken += len(new) / (len(new) + len(old)) if new else 0.0
        return explained, broken


def candidates(base: Dialect) -> Iterator[Dialect]:
    """The dialects that differ in one switch, and those that are known."""
    given = dict(base.changes)
    for change in single_changes():
        name, value = change.changes[0]
        if given.get(name) != value:
            yield base.also(name, value)
    for name in given:
        yield base.also(name, SWITCHES[name].document)
    for dialect in DIALECTS.values():
        if len(difference(dialect, base)) > 1:
            yield dialect


def difference(dialect: Dialect, base: Dialect) -> list[tuple[str, str]]:
    """(switch, value) wherever the first is not as the second."""
    return [
        (name, getattr(dialect, name))
        for name in SWITCHES
        if getattr(dialect, name) != getattr(base, name)
    ]


def switches_of(dialect: Dialect, base: Dialect) -> tuple[str, ...]:
    """The switches in which two dialects differ."""
    return tuple(name for name, _ in difference(dialect, base))


def _is_new(part: Part) -> bool:
    return not part.known


def _price(dialect: Dialect, base: Dialect) -> float:
    return _SWITCH * len(difference(dialect, base))
