"""How a user of each port writes the events of a scenario, in the port's own API.

`port_script.py` writes a failed scenario by this syntax as a script that uses the port
alone, fit to be sent to its maintainers.  A file here imports nothing of its port.  The
row of a port in `adapters.registry` names its class as "file:class".
"""

from __future__ import annotations

import importlib

from adagrad_conformance.adapters.registry import PORTS

from .base import PortSyntax

__all__ = ["PortSyntax", "syntax_of"]


def syntax_of(target: str) -> PortSyntax | None:
    """The syntax of a registered port, if it has any."""
    port = PORTS.get(target)
    if port is None or not port.syntax:
        return None
    file, _, name = port.syntax.partition(":")
    found: PortSyntax = getattr(importlib.import_module(f".{file}", __name__), name)()
    return found
