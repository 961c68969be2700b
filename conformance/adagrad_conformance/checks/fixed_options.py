"""Scenarios for ports in which an option cannot be chosen.

Many published Adagrads have a fixed eps, or always start S at 0.1.  Such a port says
so (`Adapter.constants`); a scenario that names the option is then played, and judged,
with the port's own value in its place.

Rule 1.  Only scenarios are fitted: relations and adaptive runs rest on their values.
Rule 2.  What varies the option, or gives it 0 or an illegal value, is about the option
         itself and stays as it is: not claimed.
Rule 3.  In 16-bit formats an eps that the family's rule 5 would forbid (build.py) is
         left alone: what is special there is not what the scenario is about.
Rule 4.  A constant 0 says that the port lacks the option (no weight decay, say); what a
         scenario of the option's own theme decides is then not claimed either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from adagrad_conformance.requirements.table import foremost
from adagrad_reference.bookkeeping import has_empty_step
from adagrad_reference.events import map_events, map_options, options_of
from adagrad_reference.options import illegal_option
from adagrad_reference.scenario import (
    OptionValues,
    Scenario,
)

from .kinds import Check, Relation, needed_claims

__all__ = ["SMALLEST_EPS_16", "fitted", "missing_claims"]

_NEEDS = "needs-a-gradient"

#: The smallest eps that ordinary scenarios have in a 16-bit format.
SMALLEST_EPS_16 = 1e-3

#: Option -> the claim that it may be given as 0.
_ZERO = {
    "lr": "zero-lr",
    "lr_decay": "",
    "weight_decay": "",
    "initial_accumulator_value": "zero-accumulator",
    "eps": "zero-eps",
}


def fitted(check: Check, constants: Mapping[str, float]) -> Check:
    """The check with the port's constants in it; the same object where it has none."""
    if not isinstance(check, Scenario):
        return check
    chosen = {
        name: value
        for name, value in constants.items()
        if _can_be(name, value, check, list(_values(check, name)))
        and (value or not _is_about(name, check))
    }
    if not chosen:
        return check
    return map_events(
        check, lambda event: map_options(event, partial(_put, chosen=chosen))
    )


def missing_claims(
    check: Check, claims: frozenset[str], constants: Mapping[str, float]
) -> frozenset[str]:
    """The claims that a (fitted) check needs and the port does not make.

    What a port with the claim `needs-a-gradient` says it refuses is not asked of it.
    """
    missing = needed_claims(check) - claims
    if _NEEDS in claims and any(map(has_empty_step, _scenarios(check))):
        missing |= {"steps without gradients"}
    if not isinstance(check, Scenario):
        return missing
    fixed = {
        name: value
        for name, value in constants.items()
        if set(_values(check, name)) == {value}
    }
    claims_met = {name.replace("_", "-") for name in fixed}
    return missing - claims_met - {_ZERO[name] for name in fixed if not fixed[name]}


def _scenarios(check: Check) -> tuple[Scenario, ...]:
    match check:
        case Scenario():
            return (check,)
        case Relation(left=left, right=right):
            return (left, right)
    return ()


def _is_about(name: str, scenario: Scenario) -> bool:
    requirement = foremost(scenario.requirements)
    return requirement is not None and name in requirement.classification.options


def _can_be(name: str, value: float, scenario: Scenario, named: list[float]) -> bool:
    if len(set(named)) != 1 or illegal_option({name: named[0]}) or not named[0]:
        return False
    narrow = any(tensor.fmt.width == 16 for tensor in scenario.tensors.values())
    return not (narrow and name == "eps" and value < SMALLEST_EPS_16)


def _values(scenario: Scenario, name: str) -> Iterator[float]:
    """Every value that a scenario gives to an option."""
    for event in scenario.events:
        for options in options_of(event):
            if name in options:
                yield float(options[name])


def _put(options: OptionValues, chosen: Mapping[str, float]) -> OptionValues:
    return {name: chosen.get(name, value) for name, value in options.items()}
