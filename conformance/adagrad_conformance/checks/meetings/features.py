"""The features that meet at the steps of a scenario, found in its events.

They are found in what is played, and in no row of the covering array: so they are right
for scenarios of every family, and for those that were fitted to a port.

Rule 1.  The events of a param's past are those before its latest step; the latest of
         those since then is `later`.
Rule 2.  A param that joins brings the events of its optimizer.  A load brings back the
         events until the save.
Rule 3.  A refused event is no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.effects import Effect
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
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

from .space import OPTION_VALUES, Feature, class_of, size_class

__all__ = ["features", "meetings"]

_TAU = "initial_accumulator_value"


def features(scenario: Scenario) -> frozenset[Feature]:
    """Every feature that some step of some param has."""
    return frozenset(feature for met in meetings(scenario) for feature in met)


def meetings(scenario: Scenario) -> frozenset[frozenset[Feature]]:
    """The features of each step of each param; equal sets stand once.

    They are kept with the scenario, which never changes.
    """
    if meetings not in scenario.derived:
        watch = _Watch(scenario)
        found: set[frozenset[Feature]] = set()
        for event in scenario.events:
            found.update(watch.follow(event))
        scenario.derived[meetings] = frozenset(found)
    kept: frozenset[frozenset[Feature]] = scenario.derived[meetings]
    return kept


@dataclass
class _Past:
    """What has happened to a param, or to an optimizer as a whole."""

    before: frozenset[str] = frozenset()
    since: tuple[str, ...] = ()
    dense: bool = False
    by_rows: bool = False

    def note(self, event: str) -> None:
        """An event happens."""
        self.since = (*self.since, event)

    def step(self, by_rows: bool) -> None:
        """A step is taken: all events are of the past."""
        self.before |= frozenset(self.since)
        self.since = ()
        self.dense, self.by_rows = self.dense or not by_rows, self.by_rows or by_rows


@dataclass
class _Group:
    """The options of a group when it was made, and those set since."""

    source: str
    made: Options
    trails: dict[str, list[float | bool]] = field(default_factory=dict)

    def set(self, option: str, now: float | bool, value: float | bool) -> bool:
        """Note a new value; return whether it is one that was changed before."""
        trail = self.trails.setdefault(option, [now])
        trail.append(value)
        return len(trail) > 2 and trail[-3] == value != trail[-2]

    def origin(self, now: Options) -> str:
        """Where the options that are now in force come from."""
        changed = any(getattr(now, k) != getattr(self.made, k) for k in self.trails)
        return "set" if changed else self.source


@dataclass
class _Optimizer:
    """What is known of an optimizer beside its books."""

    groups: list[_Group]
    pasts: dict[str, _Past]
    whole: _Past = field(default_factory=_Past)
    fresh: bool = True  #: it has not stepped

    def copy(self) -> _Optimizer:
        """A copy that later events do not change."""
        groups = [
            replace(g, trails={k: list(v) for k, v in g.trails.items()})
            for g in self.groups
        ]
        pasts = {name: replace(past) for name, past in self.pasts.items()}
        return _Optimizer(groups, pasts, replace(self.whole), self.fresh)

    def note(self, event: str, params: Iterable[str] | None = None) -> None:
        """An event of the whole optimizer, or of some params."""
        if params is None:
            self.whole.note(event)
        for name in self.pasts if params is None else params:
            self.pasts[name].note(event)


class _Watch:
    """Follows the events of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.books = Bookkeeper(scenario)
        self.known: dict[str, _Optimizer] = {}
        self.saved: dict[str, _Optimizer] = {}
        self.fixed = {
            name: (
                ("format", t.format),
                ("number", "complex" if t.complex else "real"),
                ("param-layout", _layout(t)),
                ("shape", _shape(t.shape)),
                ("size", size_class(t.size)),
            )
            for name, t in scenario.tensors.items()
        }

    def follow(self, event: Event) -> Iterator[frozenset[Feature]]:
        """Apply an event; yield what meets where a param takes a step."""
        before = self._options(event) if isinstance(event, SetOption) else None
        effect = self.books.apply(event)
        if effect.refusal:
            return
        match event:
            case New():
                self._new(event)
            case Step():
                yield from self._step(event, effect)
            case Steps():
                yield from self._steps(event, effect)
            case SetOption():
                assert before is not None
                self._set_option(event, getattr(before, event.option))
            case AddGroup():
                self._add_group(event)
            case ZeroGrad(optimizer=who, set_to_none=to_none):
                self.known[who].note("freed" if to_none else "zeroed")
            case Save(optimizer=who, name=name):
                self.saved[name] = self.known[who].copy()
            case Load():
                self._load(event)
            case SetState(optimizer=who, param=param):
                self.known[who].note("written", (param,))
            case Read():
                pass
            case _:
                assert_never(event)

    # -- events ----------------------------------------------------------------------

    def _options(self, event: SetOption) -> Options:
        return self.books.groups(event.optimizer)[event.group][1]

    def _new(self, event: New) -> None:
        books = self.books.groups(event.optimizer)
        groups = [
            _Group("group" if given.options else "constructor", options)
            for given, (_, options) in zip(event.groups, books, strict=True)
        ]
        pasts = {name: _Past() for params, _ in books for name in params}
        self.known[event.optimizer] = _Optimizer(groups, pasts)

    def _add_group(self, event: AddGroup) -> None:
        known, given = self.known[event.optimizer], event.group
        options = self.books.groups(event.optimizer)[-1][1]
        before = known.whole.before | set(known.whole.since)
        known.note("extended")
        source = "group" if given.options else "constructor"
        known.groups.append(_Group(source, options))
        for name in given.params:
            known.pasts[name] = _Past(before, ("joined",))

    def _set_option(self, event: SetOption, now: float | bool) -> None:
        known = self.known[event.optimizer]
        if known.groups[event.group].set(event.option, now, event.value):
            params = self.books.groups(event.optimizer)[event.group][0]
            known.whole.note("changed")
            known.note("changed", params)

    def _load(self, event: Load) -> None:
        target, saved = self.known[event.optimizer], self.saved[event.name].copy()
        fresh = target.fresh
        if event.via == "same-object":
            word = "same-object"
        elif not fresh:
            word = "reloaded"
        else:
            word = "fresh-deepcopy" if event.via == "deepcopy" else "fresh-bytes"
        pasts = dict(zip(target.pasts, saved.pasts.values(), strict=True))
        for name, past in pasts.items():  # the kinds of gradients are not forgotten
            past.dense |= target.pasts[name].dense
            past.by_rows |= target.pasts[name].by_rows
        loaded = _Optimizer(saved.groups, pasts, saved.whole, fresh=False)
        loaded.note(word)
        if event.via == "new-process":
            self.known = {}
        self.known[event.optimizer] = loaded

    # -- steps -----------------------------------------------------------------------

    def _step(self, event: Step, effect: Effect) -> Iterator[frozenset[Feature]]:
        known = self.known[event.optimizer]
        if event.loss is not None:
            known.note("closure")
        moved = [update.param for update in effect.updates]
        yield from self._taken(event.optimizer, moved, self.books.gradients)

    def _steps(self, event: Steps, effect: Effect) -> Iterator[frozenset[Feature]]:
        """The first two rounds of a cycle, after which nothing new is met."""
        assert effect.run is not None
        given: dict[str, Gradient] = dict(self.books.gradients)
        for number, moves in enumerate(effect.run.rounds):
            given.update(event.cycle[number % len(event.cycle)])
            yield from self._taken(event.optimizer, [m.param for m in moves], given)

    def _taken(
        self, who: str, moved: list[str], given: Mapping[str, Gradient]
    ) -> Iterator[frozenset[Feature]]:
        """What meets at one step of the optimizer, which is then of the past."""
        known = self.known[who]
        for number, (params, options) in enumerate(self.books.groups(who)):
            ours = self._of_the_group(known, number, len(params), options)
            for name in params:
                gradient = given[name]
                if name not in moved or gradient is None:
                    continue
                past, by_rows = known.pasts[name], isinstance(gradient, Sparse)
                events = _of_the_past(past)
                past.step(by_rows)
                of_it = _of_the_gradient(past, gradient)
                yield frozenset((*self.fixed[name], *ours, *of_it, *events))
                if _is_zero(gradient):
                    past.note("zero")
        known.whole.step(False)
        known.fresh = False
        known.note("none", [name for name in known.pasts if name not in moved])
        self._notice(who, moved)

    def _notice(self, who: str, moved: list[str]) -> None:
        """Other optimizers over the params that moved, or over none of them."""
        for name, other in self.known.items():
            if name == who or other.fresh:
                continue
            shared = [param for param in moved if param in other.pasts]
            if shared:
                other.note("shared", shared)
            else:
                other.note("apart")

    def _of_the_group(
        self, known: _Optimizer, number: int, count: int, options: Options
    ) -> tuple[Feature, ...]:
        return (
            ("groups", _at_most(len(known.groups), (1, 2, 3, 17))),
            ("params", _at_most(count, (1, 2, 5))),
            ("source", known.groups[number].origin(options)),
            ("maximize", "yes" if options.maximize else "no"),
            *((name, class_of(name, getattr(options, name))) for name in OPTION_VALUES),
        )


