"""`vectors`: compute the golden vectors, compare them, show one; and read them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from adagrad_conformance.checks.vector_files import (
    Library,
    generate,
    vectors_folder,
    verify,
)
from adagrad_conformance.errors import UserError
from adagrad_reference.vectors import VectorError

__all__ = ["generate_vectors", "library", "show_vector", "verify_vectors"]


def library() -> Library:
    """The shipped vectors; raises `UserError` where a file is altered or missing."""
    try:
        return Library.read()
    except VectorError as error:
        raise UserError(str(error)) from None


def show_vector(name: str) -> str:
    """The text of `vectors show`."""
    raw = library().raw
    if name not in raw:
        raise UserError(f"no vector is called {name!r}; 'list scenarios' shows them")
    return json.dumps(raw[name], indent=1)


def generate_vectors(folder: Path | None) -> None:
    """`vectors generate`: write every file, and print their names."""
    folder = folder or vectors_folder()
    try:
        for name in generate(folder):
            click.echo(name)
    except VectorError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None


def verify_vectors(folder: Path | None) -> int:
    """`vectors verify`: the exit code, 1 where a file differs."""
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
