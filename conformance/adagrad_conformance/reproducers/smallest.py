"""The smallest reproducer of each failure: a scenario and a script of ten lines.

Only scenarios can be made smaller, those of files and fresh ones alike.  A relation, an
adaptive run and a native check stand in the index with the command that repeats them.
"""

from __future__ import annotations

from dataclasses import replace

from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Expectations
from adagrad_conformance.grading.events.master_weights import MASTER
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.scenario import Scenario

from .assertion import assertion_of
from .reduction import BUDGET, Outcome, Reduction, cut_short, size
from .scripts import Failed, Script, script_of
from .writing import Reproducer, file_name

__all__ = ["smallest"]

#: With more elements a script is too long to be read, and its file is megabytes.
LARGEST = 5_000


def smallest(
    client: Client,
    identity: Identity,
    scenario: Scenario,
    verdict: Verdict,
    expect: Expectations,
    target: str | None = None,
    name: str | None = None,
    words: str = "",
    budget: int = BUDGET,
) -> Reproducer:
    """The smallest reproducer of a failed scenario, on a port that is started.

    `target` is the name of the port on the command line; None: its own name.  A port
    that declares a dialect is judged by it.  `name` is that of the fault, with its
    `words`; None: the requirement that fails.
    """
    reduction = Reduction(client, identity, expect, budget)
    outcome, note = _reduced(reduction, scenario, verdict)
    found = replace(
        outcome.scenario,
        id=f"reproducer/{scenario.id}",
        note=f"the smallest found that fails as {scenario.id} does",
    )
    name, plays = name or verdict.requirement or "no requirement", reduction.plays
    elements = sum(tensor.size for tensor in found.tensors.values())
    if elements > LARGEST:
        note = f"A scenario of {elements:,} elements, too large to be read; again by"
        return Reproducer(
            name, scenario.id, verdict, plays=plays, note=note, words=words
        )
    seen = replace(outcome.verdict, scenario=found.id)
    file, plain = f"{file_name(name)}.json", replace(found, note="")
    script = _script(outcome, plain, identity, target or identity.name, file, words)
    reduced = size(found) < size(scenario)
    return Reproducer(
        name, scenario.id, seen, found, script, plays, reduced, note, words
    )


def _reduced(
    reduction: Reduction, scenario: Scenario, verdict: Verdict
) -> tuple[Outcome, str]:
    """The smallest outcome, and what a reader must know of the search for it."""
    outcome, note = reduction.run(scenario), ""
    if outcome is None:
        note = "it did not fail when it was played again; it stands as it was"
        outcome = Outcome(scenario, Observation(scenario), verdict)
    elif outcome.verdict.status is Status.TIMEOUT:
        note = "a port that hangs is not played again and again: it stands as it was"
    elif reduction.spent >= reduction.budget:
        note = f"the search ended after {reduction.plays} plays"
    return outcome, note


def _script(
    outcome: Outcome,
    scenario: Scenario,
    identity: Identity,
    target: str,
    file: str,
    words: str,
) -> Script:
    """The script of an outcome, which ends at the event at fault.

    `file` is the name of the scenario's own.
    """
    seen, verdict = outcome.seen, outcome.verdict
    asserted = None
    if seen.events or seen.status:
        masters = MASTER in identity.claims
        asserted = assertion_of(seen, verdict, DIALECTS[identity.dialect], masters)
        scenario = replace(scenario, events=cut_short(seen, verdict).events)
    failed = Failed(scenario, target, identity, file, verdict, asserted, words)
    return script_of(failed)
