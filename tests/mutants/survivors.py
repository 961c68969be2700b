"""Changes of the suite's own ports that no MUST finds, and the reason for each.

survivors.json lists them under their reasons, as module, line before and line after.
"""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["REASONS", "SURVIVORS"]

#: What is said of a reason's changes first: `equivalent`, no call can tell them from
#: the port; `open`, the document does not say; `lawful`, another legal evaluation;
#: `finding`, a SHOULD finds them.
REASONS: dict[str, str] = {
    "annotations": "equivalent: annotations alone use it, and nothing evaluates those",
    "exported-names": "equivalent: `__all__` matters to `import *`, which nobody does",
    "never-different": "equivalent: the lengths are checked before, a set is never the "
    "longer one, item sizes are 2, 4, 8 or 16, a list holds only groups or no groups, "
    "options are numbers, and what else is let through is overwritten behind it",
    "real-part": "equivalent: an array of reals takes the real part of tau + tau j",
    "blocks": "equivalent: no result depends on the block, or on which memory a "
    "correctly rounded operation writes into",
    "either-path": "equivalent: where the general path converts to the format that is "
    "there already, it gives the bits of the plain one",
    "sum-of-another-format": "finding: where S has its param's format both paths give "
    "the same bits; state-dict/keeps-precision tries another one, in bfloat16",
    "replaced": "equivalent: every param has an entry, which is replaced",
    "abstract": "equivalent: the base class is not made an object of",
    "wider": "lawful: intermediates in a wider format",
    "own-16-bit-format": "finding: every operation rounded to 16 bits is lawful, and "
    "special-values/default-eps-in-binary16 finds the eps that is 0 then",
    "sums-of-rows": "open: duplicates are summed before they are squared, in which "
    "format is not said; the sums of the scenarios are exact",
    "sparse-complex": "finding: complex/sparse finds that sparse complex gradients are "
    "refused",
    "group-options": "finding: parameters/group-refuses-illegal finds it",
    "damaged-entries": "finding: state-dict/malformed-refused finds it",
    "old-checkpoint": "finding: state-dict/old-checkpoint finds it",
    "share-memory": "finding: torch/share-memory finds it",
    "hooks": "open: hooks on loading are a MAY (torch/hooks)",
    "names": "open: what becomes of names that a dict lacks",
    "infinite": "open: infinite options may be accepted (parameters/refuses-infinite)",
    "negative-decay": "open: a negative weight_decay is refused where an optimizer is "
    "made; what one that is set later does is not said",
    "damaged-dict": "open: what a dict must be refused for is said of groups and "
    "params alone; damage to entries is a SHOULD, tried where the host has one dict "
    "for all ports: native checks of torch optimizers",
    "one-list": "open: a param twice in one list may be accepted "
    "(groups/duplicate-in-one-list)",
    "live-view": "open: the state dict may be a live view, whoever keeps it copies it",
    "default-of-zero-grad": "open: editions differ in it; explicit values are judged",
    "no-params": "open: an optimizer without params",
    "wrong-call": "open: calls that are wrong in the port's own language, such as a "
    "gradient of another shape, and the words of its errors",
}


def _read() -> dict[tuple[str, str, str], str]:
    path = Path(__file__).with_name("survivors.json")
    listed = json.loads(path.read_text(encoding="utf-8"))
    return {
        (module, before, after): REASONS[reason]
        for reason, changes in listed.items()
        for module, before, after in changes
    }


#: The reason of every survivor, by module, line before and line after.
SURVIVORS: dict[tuple[str, str, str], str] = _read()
