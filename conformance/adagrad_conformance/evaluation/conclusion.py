"""The word that a result ends in, and the evidence of one failure.

Both are made from verdicts here, and from the records of a stream in `reports`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from adagrad_conformance.execution.status import Status

__all__ = ["Conclusion", "basis_lines", "conclude", "evidence"]


class Conclusion(StrEnum):
    """How a run on a port ends."""

    CONFORMANT = "CONFORMANT"
    NOT_CONFORMANT = "NOT CONFORMANT"
    INSUFFICIENT = "INSUFFICIENT"
    UNCONFIRMED = "UNCONFIRMED"
    NOT_JUDGED = "NOT JUDGED"


def conclude(
    problem: str | None,
    judged: int,
    failed: int,
    too_little: bool = False,
    unconfirmed: int = 0,
) -> Conclusion:
    """The conclusion from why a port could not be judged at all, if so; how many checks
    were judged; how many failed at MUST; whether what was judged is too little; and how
    many failures at MUST beside those no script confirms.
    """
    if problem:
        return Conclusion.NOT_JUDGED
    if failed:
        return Conclusion.NOT_CONFORMANT
    if unconfirmed:
        return Conclusion.UNCONFIRMED
    if too_little:
        return Conclusion.INSUFFICIENT
    return Conclusion.CONFORMANT if judged else Conclusion.NOT_JUDGED


def basis_lines(basis: Mapping[str, Any]) -> Iterator[str]:
    """What a verdict rests on, from the fields of a `Basis`, a line each."""
    yield (
        f"rests on {basis['judged']} of {basis['requirements']} requirements at MUST, "
        f"{basis['element_steps']:,} element-steps, params of up to "
        f"{basis['size']:,} elements, runs of up to {basis['steps']:,} steps, "
        f"{basis['pairs']:,} of {basis['possible_pairs']:,} pairs of features"
    )
    for line in basis["lacking"]:
        yield f"too little: {line}"
    if basis["silent_themes"]:
        yield f"not judged at all: {', '.join(basis['silent_themes'])}"
    if basis["waived_themes"]:
        yield f"waived in part: {', '.join(basis['waived_themes'])}"
    needs = Counter(
        claim for claims in basis["not_judged"].values() for claim in claims
    )
    if needs:
        listed = ", ".join(f"{claim} ({n})" for claim, n in needs.most_common())
        yield f"claims that the other requirements need: {listed}"


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
