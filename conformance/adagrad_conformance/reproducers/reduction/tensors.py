"""Moves that make tensors small: fewer elements, fewer dimensions, no layout.

A param, its gradients and its written states keep one shape, so they shrink together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from adagrad_reference.events import map_events, map_tensors
from adagrad_reference.events import tensors_of as brought
from adagrad_reference.scenario import (
    Layout,
    Scenario,
    Sparse,
    Step,
    Tensor,
)

from .events import chunks

__all__ = [
    "changed_tensors",
    "fewer_elements",
    "fewer_rows",
    "plainer_layouts",
    "swapped",
    "tensors_of",
]

Change = Callable[[Tensor], Tensor]


def fewer_elements(
    scenario: Scenario, param: str | None = None, element: int | None = None
) -> Iterator[Scenario]:
    """Some of the elements of each param; first of all the one at fault alone."""
    if param is not None and element is not None:
        yield _alone(scenario, param, element)
    for name, tensor in scenario.tensors.items():
        for axis, size in enumerate(tensor.shape):
            if size == 1:
                yield _changed(scenario, name, partial(_squeezed, axis=axis))
            for first, end in chunks(size):
                keep = [*range(first), *range(end, size)]
                if keep:
                    yield _cut(scenario, name, axis, keep)
            if size > 1:
                yield _cut(scenario, name, axis, [size - 1])
        if len(tensor.shape) > 1:
            yield _changed(scenario, name, _flattened)


def _alone(scenario: Scenario, param: str, element: int) -> Scenario:
    """One element of every param, of `param` that one."""
    for name, tensor in scenario.tensors.items():
        place = element if name == param and element < tensor.size else 0
        for axis, size in enumerate(tensor.shape):
            inner = math.prod(tensor.shape[axis + 1 :])
            if size > 1 and inner:
                scenario = _cut(scenario, name, axis, [place // inner % size])
    return scenario


def _cut(scenario: Scenario, name: str, axis: int, keep: list[int]) -> Scenario:
    """Some places along an axis of a param and all that has its shape."""

    def cut(tensor: Tensor) -> Tensor:
        return _taken(tensor, axis, keep)

    def cut_rows(gradient: Sparse) -> Sparse:
        shape = _with_size(gradient.shape, axis, len(keep))
        if axis:
            return Sparse(shape, gradient.indices, cut(gradient.values))
        rows = [k for k, index in enumerate(gradient.indices) if index in keep]
        indices = tuple(keep.index(gradient.indices[k]) for k in rows)
        return Sparse(shape, indices, _taken(gradient.values, 0, rows))

    return _changed(scenario, name, cut, cut_rows)


def _with_size(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _taken(tensor: Tensor, axis: int, keep: list[int]) -> Tensor:
    """Some places along an axis; a layout keeps its strides where that is possible."""
    width = 2 if tensor.complex else 1
    inner = math.prod(tensor.shape[axis + 1 :]) * width
    outer = math.prod(tensor.shape[:axis])
    size = tensor.shape[axis]
    bits = tuple(
        b
        for row in range(outer)
        for k in keep
        for b in tensor.bits[(row * size + k) * inner : (row * size + k + 1) * inner]
    )
    layout, shape = tensor.layout, _with_size(tensor.shape, axis, len(keep))
    if layout is not None and keep:
        step = keep[1] - keep[0] if len(keep) > 1 else 1
        if keep != list(range(keep[0], keep[0] + step * len(keep), step or 1)):
            layout = None
        else:
            strides = _with_size(layout.strides, axis, layout.strides[axis] * step)
            offset = layout.offset + keep[0] * layout.strides[axis]
            layout = replace(layout, offset=offset, strides=strides)
    return Tensor(tensor.format, shape, bits, tensor.complex, layout)


def _squeezed(tensor: Tensor, axis: int) -> Tensor:
    """Without a dimension of one place; the last one stays."""
    shape = tensor.shape[:axis] + tensor.shape[axis + 1 :] or (1,)
    layout = tensor.layout
    if layout is not None and len(tensor.shape) > 1:
        strides = layout.strides[:axis] + layout.strides[axis + 1 :]
        layout = replace(layout, strides=strides)
    return replace(tensor, shape=shape, layout=layout)


def _flattened(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(tensor.size,), layout=None)


def fewer_rows(scenario: Scenario) -> Iterator[Scenario]:
    """Some of the rows of a sparse gradient."""
    for number, event in enumerate(scenario.events):
        if not isinstance(event, Step):
            continue
        for name, gradient in event.gradients.items():
            if not isinstance(gradient, Sparse):
                continue
            for first, end in chunks(len(gradient.indices)):
                keep = [k for k in range(len(gradient.indices)) if not first <= k < end]
                rows = Sparse(
                    gradient.shape,
                    tuple(gradient.indices[k] for k in keep),
                    _taken(gradient.values, 0, keep),
                )
                fewer = replace(event, gradients={**event.gradients, name: rows})
                events = [*scenario.events]
                events[number] = fewer
                yield replace(scenario, events=tuple(events))


def plainer_layouts(scenario: Scenario) -> Iterator[Scenario]:
    """No layout at all, none for one tensor, or a shorter storage."""
    yield changed_tensors(scenario, lambda t: replace(t, layout=None))
    laid_out = dict.fromkeys(t for t in tensors_of(scenario) if t.layout is not None)
    for tensor in laid_out:
        for layout in _plainer(tensor):
            plainer = replace(tensor, layout=layout)
            yield changed_tensors(scenario, swapped(tensor, plainer))


def swapped(old: Tensor, new: Tensor) -> Change:
    """The change of one tensor, wherever it occurs, to another."""
    return lambda tensor: new if tensor == old else tensor


def _plainer(tensor: Tensor) -> Iterator[Layout | None]:
    layout = tensor.layout
    assert layout is not None
    yield None
    places = layout.positions(tensor.shape)
    if places:
        start = min(places)
        yield replace(layout, offset=layout.offset - start, length=max(places) + 1)
        yield replace(layout, length=max(places) + 1)
        yield replace(layout, length=max(places) + 2)


# -- through a whole scenario ------------------------------------------------------


def tensors_of(scenario: Scenario) -> Iterator[Tensor]:
    """Every tensor: params, written states, gradients, the values of sparse ones."""
    yield from scenario.tensors.values()
    for event in scenario.events:
        yield from brought(event)


def changed_tensors(
    scenario: Scenario, change: Change, given: Change | None = None
) -> Scenario:
    """The scenario with every tensor changed; sparse gradients in their values.

    With `given`, that is done to gradients and states, and `change` to params alone.
    """
    other = given or change
    for name in scenario.tensors:
        scenario = _changed(
            scenario, name, other, lambda g: replace(g, values=other(g.values)), change
        )
    return scenario


def _changed(
    scenario: Scenario,
    name: str,
    change: Change,
    change_rows: Callable[[Sparse], Sparse] = lambda gradient: gradient,
    change_param: Change | None = None,
) -> Scenario:
    """The scenario with a param, its gradients and its states changed alike."""

    def tensor(param: str, old: Tensor) -> Tensor:
        return change(old) if param == name else old

    def rows(param: str, old: Sparse) -> Sparse:
        return change_rows(old) if param == name else old

    tensors = dict(scenario.tensors)
    tensors[name] = (change_param or change)(tensors[name])
    changed = map_events(scenario, lambda event: map_tensors(event, tensor, rows))
    return replace(changed, tensors=tensors)
