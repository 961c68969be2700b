"""Work done in forked processes, one for each task, and what became of each."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

__all__ = ["Ended", "in_forks"]

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Ended:
    """The answer of a task, or why there is none."""

    task: int
    answer: Any = None
    problem: str | None = None


def in_forks(
    work: Callable[[Any], Any], tasks: Sequence[Any], jobs: int, patience: float
) -> Iterator[Ended]:
    """`work(task)` for each task, `jobs` at once, each in a process of its own.

    Yields them as they end.  What raises, dies or takes more than `patience` seconds
    has a problem instead of an answer.
    """
    waiting = list(enumerate(tasks))[::-1]
    running: dict[Any, tuple[int, Any, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, task = waiting.pop()
                connection, process = _start(work, task)
                running[connection] = number, process, time.monotonic() + patience
            nearest = min(deadline for _, _, deadline in running.values())
            ready = wait(list(running), max(0.0, nearest - time.monotonic()))
            for connection in list(running):
                number, process, deadline = running[connection]
                late = time.monotonic() >= deadline
                if connection not in ready and not late:
                    continue
                answer = _answer(connection) if connection in ready else _late(patience)
                del running[connection]
                _end(connection, process)
                yield Ended(number, *answer)
    finally:
        for connection, (_, process, _) in running.items():
            _end(connection, process)


def _start(work: Callable[[Any], Any], task: Any) -> tuple[Connection, Any]:
    here, there = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_child, args=(there, work, task), daemon=False)
    process.start()
    there.close()
    return here, process


def _child(pipe: Connection, work: Callable[[Any], Any], task: Any) -> None:
    try:
        answer = (work(task), None)
    except BaseException as error:
        answer = (None, f"raised {type(error).__name__}")
    pipe.send(answer)


def _answer(pipe: Connection) -> tuple[Any, str | None]:
    try:
        answer: tuple[Any, str | None] = pipe.recv()
    except EOFError:
        return None, "its process died"
    return answer


def _late(patience: float) -> tuple[None, str]:
    return None, f"did not end in {patience:g} s"


def _end(pipe: Connection, process: Any) -> None:
    """Whether it has answered or not, nothing of it is needed any more."""
    pipe.close()
    process.kill()
    process.join()
