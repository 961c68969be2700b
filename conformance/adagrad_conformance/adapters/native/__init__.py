"""Native checks: short pieces of host code for what only one ecosystem has.

A native check is a function of the adapter.  It returns None, or one line that says
what is wrong, or a `NativeAnswer`; it runs in the port's process.  It asks for nothing
but what is legal, or it catches the refusal: an exception by which the port refuses is
its problem, any other one is a crash of that check.
"""

from __future__ import annotations

import importlib
import traceback
from typing import Any

from adagrad_conformance.adapters.base import Malformed, NativeAnswer

from .table import NATIVE

__all__ = ["run_native"]


def run_native(adapter: Any, name: str) -> NativeAnswer:
    """What the native check `name` finds on the port of `adapter`."""
    if name not in NATIVE:
        raise Malformed(f"there is no native check {name!r}")
    module, _, function = NATIVE[name].place.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)(adapter)
    except adapter.refusals as error:
        said = str(error).partition("\n")[0]
        where = traceback.extract_tb(error.__traceback__)[-1]
        return NativeAnswer(
            f"refused what is legal: {type(error).__name__}: {said} (in {where.name})"
        )
    return found if isinstance(found, NativeAnswer) else NativeAnswer(problem=found)
