"""`report`: result streams, with what was measured elsewhere, in one of the formats."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from adagrad_conformance.errors import UserError
from adagrad_conformance.reports.figures.power import power_section
from adagrad_conformance.reports.figures.soundness import soundness_section
from adagrad_conformance.reports.formats import FORMATS, Supplements
from adagrad_conformance.reports.pages.finding_page import (
    Finding,
    finding_texts,
    findings_of_ports,
)
from adagrad_conformance.reports.pages.report import FINDINGS, ports_of
from adagrad_conformance.reports.pages.writing import page_texts
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reproducers.writing import file_name

from .outputs import chosen_files, write, write_files

__all__ = ["write_report"]


def write_report(
    streams: Sequence[Path],
    form: str,
    output: Path | None,
    figures: Mapping[str, Path],
    reproducers: Path | None = None,
    pages: Path | None = None,
    files: Mapping[str, Path] | None = None,
) -> None:
    """`report`; `figures` are files of bench, power and soundness.

    Without `output` the report is printed, and nothing is written but `files` in the
    forms that other tools read; where there are any, it is not printed.  With `pages`
    the folder of that name gets a page for each port.  Raises `UserError`.
    """
    chosen = FORMATS[form]
    others = chosen_files(files or {})
    if pages is not None and (output is None or form != "markdown"):
        raise UserError("--pages needs --format markdown and --output")
    try:
        read = [read_stream(path) for path in streams]
    except StreamError as error:
        raise UserError(str(error)) from None
    write_files(read, others)
    if others and output is None and form == "markdown":
        click.echo(f"wrote {', '.join(map(str, others.values()))}")
        return
    data = {name: _figures(name, path) for name, path in figures.items()}
    base = Path() if output is None else output.resolve().parent
    way = None if pages is None else Path(os.path.relpath(pages, base)).as_posix()
    supplements = Supplements(data, _scripts(read, reproducers, base), way)
    if output is None:
        chosen.write(read, sys.stdout, supplements)
        return
    text = io.StringIO()
    chosen.write(read, text, supplements)
    if pages is not None:
        of_pages = Supplements(data, _scripts(read, reproducers, pages))
        records = Path(os.path.relpath(base / "ports", pages)).as_posix()
        _write_pages(pages, page_texts(read, of_pages, records))
        findings = findings_of_ports(ports_of(read)[0])
        if findings:
            texts = _finding_texts(findings, base / "ports")
            _write_pages(pages.parent / FINDINGS, texts)
    write(output, text.getvalue())
    click.echo(f"wrote {output}")


def _finding_texts(findings: Sequence[Finding], records: Path) -> Mapping[str, str]:
    try:
        return finding_texts(findings, records)
    except (OSError, KeyError) as error:
        raise UserError(f"cannot read the scripts of {records}: {error}") from None


def _write_pages(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all pages of a folder, and take away those of ports that are gone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None
    for name, page in texts.items():
        write(folder / name, page)
    for path in folder.glob("*.md"):
        if path.name not in texts and path.name != "README.md":
            path.unlink()


def _bench_section(data: dict[str, Any]) -> list[object]:
    rows = [(r["what"], r["value"], r["goal"], r["met"]) for r in data["figures"]]
    return [data["about"].strip(), *rows]


#: What reads each file of figures; it fails on any other file.
_SECTIONS: dict[str, Callable[[dict[str, Any]], Iterable[object]]] = {
    "bench": _bench_section,
    "power": power_section,
    "soundness": soundness_section,
}


def _figures(name: str, path: Path) -> dict[str, Any]:
    """The figures in a file; raises `UserError` for a file that holds others."""
    try:
        data = dict(json.loads(path.read_text(encoding="utf-8")))
        whole = len(list(_SECTIONS[name](data))) > 1
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        whole = False
    if not whole:
        raise UserError(f"{path} is no file of figures; `make {name}` writes one")
    return data


def _scripts(
    streams: Sequence[Stream], folder: Path | None, base: Path
) -> dict[tuple[str, str], str]:
    """The reproducers in a folder, by target and requirement, as links from `base`."""
    if folder is None:
        return {}
    found = {}
    for stream in streams:
        for record in stream.checks:
            target, requirement = record["target"], record["requirement"] or ""
            place = folder / file_name(target)
            for path in sorted(place.glob(f"{file_name(requirement)}.*")):
                if path.suffix != ".json":
                    found[target, requirement] = os.path.relpath(path, base)
    return found
