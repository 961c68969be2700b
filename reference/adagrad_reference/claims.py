"""The claims that a port must make for a scenario to be played on it.

Rule 1.  Anything beyond plain dense steps with a chosen lr needs a claim.
Rule 2.  Naming an option needs its claim, whatever the value.
Rule 3.  What only the books show counts too: an event that must be refused, and a step
         that meets a param without a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TypeVar, assert_never

from .bookkeeping import Bookkeeper
from .events import gradients_of, options_of
from .scenario import (
    AddGroup,
    Event,
    Gradient,
    Load,
    New,
    OptionValues,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

__all__ = ["has_empty_step", "needed_claims", "plain_claims"]

T = TypeVar("T")

#: Options that some ports take above zero only, and the claim of those that do not.
_ZEROS = {
    "lr": "zero-lr",
    "eps": "zero-eps",
    "initial_accumulator_value": "zero-accumulator",
}


def _once(compute: Callable[[Scenario], T]) -> Callable[[Scenario], T]:
    """Keeps what is computed of a scenario with the scenario, which never changes."""

    @wraps(compute)
    def kept(scenario: Scenario) -> T:
        if compute not in scenario.derived:
            scenario.derived[compute] = compute(scenario)
        found: T = scenario.derived[compute]
        return found

    return kept


@_once
def needed_claims(scenario: Scenario) -> frozenset[str]:
    """The claims that a scenario needs; raises `ScenarioError` for an impossible one.

    Each is the name of a format, of an option, or of an ability such as `closure`.
    """
    return plain_claims(scenario) | set(_of_the_books(scenario))


@_once
def plain_claims(scenario: Scenario) -> frozenset[str]:
    """The claims that show without playing the scenario: all but those of rule 3."""
    found = set(scenario.formats)
    if len(scenario.formats) > 1:
        found.add("mixed-formats")
    for tensor in scenario.tensors.values():
        found |= set(_of_tensor(tensor))
    for event in scenario.events:
        found |= {
            *_of_event(event),
            *(claim for options in options_of(event) for claim in _of_options(options)),
            *(claim for given in gradients_of(event) for claim in _of_gradients(given)),
        }
    return frozenset(found)


def _of_tensor(tensor: Tensor) -> Iterator[str]:
    if tensor.complex:
        yield "complex"
    if tensor.layout is not None:
        yield "layout"


def _of_options(options: OptionValues) -> Iterator[str]:
    """No claim for lr, which every port has."""
    for name, value in options.items():
        if name != "lr":
            yield name.replace("_", "-")
        if value == 0 and name in _ZEROS:
            yield _ZEROS[name]


def _of_gradients(gradients: Mapping[str, Gradient]) -> Iterator[str]:
    for gradient in gradients.values():
        match gradient:
            case None:
                yield "none-gradient"
            case Sparse(values=values):
                yield "sparse"
                yield from _of_tensor(values)
            case Tensor():
                yield from _of_tensor(gradient)
            case _:
                assert_never(gradient)


def _of_event(event: Event) -> Iterator[str]:
    """What the kind of an event needs, apart from its options and gradients."""
    match event:
        case New(groups=groups, options=options):
            if not {"lr", "eps"} <= set(options):
                yield "defaults"
            if len(groups) > 1 or any(group.options for group in groups):
                yield "groups"
        case Step(loss=loss):
            if loss is not None:
                yield "closure"
        case Steps():
            yield from ("many-steps", "state")
        case SetOption(option=option):
            yield "set-lr" if option == "lr" else "set-option"
        case AddGroup(group=group):
            yield "add-group" if group.options else "add-params"
        case ZeroGrad():
            yield "zero-grad"
        case Read() | Save():
            yield "save"
        case Load(via=via):
            yield f"load-{via}"
        case SetState():
            yield "state-write"
        case _:
            assert_never(event)


def _of_the_books(scenario: Scenario) -> Iterator[str]:
    books = Bookkeeper(scenario)
    for event in scenario.events:
        effect = books.apply(event)
        if effect.refusal:
            yield "refusals"
        elif isinstance(event, Step | Steps):
            members = len(books.params(event.optimizer))
            taken = effect.runs if isinstance(event, Steps) else (effect.updates,)
            if any(len(updates) < members for updates in taken):
                yield "none-gradient"


@_once
def has_empty_step(scenario: Scenario) -> bool:
    """Whether it has a step in which no param of the optimizer has a gradient."""
    books = Bookkeeper(scenario)
    effects = [(event, books.apply(event)) for event in scenario.events]
    return any(
        not effect.updates if isinstance(event, Step) else not all(effect.runs)
        for event, effect in effects
        if isinstance(event, Step | Steps) and not effect.refusal
    )
