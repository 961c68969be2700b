"""All checks of a run, in order, and how a run chooses among them."""

from __future__ import annotations

import fnmatch
import functools
from dataclasses import dataclass

from adagrad_reference.claims import plain_claims
from adagrad_reference.events import gradients_of, number_of_steps
from adagrad_reference.scenario import LEVELS, Scenario

from .kinds import Check, NativeCheck, native_checks, needed_claims
from .meetings.writing import REQUIREMENT as MEETINGS
from .regret_bound import convex_problems
from .relations import relations
from .scenarios.families import GENERATED
from .scenarios.random_scenarios import fresh_scenarios
from .vector_files import Library

__all__ = [
    "Choice",
    "checks_of_a_run",
    "is_slow",
    "known_checks",
    "matches",
    "selected",
]


def known_checks(library: Library) -> list[Check]:
    """Every check that is the same in each run: `library` holds the golden vectors."""
    return [
        *library.scenarios(),
        *_generated(),
        *relations(),
        *convex_problems(),
        *native_checks(),
    ]


@functools.cache
def _generated() -> tuple[Scenario, ...]:
    return tuple(x for family in GENERATED for x in family.scenarios())


def checks_of_a_run(library: Library, seed: int, fresh: int) -> list[Check]:
    """The known checks, then the random ones of a seed, `fresh` for each format."""
    return [*known_checks(library), *fresh_scenarios(seed, fresh)]


@dataclass(frozen=True)
class Choice:
    """What a run plays: checks up to a level, with an id or requirement like `only`.

    With `quick`, those are left out that compile something, start another process or
    are large, and the covering array in formats of 16 bits.  Left out are also those
    like one of `exclude`, and those that need one of the claims of `without`.
    """

    level: str = "MAY"
    only: str | None = None
    quick: bool = False
    exclude: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()

    def holds(self, check: Check) -> bool:
        """Whether the check is played."""
        return (
            matches(check, self.only, self.level)
            and not any(_is_like(check, pattern) for pattern in self.exclude)
            and not self.without & needed_claims(check)
            and not (self.quick and _is_left_out(check))
        )


def selected(
    library: Library, seed: int, fresh: int, choice: Choice | None = None
) -> list[Check]:
    """The checks of a run that are chosen, by default all."""
    chosen = choice or Choice()
    return [c for c in checks_of_a_run(library, seed, fresh) if chosen.holds(c)]


def _is_left_out(check: Check) -> bool:
    """Whether `quick` leaves it out: slow, or of the covering array in 16 bits."""
    if is_slow(check):
        return True
    if not isinstance(check, Scenario) or check.requirements != (MEETINGS,):
        return False
    return any(tensor.fmt.width == 16 for tensor in check.tensors.values())


#: A check of more element-steps than this is large, and one that shows more params,
#: counted after each event.
_MANY_ELEMENT_STEPS, _MANY_READINGS = 7_000, 60


def is_slow(check: Check) -> bool:
    """Whether the check compiles something, starts another process, or is large."""
    if isinstance(check, NativeCheck):
        return check.entry.slow
    if isinstance(check, Scenario):
        large = _element_steps(check) > _MANY_ELEMENT_STEPS
        large |= len(check.events) * len(check.tensors) > _MANY_READINGS
        return large or "load-new-process" in plain_claims(check)
    return "load-new-process" in needed_claims(check)


def _element_steps(scenario: Scenario) -> int:
    """At most how many element-steps a scenario takes."""
    sizes = {name: tensor.size for name, tensor in scenario.tensors.items()}
    return sum(
        number_of_steps(event) * sum(sizes[name] for name in given)
        for event in scenario.events
        for given in gradients_of(event)[:1]
    )


def matches(check: Check, pattern: str | None, level: str) -> bool:
    """Whether `--only PATTERN` and `--level LEVEL` choose the check.

    The pattern, as of a shell, must fit the id or one of the requirements.
    """
    if LEVELS.index(check.level) > LEVELS.index(level):
        return False
    return pattern is None or _is_like(check, pattern)


def _is_like(check: Check, pattern: str) -> bool:
    names = (check.id, *check.requirements)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)
