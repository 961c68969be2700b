"""Values as literals and comments of the languages in which scripts are written.

Rule 1.  A name, message, identity, path or number enters a script through a function of
         this module and in no other way, so no text can run as code.
Rule 2.  Literals and comments are ASCII on one line: no character ends a line, turns
         the reading direction or looks like another one.
Rule 3.  A literal has exactly the value of what it is made from.  A comment is for
         readers; a long one is cut.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

__all__ = [
    "cpp_comment",
    "cpp_literal",
    "cpp_number",
    "js_comment",
    "js_literal",
    "js_number",
    "markdown_block",
    "markdown_code",
    "markdown_text",
    "python_arguments",
    "python_comment",
    "python_literal",
    "python_message",
    "shell_words",
]

#: Characters of a comment.
_LONGEST = 200

#: What Python reads in a comment of the first two lines as the encoding of the file.
_ENCODING = re.compile(r"coding(?=[:=])")

#: What CommonMark renders as it stands, wherever in a line.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 .,:/()-]*")


# -- Python ------------------------------------------------------------------------


def python_literal(value: object) -> str:
    """A value as a Python expression that needs no import.

    `value` is None, a bool, an int, a float, a str, or a tuple, list or mapping of
    them; anything else is a TypeError.
    """
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        text = float.__repr__(value)
        return text if value - value == 0 else f'float("{text}")'
    if isinstance(value, str):
        return ascii("".join(value))
    if isinstance(value, tuple | list | Mapping):
        return _collection(value)
    raise TypeError(f"no literal of a {type(value).__name__}")


def _collection(values: Sequence[object] | Mapping[object, object]) -> str:
    if isinstance(values, Mapping):
        pairs = values.items()
        parts = [f"{python_literal(k)}: {python_literal(v)}" for k, v in pairs]
        return f"{{{', '.join(parts)}}}"
    listed = ", ".join(map(python_literal, values))
    if isinstance(values, list):
        return f"[{listed}]"
    return f"({listed},)" if len(values) == 1 else f"({listed})"


def python_arguments(values: Mapping[str, float | bool], known: Sequence[str]) -> str:
    """Further arguments of a call: those of `known` names by name, others by `**`."""
    named = [(name, value) for name, value in values.items() if name in known]
    text = "".join(f", {name}={python_literal(value)}" for name, value in named)
    others = {name: value for name, value in values.items() if name not in known}
    return text + (f", **{python_literal(others)}" if others else "")


def python_message(before: str, after: str = "") -> str:
    """An f-string of `before`, the value of the variable `seen`, and `after`."""
    return f'f"{_in_f_string(before)}{{seen}}{_in_f_string(after)}"'


def _in_f_string(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return escaped.replace("{", "{{").replace("}", "}}")


def python_comment(text: str) -> str:
    """A comment; no encoding of the file can be read from it."""
    return f"# {_ENCODING.sub('coding ', _one_line(text))}"


# -- JavaScript and C++ ------------------------------------------------------------


def js_literal(text: str) -> str:
    """A string of JavaScript."""
    return json.dumps("".join(text))


def js_number(value: float | bool) -> str:
    """A number or a flag of JavaScript."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value != value:
        return "NaN"
    named = {float("inf"): "Infinity", float("-inf"): "-Infinity"}
    return named.get(value) or float.__repr__(float(value))


def js_comment(text: str) -> str:
    """A comment of JavaScript up to the end of its line."""
    return f"// {_one_line(text)}"


def cpp_literal(text: str) -> str:
    """A narrow string of C++, in UTF-8; a lone surrogate stands as its escape."""
    encoded = text.encode("utf-8", "backslashreplace")
    return f'"{"".join(map(_cpp_character, encoded))}"'


def _cpp_character(byte: int) -> str:
    """A byte within a string; `?` is escaped, or two could begin a trigraph."""
    plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\?'
    return chr(byte) if plain else f"\\{byte:03o}"


def cpp_number(value: float | bool) -> str:
    """A number or a flag of C++; NAN and INFINITY need <cmath>."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value != value:
        return "NAN"
    named = {float("inf"): "INFINITY", float("-inf"): "-INFINITY"}
    return named.get(value) or float.__repr__(float(value))


def cpp_comment(text: str) -> str:
    """A comment of C++; the full stop keeps a last backslash from joining lines."""
    return f"// {_one_line(text)}."


# -- the shell and Markdown --------------------------------------------------------


def shell_words(*words: str) -> str:
    """A command line for a POSIX shell; a NUL, which no argument can hold, is a
    ValueError."""
    if any("\0" in word for word in words):
        raise ValueError("an argument of a command cannot hold a NUL")
    return shlex.join(words)


def markdown_text(text: str) -> str:
    """The text as it stands where it is plain, else as `markdown_code`."""
    return text if _PLAIN.fullmatch(text) else markdown_code(text)


def markdown_code(text: str) -> str:
    """A code span, whose text nothing renders; line breaks stand as escapes."""
    shown = "".join(c if c.isprintable() else _one_line(c) for c in text) or " "
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def markdown_block(lines: Sequence[str]) -> list[str]:
    """The lines of a fenced block of code, the fences included."""
    fence = "`" * max([3, *(_longest_run(line) + 1 for line in lines)])
    return [fence, *lines, fence]


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _one_line(text: str) -> str:
    """Printable ASCII; every other character as its escape."""
    line = text.encode("unicode_escape").decode("ascii")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
