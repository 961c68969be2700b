"""What commands leave behind: files that are tried beforehand, and reproducers."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.errors import UserError
from adagrad_conformance.faults.fault import Fault
from adagrad_conformance.files import write_text
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.formats import FILES
from adagrad_conformance.reproducers.run import check_folder, reproduce
from adagrad_conformance.transport.targets import Target

if TYPE_CHECKING:
    from adagrad_conformance.reports.records import Stream

__all__ = [
    "check_outputs",
    "check_writable",
    "chosen_files",
    "write",
    "write_files",
    "write_reproducers",
]


def check_outputs(file: str | None, folder: str | None) -> None:
    """Raise `UserError` where the file of `--json`, or the folder of `--reproducers`,
    cannot be written: before anything is played.
    """
    if file is not None:
        check_writable(Path(file), "--json")
    if folder is not None:
        check_folder(folder)


def check_writable(path: Path, option: str) -> None:
    """Raise `UserError` where a file cannot be written, before what takes minutes.

    `option` is the option that names the file.
    """
    special = path.exists() and not path.is_file() and not path.is_dir()
    place = path if special else Path(os.path.realpath(path)).parent
    if not place.exists():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(place, os.W_OK):
        raise UserError(f"cannot write {path}; choose another file for {option}")


def chosen_files(options: Mapping[str, Any]) -> dict[str, Path]:
    """The files of `FILES` that options name, by the name of the form.

    Raises `UserError` where one cannot be written.
    """
    found = {}
    for name in FILES:
        if text := options.get(f"file_{name.replace('-', '_')}"):
            found[name] = Path(text)
            check_writable(found[name], f"--{name}")
    return found


def write_files(streams: Sequence[Stream], files: Mapping[str, Path]) -> None:
    """Write streams in each form that has a file; raises `UserError`."""
    for name, path in files.items():
        text = io.StringIO()
        FILES[name].write(streams, text)
        write(path, text.getvalue())


def write(path: Path, text: str) -> None:
    """Write a file of text, whole or not at all; raises `UserError`."""
    try:
        write_text(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def write_reproducers(
    folder: str,
    targets: Sequence[Target],
    verdicts: Sequence[Sequence[Verdict]],
    checks: Sequence[Check],
    library: Library,
    timeout: float,
    memory: float | None,
    faults: Sequence[Sequence[Fault]] = (),
) -> None:
    """Make the failures of each target small, and write them into the folder.

    `verdicts` are those of each target whose failures get a script; each of its
    `faults` gets one.
    The targets are started again: `timeout` is in seconds for an answer, `memory` in
    GiB.  Raises `UserError`.
    """
    expect = library.expectations
    for line in reproduce(
        folder, targets, verdicts, checks, expect, timeout, memory, faults
    ):
        click.echo(line, err=True)
