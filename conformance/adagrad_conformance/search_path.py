"""Where modules are searched: a folder of the user's comes after everything else.

`python -m` and `python file.py` put a folder in front of the standard library, so that
a `random.py` in it takes the place of `random`.  This module imports only what every
Python has loaded before it reads the first line of a program.
"""

from __future__ import annotations

import os
import sys

__all__ = ["search_last"]


def search_last(folder: str) -> None:
    """Put `folder` at the end of `sys.path`, unless it stands behind the library.

    An entry in front of the standard library goes, even one from PYTHONPATH, whose
    empty parts mean the working folder.
    """
    wanted = os.path.realpath(folder)
    library = os.path.dirname(os.path.realpath(os.__file__))
    places = [os.path.realpath(entry or os.curdir) for entry in sys.path]
    first = places.index(library) if library in places else len(places)
    behind = wanted in places[first:]
    sys.path[:] = [
        entry
        for number, (entry, place) in enumerate(zip(sys.path, places, strict=True))
        if number >= first or place != wanted
    ]
    if not behind:
        sys.path.append(wanted)
