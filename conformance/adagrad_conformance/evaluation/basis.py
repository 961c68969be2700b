"""What a verdict rests on, and the floor below which there is no verdict.

Counted are checks at MUST that were judged.  The floor is evidence that every Adagrad
can give, for checks are fitted to its claims: without long runs, large params and all
that shows the update and the accumulator, a port that stops accumulating, leaves the
end of a large param alone or bounds its rate would be called conformant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import Adaptive, Check, NativeCheck, Relation
from adagrad_conformance.checks.meetings.coverage import coverage
from adagrad_conformance.checks.meetings.writing import REQUIREMENT
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.classification import Theme
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import Scenario, Step, Steps

__all__ = ["FLOOR", "Basis", "Floor", "basis"]


@dataclass(frozen=True)
class Floor:
    """The least evidence of a verdict."""

    requirements: tuple[str, ...]
    element_steps: int
    size: int
    steps: int


#: A thousand elements are more than two blocks of every vector library, a hundred steps
#: more than a warm-up.  One scenario of many sizes and one of many steps give the rest.
FLOOR = Floor(
    requirements=(
        "algorithm/update",
        "algorithm/accumulator",
        "algorithm/long-run",
        "layout/any-size",
    ),
    element_steps=10_000,
    size=1000,
    steps=100,
)


@dataclass(frozen=True)
class Basis:
    """What was judged at MUST, of all that there is."""

    judged: int  #: requirements
    requirements: int  #: of how many
    element_steps: int
    size: int  #: elements of the largest param that stepped
    steps: int  #: the most steps of one param in one scenario
    pairs: int  #: pairs of features that met in the covering array
    possible_pairs: int  #: of how many that the claims allow
    #: The requirements that were not judged, with the claims that each would need; none
    #: for one that could not be judged on this machine, or broke off.
    not_judged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Themes of which nothing was judged, and those with waived checks.
    silent_themes: tuple[str, ...] = ()
    waived_themes: tuple[str, ...] = ()
    #: What is below the floor, and what would lift it, in words; empty: enough.
    lacking: tuple[str, ...] = ()


def basis(
    identity: Identity,
    everything: Sequence[Check],
    played: Iterable[Check],
    verdicts: Iterable[Verdict],
) -> Basis:
    """What the verdicts on a port rest on.

    `everything` are the checks before they were fitted to the port, `played` those
    after.
    """
    by_id = {check.id: check for check in played}
    judged = [v for v in verdicts if v.level == "MUST" and v.status.was_judged]
    decided = [v for v in judged if v.status != "waived"]
    must = [name for name, r in REQUIREMENTS.items() if r.level == "MUST"]
    reached = {name for v in decided for name in v.requirements} & set(must)
    missing = _missing(identity, everything, set(must) - reached)
    extents = [_extent(by_id[v.scenario]) for v in decided if v.scenario in by_id]
    ended = {v.scenario for v in decided}
    array = [
        check
        for check in by_id.values()
        if isinstance(check, Scenario) and check.requirements == (REQUIREMENT,)
    ]
    met = coverage(
        (scenario for scenario in array if scenario.id in ended),
        identity.claims,
        identity.constants,
    )
    found = Basis(
        len(reached),
        len(must),
        sum(v.elements for v in decided),
        max((size for size, _ in extents), default=0),
        max((steps for _, steps in extents), default=0),
        met.judged,
        met.possible,
        missing,
        _themes_without(decided),
        _themes_of(v for v in judged if v.status == "waived"),
    )
    return Basis(**{**vars(found), "lacking": tuple(_lacking(found, reached))})


def _missing(
    identity: Identity, checks: Iterable[Check], names: set[str]
) -> dict[str, tuple[str, ...]]:
    """For each requirement the fewest claims with which one of its checks is played."""
    least: dict[str, frozenset[str]] = {}
    for check in checks:
        mine = names.intersection(check.requirements)
        if not mine:
            continue
        needs = missing_claims(check, identity.claims, identity.constants)
        for name in mine:
            least[name] = min(least.get(name, needs), needs, key=len)
    return {name: tuple(sorted(least.get(name, ()))) for name in sorted(names)}


def _themes_of(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    found = {
        REQUIREMENTS[name].classification.theme
        for v in verdicts
        for name in v.requirements[:1]
        if name in REQUIREMENTS
    }
    return tuple(theme for theme in Theme if theme in found)


def _themes_without(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    found = _themes_of(verdicts)
    return tuple(theme for theme in Theme if theme not in found)


def _extent(check: Check) -> tuple[int, int]:
    """The elements of the largest param that steps, and the most steps of a param."""
    match check:
        case Scenario():
            return _extent_of_scenario(check)
        case Relation(left=left, right=right):
            return max(map(_extent_of_scenario, (left, right)))
        case NativeCheck() | Adaptive():
            return 0, 0


def _extent_of_scenario(scenario: Scenario) -> tuple[int, int]:
    books, size, counts = Bookkeeper(scenario), 0, dict[tuple[str, str], int]()
    for event in scenario.events:
        effect = books.apply(event)
        if not isinstance(event, Step | Steps):
            continue
        for updates in (effect.updates, *effect.runs):
            for update in updates:
                place = event.optimizer, update.param
                counts[place] = counts.get(place, 0) + 1
                size = max(size, scenario.tensors[update.param].size)
    return size, max(counts.values(), default=0)


def _lacking(found: Basis, reached: set[str]) -> Iterable[str]:
    for name in FLOOR.requirements:
        if name not in reached:
            needs = ", ".join(found.not_judged.get(name, ())) or "a check that ends"
            yield f"{name} is not judged (needs: {needs})"
    counts = (
        ("element-steps", found.element_steps, FLOOR.element_steps),
        ("elements in the largest param", found.size, FLOOR.size),
        ("steps in the longest run", found.steps, FLOOR.steps),
    )
    for what, count, least in counts:
        if count < least:
            yield f"{count:,} {what}, at least {least:,} are needed"
