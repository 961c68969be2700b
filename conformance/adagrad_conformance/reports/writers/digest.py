"""Markdown for a job's summary or a pull request: the verdict, and the faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Summary
from adagrad_conformance.reports.tables import code, escape, table

from .common import Json, headline, plain, replay, summaries_of

__all__ = ["write_digest"]

#: So many faults, and failures without one, are listed of a target.
_SHOWN = 20


def write_digest(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write a section for each target."""
    del supplements
    for header, summary in summaries_of(streams):
        out.write("\n".join(_section(header, summary)).rstrip() + "\n\n")


def _section(header: Json, summary: Summary) -> Iterator[str]:
    target, total = summary.target, summary.total
    yield f"### {summary.verdict_words}: {code(target['target'])}"
    yield ""
    if problem := target.get("problem"):
        yield escape(plain(problem))
        return
    judged = total.judged_at("MUST")
    waived = sum("waived" in record for record in summary.records)
    words = f"{judged - total.failed} of {judged} MUST checks pass"
    words += f", {waived} failures are waived" if waived else ""
    words += f"; {total.findings} findings at SHOULD" if total.findings else ""
    yield f"{words}. Seed {header['seed']}, adagrad-conformance {header['suite']}."
    faults = summary.faults[:_SHOWN]
    if faults:
        yield ""
        yield from table(
            ("fault", "what", "checks", "evidence"),
            (
                (
                    code(fault["fault"]),
                    escape(plain(fault["words"])),
                    str(fault["checks"]),
                    escape(plain(fault["evidence"])),
                )
                for fault in faults
            ),
        )
    loose = [
        record
        for finding in summary.findings
        if finding.level == "MUST"
        for record in finding.records[:1]
        if not record.get("faults") and "waived" not in record
    ]
    if loose:
        yield ""
        for record in loose[:_SHOWN]:
            yield f"- {code(record['scenario'])}: {escape(headline(record))}"
    shown = [{**faults[0], "target": target["target"]}] if faults else loose[:1]
    if shown:
        yield f"\nAgain: {code(replay(shown[0], header['seed']))}"
