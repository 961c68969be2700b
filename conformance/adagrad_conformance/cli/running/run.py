"""`run`: choose checks, play them on every target, print and write the results."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from adagrad_conformance.adapters.claims import CLAIMS
from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.selection import Choice, known_checks, selected
from adagrad_conformance.checks.vector_files import Library, VectorError
from adagrad_conformance.cli.outputs import (
    check_outputs,
    check_writable,
    chosen_files,
    write,
    write_files,
    write_reproducers,
)
from adagrad_conformance.cli.streams import ending_with_the_reader
from adagrad_conformance.errors import UserError, meant
from adagrad_conformance.evaluation.defaults import FRESH, TIMEOUT, chosen_seed
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.faults.fault import Fault
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.exit_code import INTERRUPTED
from adagrad_conformance.reports.formats import FORMATS
from adagrad_conformance.reports.recorded.faults import FaultError, faults_of
from adagrad_conformance.reports.records import (
    check_record,
    header,
    stream_lines,
    stream_of,
)
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.targets import Target, parse_target
from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.json_fields import CodecError
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json

from .gating import Gate, open_gate, tell
from .playing import Manner, evaluate_all

__all__ = ["Plan", "RunOptions", "run_command"]


@dataclass(frozen=True)
class RunOptions:
    """The options of `run` by their names in the command line's declaration."""

    targets: tuple[str, ...]
    level: str = "may"
    strict: bool = False
    only: str | None = None
    exclude: tuple[str, ...] = ()
    without: str | None = None  #: claims, separated by commas
    quick: bool = False
    scenario_file: str | None = None
    form: str = "terminal"
    stream_file: str | None = None
    seed: int | None = None
    fresh: int = FRESH
    timeout: float = TIMEOUT
    memory: float | None = None
    reproducers: str | None = None
    #: a folder of records: no script is written for what a fault there covers
    known_faults: str | None = None
    file_junit: str | None = None
    file_ctrf: str | None = None
    file_digest: str | None = None
    file_badge: str | None = None
    file_badge_svg: str | None = None
    waivers: str | None = None
    write_waivers: str | None = None
    baseline: str | None = None
    other_vectors: bool = False
    jobs: int = 1
    fail_fast: bool = False


@dataclass(frozen=True)
class Plan:
    """What is played on which targets, and the vectors that hold what is expected."""

    targets: tuple[Target, ...]
    checks: Sequence[Check]
    library: Library
    seed: int


def run_command(options: RunOptions) -> int:
    """Returns the exit code; raises `UserError` for what cannot be run at all."""
    gc.set_threshold(100_000, 50, 100)  # scenarios are many and live to the end
    gate = open_gate(
        options.waivers, options.write_waivers, options.baseline, options.other_vectors
    )
    plan = _plan(options)
    check_outputs(options.stream_file, options.reproducers)
    if gate.drafts is not None:
        check_writable(gate.drafts, "--write-waivers")
    files = chosen_files(vars(options))
    if not plan.checks:
        click.echo(f"adagrad-conformance: {_nothing(plan, options)}", err=True)
        return 4
    manner = Manner(
        options.timeout,
        options.memory,
        options.jobs,
        given=options.scenario_file is not None,
        whole=options.only is None,
        fail_fast=options.fail_fast,
        told=options.form in ("terminal", "full"),
    )
    results, interrupted = evaluate_all(plan.targets, plan.checks, plan.library, manner)
    code = _report(plan, results, options, gate, files)
    if interrupted:
        click.echo("adagrad-conformance: interrupted", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # threads that judge would hold the process
    if options.reproducers is not None:
        write_reproducers(
            options.reproducers,
            plan.targets,
            [_to_reproduce(result, options.known_faults) for result in results],
            plan.checks,
            plan.library,
            options.timeout,
            options.memory,
            [_faults(result, options.known_faults) for result in results],
        )
    return code


def _to_reproduce(result: TargetResult, folder: str | None) -> list[Verdict]:
    """The verdicts whose failures get a script."""
    if folder is None:
        return result.verdicts
    try:
        faults = faults_of(result.target, Path(folder))
    except FaultError as error:
        raise UserError(str(error)) from None
    return [
        verdict
        for verdict in result.verdicts
        if verdict.level != "MAY"
        and not any(f.covers_record(check_record("", verdict, None)) for f in faults)
    ]


def _faults(result: TargetResult, folder: str | None) -> Sequence[Fault]:
    """Those that get a script each; records name what is left by its requirement."""
    return result.faults.faults if result.faults and folder is None else ()


def _plan(options: RunOptions) -> Plan:
    try:
        targets = tuple(parse_target(text) for text in dict.fromkeys(options.targets))
        library = Library.read()
    except (ValueError, VectorError) as error:
        raise UserError(str(error)) from None
    seed = chosen_seed(options.seed)
    checks: Sequence[Check]
    if options.scenario_file is not None:
        checks = [_read_scenario(Path(options.scenario_file))]
    else:
        level = options.level.upper()
        chosen = Choice(
            level,
            options.only,
            options.quick,
            options.exclude,
            _claims(options.without),
        )
        checks = selected(library, seed, options.fresh, chosen)
    return Plan(targets, checks, library, seed)


def _claims(text: str | None) -> frozenset[str]:
    """The claims of `--without`; raises `UserError` for one that there is not."""
    names = frozenset(filter(None, (text or "").replace(" ", "").split(",")))
    for name in sorted(names - set(CLAIMS)):
        raise UserError(
            f"--without: there is no claim {name!r}{meant(name, CLAIMS)}; "
            f"known: {', '.join(CLAIMS)}"
        )
    return names


def _nothing(plan: Plan, options: RunOptions) -> str:
    """Why no check is left, and what to do."""
    if options.only is None:
        return "nothing was selected: --exclude and --without leave no check"
    ids = [*(check.id for check in known_checks(plan.library)), *REQUIREMENTS]
    themes = {f"{name.partition('/')[0]}/*" for name in ids}
    near = meant(options.only, [*ids, *sorted(themes)])
    return (
        f"nothing was selected: no check or requirement is like {options.only!r}"
        f"{near}; 'list checks' and 'list requirements' show what there is"
    )


def _read_scenario(path: Path) -> Scenario:
    """The scenario in a file; raises `UserError` for what cannot be played."""
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


def _report(
    plan: Plan,
    results: Sequence[TargetResult],
    options: RunOptions,
    gate: Gate,
    files: Mapping[str, Path],
) -> int:
    """Print the stream in the form chosen, and write it to the file of `--json`.

    Returns the exit code, by waivers and baseline where there are any: a baseline makes
    red what got worse, and nothing else.
    """
    digest, level = plan.library.digest, options.level.upper()
    top = header(plan.seed, digest, level, options.only, len(plan.checks))
    whole = options.only is None and not (options.exclude or options.without)
    whole = (
        whole and options.level == "may" and not (options.quick or options.fail_fast)
    )
    gated, compared = gate.hold(
        stream_of(top, results, options.strict), plan.library, whole
    )
    stream = gated.stream
    with ending_with_the_reader():
        FORMATS[options.form].write([stream], sys.stdout)
    if options.stream_file is not None:
        lines = (line + "\n" for line in stream_lines(stream))
        write(Path(options.stream_file), "".join(lines))
    write_files([stream], files)
    tell(gated, compared, gate.drafts)
    code = gated.exit_code(options.strict)
    if compared and code in (0, 1):
        worse = any(comparison.regressions for comparison in compared)
        return 1 if worse or gated.troubles else 0
    return code
