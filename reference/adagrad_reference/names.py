"""Names in scenarios: one strict grammar, kept wherever a scenario is read.

Rule 1.  A *word* names a tensor, an optimizer or a save: an ASCII letter, then letters,
         digits and underscores, at most WORD_LENGTH characters in all.
Rule 2.  A *path* names a scenario or a requirement: parts of lower-case ASCII letters
         and digits, joined by single hyphens, the parts joined by single slashes.
         Behind them may stand what was taken out of the scenario, each after a tilde:
         a part, or a part, an equals sign and a value.  At most PATH_LENGTH characters
         in all.
Rule 3.  A *note* is one line of printable characters, at most NOTE_LENGTH of them.

So a name is harmless in a source text, in a file name and on a terminal.  A message
about a text that breaks these rules shows it by `shown`: ASCII, on one line, short.
"""

from __future__ import annotations

import re

__all__ = [
    "NOTE_LENGTH",
    "PATH_LENGTH",
    "WORD_LENGTH",
    "is_note",
    "is_path",
    "is_word",
    "shown",
]

WORD_LENGTH, PATH_LENGTH, NOTE_LENGTH = 64, 480, 1000

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PART = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_TAKEN_OUT = rf"~{_PART}(?:=[a-z0-9][a-z0-9.+-]*)?"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*(?:{_TAKEN_OUT})*")

#: The most characters of a refused text that a message shows.
_SHOWN = 40


def is_word(text: str) -> bool:
    """Whether `text` may name a tensor, an optimizer or a save."""
    return len(text) <= WORD_LENGTH and _WORD.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether `text` may name a scenario or a requirement."""
    return len(text) <= PATH_LENGTH and _PATH.fullmatch(text) is not None


def is_note(text: str) -> bool:
    """Whether `text` may be the note of a scenario."""
    return len(text) <= NOTE_LENGTH and text.isprintable()


def shown(value: object) -> str:
    """A value from outside in a message: a text quoted, what is special escaped."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!a}... ({len(value)} characters)"
    text = ascii(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}..."
