"""Several targets at a time, with a bar for each, ended at once by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import Target

__all__ = ["evaluate_all"]


def evaluate_all(
    targets: Sequence[Target],
    checks: Sequence[Check],
    library: Library,
    timeout: float,
    memory: float | None,
    jobs: int,
    given: bool = False,
    whole: bool = True,
) -> list[TargetResult]:
    """The result of each target, in order, `jobs` of them at a time.

    `timeout` is in seconds for an answer, `memory` in GiB for each port's data.  On
    SIGINT or SIGTERM all ports are ended, and the command with exit code 130.  Checks
    that are `given` in a file are played as they are; `whole` is False where the user
    has chosen some by name.
    """
    clients = [SubprocessClient(t.command, timeout, memory) for t in targets]
    with (
        _progress() as progress,
        ThreadPoolExecutor(jobs) as pool,
        _interruptible(clients),
    ):

        def one(target: Target, client: SubprocessClient) -> TargetResult:
            task = progress.add_task(target.name, total=len(checks))
            return evaluate_client(
                target.name,
                client,
                checks,
                library.expectations,
                lambda: progress.advance(task),
                library.holds,
                as_they_are=given,
                whole=whole and not given,
                doubt=True,
            )

        return list(pool.map(one, targets, clients))


def _progress() -> Progress:
    """Bars on standard error, where a person can see them."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=hidden)


@contextmanager
def _interruptible(clients: Sequence[SubprocessClient]) -> Iterator[None]:
    """On Ctrl-C, or the end of a CI job, end all ports at once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    old = signal.signal(signal.SIGTERM, interrupt) if in_main else None
    try:
        yield
    except KeyboardInterrupt:
        if in_main:  # once is enough
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for client in clients:
            client.abandon()
        click.echo("adagrad-conformance: interrupted; nothing was written", err=True)
        raise SystemExit(130) from None
    else:
        if in_main:
            signal.signal(signal.SIGTERM, old)
