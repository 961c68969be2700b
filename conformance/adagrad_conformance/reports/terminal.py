"""The summary that a person reads after a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adagrad_conformance.adapters.evidence.reading import STANDINGS
from adagrad_conformance.diagnosis.wording import explanation_text
from adagrad_conformance.evaluation.conclusion import Conclusion, basis_lines

from .formats import Supplements
from .records import Stream
from .summary import Finding, Summary, summaries

__all__ = ["diagnosis_lines", "print_summary", "write_terminal"]

#: Columns where no terminal has a width of its own.
_WIDTH = 110
_COLOURS = {
    Conclusion.CONFORMANT: "green",
    Conclusion.NOT_CONFORMANT: "red",
    Conclusion.UNCONFIRMED: "yellow",
    Conclusion.INSUFFICIENT: "yellow",
    Conclusion.NOT_JUDGED: "yellow",
}


def write_terminal(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write each stream as a line on its run, and a summary of each target."""
    del supplements
    console = Console(file=out)
    if not console.is_terminal:
        console = Console(file=out, width=_WIDTH)
    for stream in streams:
        top = stream.header
        count = top.get("checks", len({check["scenario"] for check in stream.checks}))
        console.print(
            f"adagrad-conformance {top['suite']}: {count} checks, "
            f"seed {top['seed']}, vectors {top['vectors'][:12]}",
            highlight=False,
        )
        for summary in summaries(stream.targets, stream.checks):
            print_summary(console, summary)


def print_summary(console: Console, summary: Summary) -> None:
    """Print one target: themes, failures, findings, verdict, and the next command."""
    target = summary.target
    identity = f"{target.get('name', '')} {target.get('version', '')}".strip()
    console.print(
        f"\n[bold]{escape(target['target'])}[/]  {escape(identity)}", highlight=False
    )
    if target.get("problem"):
        console.print(f"  {escape(target['problem'])}", style="yellow", highlight=False)
        return
    if target.get("doubt"):
        text = f"in doubt: {target['doubt']}"
        console.print(
            f"  {escape(text)}", style="yellow", highlight=False, soft_wrap=True
        )
    if target.get("departs"):
        text = f"judged by its declared dialect {target['dialect']}: "
        console.print(
            f"  {escape(text + '; '.join(target['departs']))}",
            highlight=False,
            soft_wrap=True,
        )
    if target.get("standing", "published") != "published":
        console.print(f"  {target['standing']} code: {STANDINGS[target['standing']]}")
    if "played" in target:
        console.print(f"  played {escape(target['played'])}", soft_wrap=True)
    _verdict(console, summary)
    console.print(_themes(summary))
    console.print("  * of passed checks, in ulp at scale", style="dim")
    _findings(console, summary, "MUST", "Failures at MUST", "red")
    _findings(console, summary, "SHOULD", "Findings at SHOULD", "yellow")
    _findings(console, summary, "MAY", "Reported at MAY", "dim")
    if summary.not_claimed and "basis" not in target:
        parts = [f"{name} ({count})" for name, count in summary.not_claimed.items()]
        text = "not claimed (checks that need it): " + ", ".join(parts)
        console.print(f"  {escape(text)}", style="dim")
    for reason, names in summary.skipped.items():
        text = f"not run here: {', '.join(names)} ({reason})"
        console.print(f"  {escape(text)}", style="dim", soft_wrap=True)
    _diagnosis(console, summary)
    _next(console, summary)


def _diagnosis(console: Console, summary: Summary) -> None:
    """Print the explanation of the failures, and the check that decides for it."""
    diagnosis = summary.target.get("diagnosis")
    for line in diagnosis_lines(diagnosis):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def diagnosis_lines(diagnosis: Mapping[str, Any] | None) -> Iterator[str]:
    """The first explanation, and what it leaves over; no line without a diagnosis."""
    if diagnosis is None:
        return
    first = diagnosis["explanations"][0]
    yield f"diagnosis: {explanation_text(first)}"
    if first["like"]:
        yield f"  as in {'; '.join(first['like'])}"
    if diagnosis["separator"]:
        scenario, against = diagnosis["separator"].values()
        yield f"  told from '{'; '.join(against)}' by {scenario}"
    if diagnosis["rest"]:
        yield f"  and beside it: {explanation_text(diagnosis['rest'])}"


def _themes(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("theme")
    for name in (
        "MUST",
        "failed",
        "SHOULD",
        "findings",
        "worst grade",
        "max error (ulp at scale)",
    ):
        table.add_column(name, justify="right")
    for theme in [*summary.families, summary.total]:
        must, should = (theme.judged_at(level) for level in ("MUST", "SHOULD"))
        style = "red" if theme.failed else "yellow" if theme.findings else ""
        table.add_row(
            theme.name,
            str(must),
            str(theme.failed or "-"),
            str(should or "-"),
            str(theme.findings or "-"),
            theme.worst_grade,
            theme.max_error,
            style=style,
            end_section=theme is summary.families[-1],
        )
    return table


def _findings(
    console: Console, summary: Summary, level: str, title: str, colour: str
) -> None:
    found = [finding for finding in summary.findings if finding.level == level]
    if not found:
        return
    count = sum(len(finding.records) for finding in found)
    console.print(f"  [{colour}]{title}[/] ({count})", highlight=False)
    for finding in found:
        console.print(_line(finding), highlight=False, soft_wrap=True)


def _line(finding: Finding) -> str:
    example = finding.first["scenario"]
    promise = finding.first.get("promise") if finding.level == "MUST" else None
    promised = f"\n      [dim]promised: {escape(promise)}[/]" if promise else ""
    return (
        f"    [bold]{escape(finding.requirement)}[/] ({len(finding.records)}), "
        f"such as {escape(example)}\n      [dim]{escape(finding.evidence)}[/]{promised}"
    )


def _verdict(console: Console, summary: Summary) -> None:
    total, verdict = summary.total, summary.verdict
    must = total.judged_at("MUST")
    console.print(
        f"  [bold {_COLOURS[verdict]}]{escape(summary.verdict_words)}[/]: "
        f"{must - total.failed} of {must} MUST checks pass, "
        f"{total.findings} findings at SHOULD",
        highlight=False,
    )
    for line in (
        basis_lines(summary.target["basis"]) if "basis" in summary.target else ()
    ):
        console.print(f"  {escape(line)}", highlight=False)


def _next(console: Console, summary: Summary) -> None:
    if summary.findings:
        first = summary.findings[0].first
        hint = f"adagrad-conformance explain {first['scenario']}"
        if "reproducer" in first and "~" not in first["scenario"]:
            hint = "the scenario stands in the result stream (--json), as 'reproducer'"
        console.print(f"  next: {escape(hint)}", highlight=False)
