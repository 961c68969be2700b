"""What of the gate the command line does: waivers, baselines, and what they come to."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library, VectorError
from adagrad_conformance.cli.outputs import write
from adagrad_conformance.errors import UserError
from adagrad_conformance.gate.baseline import Comparison, compare
from adagrad_conformance.gate.drafting import draft
from adagrad_conformance.gate.exporting import FORMS
from adagrad_conformance.gate.matching import Gated, apply_waivers
from adagrad_conformance.gate.waivers import Waiver, read_waivers
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reports.writers.common import plain
from adagrad_conformance.requirements.table import REQUIREMENTS

__all__ = [
    "Gate",
    "check_waivers",
    "compare_streams",
    "export_waivers",
    "open_gate",
    "tell",
]

#: So many changes are told, unless all are asked for.
_SHOWN = 12


@dataclass(frozen=True)
class Gate:
    """The files of a gate, read before anything is played."""

    waivers: Sequence[Waiver] = ()
    baseline: Stream | None = None
    other_vectors: bool = False
    drafts: Path | None = None  #: where waivers for what fails are written

    def hold(
        self, stream: Stream, library: Library, whole: bool
    ) -> tuple[Gated, list[Comparison]]:
        """The stream with waived failures marked, and how it differs from before."""
        gated = Gated(stream)
        if self.waivers:
            names = _known_names(library)
            gated = apply_waivers(stream, self.waivers, names, whole, _today())
        compared = []
        if self.baseline is not None:
            compared = compare(self.baseline, gated.stream, self.other_vectors)
        return gated, compared


def open_gate(
    waivers: str | None, drafts: str | None, baseline: str | None, other_vectors: bool
) -> Gate:
    """Read the files of a gate; raises `UserError`."""
    return Gate(
        read_waivers(Path(waivers)) if waivers else (),
        _read(baseline) if baseline else None,
        other_vectors,
        Path(drafts) if drafts else None,
    )


def _read(path: str) -> Stream:
    """A result stream; raises `UserError`."""
    try:
        return read_stream(Path(path))
    except StreamError as error:
        raise UserError(str(error)) from None


def _known_names(library: Library) -> list[str]:
    """The names of all checks and requirements."""
    return [*(check.id for check in known_checks(library)), *REQUIREMENTS]


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def tell(gated: Gated, compared: Sequence[Comparison], path: Path | None) -> None:
    """Print what the gate found on standard error, and write waivers."""
    for trouble in gated.troubles:
        click.echo(f"waiver: {plain(trouble)}", err=True)
    for line in _told(compared):
        click.echo(line, err=True)
    if path is not None:
        text, added = draft(gated.stream, path)
        write(path, text)
        words = "; fill in their reasons: a blank one waives nothing" if added else ""
        click.echo(f"wrote {path}: {added} new waivers{words}", err=True)


def _told(compared: Sequence[Comparison], shown: int = _SHOWN) -> Iterator[str]:
    for comparison in compared:
        worse = comparison.regressions
        better = [c for c in comparison.changes if not c.is_worse]
        versions = f" ({comparison.old} to {comparison.new})"
        versions = versions if comparison.old != comparison.new else ""
        yield (
            f"against the baseline: {comparison.target}{versions}: {len(worse)} worse, "
            f"{len(better)} better"
        )
        for mark, changes in (("worse", worse), ("better", better)):
            for change in changes[:shown]:
                yield f"  {mark} ({change.kind}): {plain(change.words)}"
            if len(changes) > shown:
                yield f"  and {len(changes) - shown} more that are {mark}"


# -- commands of their own -------------------------------------------------------------


def check_waivers(path: str, stream: str | None, strict: bool) -> int:
    """Hold waivers against a stream, or against what there is at all."""
    waivers = read_waivers(Path(path))
    try:
        library = Library.read()
    except VectorError as error:
        raise UserError(str(error)) from None
    known, today = _known_names(library), _today()
    if stream is None:
        troubles = list(_without_stream(waivers, known, today))
        for trouble in troubles:
            click.echo(plain(trouble))
        good = len(waivers) - len(troubles)
        click.echo(f"{good} of {len(waivers)} waivers are in order")
        return 1 if troubles else 0
    run = _read(stream)
    gated = apply_waivers(run, waivers, known, run.header["only"] is None, today)
    for trouble in gated.troubles:
        click.echo(plain(trouble))
    covered = sum("waived" in check for check in gated.stream.checks)
    click.echo(f"{len(waivers)} waivers cover {covered} failures")
    return gated.exit_code(strict)


def _without_stream(
    waivers: Sequence[Waiver], known: Sequence[str], today: datetime.date
) -> Iterator[str]:
    """What can be said of waivers where nothing was played."""
    header = {"environment": {"system": ""}, "only": None}
    empty = Stream(header, (), (), {"exit_code": 0})
    yield from apply_waivers(empty, waivers, known, False, today).troubles


def export_waivers(path: str, form: str) -> None:
    """Print waivers in the form of another suite."""
    click.echo(FORMS[form](read_waivers(Path(path))), nl=False)


def compare_streams(old: str, new: str, other_vectors: bool, everything: bool) -> int:
    """Print what changed from one stream to another; 1 where something is worse."""
    compared = compare(_read(old), _read(new), other_vectors)
    for line in _told(compared, 10**9 if everything else _SHOWN):
        click.echo(line)
    return 1 if any(comparison.regressions for comparison in compared) else 0
