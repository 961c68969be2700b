"""An explanation as a sentence, from the object or from its record in a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["explanation_text"]


def explanation_text(explanation: Mapping[str, Any]) -> str:
    """What fails, by which class of fault, and how much of what failed that explains.

    The keys are `kind`, `name`, `words`, `explained`, `failed` and `broken`.
    """
    words, failed = "; ".join(explanation["words"]), explanation["failed"]
    explained, broken = explanation["explained"], explanation["broken"]
    if explanation["name"] == "pattern":
        others = f", as do {broken} that pass" if broken else ""
        return (
            f"{explanation['kind']}: in {explained} of {failed} failed checks "
            f"{words}{others}"
        )
    if explained == failed and not broken:
        return f"{explanation['kind']}: {words} (this explains all that was observed)"
    against = f" and {broken} others would fail" if broken else ""
    return (
        f"{explanation['kind']}: {words} "
        f"(this explains {explained} of {failed} failed checks{against})"
    )
