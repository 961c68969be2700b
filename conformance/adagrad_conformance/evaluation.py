"""One target from start to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_to_json

from .adapters.base import Malformed
from .checks.fixed_options import fitted
from .checks.kinds import Check
from .diagnosis.search import Diagnosis, diagnose
from .execution.observations import Seen
from .execution.runner import observe, smoke_test
from .grading.case import Expectations, Terms
from .grading.judge import judge
from .grading.verdict import Verdict
from .transport.client import Client
from .transport.errors import NotLoaded
from .transport.identity import Identity

__all__ = ["ENOUGH", "TargetResult", "run_candidate"]

#: With fewer checks too many explanations fit.
ENOUGH = 20


@dataclass
class TargetResult:
    """What became of one target."""

    target: str
    identity: Identity | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    problem: str | None = None  #: why it could not be judged at all
    seen: Sequence[Seen] = ()  #: what was observed, where it is asked for
    diagnosis: Diagnosis | None = None  #: what explains the failures at MUST
    #: How many checks at MUST pass by the document, of how many judged, where the
    #: port declares another dialect.
    by_document: tuple[int, int] | None = None
    reproducers: Mapping[str, Any] = field(default_factory=dict)


def run_candidate(
    target: str,
    client: Client,
    checks: Sequence[Check],
    expect: Expectations,
    advance: Callable[[], None] = lambda: None,
    known: Callable[[Scenario], bool] = lambda scenario: False,
    explain: bool = True,
    keep: bool = False,
) -> TargetResult:
    """Start the port, test its manners, perform the checks, judge them, end it.

    It is judged by the dialect that it declares.  Where a MUST fails, with `explain`,
    what was seen is diagnosed, unless there are too few checks to tell.  With `keep`
    the result keeps what was seen.
    `advance` is called after every check; `known` tells which scenarios a file holds.
    """
    result = TargetResult(target)
    try:
        result.identity = client.start()
    except (NotLoaded, Malformed) as error:
        result.problem = f"could not be loaded: {_last_line(str(error))}"
        return result
    try:
        if problem := smoke_test(client, result.identity):
            result.problem = f"failed its smoke test: {_last_line(problem)}"
            return result
        checks = [fitted(check, result.identity.constants) for check in checks]
        seen = []
        for observation in observe(client, result.identity, checks):
            seen.append(observation)
            advance()
        result.seen = seen if keep else []
        dialect = DIALECTS[result.identity.dialect]
        terms = Terms(result.identity.claims, expect, dialect)
        result.verdicts = judge(seen, terms)
        if dialect.changes:
            result.by_document = _by_document(seen, terms)
        if explain and len(checks) >= ENOUGH:
            result.diagnosis = diagnose(seen, terms, result.verdicts)
    finally:
        client.close()
    scenarios = (check for check in checks if isinstance(check, Scenario))
    unknown = [scenario for scenario in scenarios if not known(scenario)]
    result.reproducers = dict(_reproducers(unknown, result.verdicts))
    return result


def _by_document(seen: Sequence[Seen], terms: Terms) -> tuple[int, int]:
    """(passed, judged) at MUST, whatever the port declares."""
    verdicts = [v for v in judge(seen, terms.by(DOCUMENT)) if v.level == "MUST"]
    judged = [v for v in verdicts if v.status.was_judged]
    return sum(not v.status.is_failure for v in judged), len(judged)


def _reproducers(
    scenarios: Iterable[Scenario], verdicts: Iterable[Verdict]
) -> Iterable[tuple[str, object]]:
    """A failed scenario that no file holds goes into the stream whole."""
    failed = {v.scenario for v in verdicts if v.status.is_failure}
    for scenario in scenarios:
        if scenario.id in failed:
            yield scenario.id, scenario_to_json(scenario)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"
