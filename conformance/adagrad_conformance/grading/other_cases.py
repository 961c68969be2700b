"""What is to be said of checks that are no scenarios.  Pure, as all grading."""

from __future__ import annotations

import math
from typing import Any

from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NativeSeen,
    RelationSeen,
)
from adagrad_conformance.execution.status import Status
from adagrad_reference.dialects import DOCUMENT, Dialect
from adagrad_reference.formats import Format
from adagrad_reference.row_wise import row_size
from adagrad_reference.scenario import Tensor

from .state import Case, Expectations, StepsSeen, collect

__all__ = ["adaptive_case", "compare_runs", "native_case"]


# -- relations -------------------------------------------------------------------------


def compare_runs(seen: RelationSeen) -> Case:
    """The right run must be what follows from the left one, bit for bit."""
    relation = seen.check
    case = Case(relation, seen.status, seen.message)
    if seen.status:
        return case
    for same in relation.same:
        here, there = same.events
        events = (*seen.left.events[: here + 1], *seen.right.events[: there + 1])
        refusals = [event.refusal for event in events if event.refusal]
        if refusals or len(events) < here + there + 2:
            case.fail(here, f"refused what is legal: {''.join(refusals[:1])}")
            return case
        (left_place, left_elements), (right_place, right_elements) = (
            same.left,
            same.right,
        )
        left = seen.left.events[here].readings[left_place]
        right = seen.right.events[there].readings[right_place]
        columns = (
            ("theta", left.theta, right.theta, relation.theta_factor),
            ("S", left.state_sum, right.state_sum, relation.sum_factor),
        )
        for what, one, other, factor in columns:
            if one is None or other is None:
                continue
            due = [_scaled(one.fmt, bits, factor) for bits in _some(one, left_elements)]
            _compare(case, here, right_place[1], what, other.fmt, due,
                     _some(other, right_elements))  # fmt: skip
        if None not in (left.t, right.t) and left.t != right.t:
            counters: dict[str, Any] = {
                "observed": str(right.t),
                "expected": str(left.t),
            }
            case.fail(here, "the counters differ", param=right_place[1], **counters)
    return case


def _some(tensor: Tensor, elements: tuple[int, ...] | None) -> list[int]:
    places = range(len(tensor.bits)) if elements is None else elements
    return [tensor.bits[i] for i in places]


def _scaled(fmt: Format, bits: int, factor: float) -> int:
    return bits if factor == 1 else fmt.encode(fmt.decode(bits) * factor)


def _compare(
    case: Case,
    event: int,
    param: str,
    what: str,
    fmt: Format,
    due: list[int],
    shown: list[int],
) -> None:
    for element, (a, b) in enumerate(zip(due, shown, strict=True)):
        x, y = fmt.decode(a), fmt.decode(b)
        if a != b and x != y and not (math.isnan(x) and math.isnan(y)):
            case.fail(
                event,
                f"{what} is not what the other run makes it",
                param=param,
                element=element,
                observed=f"{b:0{fmt.hex_digits}x}",
                expected=f"{a:0{fmt.hex_digits}x}",
            )
            return


# -- native checks ---------------------------------------------------------------------


def native_case(seen: NativeSeen, dialect: Dialect = DOCUMENT) -> Case:
    """The problem it found, and the steps that it handed over."""
    case = Case(seen.check, seen.status, seen.message)
    if seen.answer is None:
        return case
    if seen.answer.skipped:
        case.trouble, case.message = Status.SKIPPED, seen.answer.skipped
        return case
    if seen.answer.problem:
        case.fail(0, seen.answer.problem)
    for number, step in enumerate(seen.answer.steps):
        setting = dialect.setting(step.t, dialect.defaults.override(step.options))
        case.steps.append(
            StepsSeen(
                number,
                "p",
                step.theta.fmt,
                (setting,),
                step.gradient.bits,
                step.theta.bits,
                step.state_sum.bits,
                step.new_theta.bits,
                step.new_sum.bits,
                row=row_size(step.theta),
            )
        )
    return case


# -- adaptive runs ---------------------------------------------------------------------


def adaptive_case(
    seen: AdaptiveSeen,
    claims: frozenset[str],
    expect: Expectations,
    dialect: Dialect = DOCUMENT,
) -> Case:
    """Judged as the scenario that it became, and by its own law."""
    judged = collect(seen.observation, claims, expect, dialect)
    case = Case(seen.check, seen.status, seen.message, judged.failures, judged.steps)
    case.margins = judged.margins
    if seen.status:
        return case
    param = next(iter(seen.check.tensors))
    thetas = [
        reading.theta
        for event in seen.observation.events
        for (_, name), reading in event.readings.items()
        if name == param
    ]
    if problem := seen.check.problem(thetas):
        case.fail(len(seen.observation.events) - 1, problem)
    return case
