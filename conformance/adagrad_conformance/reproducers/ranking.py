"""Which failure stands for a requirement: the one that is least to look at.

Scenarios come before all other kinds of check, those in one process before those in
two, and the formats that a reader knows before those of 16 bits.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from adagrad_conformance.checks.kinds import Check, needed_claims
from adagrad_conformance.execution.status import Status
from adagrad_conformance.faults.fault import Fault
from adagrad_conformance.grading.failure import Number
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario

from .reduction import size

__all__ = ["cheapest_failures"]

#: Statuses of failures; a wrong value shows more of a fault than a crash does.
_STATUSES = (
    Status.FAIL,
    Status.MALFORMED,
    Status.CRASH,
    Status.ERROR,
    Status.TIMEOUT,
)


def cheapest_failures(
    verdicts: Iterable[Verdict],
    checks: Iterable[Check],
    faults: Sequence[Fault] = (),
) -> dict[str, tuple[Verdict, Check]]:
    """For each fault one failed check and its verdict, by the fault's name; for what no
    fault explains, and below MUST, for each requirement that fails.
    """
    known = {check.id: check for check in checks}
    of_checks: dict[str, list[str]] = defaultdict(list)
    for fault in faults:
        for scenario in fault.checks:
            of_checks[scenario].append(fault.slug)
    failed: dict[str, list[tuple[Verdict, Check]]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.status.is_failure and verdict.scenario in known:
            pair = verdict, known[verdict.scenario]
            names = of_checks.get(verdict.scenario)
            for name in names or [verdict.requirement or "no requirement"]:
                failed[name].append(pair)
    alone = {name for names in of_checks.values() if len(names) == 1 for name in names}

    def effort(name: str, pair: tuple[Verdict, Check]) -> tuple[object, ...]:
        """A check that shows this fault alone comes first, if there is one."""
        shared = len(of_checks.get(pair[0].scenario, ())) > 1
        return name in alone and shared, *_effort(pair)

    return {
        name: min(pairs, key=lambda pair: effort(name, pair))
        for name, pairs in failed.items()
    }


def _effort(pair: tuple[Verdict, Check]) -> tuple[object, ...]:
    verdict, check = pair
    status = _STATUSES.index(verdict.status)
    if not isinstance(check, Scenario):
        return (True, status)
    moves = "load-new-process" in needed_claims(check)
    narrow = any(FORMATS[name].width == 16 for name in check.formats)
    return False, status, _is_unseen(verdict), moves, narrow, size(check)


def _is_unseen(verdict: Verdict) -> bool:
    """Whether only bits tell the values apart: both are NaN."""
    failure = verdict.failure
    both = (failure.observed, failure.due) if failure else ()
    return bool(both) and all(
        isinstance(value, Number) and math.isnan(value.value) for value in both
    )
