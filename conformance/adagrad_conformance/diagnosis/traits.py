"""What failed checks have in common, where no dialect explains them.

A `Trait` is something that a check has (weight decay, a load, rows as gradients), or
that its failure shows (a counter that is wrong).  The trait that best separates the
checks that failed from those that passed, by the harmonic mean of precision and
recall, names the class of the fault.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from adagrad_conformance.checks.kinds import Adaptive, Check, NativeCheck, Relation
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.events import gradients_of, number_of_steps, options_of
from adagrad_reference.scenario import (
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

__all__ = ["Pattern", "Trait", "pattern", "traits_of"]


@dataclass(frozen=True)
class Trait:
    """Something that checks have, in words, and the class of fault that it hints at."""

    kind: str
    words: str
    #: how far a hint goes beside others: the broad ones yield to the narrow ones
    weight: float = 1.0
    #: what only a failure shows is weighed against the passed checks that have this
    base: Trait | None = None


@dataclass(frozen=True)
class Pattern:
    """The trait that fits best; `failed` and `passed` checks have it."""

    kind: str
    words: str
    failed: int
    passed: int


# -- what a check has ------------------------------------------------------------------

_OPTION_TRAITS = {
    "weight_decay": Trait("decay", "weight_decay is on"),
    "maximize": Trait("decay", "maximize is on"),
    "initial_accumulator_value": Trait(
        "formula", "initial_accumulator_value is set", 0.95
    ),
}
_THIRD = Trait("rate", "lr_decay acts on a third step", 0.98)
_LATE = Trait("rate", "lr_decay acts on a step beyond the 1,000th")
_DECAYED = Trait("rate", "lr_decay acts on a later step", 0.98)
_GROUPS = Trait("state", "there are several groups", 0.95)
_OPTIMIZERS = Trait("state", "there are several optimizers", 0.97)
_ADDED = Trait("state", "a group is added")
_CHANGED = Trait("state", "an option of a group is changed")
_LOADED = Trait("state", "a state is loaded")
_NONE = Trait("gradients", "a gradient is None")
_ZERO = Trait("gradients", "a gradient is zero")
_ZEROED = Trait("gradients", "zero_grad is called")
_CLOSURE = Trait("gradients", "a closure is given")
_ROWS = Trait("sparse", "a gradient is sparse")
_COMPLEX = Trait("complex", "a param is complex")
_LAYOUT = Trait("layout", "a param or gradient has strides of its own")
_MIXED = Trait("layout", "params have several formats")
_LARGE = Trait("layout", "a param has more than 16 elements", 0.97)
_DEEP = Trait("layout", "a param has more than three dimensions")
_SINGLE = Trait("layout", "a param has one element", 0.97)
_SHAPED = Trait("layout", "a param is a scalar, empty or has several dimensions", 0.97)
_LONG = Trait("formula", "a run has more than 1,000 steps")
_SPECIAL = Trait("numerics", "a gradient or param is not finite")
_EPS = Trait("formula", "eps is not small beside the gradients", 0.9)
_FORMATS = {
    "binary64": Trait("numerics", "a param is binary64", 0.9),
    "binary32": Trait("numerics", "a param is binary32", 0.9),
    "bfloat16": Trait("numerics", "a param is bfloat16", 0.9),
    "binary16": Trait("numerics", "a param is binary16", 0.9),
}
_ANY = Trait("formula", "it takes a step", 0.8)
_TWO = Trait("rate", "it takes several steps", 0.5)
_NUMERIC = Trait("numerics", "values are a few ulp off", 0.84, _ANY)
_COUNTER = Trait("rate", "the step counter is wrong", 0.9, _TWO)
_LEFT_OUT = {
    name: Trait("interface", f"{name} is left to its default", 0.9)
    for name in ("lr_decay", "weight_decay", "maximize", "initial_accumulator_value")
}


def traits_of(check: Check) -> set[Trait]:
    """What a check has: its requirements', and those of its scenario."""
    traits = {
        Trait(
            REQUIREMENTS[name].classification.fault_class,
            f"the requirement is {name}",
            0.93,
        )
        for name in check.requirements
        if name in REQUIREMENTS
    }
    match check:
        case Scenario():
            traits |= set(_scenario_traits(check))
        case Relation():
            traits |= {*_scenario_traits(check.left), *_scenario_traits(check.right)}
        case NativeCheck() | Adaptive():
            pass
    return traits


