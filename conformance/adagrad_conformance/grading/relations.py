"""Relations: two runs of which one outcome follows from the other, bit for bit."""

from __future__ import annotations

from dataclasses import replace

from adagrad_conformance.execution.observations import RelationSeen
from adagrad_reference.boxes import same
from adagrad_reference.formats import Format
from adagrad_reference.scenario import Tensor

from .case import Case
from .failure import Failure, FailureKind, Number

__all__ = ["compare_runs"]


def compare_runs(seen: RelationSeen) -> Case:
    """The right run must be what follows from the left one, bit for bit."""
    relation = seen.check
    case = Case(relation, seen.status, seen.message)
    if seen.status:
        return case
    for equal in relation.same:
        here, there = equal.events
        events = (*seen.left.events[: here + 1], *seen.right.events[: there + 1])
        refusals = [event.refusal for event in events if event.refusal]
        if refusals or len(events) < here + there + 2:
            refused = "".join(refusals[:1])
            case.fail(Failure(FailureKind.REFUSED, here, observed=refused))
            return case
        left_place, left_elements = equal.left
        right_place, right_elements = equal.right
        left = seen.left.events[here].readings[left_place]
        right = seen.right.events[there].readings[right_place]
        columns = (
            (FailureKind.OTHER_THETA, left.theta, right.theta, relation.theta_factor),
            (
                FailureKind.OTHER_SUM,
                left.state_sum,
                right.state_sum,
                relation.sum_factor,
            ),
        )
        for kind, one, other, factor in columns:
            if one is None or other is None:
                continue
            due = [_scaled(one.fmt, bits, factor) for bits in _some(one, left_elements)]
            failure = Failure(kind, here, *right_place)
            _compare(case, failure, other.fmt, due, _some(other, right_elements))
        if None not in (left.t, right.t) and left.t != right.t:
            failure = Failure(FailureKind.OTHER_COUNTER, here, *right_place)
            case.fail(replace(failure, observed=right.t, due=left.t))
    return case


def _some(tensor: Tensor, elements: tuple[int, ...] | None) -> list[int]:
    places = range(len(tensor.bits)) if elements is None else elements
    return [tensor.bits[i] for i in places]


def _scaled(fmt: Format, bits: int, factor: float) -> int | None:
    """A number times a power of two; None where the format has no such number.

    A right port stays far from the ends of the range here, a wrong one may not.
    """
    if factor == 1:
        return bits
    try:
        return fmt.encode(fmt.decode(bits) * factor)
    except ValueError:
        return None


def _compare(
    case: Case, failure: Failure, fmt: Format, due: list[int | None], shown: list[int]
) -> None:
    """Note the first element that differs; zeros of both signs and NaN are equal.

    Where nothing is due, the law says nothing.
    """
    for element, (a, b) in enumerate(zip(due, shown, strict=True)):
        if a not in (None, b) and not same(fmt.decode(a), fmt.decode(b)):
            seen, wanted = Number(fmt, b), Number(fmt, a)
            case.fail(replace(failure, element=element, observed=seen, due=wanted))
            return
