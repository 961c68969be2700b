"""`diagnose`: what explains a port's failures, and the verdict by that explanation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adagrad_conformance import __version__
from adagrad_conformance.checks.selection import selected
from adagrad_conformance.checks.vector_files import Library, VectorError
from adagrad_conformance.diagnosis.diagnose import diagnose
from adagrad_conformance.diagnosis.wording import explanation_text
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.evaluation.defaults import FRESH, TIMEOUT, chosen_seed
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.records import diagnosis_record
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
    checks = selected(library, seed, FRESH, quick=True)
    click.echo(f"adagrad-conformance {__version__}: diagnosing {name}, seed {seed}")
    client = SubprocessClient(target.command, options.timeout, options.memory)
    result = evaluate_client(
        name, client, checks, library.expectations, explain=False, keep=True
    )
    if result.problem or result.identity is None:
        click.echo(f"{name}: {result.problem}", err=True)
        return result.exit_code()
    levels = LEVELS[: LEVELS.index(options.level.upper()) + 1]
    record = _record(name, seed, result, levels, library)
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
        )
    return 1 if record["failed"] else result.exit_code()


def _record(
    target: str,
    seed: int,
    result: TargetResult,
    levels: Sequence[str],
    library: Library,
) -> Json:
    """The diagnosis as plain data: what `--json` writes and the lines are made of."""
    assert result.identity is not None
    terms = Terms(result.identity.claims, library.expectations)
    declared = DIALECTS[result.identity.dialect]
    verdicts = result.verdicts
    if declared.changes:  # what speaks against the document is what is explained
        verdicts = judge(result.seen, terms)
    found = diagnose(result.seen, terms, verdicts, levels)
    record: Json = {
        "target": target,
        "suite": __version__,
        "vectors": library.digest,
        "seed": seed,
        "levels": list(levels),
        "dialect": declared.name,
        "judged": _count(verdicts, levels)[1],
        "failed": _count(verdicts, levels)[0],
    }
    if found is None:
        return record
    record |= diagnosis_record(found)
    if found.first.dialect is not None:
        own = judge(result.seen, terms.by(found.first.dialect))
        record["by_first"] = _by_dialect(found.first.dialect, own, levels)
    return record


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
    if record["dialect"] != "document":
        yield f"It declares the dialect {record['dialect']}; this is by the document."
    if not failed:
        yield f"Nothing to explain: {judged} of {judged} checks at {words} pass."
        return
    yield f"{failed} of {judged} checks at {words} fail by the document. Explanations:"
    for number, explanation in enumerate(record["explanations"], 1):
        yield f"  {number}. {explanation_text(explanation)}"
        if explanation["like"]:
            yield f"     as in {'; '.join(explanation['like'])}"
    if record["separator"]:
        scenario, against = record["separator"].values()
        yield f"Told from '{'; '.join(against)}' by:"
        yield f"  adagrad-conformance explain {scenario}"
    if record["rest"]:
        yield f"Beside the first: {explanation_text(record['rest'])}"
    if "by_first" in record:
        yield from _full(record["by_first"], words)


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
