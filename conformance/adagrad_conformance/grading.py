"""Grading: observations in, verdicts out.  Pure; nothing is played here.

Rule 1.  Where a port shows its state, every step is judged from the port's own theta
         and S as last read, with the reference's t.  Errors cannot hide by adding up,
         and a legal early difference is never held against a later step.
Rule 2.  Every other event leaves theta, S and t bit for bit, except what the event
         itself restores or writes (comparison.py).
Rule 3.  Where a port shows no state, theta is held to the boxes carried along.
Rule 4.  A value passes if it lies inside the lawful box; NaN passes only where the box
         says so.  Never a tolerance.

`judge` runs the enclosure over the steps of all observations in batches, one for each
format.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adagrad_reference.enclosure import LAWFUL, TIGHT
from adagrad_reference.fast import Boxes, StepBatch, fast_boxes
from adagrad_reference.fast_exact import exact_steps
from adagrad_reference.formats import BINARY32, FORMATS, Format
from adagrad_reference.options import Options

from .comparison import Case, Expectations, StepsSeen, collect, report_outside
from .other_cases import adaptive_case, compare_runs, native_case
from .runner import AdaptiveSeen, NativeSeen, Observation, RelationSeen, Seen
from .verdict import GRADES, Verdict

__all__ = ["decode_array", "judge"]

#: NaN, though legal, fails a scenario with this flag.
FINITE_WANTED = "finite-wanted"


def judge(
    everything: Iterable[Seen], claims: frozenset[str], expect: Expectations
) -> list[Verdict]:
    """The verdict of every check that was seen, in order."""
    cases = [_case(seen, claims, expect) for seen in everything]
    by_format: dict[str, list[tuple[Case, StepsSeen]]] = defaultdict(list)
    for case in cases:
        for step in case.steps:
            by_format[step.format.name].append((case, step))
    for name, pairs in by_format.items():
        _judge_steps(FORMATS[name], pairs)
    return [_verdict(case) for case in cases]


def _case(seen: Seen, claims: frozenset[str], expect: Expectations) -> Case:
    match seen:
        case Observation():
            return collect(seen, claims, expect)
        case RelationSeen():
            return compare_runs(seen)
        case NativeSeen():
            return native_case(seen)
        case AdaptiveSeen():
            return adaptive_case(seen, claims, expect)
    return Case(seen.check, seen.trouble, seen.message)


# -- arithmetic, in batches ------------------------------------------------------------


def _judge_steps(fmt: Format, pairs: Sequence[tuple[Case, StepsSeen]]) -> None:
    batch, new_theta, new_sum = _batch(fmt, [step for _, step in pairs])
    lawful, tight = fast_boxes(batch, LAWFUL), fast_boxes(batch, TIGHT)
    exact = exact_steps(batch)
    errors = exact.errors(fmt, new_theta)
    is_tight = tight[0].hold(new_theta) & tight[1].hold(new_sum)
    is_exact = _equal(exact.theta, new_theta) & _equal(exact.state_sum, new_sum)
    start = 0
    for case, step in pairs:
        part = slice(start, start + len(step.gradient))
        start = part.stop
        fine = True
        for what, boxes, values in (
            ("S", lawful[1], new_sum),
            ("theta", lawful[0], new_theta),
        ):
            box = Boxes(*(end[part] for end in boxes))
            fine &= report_outside(
                case, fmt, step.event, step.param, what, box, values[part], step.where
            )
        case.errors.append(errors[part])
        if not fine:
            case.grades.append("fail")
        elif is_exact[part].all():
            case.grades.append("exact")
        else:
            case.grades.append("tight" if is_tight[part].all() else "lawful")
        _finite(case, step, new_theta[part])


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


def _finite(case: Case, step: StepsSeen, values: Any) -> None:
    if FINITE_WANTED not in getattr(case.check, "flags", ()):
        return
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        case.fail(
            step.event,
            f"not finite in {len(bad)} of {len(values)} elements",
            param=step.param,
            element=int(bad[0]),
            observed=repr(float(values[bad[0]])),
            expected="a finite number",
        )


# -- verdicts --------------------------------------------------------------------------


def _verdict(case: Case) -> Verdict:
    check = case.check
    errors = np.concatenate([np.empty(0), *case.errors])
    measured = errors[np.isfinite(errors)]
    first = min(case.failures, key=lambda f: f.event) if case.failures else None
    status = case.trouble or ("fail" if first else "pass")
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
        first,
        case.message,
    )
