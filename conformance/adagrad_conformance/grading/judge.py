"""Grading: observations in, verdicts out.  Pure; nothing is played here.

Rule 1.  Where a port shows its state, every step is judged from the port's own theta
         and S as last read, with the reference's t.  Errors cannot hide by adding up,
         and a legal early difference is never held against a later step.
Rule 2.  Every other event leaves theta, S and t bit for bit, except what the event
         itself restores or writes (comparison.py).
Rule 3.  Where a port shows no state, theta is held to the boxes carried along.
Rule 4.  A value passes if it lies inside the lawful box; NaN passes only where the box
         says so.  Never a tolerance.
Rule 5.  The flag `subnormal` marks scenarios in which a port that claims
         `flush-to-zero` is judged by the flushed box; all others stay lawful.

`judge` runs the enclosure over the steps of all observations in batches, one for each
format and class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from adagrad_conformance.checks.kinds import kind
from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NativeSeen,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.status import Status
from adagrad_reference.array_enclosure import StepBatch, fast_boxes, setting_columns
from adagrad_reference.array_exact import dialect_errors, exact_steps
from adagrad_reference.boxes import Boxes
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.expectations import play
from adagrad_reference.flags import Effect, Flag
from adagrad_reference.formats import BINARY32, FORMATS, Format
from adagrad_reference.numeric_class import FLUSHED, LAWFUL, TIGHT
from adagrad_reference.options import Options

from .other_cases import adaptive_case, compare_runs, native_case
from .state import Case, Expectations, StepsSeen, collect, report_outside
from .verdict import GRADES, Verdict

__all__ = ["decode_array", "judge"]

#: The claim that subnormal numbers are flushed to zero.
FLUSHES = "flush-to-zero"


def judge(
    everything: Iterable[Seen],
    claims: frozenset[str],
    expect: Expectations,
    dialect: Dialect = DOCUMENT,
    graded: bool = True,
) -> list[Verdict]:
    """The verdict of every check that was seen, in order, by a dialect.

    Without `graded` there is only pass or fail.  The grade `exact` is
    told by the document alone.
    """
    cases = [_caused(seen, claims, expect, dialect) for seen in everything]
    batches: dict[tuple[str, bool], list[tuple[Case, StepsSeen]]] = defaultdict(list)
    for case in cases:
        flushes = FLUSHES in claims and Effect.FLUSHING in _effects(case)
        for step in case.steps:
            batches[step.format.name, flushes].append((case, step))
    for (name, flushes), pairs in batches.items():
        _judge_steps(FORMATS[name], pairs, flushes, dialect, graded)
    return [_verdict(case) for case in cases]


def _caused(
    seen: Seen, claims: frozenset[str], expect: Expectations, dialect: Dialect
) -> Case:
    case = _case(seen, claims, expect, dialect)
    case.reason = case.reason or seen.reason
    return case


def _case(
    seen: Seen, claims: frozenset[str], expect: Expectations, dialect: Dialect
) -> Case:
    if dialect.changes:  # files hold the document's expectations alone
        expect = partial(play, fast=True, dialect=dialect)
    match seen:
        case Observation():
            return collect(seen, claims, expect, dialect)
        case RelationSeen():
            return _relation_case(seen, dialect)
        case NativeSeen():
            return native_case(seen, dialect)
        case AdaptiveSeen():
            return adaptive_case(seen, claims, expect, dialect)
    return Case(seen.check, seen.status, seen.message)


#: The switches that leave the relations' laws as they are.
_LAWFUL_SWITCHES = {
    "eps",
    "guard",
    "inverse",
    "decay",
    "accumulator",
    "rate",
    "scalars",
}
#: The single value that does not: elements of a row are not on their own.
_LAWLESS = ("accumulator", "row-mean")


def _relation_case(seen: RelationSeen, dialect: Dialect) -> Case:
    """A law that holds for the document may not hold where others count or begin."""
    case = compare_runs(seen)
    switches = {name for name, _ in dialect.changes}
    lawful = switches <= _LAWFUL_SWITCHES and _LAWLESS not in dialect.changes
    if case.failures and not lawful:
        words = f"this law does not hold in the dialect {dialect.name}"
        return Case(seen.check, Status.WAIVED, words)
    return case


# -- arithmetic, in batches ------------------------------------------------------------


def _judge_steps(
    fmt: Format,
    pairs: Sequence[tuple[Case, StepsSeen]],
    flushes: bool,
    dialect: Dialect,
    graded: bool,
) -> None:
    batch, new_theta, new_sum = _batch(fmt, [step for _, step in pairs])
    lawful = fast_boxes(batch, LAWFUL, dialect)
    demanded = fast_boxes(batch, FLUSHED, dialect) if flushes else lawful
    errors = np.full(len(batch), np.nan)
    reached: dict[str, Any] = {}  # best first
    if graded and not dialect.changes:
        exact = exact_steps(batch)
        errors = exact.errors(fmt, new_theta)
        due = _equal(exact.theta, new_theta) & _equal(exact.state_sum, new_sum)
        reached["exact"] = due
    elif graded:
        errors = dialect_errors(batch, dialect, new_theta)
    for cls in (TIGHT, LAWFUL) if graded else (LAWFUL,):
        pair = lawful if cls is LAWFUL else fast_boxes(batch, cls, dialect)
        reached[cls.name] = pair[0].holds(new_theta) & pair[1].holds(new_sum)
    start = 0
    for case, step in pairs:
        part = slice(start, start + len(step.gradient))
        start = part.stop
        fine = True
        for what, boxes, values in (
            ("S", demanded[1], new_sum),
            ("theta", demanded[0], new_theta),
        ):
            box = Boxes(*(end[part] for end in boxes))
            fine &= report_outside(
                case, fmt, step.event, step.param, what, box, values[part], step.where
            )
        case.errors.append(errors[part])
        grades = (grade for grade, holds in reached.items() if holds[part].all())
        case.grades.append(next(grades, FLUSHED.name) if fine else "fail")
        if Effect.ELEMENTS in _effects(case) and not dialect.changes:
            _wanted(case, step, batch.take(part), new_theta[part], new_sum[part])


def _batch(fmt: Format, steps: Sequence[StepsSeen]) -> tuple[StepBatch, Any, Any]:
    def column(parts: Iterable[Sequence[int]]) -> Any:
        return decode_array(fmt, [b for part in parts for b in part])

    settings: dict[tuple[int, Options], int] = {}
    which = [
        settings.setdefault(setting, len(settings))
        for s in steps
        for setting in s.settings
    ]
    counts = [s.width for s in steps for _ in s.settings]
    batch = StepBatch(
        fmt,
        column(s.theta for s in steps),
        column(s.state_sum for s in steps),
        column(s.gradient for s in steps),
        list(settings),
        np.repeat(np.array(which, int), counts),
        np.repeat([s.row for s in steps for _ in s.settings], counts),
    )
    return batch, column(s.new_theta for s in steps), column(s.new_sum for s in steps)


def decode_array(fmt: Format, bits: Sequence[int]) -> Any:
    """The values of encodings as a float64 array."""
    if fmt.width == 64:
        return np.array(bits, np.uint64).view(np.float64)
    if fmt.precision == 8:  # bfloat16 is the upper half of binary32
        bits = [b << 16 for b in bits]
        fmt = BINARY32
    kinds: dict[int, tuple[Any, Any]] = {
        32: (np.uint32, np.float32),
        16: (np.uint16, np.float16),
    }
    integers, floats = kinds[fmt.width]
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
        return np.array(bits, integers).view(floats).astype(np.float64)


def _equal(a: Any, b: Any) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _flags(case: Case) -> frozenset[Flag]:
    return frozenset(getattr(case.check, "flags", ()))


def _effects(case: Case) -> set[Effect]:
    return {flag.effect for flag in _flags(case)}


# -- more than a value inside the box --------------------------------------------------


def _wanted(
    case: Case, step: StepsSeen, before: StepBatch, new_theta: Any, new_sum: Any
) -> None:
    """What the flags of the scenario ask for beside the box."""
    flags, fmt = _flags(case), before.format
    if Flag.FINITE_WANTED in flags:
        bad = ~np.isfinite(new_theta)
        _complain(case, step, bad, new_theta, "not finite", "a finite number")
    if Flag.MOVES_WANTED in flags:
        with np.errstate(over="ignore"):
            overflows = np.square(_used(before)) > fmt.largest
        still = overflows & (new_theta == before.theta)
        words = "theta stands still where g * g overflows"
        _complain(case, step, still, new_theta, words, "another number")
    if Flag.SIGN_WANTED in flags:
        due = _due_zeros(before)
        for what, values, zeros in (
            ("S", new_sum, np.zeros(len(before))),
            ("theta", new_theta, due),
        ):
            differ = np.signbit(values) != np.signbit(zeros)
            wrong = (values == 0) & (zeros == 0) & differ
            words = f"{what} is a zero of the wrong sign"
            _complain(case, step, wrong, values, words, "the other zero")


def _complain(
    case: Case, step: StepsSeen, bad: Any, values: Any, words: str, expected: str
) -> None:
    places = np.flatnonzero(bad)
    if len(places):
        case.fail(
            step.event,
            f"{words} in {len(places)} of {len(values)} elements",
            param=step.param,
            element=int(places[0]),
            observed=repr(float(values[places[0]])),
            expected=expected,
        )


def _used(before: StepBatch) -> Any:
    """The gradient that is used (ALG-9, ALG-5), in binary64."""
    columns = setting_columns(before.settings)
    decay, sign = columns.weight_decay[before.which], columns.sign[before.which]
    g = sign * before.gradient
    with np.errstate(all="ignore"):
        return np.where(decay != 0, g + decay * before.theta, g)


def _due_zeros(before: StepBatch) -> Any:
    """The zero that theta' is where it is one; NaN where both signs are legal.

    Every order of the update, fused or not, gives it the sign of the used gradient:
    so theta - update is a difference of zeros where both are.  Where theta and the
    update are equal and not zero it is +0, as any x - x.  An update that underflows
    may have either sign; where theta is not zero, the scenario's numbers must be such
    that all orders form the update exactly.
    """
    used, theta = _used(before), before.theta
    zeros = np.where(theta == 0, theta - used, 0.0)
    return np.where((theta == 0) & (used != 0), np.nan, zeros)


# -- verdicts --------------------------------------------------------------------------


def _verdict(case: Case) -> Verdict:
    check = case.check
    errors = np.concatenate([np.empty(0), *case.errors])
    measured = errors[np.isfinite(errors)]
    first = min(case.failures, key=lambda f: f.event) if case.failures else None
    status = case.trouble or (Status.FAIL if first else Status.PASS)
    order = list(GRADES)
    grades = [*case.grades, *(["box"] if case.boxed else [])]
    grade: str | None = max(grades, key=order.index) if grades else None
    return Verdict(
        check.id,
        check.requirements,
        check.level,
        status,
        grade,
        float(measured.max()) if len(measured) else None,
        float(measured.mean()) if len(measured) else None,
        len(errors) + case.boxed,
        max(case.margins, default=None),
        first,
        case.message,
        kind(check),
        case.reason,
    )
