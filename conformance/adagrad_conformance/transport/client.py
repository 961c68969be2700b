"""The interface through which the suite uses a port, wherever that runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from adagrad_conformance.adapters.contract import Ask, NativeAnswer, Reading, Reply
from adagrad_reference.scenario import Event, Tensor

from .identity import Identity

__all__ = ["Client", "Question"]


class Question(NamedTuple):
    """A call of `begin`, `event` or `read`, known in advance."""

    op: Literal["begin", "event", "read"]
    about: Any  #: the tensors by name, the event, or the optimizer's name


class Client(ABC):
    """One port.

    The methods that ask something of it raise `Crash`, `Timeout` or `Malformed`;
    `event` raises `Refused` too.
    """

    #: Whether the port, once started, claims `wide-state`.
    wide_state = False

    @abstractmethod
    def start(self) -> Identity:
        """Start the port, or start it again after its end; raises `NotLoaded`."""

    def announce(self, questions: Sequence[Question]) -> None:
        """Give the next questions in advance, in order, so that they can be sent ahead.

        What was announced before and not asked is withdrawn, its answers mean nothing.
        This default does nothing: only a client that sends ahead overrides it.
        """
        del questions

    @abstractmethod
    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario with these params, by name."""

    @abstractmethod
    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event.

        A closure calls `ask`; `payload` are the saved bytes that a load needs in
        another process.
        """

    @abstractmethod
    def read(self, optimizer: str) -> dict[str, Reading]:
        """The optimizer's params by name."""

    @abstractmethod
    def native(self, name: str) -> NativeAnswer:
        """Run a native check."""

    @abstractmethod
    def second_process(self) -> Client:
        """A second process of the same port, started; the same one at each call."""

    @property
    def alive(self) -> bool:
        """Whether the port can be asked without being started."""
        return True

    @property
    def hosted(self) -> bool:
        """Whether an adapter in Python serves it, which can be looked into."""
        return False

    @property
    def quiet(self) -> bool:
        """Whether the port has written nothing that no question asked for."""
        return True

    def settle(self) -> None:
        """End a check: wait for late output of the port, which belongs to the check.

        This default does nothing: a port in this process writes nothing.
        """
        return

    @abstractmethod
    def close(self) -> None:
        """End the port."""
