"""Starts the host under another Python, which has neither of the two packages.

`python bootstrap.py REFERENCE CONFORMANCE TARGET`: the folders of the packages, which
need nothing there but NumPy, and what server.py takes; or a script of driver.py, a file
in Python.  Nothing else of this Python is lent: not its path, not its environment.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

__all__: list[str] = []


def _lend(name: str, folder: str) -> None:
    spec = importlib.util.spec_from_file_location(
        name, Path(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None, folder
    assert spec.loader is not None, folder
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _main(reference: str, conformance: str, target: str) -> int:
    del sys.path[0]  # this file's own folder
    _lend("adagrad_reference", reference)
    _lend("adagrad_conformance", conformance)
    if target.endswith(".py"):
        sys.argv = [target]
        runpy.run_path(target, run_name="__main__")
        return 0
    from .server import main

    return main([target])


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
