"""The standard streams as users leave them: closed, cut off, of a narrow encoding."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

__all__ = ["discard_output", "ending_with_the_reader", "prepare_streams"]


def prepare_streams() -> None:
    """Put the null device where a stream is closed, and escape what cannot be encoded.

    A closed descriptor would be given to the next file that is opened.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _writer(number: int) -> TextIO:
    return os.fdopen(number, "w", encoding="utf-8", closefd=False)


@contextlib.contextmanager
def ending_with_the_reader() -> Iterator[None]:
    """In the block, output that nobody reads any more is dropped: `run X | head -1`.

    The exit code stays that of the verdict.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Send what is still written to standard output to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
