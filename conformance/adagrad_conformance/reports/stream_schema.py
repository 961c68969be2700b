"""The stream's JSON Schema, applied to many records at once.

Rule 1.  `stream.schema.json` alone decides which records are valid.
Rule 2.  jsonschema takes about 150 µs for a record, and a recorded world has 65,000.
         So the *outline* of every valid record is remembered: everything that validity
         depends on.  A record with the outline of a valid one is valid.
Rule 3.  An outline keeps the keys of a record, and of each value: its type, where the
         schema demands a type, and whether it keeps a pattern or a minimum that stands
         beside the type; of a property with any other rule the whole value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from adagrad_conformance.json_schemas import breach, read_schema, validator

__all__ = ["RecordSchema", "record_schemas", "stream_schema"]

Json = Mapping[str, Any]
Facet = Callable[[Any], Hashable]

#: Keywords that no verdict depends on.
_FOR_READERS = {"description"}


@functools.cache
def stream_schema() -> dict[str, Any]:
    """`stream.schema.json`."""
    return read_schema("adagrad_conformance.reports", "stream.schema.json")


@functools.cache
def record_schemas() -> dict[str, RecordSchema]:
    """The schema of each kind of record, by the word in `record`."""
    kinds = [place["$ref"].split("/")[-1] for place in stream_schema()["oneOf"]]
    return {kind: RecordSchema(kind) for kind in kinds}


class RecordSchema:
    """The schema of one kind of record, and the outlines of valid records."""

    def __init__(self, kind: str) -> None:
        properties = stream_schema()["$defs"][kind]["properties"]
        self.validator = validator(stream_schema(), kind)
        self._facets = {key: _facet(part) for key, part in properties.items()}
        self._of_keys: dict[tuple[str, ...], tuple[Facet, ...]] = {}
        self._valid: set[Hashable] = set()

    def problem(self, record: Json) -> str | None:
        """The gravest breach on one line; None if the record is valid.

        The record comes from JSON without floats: to JSON Schema 1.0 is an integer and
        1.5 is not, which their type does not show.
        """
        outline = self.outline(record)
        if outline in self._valid:
            return None
        problem = breach(self.validator, record)
        if problem is None:
            self._valid.add(outline)
        return problem

    def outline(self, record: Json) -> Hashable:
        """Everything about a record that its validity depends on."""
        keys = tuple(record)
        if keys not in self._of_keys:
            self._of_keys[keys] = tuple(self._facets.get(key, type) for key in keys)
        facets = self._of_keys[keys]
        return keys, *[f(x) for f, x in zip(facets, record.values(), strict=True)]


def _facet(schema: Json) -> Facet:
    """The function from a property's value to what its validity depends on."""
    while "$ref" in schema:
        schema = stream_schema()["$defs"][schema["$ref"].split("/")[-1]]
    match sorted(schema.keys() - _FOR_READERS):
        case ["type"]:
            return type
        case ["minimum", "type"]:
            return functools.partial(_reaches, schema["minimum"])
        case ["pattern", "type"]:
            return functools.partial(_matches, re.compile(schema["pattern"]))
    return repr


def _reaches(least: int, value: object) -> Hashable:
    return type(value), type(value) is int and value >= least


def _matches(pattern: re.Pattern[str], value: object) -> Hashable:
    return type(value), isinstance(value, str) and bool(pattern.search(value))
