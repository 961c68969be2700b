"""`run`: choose scenarios, play them on every target, print and write the results."""

from __future__ import annotations

import gc
import json
import os
import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.selection import checks_of_a_run, is_slow, matches
from adagrad_conformance.checks.vector_files import Library, VectorError
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.files import write_text
from adagrad_conformance.reports.exit_code import exit_code
from adagrad_conformance.reports.records import (
    Stream,
    header,
    stream_lines,
    stream_of,
)
from adagrad_conformance.reports.summary import summaries
from adagrad_conformance.reports.terminal import print_summary
from adagrad_conformance.reproducers.run import check_folder, reproduce
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import Target, parse_target
from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.json_fields import CodecError
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json

__all__ = ["CI_SEED", "Plan", "check_writable", "run_command"]

#: The seed where no person watches.
CI_SEED = 20260101


@dataclass(frozen=True)
class Plan:
    """What is to be played."""

    targets: tuple[Target, ...]
    checks: Sequence[Check]
    library: Library
    seed: int


def run_command(
    targets: tuple[str, ...],
    level: str,
    strict: bool,
    only: str | None,
    quick: bool,
    scenario_file: str | None,
    form: str,
    stream_file: str | None,
    seed: int | None,
    fresh: int,
    timeout: float,
    memory: float | None,
    reproducers: str | None,
    jobs: int,
) -> int:
    """Returns the exit code; raises `UserError` for what cannot be run at all."""
    gc.set_threshold(100_000, 50, 100)  # scenarios are many and live to the end
    if seed is None:
        seed = CI_SEED if os.environ.get("CI") else secrets.randbelow(10**9)
    plan = _plan(targets, level.upper(), only, quick, scenario_file, seed, fresh)
    if stream_file is not None:
        check_writable(Path(stream_file))
    if reproducers is not None:
        check_folder(reproducers)
    if not plan.checks:
        click.echo(
            "adagrad-conformance: nothing was selected; 'list scenarios' shows "
            "what there is",
            err=True,
        )
        return 4
    results = _run_all(plan, timeout, memory, jobs)
    digest = plan.library.digest
    top = header(seed, digest, level.upper(), only, len(plan.checks))
    stream = stream_of(top, results, strict)
    if stream_file is not None:
        _write(Path(stream_file), stream)
    if form == "jsonl":
        for line in stream_lines(stream):
            click.echo(line)
    elif form == "terminal":
        _print(stream)
    if reproducers is not None:
        verdicts = [result.verdicts for result in results]
        expect = plan.library.expectations
        for line in reproduce(
            reproducers, plan.targets, verdicts, plan.checks, expect, timeout, memory
        ):
            click.echo(line, err=True)
    return exit_code(results, strict)


def _plan(
    targets: tuple[str, ...],
    level: str,
    only: str | None,
    quick: bool,
    scenario_file: str | None,
    seed: int,
    fresh: int,
) -> Plan:
    try:
        parsed = tuple(parse_target(text) for text in dict.fromkeys(targets))
        library = Library.read()
    except (ValueError, VectorError) as error:
        raise UserError(str(error)) from None
    if scenario_file is not None:
        return Plan(parsed, [_read_scenario(Path(scenario_file))], library, seed)
    checks = checks_of_a_run(library, seed, fresh)
    chosen = [
        check
        for check in checks
        if matches(check, only, level) and not (quick and is_slow(check))
    ]
    return Plan(parsed, chosen, library, seed)


def _read_scenario(path: Path) -> Scenario:
    try:
        scenario = scenario_from_json(json.loads(path.read_text(encoding="utf-8")))
        books = Bookkeeper(scenario)
        for event in scenario.events:
            books.apply(event)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (CodecError, ScenarioError, ValueError) as error:
        raise UserError(f"{path} is no scenario: {error}") from None
    return scenario


def check_writable(path: Path) -> None:
    """Raise `UserError` where a file that is written in the end cannot be."""
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}; choose another file for --json")


def _run_all(
    plan: Plan, timeout: float, memory: float | None, jobs: int
) -> list[TargetResult]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    clients = [SubprocessClient(t.command, timeout, memory) for t in plan.targets]
    with (
        Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress,
        ThreadPoolExecutor(jobs) as pool,
        _interruptible(clients),
    ):

        def one(target: Target, client: SubprocessClient) -> TargetResult:
            task = progress.add_task(target.name, total=len(plan.checks))
            return evaluate_client(
                target.name,
                client,
                plan.checks,
                plan.library.expectations,
                lambda: progress.advance(task),
                plan.library.holds,
            )

        return list(pool.map(one, plan.targets, clients))


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


def _write(path: Path, stream: Stream) -> None:
    text = "".join(line + "\n" for line in stream_lines(stream))
    try:
        write_text(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _print(stream: Stream) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    top = stream.header
    console.print(
        f"adagrad-conformance {top['suite']}: {top['checks']} checks, "
        f"seed {top['seed']}, vectors {top['vectors'][:12]}",
        highlight=False,
    )
    for summary in summaries(stream.targets, stream.checks):
        print_summary(console, summary)
