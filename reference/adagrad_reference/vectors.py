"""Golden vectors: scenarios with their expectations, in files with digests.

A file holds the vectors of one family.  MANIFEST.json lists every file with its
SHA-256, so that reading a file detects an altered bit; `vectors verify` computes every
file again and compares all bytes.  The schema is vectors/schema.json; vectors/README.md
explains the files to readers in any language.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .boxes import Box
from .expectations import EventExpectation, ParamExpectation, play
from .formats import Format, decimal
from .scenario import Scenario
from .scenario_json import scenario_from_json, scenario_to_json

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "Vector",
    "VectorError",
    "digest",
    "family_text",
    "manifest_text",
    "read_family",
    "read_manifest",
    "vector_from_json",
    "vector_to_json",
]

#: Version of the file format; another one is refused.
FORMAT_VERSION = 1
MANIFEST = "MANIFEST.json"

Json = dict[str, Any]


class VectorError(ValueError):
    """A vector file that is missing, altered or of another version."""


@dataclass(frozen=True)
class Vector:
    """A scenario and the expectation of each of its events."""

    scenario: Scenario
    expect: tuple[EventExpectation, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Vector:
        """The vector of a scenario, which the reference plays."""
        return cls(scenario, tuple(play(scenario)))


# -- expectations as JSON ------------------------------------------------------------


def vector_to_json(vector: Vector) -> Json:
    """A vector as it stands in a file."""
    formats = {name: t.fmt for name, t in vector.scenario.tensors.items()}
    expect = [_event_to_json(event, formats) for event in vector.expect]
    return {**scenario_to_json(vector.scenario), "expect": expect}


def vector_from_json(data: Any) -> Vector:
    """The inverse of `vector_to_json`."""
    scenario = scenario_from_json(data)
    formats = {name: t.fmt for name, t in scenario.tensors.items()}
    expect = tuple(_event_from_json(event, formats) for event in data["expect"])
    return Vector(scenario, expect)


def _event_to_json(event: EventExpectation, formats: Mapping[str, Format]) -> Json:
    if event.refusal:
        return {"outcome": "refused", "reason": event.refusal}
    params = {}
    for name, param in event.params.items():
        fmt, data = formats[name], Json(t=param.t)
        if param.theta is not None:
            data["theta"] = _numbers_to_json(fmt, param.theta, param.exact_theta)
        data["sum"] = _numbers_to_json(fmt, param.state_sum, param.exact_sum)
        params[name] = data
    return {"outcome": "ok", "params": params}


def _event_from_json(data: Json, formats: Mapping[str, Format]) -> EventExpectation:
    if data["outcome"] == "refused":
        return EventExpectation(refusal=data["reason"])
    params = {}
    for name, param in data["params"].items():
        theta, exact_theta = None, None
        if "theta" in param:
            theta, exact_theta = _numbers_from_json(formats[name], param["theta"])
        total, exact_sum = _numbers_from_json(formats[name], param["sum"])
        params[name] = ParamExpectation(
            param["t"], theta, total, exact_theta, exact_sum
        )
    return EventExpectation(params=params)


def _numbers_to_json(
    fmt: Format, boxes: Mapping[str, Sequence[Box]], exact: Sequence[float] | None
) -> Json:
    data: Json = {name: _boxes_to_json(fmt, column) for name, column in boxes.items()}
    if exact is not None:
        data["exact"] = {
            "bits": [fmt.to_hex(value) for value in exact],
            "decimal": [decimal(fmt, value) for value in exact],
        }
    return data


def _boxes_to_json(fmt: Format, boxes: Sequence[Box]) -> Json:
    data: Json = {
        "lo": [fmt.to_hex(box.lo) for box in boxes],
        "hi": [fmt.to_hex(box.hi) for box in boxes],
        "decimal": [box.span(partial(decimal, fmt)) for box in boxes],
    }
    if any(box.nan for box in boxes):
        data["nan"] = [box.nan for box in boxes]
    return data


def _numbers_from_json(
    fmt: Format, data: Json
) -> tuple[dict[str, list[Box]], list[float] | None]:
    boxes = {}
    for name, column in data.items():
        if name == "exact":
            continue
        nan = column.get("nan") or [False] * len(column["lo"])
        boxes[name] = [
            Box(fmt.from_hex(lo), fmt.from_hex(hi), flag)
            for lo, hi, flag in zip(column["lo"], column["hi"], nan, strict=True)
        ]
    exact = data.get("exact")
    return boxes, exact and [fmt.from_hex(bits) for bits in exact["bits"]]


# -- files ---------------------------------------------------------------------------


def family_text(family: str, vectors: Iterable[Vector]) -> str:
    """The text of one family's file; its notes explain every flag used in it."""
    listed = list(vectors)
    used = {flag for vector in listed for flag in vector.scenario.flags}
    return _pretty(
        {
            "format_version": FORMAT_VERSION,
            "family": family,
            "generated_by": "adagrad-conformance vectors generate",
            "notes": {str(flag): flag.meaning for flag in sorted(used)},
            "vectors": [vector_to_json(vector) for vector in listed],
        }
    )