def _at_most(count: int, limits: tuple[int, ...]) -> str:
    """The smallest limit that a number does not exceed; beyond all of them 64."""
    return str(next((limit for limit in limits if count <= limit), 64))


def _of_the_past(past: _Past) -> tuple[Feature, ...]:
    *others, last = past.since or ("plain",)
    earlier = past.before | set(others) or {"plain"}
    return (("later", last), *(("earlier", name) for name in sorted(earlier)))


def _of_the_gradient(past: _Past, gradient: Tensor | Sparse) -> tuple[Feature, ...]:
    """Its kind, with the kinds of the past, and its layout."""
    if past.dense and past.by_rows:
        kind = "in-turn"
    elif not isinstance(gradient, Sparse):
        kind = "dense"
    else:
        twice = len(set(gradient.indices)) < len(gradient.indices)
        kind = "rows-twice" if twice else "rows"
    layout = _layout(gradient) if isinstance(gradient, Tensor) else "contiguous"
    return (("kind", kind), ("gradient-layout", layout))


def _is_zero(gradient: Tensor | Sparse) -> bool:
    values = gradient.values if isinstance(gradient, Sparse) else gradient
    return bool(values.bits) and not any(values.bits)


def _shape(shape: tuple[int, ...]) -> str:
    wide = sum(extent > 1 for extent in shape)
    if len(shape) < 2 or wide > 1 or len(shape) > 2:
        return ("scalar", "line", "sheet")[len(shape)] if len(shape) < 3 else "cube"
    return "row" if shape[0] == 1 else "column"


def _layout(tensor: Tensor) -> str:
    """The class of a tensor's layout, by its strides and its offset."""
    layout = tensor.layout
    if layout is None:
        return "contiguous"
    wide = [
        (stride, extent)
        for stride, extent in zip(layout.strides, tensor.shape, strict=True)
        if extent > 1
    ]
    strides = [stride for stride, _ in wide]
    if 0 in strides:
        return "expanded"
    if sorted(strides, reverse=True) != strides:
        return "transposed"
    inner = 1
    for stride, extent in reversed(wide):
        if stride != inner:
            return "strided"
        inner *= extent
    return "offset" if layout.offset else "contiguous"
