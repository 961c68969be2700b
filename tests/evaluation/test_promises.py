"""What nobody promises is observed; what fails cites its promise."""

from __future__ import annotations

from adagrad_conformance.adapters.claims import PLAIN_CLAIMS
from adagrad_conformance.adapters.evidence.reading import Evidence, PortEvidence
from adagrad_conformance.checks.kinds import needed_claims
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.promises import fitted_to_promises, weighed
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.identity import Identity

CHECKS = list(Library.read().scenarios())
#: Checks that need sparse gradients, and checks that need plain ones.
SPARSE = [c for c in CHECKS if "sparse" in needed_claims(c) and c.level == "MUST"]
PLAIN = [c for c in CHECKS if c.id.startswith("numerics/large-lr/")]


def row(of, kind):
    return Evidence(of, kind, "The manual", "1.0", "manual.html", "Use", f"has {of}")


def port(**kinds):
    rows = {name.replace("_", "-"): kind for name, kind in kinds.items()}
    return PortEvidence(rows={name: row(name, kind) for name, kind in rows.items()})


def verdicts(status=Status.FAIL):
    return [Verdict(c.id, c.requirements, c.level, status) for c in (*SPARSE, *PLAIN)]


def test_without_evidence_all_is_as_it_was():
    assert weighed(verdicts(), CHECKS, None) == verdicts()


def test_what_the_source_alone_does_is_observed():
    found = weighed(verdicts(), CHECKS, port(sparse="source", binary32="promised"))
    for verdict in found[: len(SPARSE)]:
        assert verdict.level == "MAY"
        assert verdict.promise == "sparse: has sparse (The manual, 1.0, Use)"
    assert {v.level for v in found[len(SPARSE) :]} == {"MUST"}


def test_a_check_that_passes_is_an_observation_too():
    """Else the share of what passes at MUST would depend on what the port does."""
    found = weighed(verdicts(Status.PASS), CHECKS, port(sparse="source"))
    assert {v.level for v in found[: len(SPARSE)]} == {"MAY"}
    assert {v.promise for v in found} == {None}


def test_a_failure_cites_the_claim_that_it_is_about():
    given = port(
        sparse="promised", binary32="evident", binary64="evident", eps="source"
    )
    found = weighed(verdicts(), CHECKS, given)
    told = {v.promise for v in found if v.level == "MUST"}
    assert told <= {None, "sparse: has sparse (The manual, 1.0, Use)"}
    given = port(sparse="promised", binary32="evident", binary64="evident")
    found = weighed(verdicts(), CHECKS, given)
    assert all(v.promise.startswith("sparse: ") for v in found[: len(SPARSE)])
    plain = [v for v in found[len(SPARSE) :] if v.scenario.endswith("/binary32")]
    assert plain
    assert all(v.promise.startswith("binary32: ") for v in plain)


def test_how_the_suite_looks_in_is_no_promise():
    found = weighed(verdicts(), CHECKS, port(state="source", many_steps="source"))
    assert {v.level for v in found} == {"MUST"}
    assert {v.promise for v in found} == {None}


def test_what_is_left_without_an_unpromised_claim_is_demanded():
    claims = PLAIN_CLAIMS - {"torch"}
    identity = Identity("x", "1", "Python", claims)
    whole = fitted_to_promises(CHECKS, identity, port(binary32="promised"))
    assert whole == fitted_to_promises(CHECKS, identity, None)
    more = fitted_to_promises(CHECKS, identity, port(lr_decay="source"))
    assert more[: len(whole)] == whole
    added = more[len(whole) :]
    assert len(added) > 50
    assert all("~lr-decay" in check.id for check in added)
    assert not any("lr-decay" in needed_claims(check) for check in added)
    levels = weighed(
        [Verdict(c.id, c.requirements, c.level, Status.PASS) for c in added],
        more,
        port(lr_decay="source"),
    )
    assert {v.level for v in levels} >= {"MUST"}
