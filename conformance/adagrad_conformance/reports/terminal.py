"""What a person reads after a run: the answer, in few lines, in one, or in full.

A text of a port is never markup: every line is printed as it is, without what a
terminal would obey.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adagrad_conformance.adapters.evidence.reading import STANDINGS
from adagrad_conformance.evaluation.conclusion import Conclusion, basis_lines
from adagrad_conformance.evaluation.telling import Group, Line, Told, lines

from .formats import Supplements
from .records import Json, Stream
from .summary import Finding, Summary, summaries

__all__ = ["print_full", "print_summary", "write_brief", "write_full", "write_terminal"]

#: Columns where no terminal has a width of its own: nothing is cut off.
_WIDTH = 10_000
#: Columns of tables there.
_TABLE = 110
_COLOURS = {
    Conclusion.CONFORMANT: "bold green",
    Conclusion.NOT_CONFORMANT: "bold red",
    Conclusion.UNCONFIRMED: "bold yellow",
    Conclusion.INSUFFICIENT: "bold yellow",
    Conclusion.NOT_JUDGED: "bold yellow",
}


def write_terminal(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write each target in at most 25 lines, the answer first."""
    del supplements
    _write(streams, out, print_summary)


def write_brief(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write each target in one line."""
    del supplements
    _write(streams, out, _print_answer)


def write_full(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write each target with a table of themes, all faults and all failures."""
    del supplements
    _write(streams, out, print_full)


def _write(
    streams: Sequence[Stream],
    out: TextIO,
    print_one: Callable[[Console, Summary, Json], None],
) -> None:
    """Print each target of each stream."""
    console = _console(out)
    for stream in streams:
        for summary in summaries(stream.targets, stream.checks, stream.faults):
            print_one(console, summary, stream.header)


class _Console(Console):
    """One whose reader may end early: that is no verdict, and the caller's matter."""

    def on_broken_pipe(self) -> None:
        """Raise what happened; rich would end the process with exit code 1."""
        raise BrokenPipeError


def _console(out: TextIO) -> Console:
    console = _Console(file=out)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return _Console(file=out, width=_WIDTH)


def _print(console: Console, line: Line) -> None:
    """One line, cut off at the last column unless it must be whole."""
    shown = "".join(c if c.isprintable() else "?" for c in line.text)
    style = _COLOURS[Conclusion(line.style)] if line.style in _COLOURS else line.style
    text = Text(shown, style)
    if line.whole:
        console.print(text, soft_wrap=True)
    else:
        console.print(text, no_wrap=True, overflow="ellipsis")


def _print_answer(console: Console, summary: Summary, header: Json) -> None:
    _print(console, lines(_told(summary, header))[0])


def print_summary(console: Console, summary: Summary, header: Json) -> None:
    """Print one target in at most 25 lines; `header` is that of its stream."""
    for line in lines(_told(summary, header)):
        _print(console, line)


def _told(summary: Summary, header: Json) -> Told:
    """What there is to tell of a target, from its records."""
    target = summary.target
    missing = ""
    if "basis" not in target:
        needed = summary.not_claimed.items()
        missing = ", ".join(f"{name} ({count})" for name, count in needed)
    names = (target.get(key, "") for key in ("name", "version", "language"))
    return Told(
        target["target"],
        summary.verdict,
        _answer(summary),
        target.get("problem"),
        list(_notes(summary)),
        list(basis_lines(target["basis"])) if "basis" in target else [],
        list(_faults(summary)),
        target.get("explained"),
        [_group(finding) for finding in summary.findings],
        missing,
        [f"{', '.join(ids)} ({why})" for why, ids in summary.skipped.items()],
        ", ".join(filter(None, names)),
        header["seed"],
        f"adagrad-conformance {header['suite']}, vectors {header['vectors'][:12]}",
        hints=list(_hints(summary)),
    )


def _answer(summary: Summary) -> str:
    target = summary.target
    if problem := target.get("problem"):
        return f"{summary.verdict_words}: {target['target']}, {problem}"
    must = summary.total.judged_at("MUST")
    passed = f"{must - summary.total.failed} of {must} MUST checks pass"
    return f"{summary.verdict_words}: {target['target']}, {passed}"


def _notes(summary: Summary) -> Iterator[str]:
    target = summary.target
    if target.get("interrupted"):
        yield "interrupted: this is what was judged by then"
    if target.get("doubt"):
        yield f"in doubt: {target['doubt']}"
    if target.get("departs"):
        words = "; ".join(target["departs"])
        yield f"judged by its declared dialect {target['dialect']}: {words}"
    if target.get("standing", "published") != "published":
        yield f"{target['standing']} code: {STANDINGS[target['standing']]}"
    if "played" in target:
        yield f"played {target['played']}"
    if waived := [r["waived"] for r in summary.records if "waived" in r]:
        names = ", ".join(dict.fromkeys(each["id"] for each in waived))
        yield f"waived: {len(waived)} failures ({names})"


def _faults(summary: Summary) -> Iterator[Json]:
    """The faults, those last that are waived, which is said."""
    waived = _waived_faults(summary)
    yield from (f for f in summary.faults if f["fault"] not in waived)
    for fault in summary.faults:
        if fault["fault"] in waived:
            yield {**fault, "words": f"{fault['words']} (waived)"}


def _waived_faults(summary: Summary) -> set[str]:
    """The names of faults all of whose failures are waived."""
    waived, open_ones = (
        {
            name
            for record in summary.records
            if ("waived" in record) is is_waived
            for name in record.get("faults", ())
        }
        for is_waived in (True, False)
    )
    return waived - open_ones


def _group(finding: Finding) -> Group:
    first = finding.first
    return Group(
        finding.requirement,
        finding.level,
        len(finding.records),
        first["scenario"],
        finding.evidence,
        first.get("promise") if finding.level == "MUST" else None,
        first.get("failure") or "",
    )


def _hints(summary: Summary) -> Iterator[str]:
    """What to do next, if something failed; MAY asks for nothing."""
    waived = _waived_faults(summary)
    shown = [f["scenario"] for f in summary.faults if f["fault"] not in waived]
    shown += [
        finding.first["scenario"]
        for finding in summary.findings
        if finding.level != "MAY" and "waived" not in finding.first
    ]
    fresh = {r["scenario"] for r in summary.records if "reproducer" in r}
    for scenario in shown:
        if scenario not in fresh or "~" in scenario:
            yield f"adagrad-conformance explain {scenario}"
            return
    if shown:
        yield "the scenario stands in the result stream (--json), as 'reproducer'"


# -- in full ---------------------------------------------------------------------------


def print_full(console: Console, summary: Summary, header: Json) -> None:
    """Print one target: verdict, themes, all faults, all failures and findings."""
    what = _told(summary, header)
    head = [Line(what.answer, what.conclusion, whole=True)]
    head += [Line(f"  {text}") for text in (*what.notes, *what.basis)]
    for line in head:
        _print(console, line)
    if what.problem:
        return
    themes = _themes(summary)
    console.print(themes, width=min(console.width, _TABLE))
    _print(console, Line("  * of passed checks, in ulp at scale", "dim"))
    for line in _all(what):
        _print(console, line)


def _all(what: Told) -> Iterator[Line]:
    for fault in what.faults:
        against = f", against it {fault['against']}" if fault["against"] else ""
        like = f"; as in {'; '.join(fault['like'])}" if fault["like"] else ""
        yield Line(f"  {fault['fault']} ({fault['kind']}): {fault['words']}", "red")
        yield Line(
            f"    {fault['complaints']:,} complaints in {fault['checks']} checks"
            f"{against}; breaks {fault['requirement']}{like}"
        )
        yield Line(f"    {fault['scenario']}: {fault['evidence']}")
    for first in (what.explained or {}).get("first", ()):
        yield Line(f"  unexplained: {first['scenario']}: {first['evidence']}")
    for level, title, style in (
        ("MUST", "Failures at MUST", "red"),
        ("SHOULD", "Findings at SHOULD", "yellow"),
        ("MAY", "Reported at MAY", "dim"),
    ):
        found = [group for group in what.groups if group.level == level]
        if found:
            yield Line(f"  {title} ({sum(group.count for group in found)})", style)
        for group in found:
            count = f"({group.count})"
            yield Line(f"    {group.requirement} {count}, such as {group.example}")
            yield Line(f"      {group.evidence}")
            if group.promise:
                yield Line(f"      promised: {group.promise}")
    if what.missing:
        yield Line(f"  not claimed (checks that need it): {what.missing}", "dim")
    for text in what.skipped:
        yield Line(f"  not run here: {text}", "dim")
    yield Line(f"  port: {what.port}; seed {what.seed}; {what.origin}", "dim")
    for hint in what.hints:
        yield Line(f"  next: {hint}", whole=True)


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
            Text(theme.name),
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
