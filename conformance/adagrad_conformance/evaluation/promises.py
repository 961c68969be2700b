"""Verdicts weighed by what a published port promises.

Rule 1.  A check that needs a claim which the port's source alone supports is an
         observation: its level is MAY, whatever the requirement's is.
         What such a check is without the claim is played beside it, and demanded.
Rule 2.  A failure cites the promise that it breaks: the evidence of a claim that the
         broken requirement is about, or else of the format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from adagrad_conformance.adapters.claims import claims_without, with_implied
from adagrad_conformance.adapters.evidence.reading import HARNESS_CLAIMS, PortEvidence
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import Check, needed_claims
from adagrad_conformance.checks.projection.fitting import fit
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.formats import FORMATS

__all__ = ["fitted_to_promises", "weighed"]


def fitted_to_promises(
    checks: Sequence[Check], identity: Identity, port: PortEvidence | None
) -> list[Check]:
    """The checks fitted to what a port claims, and to what it promises (rule 1)."""
    claims, constants = identity.claims, identity.constants
    fitted = fit(checks, claims, constants)
    chosen = port.chosen_by_source(claims) if port else []
    if not chosen:
        return fitted
    promised = claims_without(with_implied(claims), chosen)
    known = {check.id for check in fitted}
    return fitted + [
        check
        for check in fit(checks, promised, constants)
        if check.id not in known and not missing_claims(check, promised, constants)
    ]


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
    cited = chosen or _about(verdict, claims & port.rows.keys(), use)
    promise = f"{cited[0]}: {port.rows[cited[0]].cited}" if cited else None
    return replace(verdict, level=level, promise=promise)


def _about(verdict: Verdict, told: frozenset[str], use: Counter[str]) -> list[str]:
    """The claims that a failure is about, those that the fewest checks need first."""
    known = REQUIREMENTS.get(verdict.requirement or "")
    named: set[str] = set()
    if known:
        named.update(known.classification.keeps_claims)
        named.update(o.replace("_", "-") for o in known.classification.options)
    own = told & named - HARNESS_CLAIMS
    return sorted(own or told & FORMATS.keys(), key=lambda claim: (use[claim], claim))
