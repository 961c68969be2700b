"""Verdicts weighed by what a published port promises.

Rule 1.  A check that needs a claim which the port's source alone supports is an
         observation: its level is MAY, whatever the requirement's is.
Rule 2.  A failure cites the promise that it breaks: the evidence of the claim, among
         those that the check needs, which the fewest checks need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from adagrad_conformance.adapters.evidence.reading import HARNESS_CLAIMS, PortEvidence
from adagrad_conformance.checks.kinds import Check, needed_claims
from adagrad_conformance.grading.verdict import Verdict

__all__ = ["weighed"]


def weighed(
    verdicts: Iterable[Verdict], checks: Sequence[Check], port: PortEvidence | None
) -> list[Verdict]:
    """The verdicts on a port of which `port` is known; as they are without evidence."""
    if port is None:
        return list(verdicts)
    needs = {check.id: needed_claims(check) for check in checks}
    use = Counter(claim for claims in needs.values() for claim in claims)
    return [_weighed(v, needs[v.scenario], use, port) for v in verdicts]


def _weighed(
    verdict: Verdict, claims: frozenset[str], use: Counter[str], port: PortEvidence
) -> Verdict:
    chosen = port.chosen_by_source(claims)
    level = "MAY" if chosen else verdict.level
    if not verdict.status.is_failure:
        return replace(verdict, level=level)
    told = [c for c in sorted(claims - HARNESS_CLAIMS) if c in port.rows]
    cited = chosen or sorted(told, key=lambda claim: use[claim])
    promise = f"{cited[0]}: {port.rows[cited[0]].cited}" if cited else None
    return replace(verdict, level=level, promise=promise)
