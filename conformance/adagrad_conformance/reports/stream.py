"""Reads result streams.

Rule 1.  A stream is a header, then targets with their faults and checks, then a footer.
         Without its footer it is not a result: the run was cut short.
Rule 2.  Each record keeps stream.schema.json, and has no float.
Rule 3.  A check or fault names the target of a record before it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from .records import STREAM_VERSION, Json, Stream
from .stream_schema import record_schemas

__all__ = ["StreamError", "read_stream"]


class StreamError(ValueError):
    """A file that is no complete result stream; the message is one line."""


class _Float(Exception):
    """A JSON float, in its own digits."""


def _float(digits: str) -> NoReturn:
    raise _Float(digits)


_DECODER = json.JSONDecoder(parse_float=_float, parse_constant=_float)


def read_stream(path: Path) -> Stream:
    """Read a stream, perhaps compressed; raises `StreamError` if it is damaged."""
    records = [_record(path, *line) for line in enumerate(_lines(path), 1)]
    _check_frame(path, records)
    for number, problem in _problems(records):
        raise StreamError(f"{path}, line {number}: {problem}")
    return Stream(
        records[0],
        tuple(r for r in records if r["record"] == "target"),
        tuple(r for r in records if r["record"] == "check"),
        records[-1],
        tuple(r for r in records if r["record"] == "fault"),
    )


def _lines(path: Path) -> list[str]:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        *lines, last = data.decode("utf-8").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise StreamError(f"cannot read {path}: {error}") from None
    return [*lines, last] if last else lines


def _record(path: Path, number: int, line: str) -> Json:
    try:
        record = _DECODER.decode(line)
    except _Float as error:
        problem = f"{error} is a float; numbers are integers or texts"
        raise StreamError(f"{path}, line {number}: {problem}") from None
    except (ValueError, RecursionError):
        raise StreamError(f"{path}, line {number}: not JSON") from None
    if not isinstance(record, dict) or not isinstance(record.get("record"), str):
        raise StreamError(f"{path}, line {number}: not a record")
    return record


def _check_frame(path: Path, records: Sequence[Json]) -> None:
    """Rule 1, and the version; raises `StreamError`."""
    kinds = [record["record"] for record in records]
    if not kinds or kinds[0] != "header":
        raise StreamError(f"{path} does not begin with a header; is it a stream?")
    found = records[0].get("stream_version")
    if found != STREAM_VERSION:
        raise StreamError(
            f"{path} has stream version {found!r}; this program reads {STREAM_VERSION}"
        )
    if kinds[-1] != "footer":
        raise StreamError(f"{path} has no footer: the run was cut short; run it again")
    if kinds.count("header") != 1 or kinds.count("footer") != 1:
        raise StreamError(f"{path} holds more than one stream; give each its own file")


def _problems(records: Sequence[Json]) -> Iterator[tuple[int, str]]:
    """(line, problem) of each record that breaks rule 2 or 3."""
    schemas = record_schemas()
    targets: set[str] = set()
    for number, record in enumerate(records, 1):
        kind = record["record"]
        if kind not in schemas:
            yield number, f"unknown record {kind!r}"
        elif problem := schemas[kind].problem(record):
            yield number, problem
        elif kind == "target":
            targets.add(record["target"])
        elif kind in ("check", "fault") and record["target"] not in targets:
            yield number, f"no target record for {record['target']!r}"
