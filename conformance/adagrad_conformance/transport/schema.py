"""The protocol's JSON Schema, and what it says of one message."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

__all__ = ["protocol_schema", "schema_problem"]


@functools.cache
def protocol_schema() -> dict[str, Any]:
    """`protocol.schema.json`."""
    file = resources.files("adagrad_conformance.transport") / "protocol.schema.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


@functools.cache
def _validator(kind: str) -> Any:
    whole = protocol_schema()
    defined = {"$ref": f"#/$defs/{kind}", "$defs": whole["$defs"]}
    return Draft202012Validator(defined if kind else whole)


def schema_problem(message: Any, kind: str = "") -> str | None:
    """The gravest breach of the schema in one line; None if there is none.

    `kind` is one of its `$defs`, such as `read-answer`; any message without it.
    """
    error = best_match(_validator(kind).iter_errors(message))
    if error is None:
        return None
    said = error.message
    if len(said) > 160:
        said = f"{said[:80]} … {said[-80:]}"
    return f"{error.json_path}: {said}"
