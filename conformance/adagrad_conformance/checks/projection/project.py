"""One scenario on one port: what the port lacks is taken out, claim by claim.

Rule 1.  The claim that is missed is met by the first rule of `RULES` that is about it,
         again and again until none is missed.  So the result follows from the scenario,
         the claims that were taken out and the port's constants; the id names these:
         `numerics/large-lr/binary32~lr-decay`, `.../binary64~eps=1e-08`.
Rule 2.  The projection decides those requirements of the scenario that are not about
         what was taken out.  Where none of a MUST is left it is an ordinary run, and
         decides the update and the accumulator, and changes of options where it has
         some; of a SHOULD nothing is left then, since a MUST may not rest on its
         numbers.
Rule 3.  Where the numbers change and those of the scenario were ordinary, they must be
         so still; where they were not, only what leaves them alone is taken out.
Rule 4.  An event that was refused, and is legal without what was taken out, tells
         nothing of refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from adagrad_conformance.adapters.claims import (
    PLAIN_CLAIMS,
    claims_without,
    with_implied,
)
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import needed_claims
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import LEVELS, Scenario, SetOption

from . import event_rules as events
from . import state_rules as states
from . import tensor_rules as tensors

__all__ = [
    "EMPTY_STEPS",
    "OPTION_CHANGE",
    "ORDINARY_RUN",
    "RULES",
    "SEVERAL",
    "projected",
    "projection_named",
]

#: What a projection decides that tells nothing else any more.
ORDINARY_RUN = ("algorithm/update", "algorithm/accumulator")

#: What it decides before these where an option is changed.
OPTION_CHANGE = "groups/option-change"

#: What a port misses that refuses steps without gradients, or takes a single param.
EMPTY_STEPS, SEVERAL = "steps without gradients", "several params"

Rule = Callable[[Scenario], Scenario | None]

#: The rule for each claim, in the order in which they are applied.
RULES: Mapping[str, Rule] = {
    "mixed-formats": tensors.of_one_format,
    "complex": tensors.real,
    "sparse": tensors.dense,
    "layout": tensors.contiguous,
    "refusals": events.without_refusals,
    "save": events.WITHOUT_SAVES,
    "state-write": states.reached_by_steps,
    "many-steps": events.one_by_one,
    "state": events.one_by_one,
    "closure": events.without_closures,
    "zero-grad": events.WITHOUT_ZERO_GRAD,
    "set-option": events.with_changes_of_lr,
    "set-lr": events.WITHOUT_CHANGES,
    "add-group": events.added_at_once,
    "add-params": events.added_at_once,
    "groups": events.in_one_group,
    "zero-lr": partial(events.without_zeros, "lr"),
    "zero-eps": partial(events.without_zeros, "eps"),
    "zero-accumulator": partial(events.without_zeros, "initial_accumulator_value"),
    "defaults": events.explicit_defaults,
    SEVERAL: tensors.one_param,
    "none-gradient": states.with_gradients,
    EMPTY_STEPS: events.without_empty_steps,
}

#: Claims without which the numbers of every step stay as they were.
_KEEP_NUMBERS = frozenset(
    {
        *("complex", "layout", "mixed-formats", SEVERAL, "save", "closure"),
        *("load-same-object", "load-deepcopy", "load-bytes", "load-new-process"),
        *("many-steps", "state", "refusals", "groups", "add-group"),
        "add-params",
    }
)

#: The claims of ports that miss what no claim names, by the word in an id.
_PECULIAR = {
    EMPTY_STEPS.replace(" ", "-"): "needs-a-gradient",
    SEVERAL.replace(" ", "-"): "one-param",
}

#: More rules than this are never needed.
_MOST = 60


def projected(
    scenario: Scenario,
    claims: frozenset[str],
    constants: Mapping[str, float],
    other_format: str | None = None,
) -> Scenario | None:
    """The scenario without what the port does not claim; None where nothing is told.

    `constants` are the options that the port fixes, with their values.  A scenario in a
    format that the port lacks is played in `other_format`, if one is given.
    """
    try:
        found = _projected(scenario, claims, constants, other_format)
        if found is None:
            return None
        left, removed = found
        before, after = _outcomes(scenario), _outcomes(left)
        if after.refusals > before.refusals or not after.moves:
            return None
        if not _is_fair(scenario, left, removed):
            return None
    except ScenarioError:
        return None
    fewer = {"refusals"} if after.refusals < before.refusals else set()  # rule 4
    told = _told(scenario, removed | fewer)
    if not told:
        if not is_ordinary(left):
            return None
        changes = any(isinstance(event, SetOption) for event in left.events)
        told = (OPTION_CHANGE, *ORDINARY_RUN) if changes else ORDINARY_RUN
    if told[0] != scenario.requirements[0] and scenario.level != LEVELS[0]:
        return None
    names = (f"~{name}".replace(" ", "-") for name in sorted(removed))
    named = replace(left, id=scenario.id + "".join(names), requirements=told)
    if told[0] == scenario.requirements[0]:
        return named
    return replace(named, level=REQUIREMENTS[told[0]].level, flags=(), note="")


def projection_named(
    name: str, known: Callable[[str], Scenario | None]
) -> Scenario | None:
    """The projection with an id (rule 1); `known` finds a scenario by its id.

    None for an id that names no projection.
    """
    stem, *taken = name.split("~")
    scenario = known(stem)
    if scenario is None or not taken:
        return None
    named = dict(part.partition("=")[::2] for part in taken)
    peculiar = {_PECULIAR[word] for word in named if word in _PECULIAR}
    constants = {}
    for word, value in named.items():
        if value and word not in FORMATS:
            try:
                constants[word.replace("-", "_")] = float(value)
            except ValueError:
                return None
    other = next((value for word, value in named.items() if word in FORMATS), None)
    if other is not None and other not in FORMATS:
        return None
    claims = claims_without(with_implied(PLAIN_CLAIMS), named) | peculiar
    found = projected(scenario, claims, constants, other)
    return found if found is not None and found.id == name else None


def _projected(
    scenario: Scenario,
    claims: frozenset[str],
    constants: Mapping[str, float],
    other_format: str | None,
) -> tuple[Scenario, frozenset[str]] | None:
    """The scenario with every rule applied, and the names of what was taken out."""
    removed: set[str] = set()
    for _ in range(_MOST):
        missing = missing_claims(scenario, claims, constants)
        if not missing:
            return scenario, frozenset(removed)
        step = _step(scenario, missing, removed, constants, other_format)
        if step is None:
            return None
        scenario, name = step
        removed.add(name)
    return None


def _step(
    scenario: Scenario,
    missing: frozenset[str],
    removed: set[str],
    constants: Mapping[str, float],
    other_format: str | None,
) -> tuple[Scenario, str] | None:
    """The scenario after one rule, and the name of what the rule takes out."""
    claim = min(missing, key=_order)
    changed: Scenario | None = None
    name = claim
    option = claim.replace("-", "_")
    if claim in RULES:
        changed = RULES[claim](scenario)
    elif claim in FORMATS:
        if other_format is None or other_format == claim:
            return None
        changed = tensors.in_format(scenario, FORMATS[other_format])
        name = f"{claim}={other_format}"
    elif claim.startswith("load-"):
        way = claim.removeprefix("load-")
        changed = events.loaded_otherwise(way, {*removed, claim}, scenario)  # type: ignore[arg-type]
    elif option in constants:
        changed = events.with_constant(option, constants[option], scenario)
        name = f"{claim}={constants[option]!r}"
    elif claim == "lr-decay":
        changed = events.without_lr_decay(scenario)
    elif claim != "eps":
        changed = events.without_option(option, scenario)
    if changed is None or _same(changed, scenario):
        return None
    return changed, name


def _same(one: Scenario, other: Scenario) -> bool:
    return one.events == other.events and one.tensors == other.tensors


def _order(claim: str) -> tuple[int, str]:
    """Formats first, then what RULES have in their order; loads and options between."""
    listed = list(RULES)
    if claim in FORMATS:
        return (-1, claim)
    place = listed.index(claim) if claim in RULES else listed.index("save")
    return (place, claim)


def _is_fair(before: Scenario, after: Scenario, removed: frozenset[str]) -> bool:
    """Rule 3."""
    if {name.partition("=")[0] for name in removed} <= _KEEP_NUMBERS:
        return True
    return is_ordinary(after) or (not is_ordinary(before) and _mild(removed))


class _Outcomes(NamedTuple):
    """How many events are refused, and whether some param steps."""

    refusals: int
    moves: bool


def _outcomes(scenario: Scenario) -> _Outcomes:
    """Raises `ScenarioError`."""
    books = Bookkeeper(scenario)
    effects = [books.apply(event) for event in scenario.events]
    refusals = sum(bool(effect.refusal) for effect in effects)
    moves = any(effect.updates or any(effect.runs) for effect in effects)
    return _Outcomes(refusals, moves)


def _mild(removed: frozenset[str]) -> bool:
    """Whether scenarios at the ends of the format may do without these claims."""
    options = {"weight-decay", "lr-decay", "maximize", "initial-accumulator-value"}
    return removed <= _KEEP_NUMBERS | options | {"set-option", "set-lr", "zero-grad"}


def _told(scenario: Scenario, removed: frozenset[str]) -> tuple[str, ...]:
    """The requirements that are still told (rule 2); none for an ordinary run."""
    gone = {name.partition("=")[0] for name in removed}
    needed = needed_claims(scenario)

    def tells(name: str) -> bool:
        about = REQUIREMENTS[name].classification
        if gone & needed & set(about.keeps_claims):
            return False
        if about.needs_its_state and "state-write" in gone:
            return False
        return not gone & {option.replace("_", "-") for option in about.options}

    left = tuple(filter(tells, scenario.requirements))
    first_is_left = left[:1] == scenario.requirements[:1]
    if left and (first_is_left or REQUIREMENTS[left[0]].level == LEVELS[0]):
        return left
    return ()
