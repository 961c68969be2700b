"""`python -m adagrad_conformance.host TARGET`: the name that users' commands hold.

The program is transport/server.py.
"""

from __future__ import annotations

import sys

from .transport.server import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
