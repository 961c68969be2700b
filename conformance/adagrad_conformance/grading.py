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
from adagrad_reference.scenario import Tensor

from .comparison import Case, Expectations, StepSeen, collect, report_outside
from .runner import Observation
from .verdict import GRADES, Verdict

__all__ = ["decode_array", "judge"]

#: NaN, though legal, fails a scenario with this flag.
FINITE_WANTED = "finite-wanted"


def judge(
    observations: Iterable[Observation], claims: frozenset[str], expect: Expectations
) -> list[Verdict]:
    """The verdict of every observation, in order."""
    cases = [collect(seen, claims, expect) for seen in observations]
    by_format: dict[str, list[tuple[Case, StepSeen]]] = defaultdict(list)
    for case in cases:
        for step in case.steps:
            by_format[step.format.name].append((case, step))
    for name, pairs in by_format.items():
        _judge_steps(FORMATS[name], pairs)
    return [_verdict(case) for case in cases]


# -- arithmetic, in batches ------------------------------------------------------------


def _judge_steps(fmt: Format, pairs: Sequence[tuple[Case, StepSeen]]) -> None:
    batch, new_theta, new_sum = _batch(fmt, [step for _, step in pairs])
    lawful, tight = fast_boxes(batch, LAWFUL), fast_boxes(batch, TIGHT)
    exact = exact_steps(batch)
    errors = exact.errors(fmt, new_theta)
    is_tight = tight[0].hold(new_theta) & tight[1].hold(new_sum)
    is_exact = _equal(exact.theta, new_theta) & _equal(exact.state_sum, new_sum)
    start = 0
    for case, step in pairs:
        part = slice(start, start + len(step.theta.bits))
        start = part.stop
        fine = True
        for what, boxes, values in (
            ("S", lawful[1], new_sum),
            ("theta", lawful[0], new_theta),
        ):
            box = Boxes(*(end[part] for end in boxes))
            param = step.update.param
            fine &= report_outside(case, step.event, param, what, box, values[part])
        case.errors.append(errors[part])
        if not fine:
            case.grades.append("fail")
        elif is_exact[part].all():
            case.grades.append("exact")
        else:
            case.grades.append("tight" if is_tight[part].all() else "lawful")
        _finite(case, step, new_theta[part])


def _batch(fmt: Format, steps: Sequence[StepSeen]) -> tuple[StepBatch, Any, Any]:
    def column(tensors: Iterable[Tensor]) -> Any:
        bits = [b for tensor in tensors for b in tensor.bits]
        return decode_array(fmt, bits)

    settings: dict[tuple[int, Options], int] = {}
    which = [
        settings.setdefault((s.update.t, s.update.options), len(settings))
        for s in steps
    ]
    counts = [len(s.theta.bits) for s in steps]
    batch = StepBatch(
        fmt,
        column(s.theta for s in steps),
        column(s.state_sum for s in steps),
        column(s.update.gradient for s in steps),
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


def _finite(case: Case, step: StepSeen, values: Any) -> None:
    if FINITE_WANTED not in case.observation.scenario.flags:
        return
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        case.fail(
            step.event,
            f"not finite in {len(bad)} of {len(values)} elements",
            param=step.update.param,
            element=int(bad[0]),
            observed=repr(float(values[bad[0]])),
            expected="a finite number",
        )


# -- verdicts --------------------------------------------------------------------------


def _verdict(case: Case) -> Verdict:
    seen = case.observation
    scenario = seen.scenario
    errors = np.concatenate([np.empty(0), *case.errors])
    measured = errors[np.isfinite(errors)]
    first = min(case.failures, key=lambda f: f.event) if case.failures else None
    status = seen.trouble or ("fail" if first else "pass")
    order = list(GRADES)
    grades = [*case.grades, *(["box"] if case.boxed else [])]
    grade: str | None = max(grades, key=order.index) if grades else None
    return Verdict(
        scenario.id,
        scenario.requirements,
        scenario.level,
        status,
        grade,
        float(measured.max()) if len(measured) else None,
        float(measured.mean()) if len(measured) else None,
        len(errors) + case.boxed,
        first,
        seen.message,
    )