def manifest_text(files: Mapping[str, str]) -> str:
    """The manifest of files given as name to text."""
    return _pretty(
        {
            "format_version": FORMAT_VERSION,
            "files": {name: digest(files[name].encode()) for name in sorted(files)},
        }
    )


def digest(data: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> dict[str, str]:
    """File names and their digests."""
    files = _parse(folder / MANIFEST, _read(folder / MANIFEST)).get("files")
    if not isinstance(files, dict):
        raise VectorError(f"{folder / MANIFEST} lists no files")
    return files


def read_family(folder: Path, name: str, expected_digest: str) -> list[Json]:
    """The vectors of one file, which must have the digest of the manifest.

    They are JSON values, for `scenario_from_json` and `vector_from_json`.
    """
    raw = _read(folder / name)
    if digest(raw) != expected_digest:
        raise VectorError(
            f"{folder / name} is altered: its SHA-256 is not the one in {MANIFEST}; "
            "restore it, or run 'vectors verify' to see where it differs"
        )
    vectors = _parse(folder / name, raw).get("vectors")
    if not isinstance(vectors, list):
        raise VectorError(f"{folder / name} holds no vectors")
    return vectors


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VectorError(f"cannot read {path}: {error.strerror}") from None


def _parse(path: Path, raw: bytes) -> Json:
    try:
        data = json.loads(raw)
        version = data["format_version"]
    except (ValueError, TypeError, KeyError):
        raise VectorError(f"{path} is no vector file (damaged JSON?)") from None
    if version != FORMAT_VERSION:
        raise VectorError(
            f"{path} has format version {version!r}; this program reads "
            f"{FORMAT_VERSION}: use files and program of one release"
        )
    return dict(data)


def _pretty(data: Json) -> str:
    return _layout(data, 0) + "\n"


def _layout(data: Any, depth: int) -> str:
    """JSON with an item a line, but short innermost values on one."""
    flat = json.dumps(data, ensure_ascii=False, allow_nan=False)
    nested = isinstance(data, (dict, list)) and any(
        isinstance(item, (dict, list))
        for item in (data.values() if isinstance(data, dict) else data)
    )
    if not nested or len(flat) + depth <= 88:
        return flat
    indent = " " * (depth + 1)
    if isinstance(data, dict):
        items = [f"{json.dumps(k)}: {_layout(v, depth + 1)}" for k, v in data.items()]
        opening, closing = "{", "}"
    else:
        items = [_layout(item, depth + 1) for item in data]
        opening, closing = "[", "]"
    body = f",\n{indent}".join(items)
    return f"{opening}\n{indent}{body}\n{' ' * depth}{closing}"
