"""How many of the pairs of features that a port's claims allow were judged on it."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario

from .features import meetings
from .space import (
    DIMENSIONS,
    EXCLUSIONS,
    OPTION_VALUES,
    Feature,
    class_of,
    is_spread,
    needs_of,
)

__all__ = ["Coverage", "Meeting", "Met", "coverage", "line", "possible_meetings"]

#: Two features and the format in which they meet; None for a pair that needs meet in
#: one format only.
Meeting = tuple[str | None, Feature, Feature]

_ANY = None


@dataclass(frozen=True)
class Coverage:
    """The pairs judged of those possible, and those that were not judged."""

    judged: int
    possible: int
    missing: tuple[Meeting, ...]


def coverage(
    scenarios: Iterable[Scenario],
    claims: frozenset[str],
    constants: Mapping[str, float] = {},
) -> Coverage:
    """The coverage of a port by the scenarios that were judged on it, as played.

    `claims` and `constants` are the port's: a pair counts as possible if the claims
    allow both features and no exclusion of the space forbids them to meet.
    """
    met = _met(scenarios)
    possible = list(possible_meetings(claims, constants))
    missing = tuple(
        (fmt, one, other)
        for fmt, one, other in possible
        if not met[fmt].get(_INDEX[one], 0) >> _INDEX[other] & 1
    )
    return Coverage(len(possible) - len(missing), len(possible), missing)


def line(found: Coverage) -> str:
    """One line for a verdict or a report."""
    if not found.possible:
        return "meetings of two features: none is possible"
    share = 100 * found.judged / found.possible
    # a share of 100 is shown for all alone
    shown = "100" if not found.missing else f"{min(share, 99.9):.1f}"
    return (
        f"meetings of two features: {found.judged} of {found.possible} judged "
        f"({shown} %)"
    )


def possible_meetings(
    claims: frozenset[str], constants: Mapping[str, float]
) -> Iterator[Meeting]:
    """The pairs that a port's claims and constants allow, and no exclusion forbids."""
    formats = [fmt for fmt in FORMATS if fmt in claims]
    allowed = [
        (d.name, [(d.name, value) for value in _allowed(d.name, claims, constants)])
        for d in DIMENSIONS
        if d.name != "format"
    ]
    for (_, mine), (_, others) in itertools.combinations(allowed, 2):
        for one, other in itertools.product(mine, others):
            possible = [f for f in formats if (one, other) not in _forbidden(f)]
            if is_spread(one, other):
                yield from ((_ANY, one, other) for _ in possible[:1])
            else:
                yield from ((fmt, one, other) for fmt in possible)


def _allowed(
    name: str, claims: frozenset[str], constants: Mapping[str, float]
) -> list[str]:
    """The values of a dimension that a port can have."""
    if name in constants and name in OPTION_VALUES:
        return [class_of(name, constants[name])]
    values = next(d.values for d in DIMENSIONS if d.name == name)
    return [value for value in values if set(needs_of((name, value))) <= claims]


@functools.cache
def _forbidden(fmt: str) -> frozenset[tuple[Feature, Feature]]:
    """The pairs that never meet in a format, in the order of the dimensions."""
    order = {d.name: number for number, d in enumerate(DIMENSIONS)}
    found: set[tuple[Feature, Feature]] = set()
    for exclusion in EXCLUSIONS:
        terms = dict(exclusion.terms)
        if fmt not in terms.pop("format", (fmt,)):
            continue
        if len(terms) > 2:
            continue
        names = sorted(terms, key=lambda name: order[name])
        ours = [[(name, value) for value in terms[name]] for name in names]
        if len(ours) == 2:
            found.update((a, b) for a, b in itertools.product(*ours))
            continue
        for feature, other in itertools.product(ours[0], _FEATURES):
            pair = sorted((feature, other), key=lambda f: order[f[0]])
            found.add((pair[0], pair[1]))
    return frozenset(found)


_FEATURES: tuple[Feature, ...] = tuple(
    (d.name, value) for d in DIMENSIONS if d.name != "format" for value in d.values
)
_INDEX = {feature: number for number, feature in enumerate(_FEATURES)}


def _met(scenarios: Iterable[Scenario]) -> Met:
    """With what each feature has met in the scenarios."""
    found = Met()
    for scenario in scenarios:
        found.add(scenario)
    return found


class Met(defaultdict[str | None, dict[int, int]]):
    """For each format, and for all together, with what each feature has met.

    A feature is a number, and what it has met is a set of bits.
    """

    def __init__(self) -> None:
        super().__init__(dict)

    def add(self, scenario: Scenario) -> bool:
        """Take a scenario in; whether two features meet in it for the first time in
        its format.
        """
        new = False
        for met in meetings(scenario):
            fmt = next(value for name, value in met if name == "format")
            numbers = [_INDEX[f] for f in met if f[0] != "format"]
            mask = sum(1 << number for number in numbers)
            for number in numbers:
                new |= bool(mask & ~self[fmt].get(number, 0))
                for key in (fmt, _ANY):
                    self[key][number] = self[key].get(number, 0) | mask
        return new
