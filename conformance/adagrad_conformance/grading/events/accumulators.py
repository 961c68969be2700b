"""S and the step counter after an event of at most one step.

A step is gathered for the arithmetic; every other event must leave S bit for bit,
restore it, write it or begin it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.grading.case import Bits, StepsSeen
from adagrad_conformance.grading.failure import FailureKind, Number
from adagrad_reference.effects import Update
from adagrad_reference.interval import stored_box
from adagrad_reference.row_wise import row_size
from adagrad_reference.scenario import Tensor

from .progress import Played, Progress, in_the_wider

__all__ = ["check_state", "written_sums"]

#: S as an event makes it: a tensor, its initial value, or None where a save had none.
Written = Mapping[Place, Tensor | float | None]


def written_sums(progress: Progress, played: Played) -> Written:
    """S where the event itself begins, restores or writes it."""
    who, effect = played.event.optimizer, played.effect
    places: dict[Place, Tensor | float | None] = {}
    for param, tau in effect.fresh:
        places[who, param] = tau
    for move in effect.restored:
        places[who, move.param] = progress.saved.get((move.save, move.source))
    if effect.written:
        param, total = effect.written.param, effect.written.state_sum
        holds = progress.terms.dialect.accumulator != "row-mean" or _rows_alike(total)
        places[who, param] = total if holds else None
    return places


def _rows_alike(total: Tensor) -> bool:
    """Whether S is the same throughout each row, as ports that keep one S a row need.

    What they make of another S is not said anywhere; it is judged from what they show.
    """
    row = row_size(total)
    starts = range(0, len(total.bits), max(1, row))
    return all(len(set(total.bits[i : i + row])) == 1 for i in starts)


def check_state(
    progress: Progress,
    played: Played,
    place: Place,
    reading: Reading,
    written: Written,
) -> None:
    """Check the counter and S of one param; gather its step if it takes one."""
    t, update = progress.books.counter(*place), played.updates.get(place)
    if reading.state_sum is None:
        if update is not None or _has_state(progress, place, t, written):
            progress.case.fail(played.failure(FailureKind.STATE_MISSING, place))
        return
    if reading.t is not None and reading.t != t:
        failure = played.failure(FailureKind.COUNTER, place)
        progress.case.fail(replace(failure, observed=reading.t, due=t))
    before = progress.sums.get(place)
    if update is not None:
        before = before or progress.first_sum(update, reading.state_sum.fmt)
        if before is not None:
            _gather_step(progress, played, place, update, before, reading)
        return
    due = written.get(place, before)
    if isinstance(due, float | int):
        _check_initial(progress, played, place, due, reading.state_sum)
    elif due is not None:
        failure = played.failure(FailureKind.SUM_CHANGED, place)
        progress.check_kept(failure, due, reading.state_sum)


def _has_state(progress: Progress, place: Place, t: int, written: Written) -> bool:
    """Whether its state has begun; t alone tells where each param has its own.

    A load takes the state away of a param that had none when the state was saved.
    """
    if progress.terms.dialect.counter == "param":
        return t > 0
    if place in written:
        return isinstance(written[place], Tensor)
    return progress.sums.get(place) is not None


def _gather_step(
    progress: Progress,
    played: Played,
    place: Place,
    update: Update,
    total: Tensor,
    reading: Reading,
) -> None:
    """Gather a step; elements that a sparse gradient leaves out keep their bits."""
    param, places = update.param, update.elements
    before, new_theta = progress.stepped(place), reading.master or reading.theta
    assert reading.state_sum is not None
    total, new_sum = in_the_wider(total, reading.state_sum)

    def moved(column: Tensor) -> Bits:
        bits = column.bits
        return bits if places is None else tuple(bits[i] for i in places)

    if places is not None:
        absent = set(range(len(before.bits))) - set(places)
        own = before is progress.theta[param]
        kind = FailureKind.THETA_CHANGED if own else FailureKind.MASTER_CHANGED
        progress.check_kept(played.failure(kind, place), before, new_theta, absent)
        failure = played.failure(FailureKind.SUM_CHANGED, place)
        progress.check_kept(failure, total, new_sum, absent)
    tensor = progress.scenario.tensors[param]
    progress.case.steps.append(
        StepsSeen(
            played.number,
            place[0],
            param,
            tensor.fmt,
            (progress.terms.dialect.setting(update.t, update.options),),
            update.gradient.bits,
            moved(before),
            moved(total),
            moved(new_theta),
            moved(new_sum),
            places,
            row=row_size(tensor),
            sum_format=new_sum.fmt if new_sum.fmt != tensor.fmt else None,
        )
    )


def _check_initial(
    progress: Progress, played: Played, place: Place, tau: float, shown: Tensor
) -> None:
    """Every element of S begins at tau, rounded to the format in either direction.

    S that is wider than its param may begin at tau in the param's format too.
    """
    param = progress.scenario.tensors[place[1]].fmt
    stored = stored_box(shown.fmt, tau)
    boxes = (stored, stored_box(param, tau))

    def begins(value: float) -> bool:
        return any(box.holds(value) for box in boxes)

    if all(map(begins, map(shown.fmt.decode, set(shown.bits)))):
        return
    for element, value in enumerate(shown.values()):
        if not begins(value):
            seen, due = Number.of(shown.fmt, value), Number.of(shown.fmt, stored.lo)
            failure = played.failure(FailureKind.INITIAL_SUM, place)
            found = replace(failure, element=element, observed=seen, due=due)
            progress.case.fail(found)
            return
