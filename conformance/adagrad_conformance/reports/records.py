"""The records of a result stream, made from results, as stream.schema.json has them.

A text of a port may hold anything, and an error in ulp is a float: records hold only
what JSON can write, without floats.
"""

from __future__ import annotations

import json
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TextIO

from adagrad_conformance import __version__
from adagrad_conformance.adapters.evidence.reading import (
    KINDS,
    PortEvidence,
    evidence_of,
)
from adagrad_conformance.evaluation.result import TargetResult
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.dialects import DIALECTS

from .exit_code import exit_code
from .formats import Supplements

if TYPE_CHECKING:
    from adagrad_conformance.evaluation.basis import Basis

__all__ = [
    "STREAM_VERSION",
    "Json",
    "Stream",
    "basis_record",
    "check_record",
    "fault_records",
    "header",
    "stream_lines",
    "stream_of",
    "target_record",
    "write_nothing",
    "write_stream",
]

STREAM_VERSION = 1
Json = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """A complete stream."""

    header: Json
    targets: tuple[Json, ...]
    checks: tuple[Json, ...]  #: of all targets
    footer: Json
    faults: tuple[Json, ...] = ()  #: of all targets


def stream_of(top: Json, results: Sequence[TargetResult], strict: bool) -> Stream:
    """The stream of a run that `top` is the header of."""
    return Stream(
        top,
        tuple(map(target_record, results)),
        tuple(_check_records(results)),
        _footer(results, strict),
        tuple(fault for result in results for fault in fault_records(result)),
    )


def _check_records(results: Iterable[TargetResult]) -> Iterator[Json]:
    for result in results:
        shown: dict[str, list[str]] = defaultdict(list)
        for fault in result.faults.faults if result.faults else ():
            for scenario in fault.checks:
                shown[scenario].append(fault.slug)
        for verdict in result.verdicts:
            reproducer = result.reproducers.get(verdict.scenario)
            record = check_record(result.target, verdict, reproducer)
            if faults := shown.get(verdict.scenario):
                record["faults"] = faults
            yield record


def fault_records(result: TargetResult) -> Iterator[Json]:
    """A record for each fault of a target, the gravest first."""
    for fault in result.faults.faults if result.faults else ():
        record = {"record": "fault", "target": result.target, **fault.record()}
        yield dict(_writable(record))


def stream_lines(stream: Stream) -> Iterator[str]:
    """The lines of a stream, without their ends.

    The faults and the checks of a target follow it.
    """
    own: dict[str, list[Json]] = defaultdict(list)
    for record in (*stream.faults, *stream.checks):
        own[record["target"]].append(record)
    yield json.dumps(stream.header)
    for target in stream.targets:
        yield json.dumps(target)
        yield from map(json.dumps, own[target["target"]])
    yield json.dumps(stream.footer)


def write_stream(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write the one stream as it is."""
    del supplements
    (stream,) = streams
    for line in stream_lines(stream):
        out.write(line + "\n")


def write_nothing(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write nothing, for runs of which the exit code alone is of interest."""
    del streams, out, supplements


def header(seed: int, vectors: str, level: str, only: str | None, checks: int) -> Json:
    """The first record.

    `vectors` is the digest of the golden vectors, `level` in capitals, `checks` the
    number of checks that were selected for each target.
    """
    return {
        "record": "header",
        "stream_version": STREAM_VERSION,
        "suite": __version__,
        "vectors": vectors,
        "seed": seed,
        "level": level,
        "only": only,
        "checks": checks,
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "system": platform.system(),
            **{name: _version(name) for name in ("mpmath", "numpy")},
        },
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def target_record(result: TargetResult) -> Json:
    """The identity of a port, or why it could not be judged."""
    record: Json = {"record": "target", "target": result.target}
    if result.identity:
        record |= {
            "name": result.identity.name,
            "version": result.identity.version,
            "language": result.identity.language,
            "claims": sorted(result.identity.claims),
            "dialect": result.identity.dialect,
            "departs": list(DIALECTS[result.identity.dialect].words),
            "constants": {n: repr(x) for n, x in result.identity.constants.items()},
        }
    if result.by_document:
        passed, judged = result.by_document
        record["by_document"] = {"passed": passed, "judged": judged}
    if result.basis:
        record["basis"] = basis_record(result.basis)
    if result.faults:
        record["explained"] = result.faults.rest()
    if result.interrupted:
        record["interrupted"] = True
    if promises := evidence_of(result.target):
        record |= _promises_record(promises)
    if result.doubt:
        record["doubt"] = result.doubt
    if result.problem:
        record["problem"] = result.problem
    return dict(_writable(record))


def _promises_record(promises: PortEvidence) -> Json:
    """What stands behind the claims of a published port."""
    kinds = Counter(row.kind for row in promises.rows.values())
    record: Json = {
        "standing": promises.standing,
        "evidence": {kind: kinds[kind] for kind in KINDS},
    }
    if promises.played:
        record["played"] = promises.played
    return record


def basis_record(basis: Basis) -> Json:
    """What the verdict rests on."""
    record = dict(vars(basis))
    for name in ("silent_themes", "waived_themes", "lacking"):
        record[name] = [str(word) for word in record[name]]
    claims = record["not_judged"].items()
    record["not_judged"] = {name: list(needs) for name, needs in claims}
    return record


def check_record(
    target: str, verdict: Verdict, reproducer: Mapping[str, Any] | None = None
) -> Json:
    """One verdict; `reproducer` is the scenario as JSON, where no file holds it."""
    failure = verdict.failure
    record: Json = {
        "record": "check",
        "target": target,
        "requirement": verdict.requirement,
        "requirements": list(verdict.requirements),
        "kind": verdict.kind,
        "scenario": verdict.scenario,
        "level": verdict.level,
        "status": verdict.status,
        "grade": verdict.grade,
        "max_error_ulp": _decimal(verdict.max_error),
        "mean_error_ulp": _decimal(verdict.mean_error),
        "elements": verdict.elements,
        "message": failure.message if failure else verdict.message,
    }
    if failure:
        record |= {
            "failure": failure.kind,
            "event": failure.event,
            "param": failure.param,
            "element": failure.element,
            "observed": failure.observed_text,
            "expected": failure.due_text,
            "outside_ulp": _decimal(verdict.margin),
        }
        if verdict.message:
            record["trouble"] = verdict.message
    if verdict.reason is not None:
        record["cause"] = verdict.reason
    if verdict.promise is not None:
        record["promise"] = verdict.promise
    if reproducer is not None:
        record["reproducer"] = reproducer
    return dict(_writable(record))


def _writable(value: Any) -> Any:
    """The value with `?` for what UTF-8 cannot encode in its texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value


def _decimal(x: float | None) -> str | None:
    return None if x is None else f"{x:.6g}"


def _footer(results: Iterable[TargetResult], strict: bool) -> Json:
    """The last record: counts and the exit code."""
    listed = list(results)
    counts = Counter((v.level, v.status) for r in listed for v in r.verdicts)
    return {
        "record": "footer",
        "counts": {
            f"{level}/{status}": n for (level, status), n in sorted(counts.items())
        },
        "exit_code": exit_code(listed, strict),
    }
