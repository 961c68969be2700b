"""In which process a port runs, and the client that talks to it there.

Rule 1.  A port runs in a process of its own wherever that process can find the port: by
         the text of a target, or by the module and the name of a class or function.
         There a hang ends at the time limit, and a crash costs one check.
Rule 2.  Everything else runs in this process: an adapter that is an object, a class
         that was written in a notebook, in a function, or in the program that was
         started.  A program is never started again to find a class in it.
Rule 3.  What a port in this process cannot show is not claimed for it: that its state
         survives in another process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.errors import UserError
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.transport.loading import TargetError, as_adapter
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target

from .defaults import TIMEOUT

__all__ = ["Driven", "PortLike", "drive"]

#: What `evaluate` takes: a target's text, an adapter, or a class or function that makes
#: one; a class of torch optimizers needs no adapter.
PortLike = str | Adapter | type[Any] | Callable[[], Adapter]

_NEEDS_ANOTHER_PROCESS = frozenset({"load-new-process"})


@dataclass(frozen=True)
class Driven:
    """The name of a port, the client that talks to it, and where it runs."""

    name: str
    client: Client
    in_process: bool  #: that of the caller


def drive(
    port: PortLike, timeout: float | None = None, memory_gib: float | None = None
) -> Driven:
    """The port, not yet started; raises `UserError`.

    `timeout` (seconds for an answer) and `memory_gib` need a process of its own.
    """
    text, folders = (port, ()) if isinstance(port, str) else _found(port)
    if text:
        try:
            command = parse_target(text).command
        except ValueError as error:
            raise UserError(str(error)) from None
        limit = TIMEOUT if timeout is None else timeout
        client = SubprocessClient((*command, *folders), limit, memory_gib)
        return Driven(text, client, in_process=False)
    if not isinstance(port, Adapter) and not callable(port):
        raise UserError(
            f"{port!r} is no target: give a text, an adapter, or a class of optimizers"
        )
    if timeout is not None or memory_gib is not None:
        raise UserError(
            f"{_name(port)} runs in this process, where time and memory have no limit; "
            "put it into a module of its own"
        )
    return Driven(_name(port), _HereClient(_name(port), port), in_process=True)


class _HereClient(InProcessClient):
    """A port in this process, without the claims that need another one."""

    def __init__(self, name: str, port: PortLike) -> None:
        super().__init__(lambda: _adapter(name, port))

    def start(self) -> Identity:
        """Make the adapter; raises `NotLoaded` where that fails."""
        identity = super().start()
        return replace(identity, claims=identity.claims - _NEEDS_ANOTHER_PROCESS)


def _adapter(name: str, port: PortLike) -> Adapter:
    try:
        return as_adapter(name, port)
    except TargetError as error:
        raise NotLoaded(str(error)) from error


def _name(port: PortLike) -> str:
    return getattr(port, "__qualname__", None) or str(getattr(port, "name", port))


def _found(port: PortLike) -> tuple[str, tuple[str, ...]]:
    """The target by which another process finds a class or function, and the folders
    in which that process searches its modules; an empty target if it cannot.
    """
    module_name = str(getattr(port, "__module__", None))
    name = getattr(port, "__qualname__", None)
    module = sys.modules.get(module_name)
    if name is None or module is None or module_name == "__main__":
        return "", ()
    thing: Any = module
    for part in name.split("."):
        thing = getattr(thing, part, None)
    if thing is not port:
        return "", ()
    file = getattr(module, "__file__", None) or ""
    alone = "." not in module_name and file.endswith(".py")
    folders = tuple(str(Path(entry).resolve()) for entry in sys.path)
    return f"{file if alone else module_name}:{name}", folders
