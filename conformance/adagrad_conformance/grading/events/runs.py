"""An event of many steps: each step of each param, from what was shown before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from adagrad_conformance.adapters.base import Trace
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.grading.case import Bits, StepsSeen
from adagrad_conformance.grading.failure import FailureKind
from adagrad_reference.effects import Update
from adagrad_reference.formats import FORMATS
from adagrad_reference.row_wise import row_size
from adagrad_reference.scenario import Tensor

from .progress import Played, Progress

__all__ = ["check_run"]


def check_run(progress: Progress, played: Played) -> None:
    """Check the traces of all params, and that their ends are what is read."""
    effect, shown = played.effect, played.shown
    for param, trace in (shown.trace or {}).items():
        place = (played.event.optimizer, param)
        taken = {
            i: update
            for i, updates in enumerate(effect.runs)
            for update in updates
            if update.param == param
        }
        _check_trace(progress, played, place, trace, taken)
        reading = shown.readings[place]
        width = len(reading.theta.bits)
        stepped = reading.master or reading.theta
        last = replace(stepped, bits=trace.theta[len(trace.theta) - width :])
        own = reading.master is None
        kind = FailureKind.THETA_CHANGED if own else FailureKind.MASTER_CHANGED
        progress.check_kept(played.failure(kind, place), last, stepped)
        if reading.state_sum is not None:
            bits = trace.state_sum[len(trace.state_sum) - width :]
            total = replace(reading.state_sum, bits=bits)
            failure = played.failure(FailureKind.SUM_CHANGED, place)
            progress.check_kept(failure, total, reading.state_sum)


def _check_trace(
    progress: Progress,
    played: Played,
    place: Place,
    trace: Trace,
    taken: Mapping[int, Update],
) -> None:
    total = progress.sums.get(place)
    if total is None:
        if 0 not in taken:
            progress.case.fail(played.failure(FailureKind.STATE_MISSING, place))
            return
        total = progress.first_sum(taken[0], FORMATS[trace.format])
        assert total is not None
    _check_counters(progress, played, place, trace)
    before = progress.stepped(place)
    theta = (*before.bits, *trace.theta)
    sums = (*total.bits, *trace.state_sum)
    own = before is progress.theta[place[1]]
    kind = FailureKind.THETA_CHANGED if own else FailureKind.MASTER_CHANGED
    resting = [i for i in range(len(played.effect.runs)) if i not in taken]
    columns = (
        (kind, before, theta),
        (FailureKind.SUM_CHANGED, total, sums),
    )
    for i in resting:
        for what, like, column in columns:
            if _check_rest(progress, played, place, what, like, column, i):
                break
    if taken:
        _gather(progress, played, place, taken, theta, sums)


def _check_rest(
    progress: Progress,
    played: Played,
    place: Place,
    kind: FailureKind,
    like: Tensor,
    column: Bits,
    step: int,
) -> bool:
    """Note a change in a step without a gradient; return whether there was one."""
    width = len(like.bits)
    due = replace(like, bits=column[step * width : (step + 1) * width])
    shown = replace(like, bits=column[(step + 1) * width : (step + 2) * width])
    progress.check_kept(replace(played.failure(kind, place), step=step), due, shown)
    return due.bits != shown.bits


def _gather(
    progress: Progress,
    played: Played,
    place: Place,
    taken: Mapping[int, Update],
    theta: Bits,
    sums: Bits,
) -> None:
    """Gather the steps that were taken, all in one entry."""
    tensor = progress.scenario.tensors[place[1]]
    width = len(tensor.bits)

    def rows(column: Bits, shift: int) -> Bits:
        """The column's rows before (0) or after (1) each step that was taken."""
        found: list[int] = []
        for first, last in _spans(taken):
            found += column[(first + shift) * width : (last + shift) * width]
        return tuple(found)

    setting = progress.terms.dialect.setting
    progress.case.steps.append(
        StepsSeen(
            played.number,
            place[0],
            place[1],
            tensor.fmt,
            tuple(setting(update.t, update.options) for update in taken.values()),
            tuple(b for update in taken.values() for b in update.gradient.bits),
            rows(theta, 0),
            rows(sums, 0),
            rows(theta, 1),
            rows(sums, 1),
            numbers=tuple(taken),
            row=row_size(tensor),
        )
    )


def _check_counters(
    progress: Progress, played: Played, place: Place, trace: Trace
) -> None:
    """A counter advances in the steps that count; the last one is that of the books."""
    run, param = played.effect.run, place[1]
    if trace.t is None or run is None:
        return
    counted = [param in run.counting[i] for i in run.numbers()]
    begun, to_come = False, sum(counted)
    for i, counts in enumerate(counted):
        begun |= counts
        to_come -= counts
        end = progress.books.counter(*place) - to_come
        t = end if begun else run.counters[param]
        if trace.t[i] != t:
            failure = played.failure(FailureKind.COUNTER, place)
            progress.case.fail(replace(failure, step=i, observed=trace.t[i], due=t))
            return


def _spans(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of every run of consecutive numbers; they ascend."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1] + 1
