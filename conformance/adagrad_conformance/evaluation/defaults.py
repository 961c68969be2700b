"""What options are unless they are given: how much is played, how long is waited."""

from __future__ import annotations

import os
import secrets

__all__ = ["CI_SEED", "FRESH", "TIMEOUT", "chosen_seed"]

#: The seed of the random scenarios where no person watches.
CI_SEED = 20260101
#: How many random scenarios are drawn for each format.
FRESH = 6
#: How long an answer of a port may take, in seconds.
TIMEOUT = 60.0


def chosen_seed(seed: int | None) -> int:
    """The seed, or without one: `CI_SEED` where a CI runs, a new one for a person."""
    if seed is not None:
        return seed
    return CI_SEED if os.environ.get("CI") else secrets.randbelow(10**9)
