"""All checks of a run, fitted to one port.

Rule 1.  A check that the port can play as it is stays as it is, with the port's
         constants in it.  Any other is projected (project.py); a relation and an
         adaptive run only lose options that they do not rest on.
Rule 2.  What is played twice is played once: of scenarios with the same tensors and
         events the first stays.
Rule 3.  A random scenario is drawn within the claims from the start.
Rule 4.  Of the covering array a port that lacks much plays the scenarios in which two
         features meet for the first time; the others repeat what it has played.
Rule 5.  A check of which nothing is left stays as it is; it is then not claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from adagrad_conformance.checks.fixed_options import fitted, missing_claims
from adagrad_conformance.checks.kinds import Adaptive, Check, NativeCheck, Relation
from adagrad_conformance.checks.meetings.coverage import Met
from adagrad_conformance.checks.meetings.writing import REQUIREMENT
from adagrad_conformance.checks.regret_bound import ConvexProblem
from adagrad_conformance.checks.scenarios.random_scenarios import Drawn
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.events import options_of
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario, Step, Steps

from .event_rules import with_constant, without_option
from .project import projected

__all__ = ["content", "fit"]

Constants = Mapping[str, float]

#: The options that relations and adaptive runs can do without.
_OPTIONS = ("lr_decay", "weight_decay", "initial_accumulator_value", "maximize", "eps")


def fit(
    checks: Iterable[Check], claims: frozenset[str], constants: Constants
) -> list[Check]:
    """The checks as a port with these claims and constants plays them, in order."""
    whole = [fitted(_redrawn(check, claims, constants), constants) for check in checks]
    lacking = {
        i for i, check in enumerate(whole) if missing_claims(check, claims, constants)
    }
    if not lacking:
        return whole
    playable = (c for i, c in enumerate(whole) if i not in lacking)
    known = {content(check) for check in playable if isinstance(check, Scenario)}
    other, met = _other_formats(whole, claims), Met()
    result = []
    for i, check in enumerate(whole):
        found: Check | None = check
        if i in lacking:
            found = _projection(check, claims, constants, other)
            if isinstance(found, Scenario):
                key = content(found)
                again = key in known or _repeats(check, found, met)
                found = None if again else found
                known.add(key)
        result.append(found or check)
    return result


def _repeats(check: Check, found: Scenario, met: Met) -> bool:
    """Rule 4."""
    return check.requirements == (REQUIREMENT,) and not met.add(found)


def _redrawn(check: Check, claims: frozenset[str], constants: Constants) -> Check:
    """Rule 3."""
    if not isinstance(check, Drawn):
        return check
    return check.within(claims, constants) or check


def _projection(
    check: Check,
    claims: frozenset[str],
    constants: Constants,
    other: Callable[..., Any],
) -> Check | None:
    match check:
        case Scenario():
            there = other(check)
            if there is None and not claims.issuperset(check.formats[:1]):
                return None
            return projected(check, claims, constants, there)
        case Relation():
            return _plainer_relation(check, claims, constants)
        case ConvexProblem():
            return _plainer_problem(check, claims, constants)
        case NativeCheck() | Adaptive():
            return None
        case _:
            assert_never(check)


def _other_formats(
    checks: Sequence[Check], claims: frozenset[str]
) -> Callable[[Scenario], str | None]:
    """The format in which a scenario is played that has no sibling in one of the port.

    Siblings differ in the last part of their ids, the format.  The covering array has
    its rows in every format.
    """
    mine = [name for name in FORMATS if name in claims]
    ids = {check.id for check in checks}

    def other(scenario: Scenario) -> str | None:
        if scenario.requirements == (REQUIREMENT,):
            return None
        stem, _, last = scenario.id.rpartition("/")
        if last in FORMATS and any(f"{stem}/{name}" in ids for name in mine):
            return None
        wide = [n for n in mine if FORMATS[n].width >= 32]
        return next(iter(wide or mine), None)

    return other


# -- relations and adaptive runs -------------------------------------------------------


def _plainer_relation(
    relation: Relation, claims: frozenset[str], constants: Constants
) -> Relation | None:
    removed = []
    for option in _OPTIONS:
        claim = option.replace("_", "-")
        if claim not in missing_claims(relation, claims, constants):
            continue
        left, right = _values(relation.left, option), _values(relation.right, option)
        if left != right or 0 in left or _rests_on(relation, option):
            return None
        if option in constants:
            name = f"~{claim}={constants[option]!r}"
            sides = [
                with_constant(option, constants[option], s)
                for s in (relation.left, relation.right)
            ]
            if not constants[option] or _narrow(relation.left):
                return None
        elif option != "eps":
            name = f"~{claim}"
            sides = [without_option(option, s) for s in (relation.left, relation.right)]
        else:
            return None
        removed.append(name)
        relation = replace(relation, left=sides[0], right=sides[1])
    relation = replace(relation, id=relation.id + "".join(sorted(removed)))
    rest = missing_claims(relation, claims, constants)
    met = {option.replace("_", "-") for option in constants}
    return None if rest - met else relation


def _narrow(scenario: Scenario) -> bool:
    return any(tensor.fmt.width == 16 for tensor in scenario.tensors.values())


def _rests_on(check: Relation | ConvexProblem, option: str) -> bool:
    about = (REQUIREMENTS[name].classification.options for name in check.requirements)
    return any(option in options for options in about)


def _values(scenario: Scenario, option: str) -> list[float]:
    return [
        float(options[option])
        for event in scenario.events
        for options in options_of(event)
        if option in options
    ]


def _plainer_problem(
    problem: ConvexProblem, claims: frozenset[str], constants: Constants
) -> ConvexProblem | None:
    removed = []
    for option in _OPTIONS:
        claim = option.replace("_", "-")
        if option not in problem.options or claim in claims:
            continue
        options = {k: v for k, v in problem.options.items() if k != option}
        if option in constants:
            options[option] = constants[option]
            removed.append(f"~{claim}={constants[option]!r}")
        elif option == "eps":
            return None
        else:
            removed.append(f"~{claim}")
        problem = replace(problem, options=options)
    met = {option.replace("_", "-") for option in constants}
    if problem.needed_claims - claims - met:
        return None
    return replace(problem, id=problem.id + "".join(sorted(removed)))


# -- what is the same ------------------------------------------------------------------


def content(scenario: Scenario) -> Any:
    """All that is played, and by which flags it is judged, as something to compare."""
    tensors = tuple(sorted(scenario.tensors.items()))
    events = tuple(_frozen(event) for event in scenario.events)
    return tensors, events, frozenset(scenario.flags)


def _frozen(event: Any) -> Any:
    """An event, or part of one, as something hashable."""
    if isinstance(event, Mapping):
        return tuple(sorted((key, _frozen(value)) for key, value in event.items()))
    if isinstance(event, tuple):
        return tuple(map(_frozen, event))
    if isinstance(event, Step | Steps) or hasattr(event, "__dataclass_fields__"):
        if hasattr(event, "bits"):
            return event
        return type(event).__name__, tuple(
            _frozen(getattr(event, name)) for name in event.__dataclass_fields__
        )
    return event
