"""An observation read event by event: everything but the arithmetic of steps.

`collect` compares outcomes, counters, bits that must stay, gradients, memory and
closures with the books, and gathers the steps for `judge`.
"""

from __future__ import annotations

import numpy as np

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.boxes import report_outside
from adagrad_conformance.grading.case import Case, Terms
from adagrad_conformance.grading.failure import FailureKind
from adagrad_reference.scenario import Save, Step, Steps
from adagrad_reference.trajectories import Trajectory

from .accumulators import check_state, written_sums
from .binary32_view import as_binary32, rounded_boxes, shows_masters
from .master_weights import MASTER, Masters, events_before_reload
from .memory import check_gradient, check_guard
from .outcome import check_closure, goes_on
from .progress import Played, Progress
from .runs import check_run

__all__ = ["collect"]


def collect(
    seen: Observation, terms: Terms, expected: Trajectory | None = None
) -> Case:
    """The failures that need no arithmetic, and the steps that do.

    `expected` are the boxes of theta, for a port that shows no state.
    """
    case = Case(seen.check, seen.status, seen.message)
    masters = Masters.of(seen.scenario) if MASTER in terms.claims else None
    if masters is not None:
        seen = as_binary32(seen)
    elif shows_masters(seen):
        case.status, case.reason = Status.MALFORMED, "wrong-content"
        case.message = f"a master copy is shown, but '{MASTER}' is not claimed"
        return case
    progress = Progress(seen.scenario, terms, case, masters, expected)
    events = zip(seen.scenario.events, seen.events, strict=False)
    for number, (event, shown) in enumerate(events):
        effect = progress.books.apply(event)
        if not _check_event(progress, Played(number, event, effect, shown)):
            break
    return case


def _check_event(progress: Progress, played: Played) -> bool:
    """Check one event; return whether the next one can be judged."""
    event, shown = played.event, played.shown
    if isinstance(event, Step) and progress.has_closure:
        check_closure(progress, played, event)
    if not goes_on(progress, played):
        return False
    if isinstance(event, Steps):
        check_run(progress, played)
    if isinstance(event, Save) and not played.effect.refusal:
        for param in progress.books.params(event.optimizer):
            total = progress.sums.get((event.optimizer, param))
            progress.saved[event.name, param] = total
    _check_readings(progress, played)
    if progress.expected is not None:
        _check_boxes(progress, played)
    elif progress.masters is not None and "state" in progress.terms.claims:
        found = progress.masters.failures(
            played.number, event, played.effect, progress.theta, shown
        )
        for failure in found:
            progress.case.fail(failure)
    progress.note(dict(shown.readings))
    return True


def _check_readings(progress: Progress, played: Played) -> None:
    """Everything that is read after the event, param by param."""
    written = written_sums(progress, played)
    for place, reading in played.shown.readings.items():
        ran = isinstance(played.event, Steps) and place[0] == played.event.optimizer
        if progress.expected is None and not ran:
            check_state(progress, played, place, reading, written)
        if place[1] not in played.moved:
            failure = played.failure(FailureKind.THETA_CHANGED, place)
            progress.check_kept(failure, progress.theta[place[1]], reading.theta)
        if "gradients" in progress.terms.claims:
            check_gradient(progress, played, place, reading)
        check_guard(progress, played, place, reading)


def _check_boxes(progress: Progress, played: Played) -> None:
    """Without a state to judge from, theta lies in the boxes of the trajectory."""
    masters, number = progress.masters, played.number
    assert progress.expected is not None
    if masters is not None and number >= events_before_reload(progress.scenario):
        return
    for param in sorted(played.moved):
        place = (played.event.optimizer, param)
        reading = played.shown.readings.get(place)
        boxes = progress.expected[number].get(param)
        if reading is None or boxes is None:
            continue
        if masters is not None and param in masters.narrow:
            boxes = rounded_boxes(masters.narrow[param], boxes)
        values = np.array(reading.theta.values(), float)
        progress.case.boxed += len(values)
        fmt = progress.scenario.tensors[param].fmt
        failure = played.failure(FailureKind.THETA, place)
        report_outside(progress.case, fmt, failure, boxes, values)
