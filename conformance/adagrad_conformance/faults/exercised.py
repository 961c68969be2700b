"""Which runs exercise a switch: in all others it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from adagrad_conformance.execution.observations import Observation, Seen
from adagrad_reference.events import gradients_of, options_of
from adagrad_reference.scenario import (
    AddGroup,
    Load,
    New,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

__all__ = ["exercises"]


def exercises(seen: Seen, switch: str) -> bool:
    """Whether a value of the switch may change anything in a run."""
    if not isinstance(seen, Observation):
        return True  # host code, of which no scenario tells
    test = _TESTS.get(switch)
    return test is None or test(seen.scenario)


def _on(*names: str) -> Callable[[Scenario], bool]:
    """Whether one of these options is given, and is not 0 or False."""

    def test(scenario: Scenario) -> bool:
        given = (
            (name, value)
            for event in scenario.events
            for options in options_of(event)
            for name, value in options.items()
        )
        return any(name in names and value for name, value in given)

    return test


def _has(*kinds: type) -> Callable[[Scenario], bool]:
    return lambda scenario: any(isinstance(e, kinds) for e in scenario.events)


def _gradients(scenario: Scenario) -> Iterable[object]:
    return (
        gradient
        for event in scenario.events
        for given in gradients_of(event)
        for gradient in given.values()
    )


def _rests(scenario: Scenario) -> bool:
    """Whether a param of an optimizer is left out of a step."""
    if any(gradient is None for gradient in _gradients(scenario)):
        return True
    return len(scenario.tensors) > 1 or _has(ZeroGrad)(scenario)


def _has_zeros(scenario: Scenario) -> bool:
    return any(
        isinstance(g, Tensor) and any(not v for v in g.values())
        for g in _gradients(scenario)
    ) or _has(ZeroGrad)(scenario)


def _several(scenario: Scenario) -> bool:
    groups = [e for e in scenario.events if isinstance(e, New) and len(e.groups) > 1]
    own = (e for e in scenario.events if isinstance(e, New))
    return (
        bool(groups)
        or _has(SetOption, AddGroup)(scenario)
        or any(group.options for event in own for group in event.groups)
    )


_steps = _has(Step, Steps)

_TESTS: Mapping[str, Callable[[Scenario], bool]] = {
    "counter": lambda s: len(s.events) > 1,
    "rate": _on("lr_decay"),
    "decay": _on("weight_decay"),
    "eps": _steps,
    "square": _steps,
    "accumulator": _steps,
    "guard": _steps,
    "inverse": _steps,
    "update": _steps,
    "maximize": _on("maximize"),
    "none": _rests,
    "zero": _has_zeros,
    "options": _several,
    "load": _has(Load),
    "zero_grad": _has(ZeroGrad),
    "scalars": lambda s: _steps(s) or _has(SetState)(s),
}
