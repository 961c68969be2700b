"""Files that commands write: checked beforehand, then written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from adagrad_conformance.errors import UserError
from adagrad_conformance.files import write_text

__all__ = ["check_writable", "write"]


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


def write(path: Path, text: str) -> None:
    """Write a file of text; raises `UserError`."""
    try:
        write_text(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
