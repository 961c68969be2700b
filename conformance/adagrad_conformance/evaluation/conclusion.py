"""The word that a result ends in, and the evidence of one failure.

Both are made from verdicts here, and from the records of a stream in `reports`.
"""

from __future__ import annotations

from enum import StrEnum

from adagrad_conformance.execution.status import Status

__all__ = ["Conclusion", "conclude", "evidence"]


class Conclusion(StrEnum):
    """How a run on a port ends."""

    CONFORMANT = "CONFORMANT"
    NOT_CONFORMANT = "NOT CONFORMANT"
    NOT_JUDGED = "NOT JUDGED"


def conclude(problem: str | None, judged: int, failed: int) -> Conclusion:
    """The conclusion from why a port could not be judged at all, if so; how many checks
    were judged; and how many failed at MUST.
    """
    if problem or not judged:
        return Conclusion.NOT_JUDGED
    return Conclusion.NOT_CONFORMANT if failed else Conclusion.CONFORMANT


def evidence(
    status: Status,
    message: str,
    reason: str | None = None,
    param: str | None = None,
    element: int | None = None,
    observed: str | None = None,
    expected: str | None = None,
) -> str:
    """One line on a failure: what is wrong, what was observed and what is expected.

    Of a port that broke off it is the last line of the message, behind how and why.
    """
    lines = message.strip().splitlines() or [str(status)]
    parts = [lines[0]]
    if status.broke_off:
        parts = [f"{status} ({reason})" if reason else str(status), lines[-1]]
    if observed is not None:
        place = (param or "") + ("" if element is None else f"[{element}]")
        parts.append(f"{place} = {observed}, due {expected}")
    return ": ".join(parts)
