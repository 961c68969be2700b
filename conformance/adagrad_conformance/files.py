"""Files and folders that are replaced whole or not at all.

1. New content is made beside its place, under a name that only this module gives:
   `.NAME.HEX.tmp`.  It is flushed to the disk before it takes its place: a power cut
   must not put an empty file where a whole one was.
2. A file takes its place by one rename.  A folder is exchanged with the old one in one
   step where the system can (`renameat2` of Linux).  Elsewhere the old folder is moved
   to `.NAME.HEX.old` first; it is moved back where the second rename fails.
3. Until then the old content stays as it was, whatever fails.
4. A process that is killed leaves at most those two names behind.  The next replacement
   of the same place removes a `.tmp`, and an `.old` unless the place is empty: then the
   `.old` is moved back.
5. A process locks (`flock`) what it makes, so that another one does not take it for a
   leftover.  Where folders cannot be locked, leftovers stay.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = [
    "ForeignFolderError",
    "remove_folder",
    "replace_folder",
    "write_bytes",
    "write_text",
]

#: Of Linux: relative to the working folder, and the flag of `renameat2`.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

#: Whether a folder with files of these names may be replaced.
_IsOurs = Callable[[set[str]], bool]


class ForeignFolderError(ValueError):
    """A place that holds something else than what would replace it."""


# -- files -----------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Write a whole file of text in UTF-8, or nothing; raises OSError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file or nothing; raises OSError.

    A link is followed, and a file that is there keeps its mode.  A pipe or a device is
    written directly.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))
    with _staged(path, _create_file) as new:
        new.write_bytes(data)
        _flush(new)
        _keep_mode(path, new)
        os.replace(new, path)


# -- folders ---------------------------------------------------------------------------


@contextlib.contextmanager
def replace_folder(place: Path, is_ours: _IsOurs) -> Iterator[Path]:
    """Give a new, empty folder that replaces `place` when the block ends.

    Where the block or the replacement fails, `place` is as it was; a link is followed.
    Raises `ForeignFolderError` where `place` is a file, or holds a folder, a link, or
    files for whose names `is_ours` is false; OSError where it cannot be written.
    """
    _check_ours(place, is_ours)
    place = Path(os.path.realpath(place))
    with _staged(place, _create_folder) as new:
        yield new
        _check_ours(place, is_ours)  # the block may have taken minutes
        for path in (*new.rglob("*"), new):
            _flush(path)
        _keep_mode(place, new)
        with _locked(place.parent):
            _take_place(new, place)
        with contextlib.suppress(OSError):  # the old one is removed after that
            _flush(place.parent)


def remove_folder(place: Path, is_ours: _IsOurs) -> None:
    """Remove a folder, if it is there, whole or not at all; raises as above."""
    _check_ours(place, is_ours)
    place = Path(os.path.realpath(place))
    with _locked(place.parent) as sure:
        if sure:
            _tidy(place)
    if place.exists():
        gone = _beside(place, "tmp")
        os.rename(place, gone)
        _remove(gone)


def _check_ours(place: Path, is_ours: _IsOurs) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise ForeignFolderError(f"{place} is there and is no folder")
    with os.scandir(place) as found:
        entries = list(found)
    plain = all(entry.is_file(follow_symlinks=False) for entry in entries)
    if entries and not (plain and is_ours({entry.name for entry in entries})):
        raise ForeignFolderError(f"{place} is there and holds other files")


def _take_place(new: Path, place: Path) -> None:
    """Put a folder in its place; what was there has the name `new` afterwards."""
    if not place.exists():
        os.rename(new, place)
    elif not _exchange(new, place):
        _rename_both(new, place)


def _rename_both(new: Path, place: Path) -> None:
    old = _beside(place, "old")
    try:
        os.rename(place, old)
        os.rename(new, place)
    except BaseException:
        if old.exists() and not place.exists():
            os.rename(old, place)
        raise
    with contextlib.suppress(OSError):  # else it is a leftover of the next time
        os.rename(old, new)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where that cannot be done here."""
    rename = _renameat2()
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    flags = ctypes.c_uint(_RENAME_EXCHANGE)
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], flags) == 0)


@functools.cache
def _renameat2() -> Callable[..., Any] | None:
    """The function of the C library, where it has one."""
    return getattr(ctypes.CDLL(None), "renameat2", None)


# -- what is made beside its place -----------------------------------------------------


@contextlib.contextmanager
def _staged(place: Path, create: Callable[[Path], int]) -> Iterator[Path]:
    """A new file or folder beside a place, locked; whatever has its name is removed."""
    new = _beside(place, "tmp")
    handle = -1
    try:
        with _locked(place.parent) as sure:
            if sure:
                _tidy(place)
            handle = create(new)
            _lock(handle)
        yield new
    finally:
        if handle >= 0:
            os.close(handle)
        _remove(new)


def _create_file(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)


def _create_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY)


def _beside(place: Path, kind: str) -> Path:
    return place.with_name(f".{place.name}.{secrets.token_hex(8)}.{kind}")


def _keep_mode(old: Path, new: Path) -> None:
    if old.exists():
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some systems cannot flush a folder
            raise
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove a file or folder, if it can be: the next replacement finds the rest."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


# -- leftovers -------------------------------------------------------------------------


def _tidy(place: Path) -> None:
    """Remove or put back what killed processes left beside a place."""
    name = rf"\.{re.escape(place.name)}\.[0-9a-f]{{16}}\.(tmp|old)"
    for path in _entries(place.parent):
        found = re.fullmatch(name, path.name)
        if found and found[1] == "old" and not os.path.lexists(place):
            os.rename(path, place)
        elif found and _is_left(path):
            _remove(path)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # a folder may be written and not read
        return []


def _is_left(path: Path) -> bool:
    """Whether no process has locked it."""
    with _opened(path, os.O_NOFOLLOW | os.O_NONBLOCK) as handle:
        return _lock(handle, fcntl.LOCK_NB)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Keep other processes that replace something in a folder waiting.

    Gives False where the folder cannot be locked, as on some network drives.
    """
    with _opened(folder) as handle:
        yield _lock(handle)


@contextlib.contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[int]:
    """A handle of a file or folder, for reading; -1 where it cannot be opened."""
    handle = -1
    try:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | flags)
        yield handle
    finally:
        if handle >= 0:
            os.close(handle)


def _lock(handle: int, flags: int = 0) -> bool:
    if handle < 0:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | flags)
    except OSError:
        return False
    return True
