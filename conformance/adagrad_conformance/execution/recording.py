"""How a check that breaks off is recorded: one table from exceptions to statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from adagrad_conformance.adapters.contract import Malformed, Refused
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout

from .observations import Ending
from .status import Status

__all__ = ["STATUS_OF", "recorded"]

#: The status of a check that ends by each exception of the transport.
STATUS_OF: Mapping[type[Exception], Status] = {
    Malformed: Status.MALFORMED,
    Timeout: Status.TIMEOUT,
    Crash: Status.CRASH,
    NotLoaded: Status.CRASH,
    Refused: Status.CRASH,  # of an event it is an outcome, and caught before
}


@contextmanager
def recorded(ending: Ending) -> Iterator[None]:
    """Record an exception of the transport in `ending`, and go on behind the block.

    The first one counts: a later one in the same check changes nothing.
    """
    try:
        yield
    except tuple(STATUS_OF) as error:
        if ending.status is None:
            ending.status, ending.message = STATUS_OF[type(error)], str(error)
            ending.reason = getattr(error, "reason", "refused")
            ending.detail = getattr(error, "detail", None)
