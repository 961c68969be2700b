"""The status of a check, and the reasons why a check broke off."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["REASONS", "Status"]


class Status(StrEnum):
    """What became of a check; the values are the words of the result stream."""

    PASS = "pass"
    FAIL = "fail"
    #: it departs from a law that does not hold in the dialect which the port declares
    WAIVED = "waived"
    NOT_CLAIMED = "not-claimed"
    #: what came before ended the run: its requirement is neither kept nor broken
    NOT_REACHED = "not-reached"
    #: this machine lacks what the check needs
    SKIPPED = "skipped"
    CRASH = "crash"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    #: the port could not be played any more
    ERROR = "error"

    @property
    def broke_off(self) -> bool:
        """Whether the check ended before it could be judged."""
        return self in _BROKEN

    @property
    def is_failure(self) -> bool:
        """Whether a port with this status at MUST does not conform."""
        return self is Status.FAIL or self.broke_off

    @property
    def was_judged(self) -> bool:
        """Whether the check counts among those that were asked of the port."""
        return self not in _UNASKED


_UNASKED = frozenset({Status.NOT_CLAIMED, Status.NOT_REACHED, Status.SKIPPED})
_BROKEN = frozenset({Status.CRASH, Status.TIMEOUT, Status.MALFORMED, Status.ERROR})

#: Why a check has the status crash, timeout, malformed or error, in one word.
REASONS: Mapping[str, str] = {
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
