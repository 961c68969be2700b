"""A badge: the JSON that shields.io reads from an address, and an SVG of its own.

Only what passes counts: 833 of 834 is not all, and a waived failure does not pass.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO
from xml.sax.saxutils import escape

from adagrad_conformance.evaluation.conclusion import Conclusion
from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream

from .common import summaries_of

__all__ = ["write_badge", "write_badge_svg"]

_LABEL = "adagrad"
_COLOURS = {
    Conclusion.CONFORMANT: ("brightgreen", "#3a7d2c"),
    Conclusion.NOT_CONFORMANT: ("red", "#b3261e"),
}
_OTHER = ("lightgrey", "#6b6b6b")
#: Pixels of a character, and beside a text.
_CHARACTER, _MARGIN = 6.6, 10


def write_badge(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write shields' endpoint JSON, for all targets together."""
    del supplements
    message, (colour, _) = _message(streams)
    badge = {"schemaVersion": 1, "label": _LABEL, "message": message, "color": colour}
    out.write(json.dumps(badge) + "\n")


def write_badge_svg(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write an SVG that needs no network and no font of its own."""
    del supplements
    message, (_, colour) = _message(streams)
    left, right = (
        round(len(text) * _CHARACTER + 2 * _MARGIN) for text in (_LABEL, message)
    )
    told = escape(f"{_LABEL}: {message}")
    out.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" '
        f'role="img" aria-label="{told}"><title>{told}</title>'
        f'<rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" '
        'font-size="11">'
        f'<text x="{left / 2}" y="14">{_LABEL}</text>'
        f'<text x="{left + right / 2}" y="14">{escape(message)}</text></g></svg>\n'
    )


def _message(streams: Sequence[Stream]) -> tuple[str, tuple[str, str]]:
    """The message, never empty, and the colour of the gravest verdict."""
    found = [summary for _, summary in summaries_of(streams)]
    judged = sum(summary.total.judged_at("MUST") for summary in found)
    failed = sum(summary.total.failed for summary in found)
    verdicts = {summary.verdict for summary in found}
    if not judged or Conclusion.NOT_JUDGED in verdicts:
        return "not judged", _OTHER
    for verdict in (Conclusion.NOT_CONFORMANT, Conclusion.INSUFFICIENT):
        if verdict in verdicts:
            return f"{judged - failed}/{judged} MUST", _COLOURS.get(verdict, _OTHER)
    if any(header["only"] is not None for header, _ in summaries_of(streams)):
        return f"{judged - failed}/{judged} of a selection", _OTHER
    colour = _COLOURS[Conclusion.CONFORMANT] if len(verdicts) == 1 else _OTHER
    return f"{judged - failed}/{judged} MUST", colour
