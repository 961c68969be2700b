"""The protocol's JSON Schema, and its breaches by one message."""

from __future__ import annotations

import functools
from typing import Any

from jsonschema import Draft202012Validator

from adagrad_conformance.json_schemas import breach, read_schema, validator

__all__ = ["protocol_schema", "schema_problem"]


@functools.cache
def protocol_schema() -> dict[str, Any]:
    """`protocol.schema.json`."""
    return read_schema("adagrad_conformance.transport", "protocol.schema.json")


@functools.cache
def _validator(kind: str) -> Draft202012Validator:
    return validator(protocol_schema(), kind)


def schema_problem(message: object, kind: str = "") -> str | None:
    """The gravest breach of the schema in one line; None if there is none.

    `kind` is one of its `$defs`, such as `read-answer`; any message without it.
    """
    return breach(_validator(kind), message)
