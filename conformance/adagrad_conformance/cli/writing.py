"""Files that commands write: tried beforehand, then written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from adagrad_conformance.errors import UserError
from adagrad_conformance.files import write_text

__all__ = ["check_writable", "write"]


def check_writable(path: Path, option: str) -> None:
    """Raise `UserError` where a file that is written in the end cannot be."""
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}; choose another file for {option}")


def write(path: Path, text: str) -> None:
    """Write a file of text; raises `UserError`."""
    try:
        write_text(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
