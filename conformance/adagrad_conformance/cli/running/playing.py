"""Several targets at a time, with a bar for each, ended at once by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import Watcher, evaluate_client
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import Target

__all__ = ["Manner", "evaluate_all"]


@dataclass(frozen=True)
class Manner:
    """How targets are played: `timeout` in seconds for an answer, `memory` in GiB for
    each port's data, `jobs` targets at a time.

    Checks that are `given` in a file are played as they are; `whole` is False where the
    user has chosen some by name.  With `told` the first failure of each target is told
    as soon as it is found.
    """

    timeout: float
    memory: float | None = None
    jobs: int = 1
    given: bool = False
    whole: bool = True
    fail_fast: bool = False
    told: bool = False


def evaluate_all(
    targets: Sequence[Target],
    checks: Sequence[Check],
    library: Library,
    manner: Manner,
) -> tuple[list[TargetResult], bool]:
    """The result of each target, in order, and whether the run was interrupted.

    On SIGINT or SIGTERM all ports are ended, and the results hold what was judged by
    then; threads that still judge are left behind, and end with the process.
    """
    clients = [
        SubprocessClient(t.command, manner.timeout, manner.memory) for t in targets
    ]
    results = [TargetResult(target.name) for target in targets]
    pool = ThreadPoolExecutor(manner.jobs)
    with _progress() as progress:

        def one(client: SubprocessClient, result: TargetResult) -> None:
            task = progress.add_task(result.target, total=len(checks))
            evaluate_client(
                result.target,
                client,
                checks,
                library.expectations,
                _Told(progress, task, manner.told),
                library.holds,
                as_they_are=manner.given,
                whole=manner.whole and not manner.given,
                doubt=True,
                fail_fast=manner.fail_fast,
                result=result,
            )

        try:
            with _terminated_as_interrupted():
                futures = [
                    pool.submit(one, *pair)
                    for pair in zip(clients, results, strict=True)
                ]
                for future in futures:
                    future.result()
        except KeyboardInterrupt:
            for number in (signal.SIGINT, signal.SIGTERM):  # once is enough
                signal.signal(number, signal.SIG_IGN)
            for client in clients:
                client.abandon()
            pool.shutdown(wait=False, cancel_futures=True)
            ended = [future.done() for future in futures]
            pairs = zip(results, ended, strict=True)
            return [_so_far(result, done) for result, done in pairs], True
    pool.shutdown()
    return results, False


def _so_far(result: TargetResult, done: bool) -> TargetResult:
    """A copy that no thread fills any more."""
    if done:
        return result
    problem = result.problem
    if result.identity is None:
        problem = problem or "interrupted before it was loaded"
    verdicts = list(result.verdicts)
    return replace(result, problem=problem, verdicts=verdicts, interrupted=True)


class _Told(Watcher):
    """Moves a bar, and tells the first failure of a target on standard error."""

    def __init__(self, progress: Progress, task: TaskID, told: bool) -> None:
        self.progress, self.task, self.wanted = progress, task, told

    def played(self) -> None:
        """Move the bar."""
        self.progress.advance(self.task)

    def judged(self, result: TargetResult) -> None:
        """Tell the first failure."""
        first = result.first_failure() if self.wanted else None
        if first is None:
            return
        self.wanted = False
        text = "".join(c if c.isprintable() else "?" for c in first)
        line = f"{result.target}: first failure: {text}"
        self.progress.console.print(Text(line), soft_wrap=True)

    def searching(self, result: TargetResult) -> None:
        """Say what goes on after the last check."""
        del result
        self.progress.update(self.task, description="searching for the cause")


def _progress() -> Progress:
    """Bars on standard error, where a person can see them."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=hidden)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """The end of a CI job is taken as Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    old = signal.signal(signal.SIGTERM, interrupt) if in_main else None
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, old)