def _scenario_traits(scenario: Scenario) -> Iterator[Trait]:
    for tensor in scenario.tensors.values():
        yield from _tensor_traits(tensor)
        yield _FORMATS[tensor.format]
    if len(scenario.formats) > 1:
        yield _MIXED
    if len({event.optimizer for event in scenario.events}) > 1:
        yield _OPTIMIZERS
    given = {name for options in _options(scenario.events) for name in options}
    yield from (trait for name, trait in _LEFT_OUT.items() if name not in given)
    if _later(scenario.events):
        yield _TWO
    for options in _options(scenario.events):
        for name, trait in _OPTION_TRAITS.items():
            if options.get(name):
                yield trait
        if options.get("eps", 0) > 1e-6:
            yield _EPS
    decays = any(options.get("lr_decay") for options in _options(scenario.events))
    if decays and _later(scenario.events):
        yield _DECAYED
        if _steps(scenario.events) > 2:
            yield _THIRD
    if decays and any(_far(event) for event in scenario.events):
        yield _LATE
    for event in scenario.events:
        yield from _event_traits(event)


def _far(event: Event) -> bool:
    return (isinstance(event, SetState) and event.t > 1000) or (
        isinstance(event, Steps) and event.count > 1000
    )


def _steps(events: Sequence[Event]) -> int:
    return sum(map(number_of_steps, events))


def _later(events: Sequence[Event]) -> bool:
    """Whether some step is not the first one."""
    return _steps(events) > 1 or any(
        isinstance(e, SetState) and e.t > 0 for e in events
    )


def _options(events: Iterable[Event]) -> Iterator[OptionValues]:
    for event in events:
        yield from options_of(event)


def _event_traits(event: Event) -> Iterator[Trait]:
    match event:
        case New(groups=groups):
            if len(groups) > 1:
                yield _GROUPS
        case AddGroup():
            yield _ADDED
        case SetOption():
            yield _CHANGED
        case Load():
            yield _LOADED
        case ZeroGrad():
            yield _ZEROED
        case Step(loss=loss):
            yield _ANY
            if loss is not None:
                yield _CLOSURE
        case Steps(count=count):
            yield _ANY
            if count > 1000:
                yield _LONG
        case Read() | Save() | SetState():
            pass
        case _:
            assert_never(event)
    for gradients in gradients_of(event):
        for gradient in gradients.values():
            yield from _gradient_traits(gradient)


def _gradient_traits(gradient: Gradient) -> Iterator[Trait]:
    match gradient:
        case None:
            yield _NONE
        case Sparse():
            yield _ROWS
        case Tensor():
            yield from _tensor_traits(gradient)
            if _is_zero(gradient):
                yield _ZERO
        case _:
            assert_never(gradient)


def _is_zero(gradient: Tensor) -> bool:
    values = gradient.values()
    return bool(values) and not any(values)


def _tensor_traits(tensor: Tensor) -> Iterator[Trait]:
    if tensor.complex:
        yield _COMPLEX
    if tensor.layout is not None:
        yield _LAYOUT
    if tensor.size > 16:
        yield _LARGE
    if len(tensor.shape) > 3:
        yield _DEEP
    if tensor.size == 1:
        yield _SINGLE
    if len(tensor.shape) != 1 or not tensor.size:
        yield _SHAPED
    if not all(map(math.isfinite, tensor.values())):
        yield _SPECIAL


# -- what a failure shows --------------------------------------------------------------

_GRADIENT = Trait("gradients", "a gradient is not what it must be", 0.96)
_CALLED = Trait("gradients", "the closure is not called as it must be")
_TWO_RUNS = Trait("layout", "two legal runs differ in their bits", 0.92)

