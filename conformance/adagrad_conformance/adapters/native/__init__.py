"""Native checks: short functions for what only one ecosystem has.

Rule 1.  A native check is a function of the adapter and runs in the port's process.
         It returns a `NativeAnswer`.
Rule 2.  A check makes legal requests only, or catches the refusal itself.  So an
         exception of `Adapter.refusals` is a problem of the port; any other exception
         is a crash of the check.
Rule 3.  Every check is in the table of table.py, which names its place as text, so that
         reading the table imports no framework.

handing.py is no check: it answers what an adapter hands on to its port.
"""

from __future__ import annotations

import importlib
import traceback

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.contract import Malformed, NativeAnswer

from .handing import ASKED
from .table import NATIVE

__all__ = ["run_native"]


def run_native(adapter: Adapter, name: str) -> NativeAnswer:
    """Run the native check `name` on the port of `adapter`.

    Raises `Malformed` for a name that is not in the table, and whatever breaks down in
    the port that is not a refusal.
    """
    for prefix, answer in ASKED.items():  # of the adapter, not of the port
        if name.startswith(prefix):
            return answer(adapter, name.removeprefix(prefix))
    if name not in NATIVE:
        raise Malformed(f"there is no native check {name!r}")
    module, _, function = NATIVE[name].place.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)(adapter)
    except adapter.refusals as error:
        first_line = str(error).partition("\n")[0]
        where = traceback.extract_tb(error.__traceback__)[-1]
        return NativeAnswer(
            f"refused what is legal: {type(error).__name__}: {first_line} "
            f"(in {where.name})"
        )
    assert isinstance(found, NativeAnswer), f"{name} returned {found!r}"
    return found
