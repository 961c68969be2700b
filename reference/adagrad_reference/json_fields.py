"""Strict access to the fields of JSON values.

A field that is missing or of another kind, or a name beyond the grammar of names.py, is
a `CodecError`, whose message has the place and the reason on one line of ASCII.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .names import is_path, is_word, shown

__all__ = [
    "CodecError",
    "Json",
    "by_word",
    "field",
    "integers",
    "path",
    "paths",
    "word",
    "words",
]

Json = dict[str, Any]

_GRAMMAR = {
    "word": "a word of ASCII letters, digits and _, a letter first",
    "path": "a path of words such as family/case",
}


class CodecError(ValueError):
    """JSON that is no scenario; the message has the place and the reason."""


def field(data: Any, key: str, kind: type, where: str = "event") -> Any:
    """The field `key` of an object, which must be exactly of that kind."""
    value = data.get(key) if isinstance(data, dict) else None
    if type(value) is kind:  # so that a flag is no number
        return value
    if isinstance(data, dict) and key not in data:
        raise CodecError(f"{where} lacks {key!r}")
    raise CodecError(f"{where}: {key!r} must be a {kind.__name__}")


def integers(data: Any, key: str, where: str) -> tuple[int, ...]:
    """A field that is a list of whole numbers."""
    numbers = field(data, key, list, where)
    if not set(map(type, numbers)) <= {int}:
        raise CodecError(f"{where}: {key!r} must be whole numbers")
    return tuple(numbers)


def word(data: Any, key: str, where: str = "event") -> str:
    """A field that names a tensor, an optimizer or a save."""
    return _named(field(data, key, str, where), is_word, "word", f"{where}: {key!r}")


def words(data: Any, key: str, where: str = "event") -> tuple[str, ...]:
    """A field that is a list of such names."""
    return _list(data, key, where, is_word, "word")


def path(data: Any, key: str, where: str) -> str:
    """A field that names a scenario."""
    return _named(field(data, key, str, where), is_path, "path", f"{where}: {key!r}")


def paths(data: Any, key: str, where: str) -> tuple[str, ...]:
    """A field that is a list of names of requirements."""
    return _list(data, key, where, is_path, "path")


def by_word(data: Any, key: str, where: str = "event") -> Json:
    """A field that is an object whose keys name tensors."""
    return {
        _named(name, is_word, "word", f"{where}: {key!r}"): value
        for name, value in field(data, key, dict, where).items()
    }


def _list(
    data: Any, key: str, where: str, legal: Callable[[str], bool], kind: str
) -> tuple[str, ...]:
    texts = field(data, key, list, where)
    return tuple(_named(text, legal, kind, f"{where}: {key!r}") for text in texts)


def _named(text: Any, legal: Callable[[str], bool], kind: str, where: str) -> str:
    if not isinstance(text, str):
        raise CodecError(f"{where} must be texts")
    if not legal(text):
        raise CodecError(f"{where}: {shown(text)} is not {_GRAMMAR[kind]}")
    return text
