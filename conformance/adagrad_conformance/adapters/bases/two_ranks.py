"""Two processes that step one model: gloo on the loopback, this process is rank 0.

The other rank is started with the adapter and ends with it: it reads from a pipe, whose
end is the parent's.  Both ranks do everything in the same order, as a training script
does that is started twice.
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

__all__ = ["PairAdapter", "main"]

#: Seconds that a rank waits for the other one, which waits no longer for this one.
_PATIENCE = 20
_STARTING = "from adagrad_conformance.adapters.bases.two_ranks import main; main()"


class _Peer:
    """Rank 1: it is sent calls, and answers each with a result or an exception."""

    def __init__(self, place: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="adagrad-ranks-"))
        store = str(self.folder / "store")
        self.process = subprocess.Popen(
            (sys.executable, "-c", _STARTING, place, store),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        _join(0, store)
        shutil.rmtree(self.folder)  # they have met: it is needed no more

    def send(self, message: Any) -> None:
        """Send a call, or what the closure of one brings."""
        assert self.process.stdin is not None
        pickle.dump(message, self.process.stdin)
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The answer to a call; raises TimeoutError or EOFError."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], 2 * _PATIENCE)[0]:
            raise TimeoutError("rank 1 does not answer")
        return pickle.load(self.process.stdout)

    def end(self) -> None:
        """End it, and leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # what was not sent is sent no more
                if pipe is not None:
                    pipe.close()
        if dist.is_initialized():
            dist.destroy_process_group()


def _join(rank: int, store: str) -> None:
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
    """Rank 1: `PLACE STORE` on the command line, calls on standard input."""
    place, store = sys.argv[1:]
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed is no answer
    torch.set_num_threads(1)
    _join(1, store)
    module, _, attribute = place.partition(":")
    mine: TorchAdapter = getattr(import_module(module), attribute)()

    def ask(params: Mapping[str, Tensor]) -> ClosureAnswer:
        found: ClosureAnswer = pickle.load(calls)
        return found

    while True:
        try:
            name, arguments = pickle.load(calls)
        except EOFError:
            os._exit(0)  # rank 0 has ended; there is nobody to say goodbye to
        if name == "step_with_closure":
            arguments = (*arguments, ask)
        try:
            result: Any = getattr(mine, name)(*arguments)
        except Exception as error:
            result = error
        pickle.dump(result, answers)
        answers.flush()


class PairAdapter(Adapter):
    """Drives a `TorchAdapter` on each of two ranks; `place` is where the ranks' is."""

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
        """What both ranks answer; raises what either raised, this one first."""
        if self.peer is None:
            self.peer = _Peer(self.place)
        own, other = self._answers(self.peer, name, arguments, ask)
        failed = [isinstance(answer, Exception) for answer in (own, other)]
        if any(failed) and not self._meet(self.peer):
            self._end()  # what one rank called alone, the other waited for
        for answer in (own, other):
            if isinstance(answer, Exception):
                raise answer
        return [own, other]

    def _meet(self, peer: _Peer) -> bool:
        """Whether the ranks can still go on together."""
        return self._answers(peer, "meet", (), None) == (None, None)

    def _answers(
        self, peer: _Peer, name: str, arguments: tuple[Any, ...], ask: Ask | None
    ) -> tuple[Any, Any]:
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
        """Both hold the params."""
        self._both("begin", tensors)

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Both construct."""
        self._both("new", optimizer, groups, options)

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Both have the same gradients, as after their mean was taken."""
        self._both("set_gradient", param, gradient)

    def step(self, optimizer: str) -> float | None:
        """Both step."""
        loss: float | None = self._both("step", optimizer)[0]
        return loss

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """What the closure brings goes to both."""

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
        """Both change it."""
        self._both("set_option", optimizer, group, option, value)

    def add_group(self, optimizer: str, group: Group) -> None:
        """Both add it."""
        self._both("add_group", optimizer, group)

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """Both."""
        self._both("zero_grad", optimizer, set_to_none)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Both write it, each what it keeps."""
        self._both("set_state", optimizer, param, state_sum, t)

    def save(self, optimizer: str, name: str) -> bytes:
        """Each rank keeps what it has; the bytes are those of both."""
        return pickle.dumps(self._both("save", optimizer, name))

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Each rank takes its own, or the bytes of both."""
        raws = None if payload is None else pickle.loads(payload)
        self._both("load_of", optimizer, name, via, raws)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Params as rank 0 has them; state from the rank that has it."""
        own, other = self._both("read", optimizer)
        return {
            name: reading
            if reading.state_sum is not None
            else _with(reading, other[name])
            for name, reading in own.items()
        }


def _with(own: Reading, other: Reading) -> Reading:
    return Reading(own.theta, own.gradient, other.state_sum, other.t, own.storage)
