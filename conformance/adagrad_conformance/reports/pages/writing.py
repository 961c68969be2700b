"""All pages behind REPORT.md, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reproducers.writing import file_name

from .measured_page import measured_sections
from .port_page import port_page
from .report import MEASURED, REQUIREMENTS_PAGE, ports_of
from .requirement_page import requirement_sections

__all__ = ["page_texts"]

_WRITTEN = "<!-- Written by `make report`; never edited by hand. -->\n"


def page_texts(
    streams: Sequence[Stream], supplements: Supplements, records: str
) -> Mapping[str, str]:
    """Page by name of its file; `records` is the way from it to the records' folder."""
    ports, dates = ports_of(streams)
    found = {
        f"{file_name(port.target['target'])}.md": _page(
            port_page(
                port,
                dates.get(port.target["target"], "here"),
                supplements.scripts,
                records,
            )
        )
        for port in ports
    }
    found[REQUIREMENTS_PAGE] = _page(
        _titled("Clauses and requirements", requirement_sections(streams, ports))
    )
    found[MEASURED] = _page(
        _titled("What was measured", measured_sections(supplements.figures))
    )
    return found


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"# {title}\n"
    yield from lines


def _page(lines: Iterable[str]) -> str:
    return "\n".join([_WRITTEN, *lines]).rstrip() + "\n"
