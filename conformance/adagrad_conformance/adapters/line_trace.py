"""Which lines of the published adapters a check crosses.

Where the environment variable `ADAGRAD_CONFORMANCE_LINES` names a file, each process of
a port appends to it every line that it runs of a file in published/, as FILE:NUMBER,
once a scenario.
"""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

from . import published

__all__ = ["LINES", "LineTrace", "line_trace"]

#: The environment variable that names the file.
LINES = "ADAGRAD_CONFORMANCE_LINES"


_FOLDER = os.path.dirname(published.__file__) + os.sep


class LineTrace:
    """Appends lines of published adapters to another file, as they are run."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._crossed = set[str]()

    def begin(self) -> None:
        """Begin a scenario: every line counts anew."""
        self._crossed.clear()

    def calls(self, frame: FrameType, event: str, argument: Any) -> Any:
        """For `sys.settrace`: follow the functions of published adapters alone."""
        del event, argument
        inside = frame.f_code.co_filename.startswith(_FOLDER)
        return self._line if inside else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        file = frame.f_code.co_filename.removeprefix(_FOLDER)
        line = f"{file}:{frame.f_lineno}"
        if event == "line" and line not in self._crossed:
            self._crossed.add(line)
            os.write(self._file, f"{line}\n".encode())
        return self._line


def line_trace() -> LineTrace | None:
    """Begin to trace this process, if the environment asks for it."""
    path = os.environ.get(LINES)
    if not path:
        return None
    trace = LineTrace(path)
    sys.settrace(trace.calls)
    return trace
