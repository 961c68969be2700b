"""Failed scenarios made small: the fewest events, elements and digits that still fail.

`search.py` holds the loop, `same_failure.py` what a smaller scenario must keep, the
others the moves.
"""

from __future__ import annotations

from .search import BUDGET, Outcome, Reduction
from .size import size

__all__ = ["BUDGET", "Outcome", "Reduction", "size"]
