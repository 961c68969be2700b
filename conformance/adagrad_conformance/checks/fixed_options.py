"""Scenarios for ports in which an option cannot be chosen.

Many published Adagrads have a fixed eps, or always start S at 0.1.  Such a port
declares the value (`Adapter.constants`).  A scenario that names the option is then
played, and judged, with the port's own value in its place.

Rule 1.  Only scenarios are changed here; `projection` changes relations and adaptive
         runs, where these do not rest on the option.
Rule 2.  A scenario that varies the option, or gives it 0 or an illegal value, is about
         the option itself.  It stays as it is, and the port does not claim it.
Rule 3.  In 16-bit formats an eps below `SMALLEST_EPS_16` is not put in: it would move
         the scenario into underflow (rule 5 of scenarios/builders.py).
Rule 4.  A constant 0 means that the port lacks the option (no weight decay, say).  A
         scenario whose foremost requirement is about the option then stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from adagrad_conformance.adapters.claims import with_implied
from adagrad_conformance.requirements.table import foremost
from adagrad_reference.claims import has_empty_step, plain_claims
from adagrad_reference.events import map_options, options_of
from adagrad_reference.options import illegal_option
from adagrad_reference.scenario import OptionValues, Scenario

from .kinds import Adaptive, Check, NativeCheck, Relation, needed_claims
from .scenarios.ordinary import SMALLEST_EPS_16

__all__ = ["fitted", "missing_claims"]

#: The claim of ports that refuse a step in which no param has a gradient.
_NEEDS_A_GRADIENT = "needs-a-gradient"

#: The claim of ports whose optimizers take a single param.
_ONE_PARAM = "one-param"

#: The options that can be fixed, each with the claim that it may be given as 0.
_ZERO_CLAIMS = {
    "lr": "zero-lr",
    "lr_decay": "",
    "weight_decay": "",
    "initial_accumulator_value": "zero-accumulator",
    "eps": "zero-eps",
}


def fitted(check: Check, constants: Mapping[str, float]) -> Check:
    """The check with the port's constants in it; the same object where none is put in.

    `constants` are the values of the options that the port fixes, by name.
    """
    if not isinstance(check, Scenario):
        return check
    chosen = {
        name: value
        for name, value in constants.items()
        if _can_be(name, value, check) and (value or not _is_about(name, check))
    }
    if not chosen:
        return check

    def with_constants(options: OptionValues) -> OptionValues:
        return {name: chosen.get(name, value) for name, value in options.items()}

    events = tuple(map_options(event, with_constants) for event in check.events)
    return replace(check, events=events)


def missing_claims(
    check: Check, claims: frozenset[str], constants: Mapping[str, float]
) -> frozenset[str]:
    """The claims that a check, once fitted, needs and the port does not make.

    Those that only playing it shows are looked for where no other is missing.  A
    port with the claim `needs-a-gradient` misses a claim for a step without gradients,
    and one with `one-param` for several params.
    """
    claims = with_implied(claims)
    shown = frozenset[str]().union(*map(plain_claims, _scenarios(check)))
    return _unmet(check, shown - claims, constants) or _unmet(
        check, _needed(check, claims) - claims, constants
    )


def _needed(check: Check, claims: frozenset[str]) -> frozenset[str]:
    missing = needed_claims(check)
    if _NEEDS_A_GRADIENT in claims and any(map(has_empty_step, _scenarios(check))):
        missing |= {"steps without gradients"}
    if _ONE_PARAM in claims and any(len(s.tensors) > 1 for s in _scenarios(check)):
        missing |= {"several params"}
    return missing


def _unmet(
    check: Check, missing: frozenset[str], constants: Mapping[str, float]
) -> frozenset[str]:
    """The missing claims that the port's constants do not make up for."""
    if not missing or not constants:
        return missing
    fixed = {
        name: value
        for name, value in constants.items()
        if set(_named_by(check, name)) == {value}
    }
    met = {name.replace("_", "-") for name in fixed}
    return missing - met - {_ZERO_CLAIMS[name] for name in fixed if not fixed[name]}


def _scenarios(check: Check) -> tuple[Scenario, ...]:
    match check:
        case Scenario():
            return (check,)
        case Relation(left=left, right=right):
            return (left, right)
        case NativeCheck() | Adaptive():
            return ()
        case _:
            assert_never(check)


def _is_about(name: str, scenario: Scenario) -> bool:
    requirement = foremost(scenario.requirements)
    return requirement is not None and name in requirement.classification.options


def _can_be(name: str, value: float, scenario: Scenario) -> bool:
    """Whether the constant may stand where the scenario names the option."""
    named = set(_values(scenario, name))
    if len(named) != 1:
        return False
    (given,) = named
    if illegal_option({name: given}) or not given:
        return False
    narrow = any(tensor.fmt.width == 16 for tensor in scenario.tensors.values())
    return not (narrow and name == "eps" and value < SMALLEST_EPS_16)


def _named_by(check: Check, name: str) -> list[float]:
    """Every value that a check gives to an option."""
    if isinstance(check, Adaptive):
        return [float(check.options[name])] if name in check.options else []
    return [
        value for scenario in _scenarios(check) for value in _values(scenario, name)
    ]


def _values(scenario: Scenario, name: str) -> Iterator[float]:
    """Every value that a scenario gives to an option."""
    for event in scenario.events:
        for options in options_of(event):
            if name in options:
                yield float(options[name])
