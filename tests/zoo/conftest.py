"""The zoo is built from the parts of its neighbours."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
for folder in ("mutants", "reference"):
    if str(_TESTS / folder) not in sys.path:
        sys.path.append(str(_TESTS / folder))
