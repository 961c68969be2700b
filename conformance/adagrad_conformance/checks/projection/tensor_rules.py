"""Projections that change tensors: the same numbers in a plainer form.

Every function takes a scenario and returns it changed, or None where nothing is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, assert_never

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.events import map_events, map_gradients, map_tensors
from adagrad_reference.formats import FORMATS, Format
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
    tensor,
)
from adagrad_reference.sparse import InexactSum, touched

__all__ = [
    "contiguous",
    "dense",
    "in_format",
    "of_one_format",
    "one_param",
    "real",
    "with_elements",
]


def _with_tensors(
    scenario: Scenario,
    change: Callable[[str, Tensor], Tensor],
    change_rows: Callable[[str, Sparse], Sparse] | None = None,
) -> Scenario:
    params = {name: change(name, t) for name, t in scenario.tensors.items()}
    changed = replace(scenario, tensors=params)
    return map_events(changed, lambda e: map_tensors(e, change, change_rows))


def contiguous(scenario: Scenario) -> Scenario:
    """Every tensor in a storage of its own, row-major."""
    return _with_tensors(scenario, lambda _, t: replace(t, layout=None))


def real(scenario: Scenario) -> Scenario:
    """Each complex tensor as pairs of reals, a last dimension of two."""

    def pairs(_: str, t: Tensor) -> Tensor:
        return replace(t, shape=(*t.shape, 2), complex=False) if t.complex else t

    def rows(name: str, gradient: Sparse) -> Sparse:
        if not gradient.values.complex:
            return gradient
        shape = (*gradient.shape, 2)
        return Sparse(shape, gradient.indices, pairs(name, gradient.values))

    return _with_tensors(scenario, pairs, rows)


def in_format(scenario: Scenario, fmt: Format) -> Scenario:
    """Every number rounded to another format."""

    def rounded(_: str, t: Tensor) -> Tensor:
        values = t.values()
        bits = tensor(fmt, values, (len(values),)).bits
        layout = t.layout
        if layout is not None:
            guard = FORMATS[t.format].decode(layout.guard)
            layout = replace(layout, guard=tensor(fmt, (guard,)).bits[0])
        return replace(t, format=fmt.name, bits=bits, layout=layout)

    return _with_tensors(scenario, rounded)


def dense(scenario: Scenario) -> Scenario | None:
    """Sparse gradients as dense ones with zeros, duplicate rows summed."""

    def spread(gradient: Gradient) -> Gradient:
        if not isinstance(gradient, Sparse):
            return gradient
        places, values = touched(gradient)
        given = gradient.values
        whole = Tensor(given.format, gradient.shape, (), given.complex)
        bits = [0] * (whole.size * (2 if given.complex else 1))
        for place, encoding in zip(places, values.bits, strict=True):
            bits[place] = encoding
        return replace(whole, bits=tuple(bits))

    def plain(event: Event) -> Event:
        return map_gradients(event, lambda g: {p: spread(x) for p, x in g.items()})

    try:
        return map_events(scenario, plain)
    except InexactSum:
        return None


def of_one_format(scenario: Scenario) -> Scenario | None:
    """The params of the format that most of them have."""
    counts = Counter(tensor.format for tensor in scenario.tensors.values())
    chosen = max(counts, key=lambda name: counts[name])
    kept = [name for name, t in scenario.tensors.items() if t.format == chosen]
    return _only(scenario, kept)


def one_param(scenario: Scenario) -> Scenario | None:
    """The one param that takes the most steps."""
    books, steps = Bookkeeper(scenario), Counter[str]()
    for event in scenario.events:
        effect = books.apply(event)
        for updates in (effect.updates, *effect.runs):
            steps.update(update.param for update in updates)
    if not steps:
        return None
    return _only(scenario, [max(scenario.tensors, key=lambda name: steps[name])])


def with_elements(scenario: Scenario) -> Scenario | None:
    """The params that are not of size 0; None where there are no others."""
    kept = [name for name, tensor in scenario.tensors.items() if tensor.bits]
    return _only(scenario, kept) if kept else None


def _only(scenario: Scenario, kept: Collection[str]) -> Scenario | None:
    """The scenario without all other params; groups that get empty are left out."""
    numbers: dict[str, list[int | None]] = {}  #: new numbers of an optimizer's groups
    events: list[Event] = []
    for event in scenario.events:
        changed: Event | None = event
        match event:
            case New(name, groups):
                left = [_of(group, kept) for group in groups]
                numbers[name] = _numbered(left)
                changed = replace(event, groups=tuple(g for g in left if g.params))
                if not changed.groups:
                    return None
            case AddGroup(name, group):
                left_over = _of(group, kept)
                known = numbers[name]
                number = len([n for n in known if n is not None])
                known.append(number if left_over.params else None)
                changed = replace(event, group=left_over) if left_over.params else None
            case SetOption(name, number):
                new = numbers[name][number]
                changed = None if new is None else replace(event, group=new)
            case SetState(param=param):
                changed = event if param in kept else None
            case Step() | Steps():
                changed = map_gradients(
                    event, lambda g: {p: x for p, x in g.items() if p in kept}
                )
            case ZeroGrad() | Read() | Save() | Load():
                pass
            case _:
                assert_never(event)
        if changed is not None:
            events.append(changed)
    tensors = {name: scenario.tensors[name] for name in kept}
    return replace(scenario, tensors=tensors, events=tuple(events))


def _of(group: Group, kept: Collection[str]) -> Group:
    return replace(group, params=tuple(p for p in group.params if p in kept))


def _numbered(groups: list[Group]) -> list[Any]:
    numbers, following = [], 0
    for group in groups:
        numbers.append(following if group.params else None)
        following += bool(group.params)
    return numbers
