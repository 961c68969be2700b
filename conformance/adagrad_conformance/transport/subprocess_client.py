"""A port in a child process; pipeline.py holds the conversation with it.

Rule 1.  Every answer has a deadline, which begins when the answer before it has come.
Rule 2.  A process that is late, or breaks the protocol, is killed, and `start` begins a
         new one.
Rule 3.  Whatever a port writes counts for the check in which it was written: `settle`
         ends a check with a question whose answer comes after all late output.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.contract import (
    Ask,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Reply,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_reference.scenario import Event, Tensor

from . import messages
from .child_process import Child
from .client import Client, Question
from .errors import Crash, NotLoaded, Timeout
from .identity import Identity, identity_from_wire, taken_from_wire
from .pipeline import Pipeline, State
from .targets import is_hosted

__all__ = ["SubprocessClient"]

#: How many times as long as any other answer a slow native check may take.
SLOW = 5


class SubprocessClient(Client):
    """The port that `command` starts; `timeout` in seconds for each answer.

    Its data, and that of all that it starts, is limited to `memory_gib`, if given.
    """

    def __init__(
        self, command: tuple[str, ...], timeout: float, memory_gib: float | None = None
    ) -> None:
        self.command, self.timeout, self.memory_gib = command, timeout, memory_gib
        self._pipeline: Pipeline | None = None
        self._greeted = False
        self._abandoned = False
        self._second: SubprocessClient | None = None
        self._moved = False  #: to the second process, in this check

    # -- life and death ----------------------------------------------------------------

    def launch(self) -> None:
        """Start the process and do not wait, so that several load side by side.

        `start` continues from here.  Raises `NotLoaded`.
        """
        self._kill()
        if self._abandoned:
            raise NotLoaded("the run was interrupted")
        self._pipeline = Pipeline(Child(self.command, self.memory_gib))
        self._greeted = False

    def start(self) -> Identity:
        """Start the process, unless `launch` has, and ask what it declares."""
        if not self.alive or self._greeted:
            self.launch()
        self._greeted = True
        question = {"op": "start", "protocol": messages.PROTOCOL_VERSION}
        try:
            ok = self._conversation().send(question, self.timeout)
            identity, takes = identity_from_wire(ok), taken_from_wire(ok)
        except (Crash, Timeout, Malformed, Refused) as error:
            self._kill()
            raise NotLoaded(str(error)) from None
        self._conversation().takes = takes
        self.wide_state = "wide-state" in identity.claims
        return identity

    @property
    def child(self) -> Child | None:
        """The running process; None before its start and after its end."""
        return self._pipeline.child if self._pipeline and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._pipeline is not None and self._pipeline.state is not State.ENDED

    @property
    def hosted(self) -> bool:
        """Whether the command starts server.py."""
        return is_hosted(self.command)

    @property
    def quiet(self) -> bool:
        """Whether the process has written nothing that no question asked for."""
        try:
            return self.child is None or self.child.stray() is None
        except Malformed:
            return False

    def second_process(self) -> Client:
        """A second process of the same command, started; it lives as long as this."""
        if self._second is None:
            self._second = SubprocessClient(self.command, self.timeout, self.memory_gib)
        if not self._second.alive:
            self._second.start()
        self._moved = True
        return self._second

    def settle(self) -> None:
        """End a check: wait for late output of the processes that took part in it."""
        moved, self._moved = self._moved, False
        if self._pipeline is not None:
            self._pipeline.settle(self.timeout)
        if moved and self._second is not None:
            self._second.settle()

    def close(self) -> None:
        """Ask the process to stop, then kill it."""
        if self._second is not None:
            self._second.close()
        if self.alive:
            with contextlib.suppress(Crash, Timeout, Malformed, Refused):
                self._conversation().send({"op": "stop"}, self.timeout)
        self._kill()

    def abandon(self) -> None:
        """Kill the process and start no other one; for any thread."""
        self._abandoned = True
        for client in (self, self._second):
            if client is not None and (child := client.child) is not None:
                child.end_group()

    def _kill(self) -> None:
        if self._pipeline is not None:
            self._pipeline.kill()
        self._pipeline = None

    # -- questions ---------------------------------------------------------------------

    def announce(self, questions: Sequence[Question]) -> None:
        """Send questions ahead, if the port takes them."""
        if self._pipeline is not None:
            self._pipeline.announce(questions, self.timeout)

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario with these params, by name."""
        self._conversation().ask(Question("begin", tensors), self.timeout)

    def event(self, event: Event, ask: Ask, payload: bytes | None = None) -> Reply:
        """Play one event."""
        question = Question("event", event)
        answer = self._conversation().ask(question, self.timeout, ask, payload)
        return messages.reply_from_wire(answer)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """The optimizer's params by name."""
        answer = self._conversation().ask(Question("read", optimizer), self.timeout)
        return messages.readings_from_wire(answer)

    def native(self, name: str) -> NativeAnswer:
        """Run a native check; one that compiles has `SLOW` times as long."""
        slow = name in NATIVE and NATIVE[name].slow
        timeout = self.timeout * (SLOW if slow else 1)
        answer = self._conversation().send({"op": "check", "name": name}, timeout)
        return messages.native_from_wire(answer)

    def _conversation(self) -> Pipeline:
        if self._pipeline is None:
            raise Crash("the process has ended", "not-started")
        return self._pipeline
