"""The error that a user can mend: what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["UserError", "meant"]

#: How like a name must be to one that is known to be meant by it.
_LIKE = 0.7


class UserError(Exception):
    """One line on what is wrong and what to do; the command's exit code is 2."""


def meant(name: str, known: Iterable[str]) -> str:
    """The words `; did you mean X?`, or nothing where no known name is like it."""
    near = difflib.get_close_matches(name, list(known), 1, _LIKE)
    return f"; did you mean {near[0]}?" if near else ""