#: What a kind of failure hints at by itself.
_BY_KIND: Mapping[FailureKind, Trait] = {
    FailureKind.COUNTER: _COUNTER,
    FailureKind.OTHER_COUNTER: _COUNTER,
    FailureKind.GRADIENT_CHANGED: _GRADIENT,
    FailureKind.GRADIENT_MISSING: _GRADIENT,
    FailureKind.GRADIENT_APPEARED: _GRADIENT,
    FailureKind.ROWS_CHANGED: Trait("sparse", "a sparse gradient changed"),
    FailureKind.CALLS: _CALLED,
    FailureKind.CLOSURE_PARAM: _CALLED,
    FailureKind.LOSS: _CALLED,
    FailureKind.STORAGE: Trait("layout", "memory outside the param is written"),
    FailureKind.INITIAL_SUM: Trait(
        "formula", "S does not start at its initial value", 0.9
    ),
    FailureKind.ACCEPTED: Trait("interface", "what must be refused is accepted", 0.92),
    FailureKind.OTHER_THETA: _TWO_RUNS,
    FailureKind.OTHER_SUM: _TWO_RUNS,
    FailureKind.REFUSED: Trait("interface", "what is legal is refused", 0.85),
}


def _shown(check: Check, verdict: Verdict) -> set[Trait]:
    failure = verdict.failure
    traits = {_BY_KIND[failure.kind]} if failure and failure.kind in _BY_KIND else set()
    if verdict.margin is not None and verdict.margin < 1000:
        traits.add(_NUMERIC)
    if verdict.failure and isinstance(check, Scenario):
        traits |= set(_place_traits(check, verdict.failure))
    if verdict.status.broke_off:
        traits.add(Trait("interface", f"it ends in: {verdict.status}", 0.6))
    return traits


def _place_traits(scenario: Scenario, failure: Failure) -> Iterator[Trait]:
    """What stands out at the event and the param that failed first."""
    event = scenario.events[failure.event]
    added = {
        param
        for earlier in scenario.events[: failure.event + 1]
        if isinstance(earlier, AddGroup)
        for param in earlier.group.params
    }
    if failure.param in added:
        yield Trait("state", "it is a param of an added group that fails", 0.97)
    match event:
        case Load():
            yield Trait("state", "it fails at a load", 0.97)
        case AddGroup():
            yield Trait("state", "it fails where a group is added", 0.97)
        case ZeroGrad():
            yield Trait("gradients", "it fails at zero_grad", 0.97)
        case Step(gradients=gradients) if failure.param:
            gradient = gradients.get(failure.param, ...)
            if gradient is None:
                yield Trait("gradients", "a param without a gradient fails", 0.97)
            elif isinstance(gradient, Tensor) and _is_zero(gradient):
                words = "a param with a zero gradient fails"
                yield Trait("gradients", words, 0.95, _ZERO)
        case New() | Step() | Steps() | SetOption() | Read() | Save() | SetState():
            pass
        case _:
            assert_never(event)
    size = scenario.tensors[failure.param].size if failure.param else 0
    if failure.element and size > 16 and failure.element >= 8:
        words = "the first elements of a large param are right"
        yield Trait("layout", words, 0.95, _LARGE)


# -- the best one ----------------------------------------------------------------------


def pattern(checks: Sequence[tuple[Check, Verdict]]) -> Pattern:
    """The trait that best tells the failed checks from the others."""
    failed: dict[Trait, int] = defaultdict(int)
    passed: dict[Trait, int] = defaultdict(int)
    total = 0
    for check, verdict in checks:
        fails = verdict.status.is_failure
        total += fails
        counts = failed if fails else passed
        for trait in traits_of(check) | (_shown(check, verdict) if fails else set()):
            counts[trait] += 1

    def fit(trait: Trait) -> tuple[float, str]:
        hits, others = failed[trait], passed[trait.base or trait]
        precision, recall = hits / (hits + others), hits / total
        return trait.weight * 2 * precision * recall / (precision + recall), trait.words

    best = max(failed, key=fit)
    return Pattern(best.kind, best.words, failed[best], passed[best])
