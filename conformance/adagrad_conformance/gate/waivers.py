"""The file of waivers: TOML, one `[[waiver]]` for each known failure."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema.exceptions import ValidationError

from adagrad_conformance.errors import UserError, meant
from adagrad_conformance.json_schemas import read_schema, validator

__all__ = ["SCHEMA", "Waiver", "holds_for", "read_waivers"]

SCHEMA = read_schema(__package__, "waivers.schema.json")
_KEYS = SCHEMA["properties"]["waiver"]["items"]["properties"]
_HEADER = re.compile(r"\s*\[\[\s*waiver\s*\]\]")
_DATE = "expires = {!r} is no date; write 2027-01-31, without quotes"
_CLAUSE = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*([0-9]+(?:\.[0-9]+)*)\s*")


@dataclass(frozen=True, eq=False)
class Waiver:
    """One entry; `place` is FILE:LINE, where it begins."""

    id: str  #: a check, a requirement or a fault, or a pattern of them
    reason: str
    place: str = ""
    status: str = "fail"
    link: str | None = None
    owner: str | None = None
    expires: datetime.date | None = None  #: the last day on which it holds
    max_error: float | None = None  #: in ulp outside the enclosure
    when: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_fault(self) -> bool:
        """Whether it names a fault: names of checks and requirements have a slash."""
        return "/" not in self.id

    def record(self) -> dict[str, Any]:
        """What a stream says of a failure that it covers."""
        found = {"id": self.id, "reason": self.reason, "place": self.place}
        return found | {k: v for k in ("link", "owner") if (v := getattr(self, k))}


def read_waivers(path: Path) -> list[Waiver]:
    """The waivers of a file, in order; raises `UserError` for what is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    plain = _without_dates(data)
    lines = [n for n, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    breaches = sorted(validator(SCHEMA).iter_errors(plain), key=_order)
    if breaches:
        raise UserError(f"{_place(path, lines, breaches[0])}: {_words(breaches[0])}")
    entries: list[Mapping[str, Any]] = data.get("waiver", [])
    found = []
    for number, entry in enumerate(entries):
        place = _line(path, lines, number)
        _check_version(place, entry.get("when", {}).get("version", ""))
        if isinstance(entry.get("expires"), str):
            raise UserError(f"{place}: {_DATE.format(entry['expires'])}")
        found.append(Waiver(**entry, place=place))
    return found


def _without_dates(value: Any) -> Any:
    """The value as JSON has it: a date is its text."""
    if isinstance(value, dict):
        return {key: _without_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_dates(item) for item in value]
    return value.isoformat() if type(value) is datetime.date else value


def _order(error: ValidationError) -> tuple[str, ...]:
    return tuple(map(str, error.absolute_path))


def _line(path: Path, lines: list[int], number: int) -> str:
    return f"{path}:{lines[number]}" if number < len(lines) else str(path)


def _place(path: Path, lines: list[int], error: ValidationError) -> str:
    parts = list(error.absolute_path)
    if len(parts) > 1 and isinstance(parts[1], int):
        return _line(path, lines, parts[1])
    return str(path)


def _words(error: ValidationError) -> str:
    """What is wrong with an entry, and what was meant."""
    key = str(error.absolute_path[-1]) if error.absolute_path else ""
    rule: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        known = schema["properties"]
        unknown = next(name for name in instance if name not in known)
        return (
            f"unknown key {unknown!r}{meant(unknown, known)}; known: {', '.join(known)}"
        )
    if error.validator == "required":
        missing = next(k for k in rule if k not in instance)
        return f"it has no {missing!r}"
    if error.validator == "enum":
        return f"{key} = {error.instance!r} is none of {', '.join(rule)}"
    if key == "expires":
        return _DATE.format(error.instance)
    about = _KEYS.get(key, {}).get("description", "")
    return f"{key} = {error.instance!r}: {error.message}. {about}".strip()


# -- versions --------------------------------------------------------------------------


def _check_version(place: str, text: str) -> None:
    if text and not all(map(_CLAUSE.fullmatch, text.split(","))):
        raise UserError(
            f"{place}: version = {text!r} is no condition; write it as '<2.14' or "
            "'>=2.1,<2.3'"
        )


def holds_for(version: str, condition: str) -> bool:
    """Whether a version keeps all clauses of a condition that was checked before."""
    return all(_keeps(version, *clause) for clause in _clauses(condition))


def _clauses(condition: str) -> Iterator[tuple[str, str]]:
    for text in condition.split(","):
        found = _CLAUSE.fullmatch(text)
        assert found is not None, condition
        yield found[1], found[2]


def _keeps(version: str, sign: str, bound: str) -> bool:
    """Versions are compared as far as their numbers go: 2.13.0+cpu is 2.13.0."""
    numbers = [int(n) for n in re.findall(r"\d+", version.partition("+")[0])[:4]]
    limit = [int(n) for n in bound.split(".")]
    width = max(len(numbers), len(limit))
    mine, other = (x + [0] * (width - len(x)) for x in (numbers, limit))
    return {
        "<": mine < other,
        "<=": mine <= other,
        ">": mine > other,
        ">=": mine >= other,
        "==": mine == other,
        "!=": mine != other,
    }[sign]
