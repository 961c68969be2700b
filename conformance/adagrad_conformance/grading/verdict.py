"""Verdicts: what grading says of one scenario on one port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CAUSES", "GRADES", "STATUSES", "Failure", "Verdict"]

#: pass and fail are judgements; the others tell why there is none.
STATUSES = (
    "pass",
    "fail",
    "waived",
    "not-claimed",
    "skipped",
    "crash",
    "timeout",
    "malformed",
    "error",
)

#: Why a check has the status crash, timeout, malformed or error, in one word.
CAUSES: Mapping[str, str] = {
    # crash
    "raised": "the port reported a crash in good order",
    "refused": "it said no to what cannot be refused: only events can be",
    "signal": "its process was ended by a signal",
    "exited": "its process ended by itself",
    "out-of-memory": "it said that it had no memory left",
    "closed-output": "it closed its standard output and lived on",
    "closed-input": "it closed its standard input and lived on",
    "not-started": "its process could not be started, or not again",
    # timeout
    "no-answer": "nothing came in time",
    "half-a-line": "a line was begun and not ended in time",
    # malformed
    "not-json": "a line was no JSON object (RFC 8259, UTF-8)",
    "too-long": "a line was longer than 256 MiB",
    "unasked": "a line came that no question asked for, or one question's twice",
    "wrong-sequence": "an answer had a number that no question has had",
    "no-outcome": "an answer had none or several of ok, refused, crashed",
    "wrong-count": "it showed other params or steps than it was asked for, or called a "
    "closure without end",
    "wrong-content": "something in an answer was of the wrong kind, format or shape",
    # error
    "given-up": "the check was not tried, after five failures in a row",
}

#: Numeric grades, best first; a check has the worst of its elements.
GRADES: Mapping[str, str] = {
    "exact": "the correctly rounded result of the exact step",
    "tight": "within the enclosure of correctly rounded operations",
    "lawful": "within the enclosure that MUST demands",
    "flushed": "lawful but for subnormal numbers taken as zero, which is declared",
    "box": "within the enclosure along the trajectory; the port shows no state",
    "fail": "no legal evaluation gives this value",
}


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong: where, what was seen, what was due."""

    event: int
    message: str
    param: str | None = None
    element: int | None = None
    observed: str | None = None
    expected: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The judgement of one scenario."""

    scenario: str
    requirements: tuple[str, ...]
    level: str
    status: str
    grade: str | None = None
    max_error: float | None = None  #: in ulp at scale, before rounding
    mean_error: float | None = None
    elements: int = 0  #: how many element-steps were judged
    #: how far the worst value lies outside its box, in ulp of the nearer end; infinite
    #: where the fault is no distance (NaN, bits that must not change, a wrong outcome)
    margin: float | None = None
    failure: Failure | None = None
    message: str = ""
    kind: str = "scenario"
    cause: str | None = None  #: of trouble, one of `CAUSES`
