"""Lines of Markdown: tables, code, and words of others made harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["cell", "code", "escape", "table"]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table, line by line."""
    titles = list(head)
    yield "| " + " | ".join(map(cell, titles)) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(cell(text) for text in row) + " |"


def cell(text: str) -> str:
    """Text on one line, without bars."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Text between backquotes, on one line."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def escape(text: str) -> str:
    """Words of a port as plain text on one line of Markdown."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*[]#|":
        plain = plain.replace(mark, "\\" + mark)
    return plain
