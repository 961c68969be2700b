"""Native checks: short pieces of host code for what only one ecosystem has.

A native check is a function of the adapter.  It returns None, or one line that says
what is wrong, or a `NativeAnswer`; it runs in the port's process.  Whatever it raises
is a crash of that check.
"""

from __future__ import annotations

import importlib
from typing import Any

from adagrad_conformance.adapters.base import Malformed, NativeAnswer

from .table import NATIVE

__all__ = ["run_native"]


def run_native(adapter: Any, name: str) -> NativeAnswer:
    """What the native check `name` finds on the port of `adapter`."""
    if name not in NATIVE:
        raise Malformed(f"there is no native check {name!r}")
    module, _, function = NATIVE[name].place.partition(":")
    found = getattr(importlib.import_module(module), function)(adapter)
    return found if isinstance(found, NativeAnswer) else NativeAnswer(problem=found)
