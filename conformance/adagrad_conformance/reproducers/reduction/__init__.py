"""Failed scenarios made small: the fewest events, elements and digits that still fail.

`search.py` holds the loop, `same_failure.py` and `allowed.py` what it keeps to, the
others the moves.
"""

from __future__ import annotations

from .search import BUDGET, Outcome, Reduction
from .size import size
from .start_later import cut_short

__all__ = ["BUDGET", "Outcome", "Reduction", "cut_short", "size"]
