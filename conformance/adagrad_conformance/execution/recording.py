"""How a check that breaks off is recorded: one table from exceptions to statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from adagrad_conformance.adapters.base import Malformed, Refused
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout

from .observations import NativeSeen, Observation
from .status import Status

__all__ = ["STATUS_OF", "recorded"]

#: The status of a check that ends by each exception of the transport.
STATUS_OF: Mapping[type[Exception], Status] = {
    Malformed: Status.MALFORMED,
    Timeout: Status.TIMEOUT,
    Crash: Status.CRASH,
    NotLoaded: Status.CRASH,
    Refused: Status.CRASH,  # where nothing can be refused; of events it is an outcome
}


@contextmanager
def recorded(seen: Observation | NativeSeen) -> Iterator[None]:
    """Record an exception of the transport in `seen`, and go on behind the block.

    The first one counts: a later one in the same check changes nothing.
    """
    try:
        yield
    except tuple(STATUS_OF) as error:
        if seen.status is None:
            seen.status, seen.message = STATUS_OF[type(error)], str(error)
            seen.reason = getattr(error, "reason", "refused")
            if isinstance(seen, Observation) and isinstance(error, Malformed):
                seen.detail = error.detail
