"""A port as the runner sees it, wherever it lives."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from adagrad_conformance.adapters.base import (
    CLAIMS,
    Adapter,
    Ask,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Reply,
)
from adagrad_conformance.adapters.native import run_native
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.options import illegal_option
from adagrad_reference.scenario import Event, Step, Tensor

_T = TypeVar("_T")

#: A port whose process has ended so often is not started again.
MAX_FAILURES = 5

__all__ = [
    "MAX_FAILURES",
    "Client",
    "Crash",
    "Identity",
    "InProcessClient",
    "NotLoaded",
    "Question",
    "Timeout",
    "check_claims",
    "check_constants",
    "check_dialect",
]


class Crash(Exception):
    """The port failed otherwise than by a refusal; `reason` is a key of REASONS."""

    def __init__(self, message: str = "", reason: str = "raised") -> None:
        super().__init__(message)
        self.reason = reason


class Timeout(Exception):
    """The port did not answer in time."""

    def __init__(self, message: str = "", reason: str = "no-answer") -> None:
        super().__init__(message)
        self.reason = reason


class NotLoaded(Exception):
    """The port could not be started at all."""

    reason = "not-started"


@dataclass(frozen=True)
class Identity:
    """Who the port says it is, and what it claims."""

    name: str
    version: str
    language: str
    claims: frozenset[str]
    dialect: str = "document"  #: its name in `adagrad_reference.dialects`
    #: Options that cannot be chosen in it, and their values.
    constants: Mapping[str, float] = field(default_factory=dict)


class Question(NamedTuple):
    """What a port is asked next: to begin, an event, or to be read."""

    op: Literal["begin", "event", "read"]
    about: Any  #: the tensors, the event, or the optimizer's name


def check_claims(claims: frozenset[str]) -> frozenset[str]:
    """The claims, all known words; raises `Malformed`."""
    if unknown := claims - set(CLAIMS):
        raise Malformed(f"unknown claims {sorted(unknown)}; known: {', '.join(CLAIMS)}")
    return claims


def check_dialect(name: object) -> str:
    """The name of a declared dialect; raises `Malformed`."""
    if name not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise Malformed(f"unknown dialect {name!r}; known: {known}")
    return str(name)


def check_constants(constants: Mapping[str, float]) -> Mapping[str, float]:
    """Values of known options that are numbers; raises `Malformed`."""
    if problem := illegal_option(constants):
        raise Malformed(f"constants: {problem}")
    if "maximize" in constants:
        raise Malformed("constants: maximize is a flag; leave its claim out instead")
    return constants


class Client(ABC):
    """One port.  Methods raise Crash, Timeout, Malformed; `event` also Refused."""

    @abstractmethod
    def start(self) -> Identity:
        """Start it, or start it again once it is not alive; raises `NotLoaded`."""

    def announce(self, questions: Sequence[Question]) -> None:
        """Tell what will be asked next, in this order, unless an answer changes that.

        A client that can sends them along at once.  What is not asked after all
        has no answer that anyone looks at.
        """
        del questions  # whoever is asked one thing at a time needs no warning

    @abstractmethod
    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario."""

    @abstractmethod
    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""

    @abstractmethod
    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show an optimizer's params."""

    @abstractmethod
    def native(self, name: str) -> NativeAnswer:
        """Run a native check on the port."""

    @abstractmethod
    def second_process(self) -> Client:
        """The same port in another process, started; the same one each time."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked without starting it again."""
        return True

    @property
    def quiet(self) -> bool:
        """Whether it has said nothing that it was not asked for."""
        return True

    def settle(self) -> None:
        """End a check: whatever else the port has said belongs to it.

        Raises as the others do.
        """
        return  # one that is called directly says nothing else

    @abstractmethod
    def close(self) -> None:
        """End it."""


class InProcessClient(Client):
    """An adapter called directly: for tests and tools; it cannot be interrupted."""

    def __init__(self, factory: Callable[[], Adapter]) -> None:
        self.factory = factory

    def start(self) -> Identity:
        """Make the adapter."""
        self.adapter = self.factory()
        a = self.adapter
        claims, dialect = check_claims(a.claims), check_dialect(a.dialect)
        constants = check_constants(a.constants)
        return Identity(a.name, a.version, a.language, claims, dialect, constants)

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario."""
        self._guard(lambda: self.adapter.begin(tensors))

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        closure = isinstance(event, Step) and event.loss is not None
        return self._guard(
            lambda: self.adapter.perform(event, ask if closure else None, payload)
        )

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show an optimizer's params."""
        return self._guard(lambda: self.adapter.read(optimizer))

    def native(self, name: str) -> NativeAnswer:
        """Run a native check."""
        return self._guard(lambda: run_native(self.adapter, name))

    def second_process(self) -> Client:
        """Another adapter in this process: as far as this class can go."""
        other = InProcessClient(self.factory)
        other.start()
        return other

    def close(self) -> None:
        """Nothing to end."""

    def _guard(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (Refused, Malformed):
            raise
        except (Exception, SystemExit) as error:
            raise Crash("".join(traceback.format_exception(error, limit=-3))) from error
