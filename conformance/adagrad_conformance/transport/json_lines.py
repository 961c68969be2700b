"""One line from a port: strict JSON, its number, and exactly one outcome."""

from __future__ import annotations

import json
from typing import Any, Literal, assert_never

from adagrad_conformance.adapters.contract import Malformed, Refused

from .errors import Crash

__all__ = [
    "OUTCOMES",
    "check_number",
    "content",
    "crash",
    "outcome",
    "parsed",
    "quoted",
    "unasked",
]

#: The outcomes that an answer may have.
Outcome = Literal["ok", "refused", "malformed", "crashed"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "refused", "malformed", "crashed")
#: Messages of a failed allocation: Python, C++, Rust, node, C, and frameworks.
_NO_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "memory allocation of",
    "heap out of memory",
    "Cannot allocate memory",
    "out of memory",
)

#: A larger integer is malformed: counts have 64 bits.
_MOST = 2**63


def parsed(line: bytes) -> dict[str, Any]:
    """The JSON object in a line; raises `Malformed`.

    RFC 8259 holds strictly: UTF-8, no NaN or Infinity, no key twice.
    """
    try:
        message = _DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        words = f"not a line of JSON: {quoted(line)}{_why(error)}"
        raise Malformed(words, "not-json") from None
    if not isinstance(message, dict):
        raise Malformed(f"a line is no JSON object: {quoted(line)}", "not-json")
    return message


def outcome(message: dict[str, Any]) -> Outcome:
    """The one outcome that an answer has; raises `Malformed` for none or several."""
    found = [word for word in OUTCOMES if word in message]
    if len(found) == 1:
        return found[0]
    both = " and ".join(map(repr, found))
    what = f"{both} at once" if found else "no 'ok', 'refused' or 'crashed'"
    words = f"{what} in an answer: {json.dumps(message)}"
    raise Malformed(words[:300], "no-outcome")


def content(answer: dict[str, Any]) -> dict[str, Any]:
    """The object under `ok`; any other outcome is raised as its exception."""
    word = outcome(answer)
    said = str(answer[word]).strip()
    match word:
        case "ok":
            if not isinstance(answer["ok"], dict):
                raise Malformed(f"'ok' must be an object, not {said}"[:300])
            return answer["ok"]
        case "refused":
            raise Refused(said)
        case "malformed":
            raise Malformed(said)
        case "crashed":
            raise crash(said)
        case _:
            assert_never(word)


def check_number(answer: dict[str, Any], number: int) -> None:
    """Check that an answer has the number of its question.

    Raises `Malformed`, or `Crash` for an unexpected report of one.
    """
    got = answer.get("seq")
    if type(got) is int and got == number:
        return
    if "crashed" in answer:  # last words belong to no question
        raise crash(str(answer["crashed"]).strip())
    words = f"expected an answer with seq {number}, got {got!r}"[:300]
    if type(got) is int and 0 < got < number:
        raise Malformed(f"{words}, which was answered before", "unasked")
    raise Malformed(words, "wrong-sequence")


def crash(words: str, reason: str = "raised") -> Crash:
    """A crash with this message; its reason is out-of-memory if the message says so."""
    starved = any(phrase in words for phrase in _NO_MEMORY)
    return Crash(words, "out-of-memory" if starved else reason)


def unasked(line: bytes) -> Exception:
    """The exception for a line that no question asked for, such as last words."""
    try:
        message = parsed(line)
    except Malformed as error:
        return error
    if "crashed" in message:
        return crash(str(message["crashed"]).strip())
    return Malformed(f"a line that nobody asked for: {quoted(line)}", "unasked")


def quoted(line: bytes) -> str:
    """The beginning of a line as a literal, for messages."""
    return repr(line[:80].decode(errors="replace"))


def _why(error: Exception) -> str:
    return f" ({error})" if isinstance(error, _NotJson) else ""


class _NotJson(ValueError):
    """Text that is legal for Python's parser, and not by RFC 8259."""


def _constant(word: str) -> Any:
    raise _NotJson(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _NotJson(f"the key {twice!r} twice")
    return found


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) < 20 else _MOST
    if abs(number) >= _MOST:
        raise Malformed(f"{digits[:30]}... is no count", "wrong-content")
    return number


_DECODER = json.JSONDecoder(
    parse_constant=_constant, object_pairs_hook=_object, parse_int=_integer
)
