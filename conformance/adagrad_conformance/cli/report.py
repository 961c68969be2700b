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
from adagrad_conformance.reports.formats import FORMATS, Supplements
from adagrad_conformance.reports.power import power_section
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.soundness import soundness_section
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reproducers.writing import file_name

from .outputs import write

__all__ = ["write_report"]


def write_report(
    streams: Sequence[Path],
    form: str,
    output: Path | None,
    figures: Mapping[str, Path],
    reproducers: Path | None = None,
) -> None:
    """`report`; `figures` are files of bench, power and soundness.

    Without `output` the report goes where its format says.  Raises `UserError`.
    """
    chosen = FORMATS[form]
    if output is None and chosen.file is not None:
        output = Path(chosen.file)
    try:
        read = [read_stream(path) for path in streams]
    except StreamError as error:
        raise UserError(str(error)) from None
    data = {name: _figures(name, path) for name, path in figures.items()}
    base = Path() if output is None else output.resolve().parent
    supplements = Supplements(data, _scripts(read, reproducers, base))
    if output is None:
        chosen.write(read, sys.stdout, supplements)
        return
    text = io.StringIO()
    chosen.write(read, text, supplements)
    write(output, text.getvalue())
    click.echo(f"wrote {output}")


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
