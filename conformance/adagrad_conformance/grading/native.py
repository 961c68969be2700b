"""Native checks: the problem that one found itself, and the steps that it shows."""

from __future__ import annotations

from adagrad_conformance.execution.observations import NativeSeen
from adagrad_conformance.execution.status import Status
from adagrad_reference.dialects import Dialect
from adagrad_reference.row_wise import row_size

from .case import Case, StepsSeen
from .failure import Failure, FailureKind

__all__ = ["native_case"]


def native_case(seen: NativeSeen, dialect: Dialect) -> Case:
    """The problem it found, and the steps that it handed over."""
    case = Case(seen.check, seen.status, seen.message)
    if seen.answer is None:
        return case
    if seen.answer.skipped:
        case.status, case.message = Status.SKIPPED, seen.answer.skipped
        return case
    if seen.answer.problem:
        case.fail(Failure(FailureKind.NATIVE, 0, observed=seen.answer.problem))
    for number, step in enumerate(seen.answer.steps):
        setting = dialect.setting(step.t, dialect.defaults.override(step.options))
        case.steps.append(
            StepsSeen(
                number,
                "",
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
