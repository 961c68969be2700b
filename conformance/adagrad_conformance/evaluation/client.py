"""From a port that can be talked to, to a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.doctor.harness import harness_doubt
from adagrad_conformance.execution.observations import NotPlayed, Seen
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.execution.status import Status
from adagrad_conformance.faults.find import find_faults
from adagrad_conformance.grading.case import Case, Expectations, Terms
from adagrad_conformance.grading.judge import judge, judged_cases, verdict_of
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

__all__ = ["ENOUGH", "Watcher", "evaluate_client"]

#: With fewer checks too many explanations fit.
ENOUGH = 20
#: So many checks are judged first; then twice as many each time, so that a wrong port
#: is known early and a right one costs no more.
_FIRST = 32
#: The search for faults ends after this many times the CPU seconds of judging; a short
#: judging gives it this many seconds.
_SEARCH, _AT_LEAST = 1.5, 15.0


class Watcher:
    """What is told of an evaluation while it goes on; by default nobody listens."""

    def played(self) -> None:
        """One more check was played."""

    def judged(self, result: TargetResult) -> None:
        """More checks were judged; the verdicts of all so far are in the result."""

    def searching(self, result: TargetResult) -> None:
        """All is judged, the verdict stands, and the search for faults begins."""


def evaluate_client(
    target: str,
    client: Client,
    checks: Sequence[Check],
    expect: Expectations,
    watcher: Watcher | None = None,
    known: Callable[[Scenario], bool] = lambda scenario: False,
    explain: bool = True,
    keep: bool = False,
    as_they_are: bool = False,
    whole: bool = False,
    doubt: bool = False,
    fail_fast: bool = False,
    result: TargetResult | None = None,
) -> TargetResult:
    """Start a port, check its use of the protocol, play the checks, judge, and end it.

    `target` is the name of the result.  The port is judged by the dialect that it
    declares.  Where a MUST fails, with `explain`, its faults are searched for, unless
    there are fewer checks than `ENOUGH`.  With `keep` the result keeps the
    observations.  `known` says whether a file holds a scenario, and scenarios that fail
    are kept in the result where none does.  Checks are fitted to the claims of the
    port, unless they are played `as_they_are`.  With `whole` they are all that there is
    to a verdict, so that the result says what it rests on, and is `insufficient` where
    that is too little.  With `doubt` the adapter is doubted before the port: one that
    lies is not judged.  With `fail_fast` nothing is played after the first failure at
    MUST.  A `result` that is given is filled while the port is judged, so that an
    interrupt finds in it what was judged so far.
    """
    result = TargetResult(target) if result is None else result
    watcher = watcher or Watcher()
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
        work = _Work(result, result.identity, expect, watcher)
        work.play(client, checks, fail_fast)
        result.seen = work.seen if keep else []
        if whole and not work.cut_short:
            result.basis = basis(result.identity, asked, checks, result.verdicts)
        if explain and len(work.seen) >= ENOUGH:
            work.search()
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


@dataclass
class _Work:
    """What is observed of a port, and how it is judged, until all is played."""

    result: TargetResult
    identity: Identity
    expect: Expectations
    watcher: Watcher
    seen: list[Seen] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0  #: of CPU that judging took
    cut_short: bool = False  #: whether nothing was played behind a failure

    @property
    def terms(self) -> Terms:
        """What the port is judged by."""
        dialect = DIALECTS[self.identity.dialect]
        return Terms(self.identity.claims, self.expect, dialect)

    def play(self, client: Client, checks: Sequence[Check], fail_fast: bool) -> None:
        """Play the checks, and judge them in growing parts."""
        waiting: list[Seen] = []
        size = _FIRST
        for observation in observe(client, self.identity, checks):
            self.watcher.played()
            waiting.append(observation)
            if len(waiting) >= size or self._is_urgent(observation):
                self._judge(waiting, checks)
                waiting, size = [], max(size, 2 * len(waiting))
                if fail_fast and self.result.failures:
                    break
        self._judge(waiting, checks)
        if fail_fast and self.result.failures:
            self._keep_first(checks)

    def _is_urgent(self, observation: Seen) -> bool:
        """Whether a person should know at once: the first hang or crash."""
        status = observation.status
        is_first = not self.result.failures
        return is_first and status is not None and status.is_failure

    def _judge(self, waiting: Sequence[Seen], checks: Sequence[Check]) -> None:
        """Enter verdicts and what follows from them into the result."""
        start, terms = time.thread_time(), self.terms
        promises = evidence_of(self.result.target)
        cases = judged_cases(waiting, terms)
        self.seen += waiting
        self.cases += cases
        judged = weighed(map(verdict_of, cases), checks, promises)
        self.result.verdicts += judged
        if terms.dialect.changes:
            by_document = judge(waiting, terms.by(DOCUMENT))
            passed, all_of = _passed(weighed(by_document, checks, promises))
            before = self.result.by_document or (0, 0)
            self.result.by_document = before[0] + passed, before[1] + all_of
        self.seconds += time.thread_time() - start
        self.watcher.judged(self.result)

    def _keep_first(self, checks: Sequence[Check]) -> None:
        """Leave all behind the first failure at MUST not reached."""
        self.cut_short = True
        verdicts = self.result.verdicts
        failed = (v.level == "MUST" and v.status.is_failure for v in verdicts)
        count = list(failed).index(True) + 1
        first = verdicts[count - 1].scenario
        words = f"not reached: {first} had failed, and --fail-fast ends there"
        rest = [
            NotPlayed(check, status=Status.NOT_REACHED, message=words)
            for check in checks[count:]
        ]
        self.seen[count:] = rest
        self.cases[count:] = judged_cases(rest, self.terms)
        verdicts[count:] = map(verdict_of, self.cases[count:])

    def search(self) -> None:
        """Enter the faults behind the failures at MUST."""
        if not self.result.failures:
            return
        self.watcher.searching(self.result)
        end = time.thread_time() + max(_AT_LEAST, _SEARCH * self.seconds)
        self.result.faults = find_faults(
            self.seen,
            self.terms,
            self.cases,
            self.result.verdicts,
            ended=lambda: time.thread_time() > end,
        )


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
