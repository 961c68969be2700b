"""Units: each param at each event of each run, with its features and complaints.

A complaint is a typed failure; a unit is the place where it can occur.  Units without
complaints are the evidence against an explanation.  Features are what is known of the
event before the port acts: the search for conditions (conditions.py) reads them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from adagrad_conformance.execution.observations import Observation, Seen
from adagrad_conformance.grading.case import Case, StepsSeen
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_reference.events import gradients_of
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
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

_DEFAULTS = vars(Options())

__all__ = [
    "NUMERIC",
    "Features",
    "Unit",
    "decays",
    "drop_repeated",
    "features_of_event",
    "templates_of",
    "units_of",
]

Features = Mapping[str, Any]

#: Complaints about the numbers of a step; they are one complaint of one unit.
NUMERIC = frozenset(
    [
        *(FailureKind.THETA, FailureKind.SUM, FailureKind.NOT_FINITE),
        *(FailureKind.STILL, FailureKind.THETA_SIGN, FailureKind.SUM_SIGN),
        FailureKind.MASTER_ROUNDING,
    ]
)


@dataclass
class Unit:
    """One param at one event of one run, or an event or check as a whole."""

    piece: int  #: the number of the check
    run: int  #: the number of the run in it
    event: int
    optimizer: str
    param: str | None
    sort: str  #: units of one sort can have the same complaints
    features: Features
    failures: list[Failure] = field(default_factory=list)
    steps: StepsSeen | None = None
    row: int = -1  #: its place among the features of all units
    spoilt: bool = False  #: it had complaints that are explained: it tells no more

    @property
    def tells(self) -> bool:
        """Whether it speaks against an explanation: it could fail, and does not."""
        return not (self.failures or self.spoilt or self.features.get("size") == 0)

    def blank(self) -> Unit:
        """The unit before it is judged."""
        return Unit(
            *(self.piece, self.run, self.event, self.optimizer, self.param),
            *(self.sort, self.features),
        )

    @property
    def key(self) -> tuple[int, int, int, str, str | None]:
        """What tells it from all others."""
        return self.piece, self.run, self.event, self.optimizer, self.param


def templates_of(piece: int, run: int, seen: Seen) -> list[Unit]:
    """The units of one run, before it is judged."""
    return list(_walk(piece, run, seen)) if isinstance(seen, Observation) else []


def units_of(
    piece: int, run: int, seen: Seen, case: Case, templates: Sequence[Unit]
) -> list[Unit]:
    """The units of one run; each failure of the case is in one of them."""
    found: dict[tuple[int, str, str | None], Unit] = {}
    if isinstance(seen, Observation):
        for unit in templates:
            place = (unit.event, unit.optimizer, unit.param)
            found[place] = unit.blank()
        for steps in case.steps:
            place = (steps.event, steps.optimizer, steps.param)
            if place in found:
                found[place].steps = steps
                found[place].sort = "step"
    else:
        for steps in case.steps:
            place = (steps.event, steps.optimizer, steps.param)
            unit = Unit(piece, run, *place, "step", {}, steps=steps)
            found[place] = unit
    for failure in case.failures:
        place = (failure.event, failure.optimizer, failure.param)
        if place not in found:
            names = {
                "requirement": next(iter(case.check.requirements), ""),
                "check": case.check.id.rpartition("/")[0],
            }
            sort = "event" if isinstance(seen, Observation) else "check"
            found[place] = Unit(piece, run, *place, sort, names)
        found[place].failures.append(failure)
    units = list(found.values())
    drop_repeated(units)
    return units


#: Complaints that are made again at each later event, as long as nothing changes.
_LASTING = frozenset(
    [
        *(FailureKind.COUNTER, FailureKind.STORAGE, FailureKind.STATE_MISSING),
        *(FailureKind.GRADIENT_CHANGED, FailureKind.GRADIENT_MISSING),
        *(FailureKind.GRADIENT_APPEARED, FailureKind.ROWS_CHANGED),
    ]
)


def drop_repeated(units: Sequence[Unit]) -> None:
    """Keep the first of the same complaints about one param in a row of events."""
    last: dict[tuple[str, str | None], tuple[int, dict[FailureKind, Any]]] = {}
    for unit in sorted(units, key=lambda u: u.event):
        event, before = last.get((unit.optimizer, unit.param), (-1, {}))
        if event != unit.event - 1:
            before = {}
        now = {f.kind: _amount(f) for f in unit.failures if f.kind in _LASTING}
        kept = [
            f
            for f in unit.failures
            if f.kind not in now or before.get(f.kind, ...) != now[f.kind]
        ]
        unit.spoilt |= len(kept) < len(unit.failures)
        unit.failures = kept
        if before.get(FailureKind.COUNTER) and decays(unit):
            # lr follows a counter that is wrong already
            unit.failures = [f for f in unit.failures if f.kind not in NUMERIC]
            unit.spoilt = True
        last[unit.optimizer, unit.param] = unit.event, now


def decays(unit: Unit) -> bool:
    """Whether lr decays in the steps of a unit, so that they show its counter."""
    return unit.steps is not None and any(o.lr_decay for _, o in unit.steps.settings)


def _amount(failure: Failure) -> Any:
    """How far a counter is off; all other complaints are the same each time."""
    if failure.kind is FailureKind.COUNTER and failure.step is None:
        return int(str(failure.observed)) - int(str(failure.due))
    return None


# -- a walk over one run -------------------------------------------------------------


@dataclass
class _Optimizer:
    groups: list[Group]
    made: Mapping[str, Any]
    added: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    old: dict[tuple[int, str], Any] = field(default_factory=dict)  #: before a change
    loads: int = 0
    via: str = ""
    saves: int = 0
    written: set[str] = field(default_factory=set)
    stepped: set[str] = field(default_factory=set)
    rested: set[str] = field(default_factory=set)
    last: dict[str, Gradient] = field(default_factory=dict)
    zeroed: bool = False


def _walk(piece: int, run: int, seen: Observation) -> Iterator[Unit]:
    scenario = seen.scenario
    optimizers: dict[str, _Optimizer] = {}
    for number, (event, shown) in enumerate(
        zip(scenario.events, seen.events, strict=False)
    ):
        _make(event, optimizers)
        common = _of_event(scenario, event, optimizers)
        yield Unit(piece, run, number, event.optimizer, None, _sort(event), common)
        for (who, param), _ in shown.readings.items():
            its = optimizers.get(who)
            if its is None:
                continue
            own = _of_param(scenario, event, who, param, its)
            yield Unit(piece, run, number, who, param, _sort(event), {**common, **own})
        _apply(event, optimizers)


def features_of_event(scenario: Scenario, number: int) -> Features:
    """The features of an event as a whole: of one that ends a scenario."""
    optimizers: dict[str, _Optimizer] = {}
    for event in scenario.events[:number]:
        _make(event, optimizers)
        _apply(event, optimizers)
    _make(scenario.events[number], optimizers)
    return _of_event(scenario, scenario.events[number], optimizers)


def _make(event: Event, optimizers: dict[str, _Optimizer]) -> None:
    if isinstance(event, New):
        optimizers[event.optimizer] = _Optimizer(list(event.groups), event.options)


def _sort(event: Event) -> str:
    """Of a unit that takes no step."""
    return "rest"


def _of_event(
    scenario: Scenario, event: Event, optimizers: Mapping[str, _Optimizer]
) -> dict[str, Any]:
    its = optimizers.get(event.optimizer)
    groups = its.groups if its else []
    features: dict[str, Any] = {
        "event": type(event).__name__,
        "requirement": next(iter(scenario.requirements), ""),
        "formats": len(scenario.formats) > 1,
        "groups": len(groups),
        "params": sum(len(group.params) for group in groups),
        "optimizers": len(optimizers),
        "loads": its.loads if its else 0,
        "via": its.via if its else "",
        "closure": isinstance(event, Step) and event.loss is not None,
        "long": event.count if isinstance(event, Steps) else 0,
        "zero_grad": bool(its and its.zeroed),
        "first step": not (its and its.stepped),
        **_of_params(scenario, groups),
        **_of_all_gradients(event),
    }
    if isinstance(event, Load):
        features["via"] = event.via
    for name in ("lr", "eps", "lr_decay", "weight_decay", "initial_accumulator_value"):
        value = (its.made if its else {}).get(name)
        features[f"{name} given"] = value is not None
    return features


def _of_all_gradients(event: Event) -> dict[str, bool]:
    """What some gradient of a step is: one param may be wrong by that of another."""
    given = [g for each in gradients_of(event) for g in each.values()]
    kinds = _of_gradients(given)
    return {
        f"some {name}": kinds[name] for name in ("gradient None", "gradient sparse")
    }


def _of_params(scenario: Scenario, groups: Sequence[Group]) -> dict[str, bool]:
    """What some param of an optimizer has: for events that fail as a whole."""
    found = [scenario.tensors[name] for group in groups for name in group.params]
    dimensions = {len(tensor.shape) for tensor in found}
    return {
        **{f"some of {n} dimensions": n in dimensions for n in range(3)},
        **{f"some {name}": any(t.format == name for t in found) for name in FORMATS},
        "some empty": any(tensor.size == 0 for tensor in found),
        "some strided": any(tensor.layout is not None for tensor in found),
        "some complex": any(tensor.complex for tensor in found),
    }


def _of_param(
    scenario: Scenario, event: Event, who: str, param: str, its: _Optimizer
) -> dict[str, Any]:
    tensor = scenario.tensors[param]
    place = next((i for i, g in enumerate(its.groups) if param in g.params), 0)
    group = its.groups[place] if its.groups else Group((param,))
    same = [
        name
        for other in its.groups
        for name in other.params
        if name != param and scenario.tensors[name].shape == tensor.shape
    ]
    given = (
        [g.get(param, its.last.get(param)) for g in gradients_of(event)]
        if event.optimizer == who
        else []
    )
    gradient = given[0] if given else None
    options = {**its.made, **group.options}
    features: dict[str, Any] = {
        "own event": event.optimizer == who,
        "format": tensor.format,
        "dimensions": len(tensor.shape),
        "size": tensor.size,
        "complex": tensor.complex,
        "strided": tensor.layout is not None,
        "strided gradient": _is_strided(gradient),
        "strides": tensor.layout is not None or _is_strided(gradient),
        **_of_gradients(given),
        "first param": bool(group.params) and group.params[0] == param,
        "group": place,
        "own options": bool(group.options),
        "added": param in its.added,
        "same shape": bool(same),
        "rested before": param in its.rested,
        "stepped before": param in its.stepped,
        "written": param in its.written,
        "same gradient": gradient is not None and its.last.get(param) == gradient,
        "last gradient": its.last.get(param),
        "other gradient": event.gradients.get(same[0])
        if same and isinstance(event, Step)
        else None,
        "options changed": bool(its.changed),
        "made": {**_DEFAULTS, **its.made},
        "old": {n: v for (g, n), v in its.old.items() if g == place},
    }
    for name in options:
        features[f"{name} given"] = True
        features[f"own {name}"] = name in group.options
        features[f"changed {name}"] = name in its.changed
    return features


def _is_strided(gradient: Gradient) -> bool:
    return isinstance(gradient, Tensor) and gradient.layout is not None


def _of_gradients(given: Sequence[Gradient]) -> dict[str, bool]:
    kinds = ("None", "zero", "sparse", "dense", "empty", "repeated")
    words = dict.fromkeys(kinds, False)
    for g in given:
        match g:
            case None:
                words["None"] = True
            case Sparse():
                words["sparse"] = True
                words["empty"] |= not g.indices
                words["repeated"] |= len(set(g.indices)) < len(g.indices)
            case Tensor():
                words["dense"] = True
                words["zero"] |= bool(g.size) and not any(g.values())
    return {f"gradient {word}": holds for word, holds in words.items()}


def _apply(event: Event, optimizers: Mapping[str, _Optimizer]) -> None:
    its = optimizers.get(event.optimizer)
    if its is None:
        return
    match event:
        case AddGroup():
            its.groups.append(event.group)
            its.added.update(event.group.params)
        case SetOption():
            its.changed.add(event.option)
            own = its.groups[event.group].options if its.groups else {}
            before = own.get(event.option, its.made.get(event.option))
            its.old.setdefault((event.group, event.option), before)
            if before is None:
                its.old[event.group, event.option] = _DEFAULTS[event.option]
        case Load():
            its.loads += 1
            its.via = event.via
        case Save():
            its.saves += 1
        case SetState():
            its.written.add(event.param)
        case ZeroGrad():
            its.zeroed = True
        case Step() | Steps():
            for given in gradients_of(event):
                for name, gradient in given.items():
                    if gradient is None:
                        its.rested.add(name)
                    else:
                        its.stepped.add(name)
                    its.last[name] = gradient
        case New() | Read():
            pass
        case _:
            assert_never(event)
