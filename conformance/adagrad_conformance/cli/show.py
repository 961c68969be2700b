"""The commands that play nothing: list, explain, report, vectors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from adagrad_conformance.adapters.registry import ADAPTERS
from adagrad_conformance.checks.kinds import kind
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import (
    Library,
    generate,
    vectors_folder,
    verify,
)
from adagrad_conformance.errors import UserError
from adagrad_conformance.files import write_text
from adagrad_conformance.reports.markdown import report_text
from adagrad_conformance.reports.power import power_section
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.soundness import soundness_section
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reproducers.writing import file_name
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.vectors import VectorError

from .explain import explain

__all__ = [
    "explanation",
    "generate_vectors",
    "listing",
    "show_vector",
    "verify_vectors",
    "write_report",
]


def _library() -> Library:
    try:
        return Library.read()
    except VectorError as error:
        raise UserError(str(error)) from None


def listing(what: str) -> Iterator[str]:
    """The lines of `list`."""
    if what == "candidates":
        yield from ADAPTERS
    elif what == "requirements":
        for r in REQUIREMENTS.values():
            yield f"{r.level:7}{r.id:43}{r.profile:10} {r.clause:22}{r.demands}"
    elif what == "clauses":
        for clause in CLAUSES.values():
            yield f"{clause.id:26}{clause.says} {clause.ruling}".rstrip()
    elif what == "dialects":
        for dialect in DIALECTS.values():
            words = "; ".join(dialect.words) or "the document"
            about = f"{dialect.about}: " if dialect.about else ""
            yield f"{dialect.name:24}{about}{words}"
    elif what == "checks":
        for check in known_checks(_library()):
            yield f"{check.level:7}{kind(check):9} {check.id}"
    else:
        for name, data in _library().raw.items():
            yield f"{data['level']:7}{name}"


def explanation(name: str) -> str:
    """The text of `explain`."""
    text = explain(name, _library())
    if text is None:
        raise UserError(
            f"no clause, requirement or scenario is called {name!r}; "
            "'list clauses', 'list requirements' and 'list scenarios' show them"
        )
    return text


def show_vector(name: str) -> str:
    """The text of `vectors show`."""
    library = _library()
    if name not in library.raw:
        raise UserError(f"no vector is called {name!r}; 'list scenarios' shows them")
    return json.dumps(library.raw[name], indent=1)


def generate_vectors(folder: Path | None) -> None:
    """`vectors generate`."""
    folder = folder or vectors_folder()
    try:
        for name in generate(folder):
            click.echo(name)
    except VectorError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None


def verify_vectors(folder: Path | None) -> int:
    """`vectors verify`: the exit code."""
    folder = folder or vectors_folder()
    wrong = 0
    for name, problem in verify(folder):
        click.echo(f"{name}: {problem or 'as the reference computes it'}")
        wrong += problem is not None
    if wrong:
        click.echo(
            f"{wrong} files differ; 'vectors generate' writes them anew", err=True
        )
    return 1 if wrong else 0


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
    streams: Sequence[Stream], folder: Path | None, output: Path
) -> dict[tuple[str, str], str]:
    """The reproducers in a folder, by target and requirement, as links."""
    if folder is None:
        return {}
    found = {}
    for stream in streams:
        for record in stream.checks:
            target, requirement = record["target"], record["requirement"] or ""
            place = folder / file_name(target)
            for path in sorted(place.glob(f"{file_name(requirement)}.*")):
                if path.suffix != ".json":
                    link = os.path.relpath(path, output.resolve().parent)
                    found[target, requirement] = link
    return found


def write_report(
    streams: Sequence[Path],
    output: Path,
    figures: Mapping[str, Path],
    reproducers: Path | None = None,
) -> None:
    """`report`; `figures` are files of bench, power and soundness."""
    try:
        read = [read_stream(path) for path in streams]
        data = {name: _figures(name, path) for name, path in figures.items()}
    except StreamError as error:
        raise UserError(str(error)) from None
    try:
        scripts = _scripts(read, reproducers, output)
        bench = data.pop("bench", None)
        write_text(output, report_text(read, bench, **data, scripts=scripts))
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from None
    click.echo(f"wrote {output}")
