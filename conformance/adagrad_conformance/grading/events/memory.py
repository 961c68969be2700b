"""Gradients, and the memory around params that lie in a larger storage."""

from __future__ import annotations

from dataclasses import replace

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.grading.failure import FailureKind, Number
from adagrad_reference.flags import Flag
from adagrad_reference.scenario import Event, Sparse, Tensor, ZeroGrad
from adagrad_reference.sparse import exact_elements

from .progress import Played, Progress

__all__ = ["check_gradient", "check_guard"]


def check_gradient(
    progress: Progress, played: Played, place: Place, reading: Reading
) -> None:
    """The gradient is the one given last, or what `zero_grad` made of it."""
    books, param, shown = progress.books, place[1], reading.gradient
    due = books.gradients[param]
    if due is None and shown is None:
        return
    if shown is None:
        progress.case.fail(played.failure(FailureKind.GRADIENT_MISSING, place))
    elif due is None:
        zeros = isinstance(shown, Tensor) and not any(shown.values())
        if zeros and _may_bring_zeros(progress, played.event):
            books.gradients[param] = shown  # from now on they are zeros
            return
        progress.case.fail(played.failure(FailureKind.GRADIENT_APPEARED, place))
    elif isinstance(due, Sparse) or isinstance(shown, Sparse):
        if due != shown and exact_elements(due) != exact_elements(shown):
            progress.case.fail(played.failure(FailureKind.ROWS_CHANGED, place))
    else:
        if isinstance(played.event, ZeroGrad) and shown.values() == due.values():
            return  # -0 is zero too
        failure = played.failure(FailureKind.GRADIENT_CHANGED, place)
        progress.check_kept(failure, due, shown)


def _may_bring_zeros(progress: Progress, event: Event) -> bool:
    """Zeros where there was None are accepted, unless the scenario is about it."""
    zeroing = isinstance(event, ZeroGrad) and not event.set_to_none
    return zeroing and Flag.NONE_WANTED not in progress.scenario.flags


def check_guard(
    progress: Progress, played: Played, place: Place, reading: Reading
) -> None:
    """The elements of a storage that are not the param's keep their bits."""
    tensor = progress.scenario.tensors[place[1]]
    if tensor.layout is None or reading.storage is None:
        return
    own = tensor.layout.positions(tensor.shape)
    due = Number(tensor.fmt, tensor.layout.guard)
    around = list(reading.storage)
    for position in own:
        around[position] = due.bits
    if around.count(due.bits) == len(around):
        return
    for position, bits in enumerate(around):
        if bits != due.bits:
            seen = Number(tensor.fmt, bits)
            failure = played.failure(FailureKind.STORAGE, place)
            found = replace(failure, element=position, observed=seen, due=due)
            progress.case.fail(found)
            return
