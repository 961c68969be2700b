"""Waivers in the forms that the test suites of others read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from .waivers import Waiver

__all__ = ["FORMS"]


def _vendor_json(waivers: Sequence[Waiver]) -> str:
    """`{test: {category, reason, issue}}`, as vendors' CI keeps expected failures."""
    found = {
        waiver.id: {
            "category": waiver.status,
            "reason": waiver.reason,
            "issue": waiver.link or "",
        }
        for waiver in waivers
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _plain_text(waivers: Sequence[Waiver]) -> str:
    """One id a line behind its reason as a comment, as array-api-tests reads xfails."""
    lines = []
    for waiver in waivers:
        reason = " ".join(f"{waiver.reason} {waiver.link or ''}".split())
        lines += [f"# {reason}", waiver.id]
    return "".join(f"{line}\n" for line in lines)


#: The forms by name.
FORMS: Mapping[str, Callable[[Sequence[Waiver]], str]] = {
    "json": _vendor_json,
    "text": _plain_text,
}
