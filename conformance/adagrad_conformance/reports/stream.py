"""The result stream: JSON Lines with a header, records and a footer.

Every report is derived from it.  A stream without its footer is not a result: the run
was cut short.  Errors in ulp are decimal texts; there are no bare JSON floats.
"""

from __future__ import annotations

import gzip
import json
import platform
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adagrad_conformance import __version__
from adagrad_conformance.evaluation import TargetResult
from adagrad_conformance.execution.status import CAUSES, Status
from adagrad_conformance.grading.verdict import GRADES, Verdict
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.scenario import LEVELS

if TYPE_CHECKING:
    from adagrad_conformance.diagnosis.search import Diagnosis, Explanation

__all__ = [
    "STREAM_VERSION",
    "Stream",
    "StreamError",
    "check_record",
    "diagnosis_record",
    "exit_code",
    "footer",
    "header",
    "read_stream",
    "target_record",
]

STREAM_VERSION = 1
Json = dict[str, Any]


class StreamError(ValueError):
    """A file that is no complete result stream."""


# -- writing -------------------------------------------------------------------------


def header(seed: int, vectors: str, level: str, only: str | None) -> Json:
    """The first record."""
    return {
        "record": "header",
        "stream_version": STREAM_VERSION,
        "suite": __version__,
        "vectors": vectors,
        "seed": seed,
        "level": level,
        "only": only,
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
    """Who a target is, or why it could not be judged."""
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
    if result.diagnosis:
        record["diagnosis"] = diagnosis_record(result.diagnosis)
    if result.problem:
        record["problem"] = result.problem
    return dict(_clean(record))


def diagnosis_record(diagnosis: Diagnosis) -> Json:
    """Explanations, best first, and the check that tells the first two apart."""
    rest, separator = diagnosis.rest, diagnosis.separator
    return {
        "explanations": [_explanation_record(e) for e in diagnosis.explanations],
        "separator": separator
        and vars(separator) | {"against": list(separator.against)},
        "rest": _explanation_record(rest) if rest else None,
    }


def _explanation_record(explanation: Explanation) -> Json:
    names = ("kind", "name", "explained", "failed", "broken")
    record: Json = {name: getattr(explanation, name) for name in names}
    lists = {"words": explanation.words, "like": explanation.like}
    return record | {name: list(value) for name, value in lists.items()}


def check_record(target: str, verdict: Verdict, reproducer: Any = None) -> Json:
    """One check."""
    failure = verdict.failure
    record: Json = {
        "record": "check",
        "target": target,
        "requirement": verdict.requirements[0] if verdict.requirements else None,
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
            "event": failure.event,
            "param": failure.param,
            "element": failure.element,
            "observed": failure.observed,
            "expected": failure.expected,
            "outside_ulp": _decimal(verdict.margin),
        }
        if verdict.message:
            record["trouble"] = verdict.message
    if verdict.cause is not None:
        record["cause"] = verdict.cause
    if reproducer is not None:
        record["reproducer"] = reproducer
    return dict(_clean(record))


def _clean(value: Any) -> Any:
    """The same, with texts that can be written: a port may answer anything."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _decimal(x: float | None) -> str | None:
    return None if x is None else f"{x:.6g}"


def footer(results: Iterable[TargetResult], strict: bool) -> Json:
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


def exit_code(results: Iterable[TargetResult], strict: bool) -> int:
    """0 conforms, 1 does not, 3 a target failed to load, 4 nothing was judged.

    Over several targets the gravest wins, in the order 3, 1, 4, 0.
    """
    codes = [_target_code(result, strict) for result in results]
    return next((code for code in (3, 1, 4) if code in codes), 0 if codes else 4)


def _target_code(result: TargetResult, strict: bool) -> int:
    if result.problem:
        return 3
    levels = ("MUST", "SHOULD") if strict else ("MUST",)
    if any(v.level in levels and v.status.is_failure for v in result.verdicts):
        return 1
    judged = any(v.status.was_judged for v in result.verdicts)
    return 0 if judged else 4


# -- reading -------------------------------------------------------------------------


@dataclass(frozen=True)
class Stream:
    """A complete stream."""

    header: Json
    targets: tuple[Json, ...]
    checks: tuple[Json, ...]
    footer: Json


def read_stream(path: Path) -> Stream:
    """Read a stream, perhaps compressed; raises `StreamError` if it is damaged."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        lines = data.decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise StreamError(f"cannot read {path}: {error}") from None
    records = list(_records(path, lines))
    kinds = [record["record"] for record in records]
    if not kinds or kinds[0] != "header":
        raise StreamError(f"{path} does not begin with a header; is it a stream?")
    if records[0].get("stream_version") != STREAM_VERSION:
        spoken = records[0].get("stream_version")
        raise StreamError(
            f"{path} has stream version {spoken!r}; this program reads {STREAM_VERSION}"
        )
    if kinds[-1] != "footer":
        raise StreamError(f"{path} has no footer: the run was cut short; run it again")
    if kinds.count("header") != 1 or kinds.count("footer") != 1:
        raise StreamError(f"{path} holds more than one stream; give each its own file")
    _check_records(path, records)
    return Stream(
        records[0],
        tuple(r for r in records if r["record"] == "target"),
        tuple(r for r in records if r["record"] == "check"),
        records[-1],
    )


_TEXT, _MAYBE = (str,), (str, type(None))

#: What reports rely on in each kind of record, and of which types it is.
_NEEDED: dict[str, dict[str, tuple[type, ...]]] = {
    "header": {
        "suite": _TEXT,
        "vectors": _TEXT,
        "seed": (int,),
        "environment": (dict,),
    },
    "target": {"target": _TEXT},
    "check": {
        "target": _TEXT,
        "requirement": _MAYBE,
        "requirements": (list,),
        "scenario": _TEXT,
        "level": _TEXT,
        "status": _TEXT,
        "grade": _MAYBE,
        "max_error_ulp": _MAYBE,
        "message": _TEXT,
    },
    "footer": {"counts": (dict,), "exit_code": (int,)},
}
_ENVIRONMENT = ("python", "machine", "system", "mpmath", "numpy")


def _check_records(path: Path, records: list[Json]) -> None:
    targets: set[str] = set()
    for number, record in enumerate(records, 1):
        if problem := _record_problem(record, targets):
            raise StreamError(f"{path}, line {number}: {problem}")


def _record_problem(record: Json, targets: set[str]) -> str | None:
    kind = record["record"]
    if kind not in _NEEDED:
        return f"unknown record {kind!r}"
    for key, types in _NEEDED[kind].items():
        if not isinstance(record.get(key, ...), types):
            return f"a {kind} needs {key!r}, of another kind than here"
    if kind == "header":
        texts = [record["environment"].get(key) for key in _ENVIRONMENT]
        if not all(isinstance(text, str) for text in texts):
            return f"the environment needs {', '.join(_ENVIRONMENT)}"
    if kind == "target":
        targets.add(record["target"])
        keys = ("problem",) if "problem" in record else ("name", "version", "language")
        if not all(isinstance(record.get(key), str) for key in keys):
            return "a target needs name, version and language, or a problem"
    return _check_problem(record, targets) if kind == "check" else None


def _check_problem(record: Json, targets: set[str]) -> str | None:
    known = {
        "level": LEVELS,
        "status": tuple(Status),
        "grade": (*GRADES, None),
        "cause": (*CAUSES, None),
    }
    for key, words in known.items():
        if record.get(key) not in words:
            return f"unknown {key} {record[key]!r}"
    if record["target"] not in targets:
        return f"no target record for {record['target']!r}"
    if not all(isinstance(name, str) for name in record["requirements"]):
        return "requirements must be texts"
    try:
        float(record["max_error_ulp"] or 0)
    except ValueError:
        return "max_error_ulp is no number"
    return None


def _records(path: Path, lines: list[str]) -> Iterator[Json]:
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            raise StreamError(f"{path}, line {number}: not JSON") from None
        if not isinstance(record, dict) or not isinstance(record.get("record"), str):
            raise StreamError(f"{path}, line {number}: not a record")
        yield record
