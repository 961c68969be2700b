"""The base of adapters for two processes that step one model.

The ranks talk by gloo on the loopback.  This process is rank 0.

Rule 1.  Both ranks make every call in the same order, as two starts of one training
         script would.
Rule 2.  Rank 1 reads its calls from a pipe and ends where the pipe does, so that it
         never outlives rank 0.
Rule 3.  A call that fails on one rank alone leaves the other waiting; then both ranks
         start anew.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from adagrad_conformance.adapters.base import (
    Adapter,
    Ask,
    ClosureAnswer,
    Gradient,
    Group,
    OptionValues,
    Reading,
    Tensor,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["TwoRanksAdapter", "main"]

#: Seconds that a rank waits for a message of the other one.
_PATIENCE = 20
_RANK_1 = "from adagrad_conformance.adapters.bases.two_ranks import main; main()"


class _Peer:
    """Rank 1, seen from rank 0: calls go out, a result or an exception comes back.

    `place` is the `module:attribute` that makes the adapter of the rank.
    """

    def __init__(self, place: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="adagrad-ranks-"))
        store = str(self.folder / "store")
        self.process = subprocess.Popen(
            (sys.executable, "-c", _RANK_1, place, store),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        _join(0, store)
        shutil.rmtree(self.folder)  # it serves the first meeting only

    def send(self, message: Any) -> None:
        """Send a call, or the answer that the closure of a call waits for."""
        assert self.process.stdin is not None
        pickle.dump(message, self.process.stdin)
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The answer to a call; raises TimeoutError, or EOFError if the rank ended."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], 2 * _PATIENCE)[0]:
            raise TimeoutError("rank 1 does not answer")
        return pickle.load(self.process.stdout)

    def end(self) -> None:
        """Kill the rank, close the pipes and leave the process group."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # closing flushes to a process that has ended
                if pipe is not None:
                    pipe.close()
        if dist.is_initialized():
            dist.destroy_process_group()


def _join(rank: int, store: str) -> None:
    """Meet the other rank through the file `store`; raises what torch raises."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=_PATIENCE),
    )
    dist.barrier()


def main() -> None:
    """Be rank 1: `PLACE STORE` on the command line, calls on standard input.

    Answers go to the first standard output, whatever the port prints to standard error.
    """
    place, store = sys.argv[1:]
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # prints of the port would break the answers
    torch.set_num_threads(1)
    _join(1, store)
    module, _, attribute = place.partition(":")
    mine: TorchAdapter = getattr(import_module(module), attribute)()

    def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
        answer: ClosureAnswer = pickle.load(calls)  # rank 0 ran the closure
        return answer

    while True:
        try:
            name, arguments = pickle.load(calls)
        except EOFError:
            os._exit(0)  # rank 0 has ended, so no handler at exit could meet it
        if name == "step_with_closure":
            arguments = (*arguments, ask)
        try:
            result: Any = getattr(mine, name)(*arguments)
        except Exception as error:
            result = error
        pickle.dump(result, answers)
        answers.flush()


class TwoRanksAdapter(Adapter):
    """Drives a `TorchAdapter` on each of two ranks.

    `make` makes the adapter of rank 0; `place`, as `module:attribute`, names the same
    function for rank 1.
    """

    def __init__(self, place: str, make: Callable[[], TorchAdapter]) -> None:
        self.place, self.mine, self.peer = place, make(), None
        self.name, self.version = self.mine.name, self.mine.version
        self.language, self.claims = self.mine.language, self.mine.claims
        self.refusals = self.mine.refusals
        atexit.register(self._end)

    peer: _Peer | None

    def _end(self) -> None:
        if self.peer is not None:
            self.peer.end()
        self.peer = None

    def _both(self, name: str, *arguments: Any, ask: Ask | None = None) -> list[Any]:
        """The results of both ranks; raises the exception of rank 0, else of rank 1."""
        if self.peer is None:
            self.peer = _Peer(self.place)
        own, other = self._answers(self.peer, name, arguments, ask)
        failed = [isinstance(answer, Exception) for answer in (own, other)]
        if any(failed) and not self._meet(self.peer):
            self._end()  # one rank is still inside the call
        for answer in (own, other):
            if isinstance(answer, Exception):
                raise answer
        return [own, other]

    def _meet(self, peer: _Peer) -> bool:
        """Whether both ranks can still make a call together."""
        return self._answers(peer, "meet", (), None) == (None, None)

    def _answers(
        self, peer: _Peer, name: str, arguments: tuple[Any, ...], ask: Ask | None
    ) -> tuple[Any, Any]:
        """Result or exception of rank 0, and of rank 1."""
        own: Any = None
        other: Any = None
        try:
            peer.send((name, arguments))
            given = arguments if ask is None else (*arguments, ask)
            own = getattr(self.mine, name)(*given)
        except Exception as caught:
            own = caught
        try:
            other = peer.answer()
        except (TimeoutError, EOFError) as caught:
            other = caught
        return own, other

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Make the params on both ranks."""
        self._both("begin", tensors)

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Construct the optimizer on both ranks."""
        self._both("new", optimizer, groups, options)

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Give both ranks the same gradient, as after an all-reduce."""
        self._both("set_gradient", param, gradient)

    def step(self, optimizer: str) -> float | None:
        """Step on both ranks; the loss is that of rank 0."""
        loss: float | None = self._both("step", optimizer)[0]
        return loss

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Step on both ranks; the closure's answer goes to both."""

        def asked(params: Mapping[str, Tensor]) -> ClosureAnswer:
            answer = ask(params)
            if self.peer is not None:
                self.peer.send(answer)
            return answer

        loss: float | None = self._both("step_with_closure", optimizer, ask=asked)[0]
        return loss

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Change the option on both ranks."""
        self._both("set_option", optimizer, group, option, value)

    def add_group(self, optimizer: str, group: Group) -> None:
        """Add the group on both ranks."""
        self._both("add_group", optimizer, group)

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """Zero the gradients on both ranks."""
        self._both("zero_grad", optimizer, set_to_none)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write the state on both ranks; each keeps its own part."""
        self._both("set_state", optimizer, param, state_sum, t)

    def save(self, optimizer: str, name: str) -> bytes:
        """Save on both ranks; the bytes hold those of both."""
        return pickle.dumps(self._both("save", optimizer, name))

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Load on both ranks, from what each kept or from the bytes of both."""
        raws = None if payload is None else pickle.loads(payload)
        self._both("load_of", optimizer, name, via, raws)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """The params of rank 0, each with the state of the rank that keeps it."""
        own, other = self._both("read", optimizer)
        return {
            name: reading
            if reading.state_sum is not None
            else _with_state(reading, other[name])
            for name, reading in own.items()
        }


def _with_state(own: Reading, other: Reading) -> Reading:
    return Reading(own.theta, own.gradient, other.state_sum, other.t, own.storage)
