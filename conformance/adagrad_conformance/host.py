"""`python -m adagrad_conformance.host TARGET`: the name that users' commands hold.

The program is transport/server.py.
"""

from __future__ import annotations

import os
import sys

from .search_path import search_last

if __name__ == "__main__":
    search_last(os.getcwd())  # before anything else is imported: see search_path.py

from .transport.server import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
