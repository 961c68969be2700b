"""Whether an event was accepted or refused as is due, and its closure called once."""

from __future__ import annotations

from dataclasses import replace

from adagrad_conformance.grading.failure import FailureKind
from adagrad_reference.boxes import same
from adagrad_reference.flags import Flag
from adagrad_reference.scenario import Step

from .progress import Played, Progress

__all__ = ["check_closure", "goes_on"]


def goes_on(progress: Progress, played: Played) -> bool:
    """Note a wrong outcome; return whether the events behind it can be judged.

    After a wrong outcome the port and the books are in different states.
    """
    effect, shown = played.effect, played.shown
    goes_on = True
    if effect.refusal and not shown.refusal:
        failure = played.failure(FailureKind.ACCEPTED)
        progress.case.fail(replace(failure, due=effect.refusal))
        goes_on = False
    elif effect.refusal and Flag.OUTCOME_ONLY in progress.scenario.flags:
        goes_on = False
    if shown.refusal and not effect.refusal:
        failure = played.failure(FailureKind.REFUSED)
        progress.case.fail(replace(failure, observed=shown.refusal))
        goes_on = False
    return goes_on


def check_closure(progress: Progress, played: Played, event: Step) -> None:
    """The closure is called once, before any param moves, and its loss returned."""
    shown, case = played.shown, progress.case
    due = int(event.loss is not None)
    if len(shown.calls) != due:
        failure = played.failure(FailureKind.CALLS)
        case.fail(replace(failure, observed=len(shown.calls), due=due))
    for call in shown.calls[:1]:
        for param in progress.books.params(event.optimizer):
            given = call.params.get(param)
            if given is None or given.bits != progress.theta[param].bits:
                place = (event.optimizer, param)
                case.fail(played.failure(FailureKind.CLOSURE_PARAM, place))
    if not _same_loss(shown.loss, event.loss):
        failure = played.failure(FailureKind.LOSS)
        case.fail(replace(failure, observed=shown.loss, due=event.loss))


def _same_loss(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(same(a, b))
