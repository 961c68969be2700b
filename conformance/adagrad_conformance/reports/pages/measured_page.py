"""All that was measured: what is caught, what is never accused, grades and speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.reports.figures.power import power_section
from adagrad_conformance.reports.figures.soundness import soundness_section
from adagrad_conformance.reports.tables import table

__all__ = ["Figures", "measured_sections"]

#: What `make bench`, `make power` and `make soundness` wrote, by these names.
Figures = Mapping[str, Mapping[str, Any] | None]


def measured_sections(figures: Figures) -> Iterator[str]:
    """The lines, with headings of the second order."""
    power = figures.get("power")
    yield "## Power: what is caught\n"
    yield from power_section(power) if power else ["Not measured; `make power` does."]
    yield "\n## Soundness: what is never accused\n"
    yield from _soundness(figures.get("soundness"))
    yield "\n## Grades\n"
    yield from table(("grade", "meaning"), GRADES.items())
    yield "\n## Speed\n"
    yield from _speed(figures.get("bench"))


def _soundness(figures: Mapping[str, Any] | None) -> Iterable[str]:
    if figures is None:
        return ["Not measured; `make soundness` does."]
    return soundness_section(figures)


def _speed(bench: Mapping[str, Any] | None) -> Iterator[str]:
    if bench is None:
        yield "Not measured; `make bench` measures it."
        return
    yield f"{bench['about']}\n"
    rows = [(r["what"], r["value"], r["goal"], r["met"]) for r in bench["figures"]]
    yield from table(("what", "measured", "goal", "met"), rows)
