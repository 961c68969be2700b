"""Modules that several folders share can be imported: kits, wrong ports, right ones."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parent
for folder in ("kits", "mutants", "zoo", "reference"):
    if str(_TESTS / folder) not in sys.path:
        sys.path.append(str(_TESTS / folder))
