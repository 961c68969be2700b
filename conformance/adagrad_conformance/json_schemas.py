"""The JSON Schemas that the suite ships, and their breaches in words."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

__all__ = ["breach", "read_schema", "validator"]

#: The longest message of a breach, in characters; longer ones lose their middle.
_LONGEST = 160


def read_schema(package: str, name: str) -> dict[str, Any]:
    """The schema in the file `name` of a package."""
    file = resources.files(package) / name
    return dict(json.loads(file.read_text(encoding="utf-8")))


def validator(schema: dict[str, Any], definition: str = "") -> Draft202012Validator:
    """A validator of the whole schema, or of one of its `$defs`."""
    if definition:
        schema = {"$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]}
    return Draft202012Validator(schema)


def breach(validator: Draft202012Validator, value: object) -> str | None:
    """The gravest breach of a schema by a JSON value, on one line; None if valid."""
    error = best_match(validator.iter_errors(value))
    if error is None:
        return None
    message = error.message
    if len(message) > _LONGEST:
        half = _LONGEST // 2
        message = f"{message[:half]} … {message[-half:]}"
    return f"{error.json_path}: {message}"
