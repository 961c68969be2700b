"""How a port fails otherwise than by a refusal.

    NotLoaded     the process could not be started, or does not speak the protocol
    Crash         the port raised, or its process ended
    Timeout       an answer did not come in time

An answer that breaks the protocol is `Malformed`, which adapters raise too
(adapters/contract.py).  Each has a `reason`, a key of `execution.status.REASONS`.
"""

from __future__ import annotations

__all__ = ["MAX_FAILURES", "Crash", "NotLoaded", "Timeout"]

#: A port that has failed so often by the end of its process is not started again.
MAX_FAILURES = 5


class Crash(Exception):
    """The port raised otherwise than to refuse, or its process ended."""

    def __init__(self, message: str = "", reason: str = "raised") -> None:
        super().__init__(message)
        self.reason = reason


class Timeout(Exception):
    """The port did not answer in time."""

    def __init__(self, message: str = "", reason: str = "no-answer") -> None:
        super().__init__(message)
        self.reason = reason


class NotLoaded(Exception):
    """The port could not be started at all; the message says why."""

    reason = "not-started"
