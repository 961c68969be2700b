"""From a port that can be talked to, to a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.diagnosis.diagnose import diagnose
from adagrad_conformance.doctor.harness import harness_doubt
from adagrad_conformance.execution.observations import Seen
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Expectations, Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_to_json

from .basis import basis
from .promises import fitted_to_promises, weighed
from .result import TargetResult

__all__ = ["ENOUGH", "evaluate_client"]

#: With fewer checks too many explanations fit.
ENOUGH = 20


def evaluate_client(
    target: str,
    client: Client,
    checks: Sequence[Check],
    expect: Expectations,
    advance: Callable[[], None] = lambda: None,
    known: Callable[[Scenario], bool] = lambda scenario: False,
    explain: bool = True,
    keep: bool = False,
    as_they_are: bool = False,
    whole: bool = False,
    doubt: bool = False,
) -> TargetResult:
    """Start a port, check its use of the protocol, play the checks, judge, and end it.

    `target` is the name of the result.  The port is judged by the dialect that it
    declares.  Where a MUST fails, with `explain`, the observations are diagnosed,
    unless there are fewer checks than `ENOUGH`.  With `keep` the result keeps the
    observations.  `advance` is called after every check; `known` says whether a file
    holds a scenario, and scenarios that fail are kept in the result where none does.
    Checks are fitted to the claims of the port, unless they are played `as_they_are`.
    With `whole` they are all that there is to a verdict, so that the result says what
    it rests on, and is `insufficient` where that is too little.  With `doubt` the
    adapter is doubted before the port: one that lies is not judged.
    """
    result = TargetResult(target)
    try:
        result.identity = client.start()
    except (NotLoaded, Malformed) as error:
        result.problem = f"could not be loaded: {_last_line(str(error))}"
        return result
    try:
        result.problem, result.doubt = _harness(client, result.identity, doubt)
        if result.problem:
            return result
        asked = checks
        if not as_they_are:
            checks = fitted_to_promises(checks, result.identity, evidence_of(target))
        seen = list(_observed(client, result.identity, checks, advance))
        result.seen = seen if keep else []
        _judge(result, result.identity, checks, seen, expect, explain)
        if whole:
            result.basis = basis(result.identity, asked, checks, result.verdicts)
    except KeyboardInterrupt:
        if isinstance(client, SubprocessClient):
            client.abandon()  # a port that hangs would not hear that it shall stop
        raise
    finally:
        client.close()
    scenarios = (check for check in checks if isinstance(check, Scenario))
    unknown = [scenario for scenario in scenarios if not known(scenario)]
    result.reproducers = dict(_reproducers(unknown, result.verdicts))
    return result


def _harness(
    client: Client, identity: Identity, doubt: bool
) -> tuple[str | None, str | None]:
    """The problem with an adapter, and what else may be wrong with it."""
    problem = smoke_test(client, identity)
    found = None
    if doubt and (problem is None or problem.startswith(Status.MALFORMED)):
        found = harness_doubt(client, identity)
    if found and found.certain:
        return f"the adapter is at fault: {found}", None
    if problem:
        return f"failed its smoke test: {_last_line(problem)}", None
    return None, str(found) if found else None


def _observed(
    client: Client,
    identity: Identity,
    checks: Sequence[Check],
    advance: Callable[[], None],
) -> Iterator[Seen]:
    for observation in observe(client, identity, checks):
        yield observation
        advance()


def _judge(
    result: TargetResult,
    identity: Identity,
    checks: Sequence[Check],
    seen: Sequence[Seen],
    expect: Expectations,
    explain: bool,
) -> None:
    """Enter verdicts and what follows from them into the result."""
    terms = Terms(identity.claims, expect, DIALECTS[identity.dialect])
    promises = evidence_of(result.target)
    result.verdicts = weighed(judge(seen, terms), checks, promises)
    if terms.dialect.changes:
        by_document = judge(seen, terms.by(DOCUMENT))
        result.by_document = _passed(weighed(by_document, checks, promises))
    if explain and len(seen) >= ENOUGH:
        result.diagnosis = diagnose(seen, terms, result.verdicts)


def _passed(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """(passed, judged) at MUST."""
    judged = [v for v in verdicts if v.level == "MUST" and v.status.was_judged]
    return sum(not v.status.is_failure for v in judged), len(judged)


def _reproducers(
    scenarios: Iterable[Scenario], verdicts: Iterable[Verdict]
) -> Iterator[tuple[str, Any]]:
    """(id, JSON) of each scenario that failed."""
    failed = {v.scenario for v in verdicts if v.status.is_failure}
    for scenario in scenarios:
        if scenario.id in failed:
            yield scenario.id, scenario_to_json(scenario)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"
