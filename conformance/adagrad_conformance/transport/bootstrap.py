"""Starts the server, or a script, under any Python, with the packages of another one.

    python bootstrap.py REFERENCE CONFORMANCE WHAT [FOLDER...]

REFERENCE and CONFORMANCE are the folders of the two packages, which need nothing more
there than NumPy, and Python 3.10 or later.  WHAT is a target for server.py, or a script
(a file whose name ends in `.py`) that imports them.  Neither the path nor the
environment of the Python that calls this is passed on; the modules of WHAT are searched
in each FOLDER, too.
"""

from __future__ import annotations

import os
import sys

__all__: list[str] = []


def _prepare_path() -> None:
    """Search neither this file's folder nor, before the library, the working folder.

    Nothing else may be imported before: a `random.py` in the working folder would be
    taken for the library's where PYTHONPATH has an empty part.
    """
    here = os.path.realpath(os.curdir)
    others = [p for p in sys.path[1:] if os.path.realpath(p or os.curdir) != here]
    moved = [here] if len(others) < len(sys.path) - 1 else []
    sys.path[:] = [*others, *moved]


def _complete_library() -> None:
    """Add what Python 3.11 has and the packages use, where it is missing."""
    import enum
    import typing

    if hasattr(enum, "StrEnum"):
        return

    class StrEnum(str, enum.Enum):  # noqa: UP042  (it is what is missing)
        """Texts as an enumeration."""

        __str__ = str.__str__

    def assert_never(value: object) -> object:
        """Raise: no value comes here."""
        raise AssertionError(f"unexpected {value!r}")

    library: typing.Any = enum
    library.StrEnum = StrEnum
    library = typing
    library.assert_never = assert_never


def _provide(name: str, folder: str) -> None:
    """Import a package from its folder, wherever that lies."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        name, f"{folder}/__init__.py", submodule_search_locations=[folder]
    )
    assert spec is not None, folder
    assert spec.loader is not None, folder
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _main(reference: str, conformance: str, what: str, *folders: str) -> int:
    _prepare_path()
    _complete_library()
    _provide("adagrad_reference", reference)
    _provide("adagrad_conformance", conformance)
    if folders:
        from adagrad_conformance.user_modules import search_folders

        search_folders(folders)
    if what.endswith(".py"):
        import runpy

        sys.argv = [what]
        runpy.run_path(what, run_name="__main__")
        return 0
    from adagrad_conformance.transport.server import main

    return main([what])


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
