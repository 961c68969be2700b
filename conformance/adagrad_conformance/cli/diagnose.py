"""`diagnose`: the faults of a port in full, and the verdict by their switches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adagrad_conformance import __version__
from adagrad_conformance.checks.selection import Choice, selected
from adagrad_conformance.checks.vector_files import Library, VectorError
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.evaluation.defaults import FRESH, TIMEOUT, chosen_seed
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.faults.fault import Faults
from adagrad_conformance.faults.find import find_faults
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge, judged_cases, verdict_of
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.dialects import DIALECTS, Dialect
from adagrad_reference.scenario import LEVELS

from .outputs import check_outputs, write, write_reproducers

__all__ = ["DiagnoseOptions", "diagnose_command"]

Json = dict[str, Any]


@dataclass(frozen=True)
class DiagnoseOptions:
    """The options of `diagnose` by their names in the command line's declaration."""

    target: str
    level: str = "must"
    seed: int | None = None
    output: str | None = None
    timeout: float = TIMEOUT
    memory: float | None = None
    reproducers: str | None = None


def diagnose_command(options: DiagnoseOptions) -> int:
    """Returns the exit code; raises `UserError` for what cannot be run at all."""
    name = options.target
    try:
        target = parse_target(name)
        library = Library.read()
    except (ValueError, VectorError) as error:
        raise UserError(str(error)) from None
    check_outputs(options.output, options.reproducers)
    seed = chosen_seed(options.seed)
    checks = selected(library, seed, FRESH, Choice(quick=True))
    client = SubprocessClient(target.command, options.timeout, options.memory)
    result = evaluate_client(
        name, client, checks, library.expectations, explain=False, keep=True
    )
    if result.problem or result.identity is None:
        click.echo(f"{name}: {result.problem}", err=True)
        return result.exit_code()
    levels = LEVELS[: LEVELS.index(options.level.upper()) + 1]
    found = _found(result, levels, library)
    record = _record(name, seed, result, levels, library, found)
    for line in _lines(record):
        click.echo(line)
    if options.output is not None:
        write(Path(options.output), json.dumps(record, indent=1) + "\n")
    if options.reproducers is not None:
        write_reproducers(
            options.reproducers,
            [target],
            [result.verdicts],
            checks,
            library,
            options.timeout,
            options.memory,
            [found.faults.faults],
        )
    return 1 if record["failed"] else result.exit_code()


@dataclass(frozen=True)
class _Found:
    """The verdicts by the document, and the faults: what speaks against it."""

    terms: Terms
    verdicts: Sequence[Verdict]
    faults: Faults


def _found(result: TargetResult, levels: Sequence[str], library: Library) -> _Found:
    assert result.identity is not None
    terms = Terms(result.identity.claims, library.expectations)
    cases = judged_cases(result.seen, terms)
    verdicts = [verdict_of(case) for case in cases]
    faults = find_faults(result.seen, terms, cases, verdicts, levels)
    return _Found(terms, verdicts, faults)


def _record(
    target: str,
    seed: int,
    result: TargetResult,
    levels: Sequence[str],
    library: Library,
    found: _Found,
) -> Json:
    """The faults as plain data: what `--json` writes and the lines are made of."""
    assert result.identity is not None
    failed, judged = _count(found.verdicts, levels)
    record: Json = {
        "target": target,
        "suite": __version__,
        "vectors": library.digest,
        "seed": seed,
        "levels": list(levels),
        "dialect": DIALECTS[result.identity.dialect].name,
        "judged": judged,
        "failed": failed,
        "faults": [fault.record() for fault in found.faults.faults],
        "explained": found.faults.rest(),
    }
    if dialect := _dialect(found.faults):
        own = judge(result.seen, found.terms.by(dialect))
        record["by_switches"] = _by_dialect(dialect, own, levels)
    return record


def _dialect(found: Faults) -> Dialect | None:
    """The dialect of all switches that were found: that of the last fault with one."""
    dialects = [fault.dialect for fault in found.faults if fault.dialect is not None]
    return max(dialects, key=lambda dialect: len(dialect.changes), default=None)


def _by_dialect(
    dialect: Dialect, verdicts: Sequence[Verdict], levels: Sequence[str]
) -> Json:
    failed, judged = _count(verdicts, levels)
    return {
        "changes": dict(dialect.changes),
        "judged": judged,
        "failed": failed,
        "failures": [v.scenario for v in verdicts if _fails(v, levels)],
    }


def _count(verdicts: Sequence[Verdict], levels: Sequence[str]) -> tuple[int, int]:
    """(failed, judged) at these levels."""
    judged = [v for v in verdicts if v.level in levels and v.status.was_judged]
    return sum(_fails(v, levels) for v in judged), len(judged)


def _fails(verdict: Verdict, levels: Sequence[str]) -> bool:
    return verdict.level in levels and verdict.status.is_failure


# -- words -----------------------------------------------------------------------------


def _lines(record: Json) -> Iterator[str]:
    words = " and ".join(record["levels"])
    judged, failed = record["judged"], record["failed"]
    if not failed:
        yield f"Nothing to explain: {judged} of {judged} checks at {words} pass."
        return
    faults = record["faults"]
    count = f"{len(faults)} fault{'s' * (len(faults) != 1)}" if faults else "No cause"
    yield f"{count} found; {failed} of {judged} checks at {words} fail by the document."
    if record["dialect"] != "document":
        yield f"It declares the dialect {record['dialect']}, which is set aside here."
    for number, fault in enumerate(faults, 1):
        yield f"{number}. {fault['fault']} ({fault['kind']}): {fault['words']}"
        against = f"; {fault['against']} that pass speak against it"
        yield (
            f"   explains {fault['complaints']:,} complaints in {fault['checks']} "
            f"checks{against if fault['against'] else ''}"
        )
        yield f"   {fault['scenario']}: {fault['evidence']}"
        if fault["like"]:
            yield f"   as in {'; '.join(fault['like'])}"
    rest = record["explained"]
    if rest["unexplained"]:
        number, of = rest["unexplained"], rest["complaints"]
        yield f"Unexplained: {number:,} of {of:,} complaints"
        yield from (f"   {x['scenario']}: {x['evidence']}" for x in rest["first"])
    if "by_switches" in record:
        yield from _full(record["by_switches"], words)
    yield f"Seed {record['seed']}, adagrad-conformance {record['suite']}"


def _full(own: Json, words: str) -> Iterator[str]:
    listed = ", ".join(f"{name}={value}" for name, value in own["changes"].items())
    passed, judged = own["judged"] - own["failed"], own["judged"]
    yield f"Judged in full by {listed}: {passed} of {judged} checks at {words} pass."
    if own["failures"]:
        more = len(own["failures"]) - 3
        some = ", ".join(own["failures"][:3]) + (
            f" and {more} more" if more > 0 else ""
        )
        yield f"  These fail by it too: {some}"
