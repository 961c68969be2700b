"""The part of REPORT.md on soundness (to be replaced by the soundness helper)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["soundness_section"]


def soundness_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    yield str(data["about"])
