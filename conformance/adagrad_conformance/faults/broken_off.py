"""What ended a check that broke off, and where in the port."""

from __future__ import annotations

import re
from typing import NamedTuple

from .wording import LONG

__all__ = ["Broken", "broken_off"]


class Broken(NamedTuple):
    """The end of a check: `place` is FILE:LINE of the port, or empty."""

    said: str
    exception: str  #: the name of the exception, or empty
    place: str


_FRAME = re.compile(r'File "(.+?)", line (\d+)')
#: Files that are not the port's own.
_OTHERS = re.compile(r"adagrad_(conformance|reference)|[/\\](torch|numpy|jax)[/\\]")


def broken_off(message: str) -> Broken:
    """From the text that came with the end: the last line of a traceback, and its last
    frame that is in no library that is known.
    """
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    said = lines[-1][:LONG] if lines else ""
    named = said.partition(":")[0]
    exception = named if named.isidentifier() and named[0].isupper() else ""
    frames = _FRAME.findall(message)
    own = [frame for frame in frames if not _OTHERS.search(frame[0])] or frames
    if not own:
        return Broken(said, exception, "")
    file, line = own[-1]
    name = file.replace("\\", "/").rpartition("/")[2]
    return Broken(said, exception, f"{name}:{line}")
