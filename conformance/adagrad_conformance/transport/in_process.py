"""An adapter in this process, called directly: for tests and tools."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.contract import (
    Ask,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Reply,
)
from adagrad_conformance.adapters.native import run_native
from adagrad_reference.scenario import Event, Step, Tensor

from .client import Client
from .errors import Crash
from .identity import Identity, identity_of

_T = TypeVar("_T")

__all__ = ["InProcessClient"]


class InProcessClient(Client):
    """The adapter that `factory` makes; one that hangs cannot be interrupted."""

    def __init__(self, factory: Callable[[], Adapter]) -> None:
        self.factory = factory

    def start(self) -> Identity:
        """Make the adapter; raises `Malformed` for what it must not declare."""
        self.adapter = self.factory()
        identity = identity_of(self.adapter)
        self.wide_state = "wide-state" in identity.claims
        return identity

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario with these params, by name."""
        self._guard(lambda: self.adapter.begin(tensors))

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        closure = isinstance(event, Step) and event.loss is not None
        return self._guard(
            lambda: self.adapter.perform(event, ask if closure else None, payload)
        )

    def read(self, optimizer: str) -> dict[str, Reading]:
        """The optimizer's params by name."""
        return self._guard(lambda: self.adapter.read(optimizer))

    def native(self, name: str) -> NativeAnswer:
        """Run a native check."""
        return self._guard(lambda: run_native(self.adapter, name))

    def second_process(self) -> Client:
        """Another adapter, started, in this process too: the nearest to a second one.

        Each call makes a new one.
        """
        other = InProcessClient(self.factory)
        other.start()
        return other

    @property
    def hosted(self) -> bool:
        """The adapter is at hand."""
        return True

    def close(self) -> None:
        """Do nothing: the adapter ends with this process."""

    def _guard(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (Refused, Malformed):
            raise
        except (Exception, SystemExit) as error:
            raise Crash("".join(traceback.format_exception(error, limit=-8))) from error
