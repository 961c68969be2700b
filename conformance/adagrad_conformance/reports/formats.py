"""The forms in which streams are written: a row for each, and its writer.

A new form is a function that writes streams, and its row here.  Nothing else is loaded
before a form is used, so that a command's help can list the names.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .records import Stream

__all__ = ["FILES", "FORMATS", "Format", "Supplements", "Writer"]


@dataclass(frozen=True)
class Supplements:
    """What a report shows beside its streams, where it has room for that."""

    #: What `make bench`, `make power` and `make soundness` measured, by these names.
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Paths of reproducers, by target and requirement.
    scripts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: The way from the report to the folder of its pages, if there are any.
    pages: str | None = None


Writer = Callable[[Sequence["Stream"], TextIO, Supplements], None]


@dataclass(frozen=True)
class Format:
    """One form, and where its writer is."""

    about: str
    writer: str  #: module:function of this package
    several: bool = True  #: whether it holds more than one stream

    def write(
        self,
        streams: Sequence[Stream],
        out: TextIO,
        supplements: Supplements | None = None,
    ) -> None:
        """Write streams in this form; raises OSError where `out` cannot be written."""
        module, _, function = self.writer.partition(":")
        writer: Writer = getattr(
            importlib.import_module(f".{module}", __package__), function
        )
        writer(streams, out, supplements or Supplements())


#: The forms by name, the one for people first.
FORMATS: Mapping[str, Format] = {
    "terminal": Format("the answer, in few lines", "terminal:write_terminal"),
    "full": Format("with a table and all failures", "terminal:write_full"),
    "brief": Format("one line a target", "terminal:write_brief"),
    "jsonl": Format("the result stream", "records:write_stream", several=False),
    "quiet": Format("nothing", "records:write_nothing", several=False),
    "markdown": Format("a report on all targets", "pages.report:write_markdown"),
}

#: Forms that other tools read, by the option that names the file of each.
FILES: Mapping[str, Format] = {
    "junit": Format("JUnit XML", "writers.junit:write_junit"),
    "ctrf": Format("CTRF JSON", "writers.ctrf:write_ctrf"),
    "digest": Format("Markdown for a job's summary", "writers.digest:write_digest"),
    "badge": Format("shields' endpoint JSON", "writers.badge:write_badge"),
    "badge-svg": Format("a badge as SVG", "writers.badge:write_badge_svg"),
}
