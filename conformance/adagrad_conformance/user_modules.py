"""Imports a module of the user's by file or by name, without shadowing any other.

Rule 1.  The standard library comes first: no module of the user's folder is found under
         the name of one of its modules.
Rule 2.  Then come packages of the user's folder: a checkout is preferred to an older
         copy that is installed.
Rule 3.  A single file of the folder comes after installed packages: `torch.py` is not
         found by `import torch`.
Rule 4.  A file is a module under its own name, so that `pickle` finds its classes in
         another process; where that name belongs to another module, it gets
         underscores.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from .search_path import search_last

__all__ = ["import_file", "import_named", "search_folders"]


def import_file(path: Path) -> ModuleType:
    """The module in a file, run anew; raises whatever the file raises."""
    path = path.absolute()
    _search(path.parent)
    name = _free_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def import_named(name: str) -> ModuleType:
    """The module of that dotted name; a file of the working folder is run as a file.

    Raises whatever the import raises.
    """
    folder = Path.cwd()
    path = folder / f"{name}.py"
    if name.isidentifier() and path.is_file() and not (folder / name).is_dir():
        return import_file(path)
    _search(folder)
    return importlib.import_module(name)


def search_folders(folders: Sequence[str]) -> None:
    """Find modules in these folders, too; packages of the first ones come first."""
    known = set(map(os.path.realpath, sys.path))
    for folder in reversed(folders):
        if os.path.realpath(folder) not in known:
            _search(Path(folder))


@dataclass(frozen=True)
class _Packages(MetaPathFinder):
    """Finds the packages of one folder (rule 2)."""

    folder: str

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        del target
        if path is not None or fullname in sys.stdlib_module_names:
            return None
        spec = PathFinder.find_spec(fullname, [self.folder])
        if spec is None or spec.origin is None:
            return None
        return spec if spec.submodule_search_locations is not None else None


def _search(folder: Path) -> None:
    place = os.path.realpath(folder)
    search_last(place)
    finder = _Packages(place)
    if finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)


def _free_name(path: Path) -> str:
    """The stem, with underscores behind it until no other module has that name."""
    name = path.stem.replace(".", "_")  # a dot would make it part of a package
    while _is_taken(name, path):
        name += "_"
    return name


def _is_taken(name: str, path: Path) -> bool:
    if name in sys.stdlib_module_names:
        return True
    if name in sys.modules:
        return not _is_file(getattr(sys.modules[name], "__file__", None), path)
    spec = importlib.util.find_spec(name)
    return spec is not None and not _is_file(spec.origin, path)


def _is_file(place: str | None, path: Path) -> bool:
    return place is not None and os.path.realpath(place) == os.path.realpath(path)
