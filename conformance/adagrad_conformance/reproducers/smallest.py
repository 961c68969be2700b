"""The smallest reproducer of each failure: a scenario file and a script of ten lines.

Only scenarios can be made smaller, those of files and fresh ones alike.  A relation, an
adaptive run and a native check stand in the index with the command that repeats them.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.checks.kinds import Check, needed_claims
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Expectations
from adagrad_conformance.grading.events.master_weights import MASTER
from adagrad_conformance.grading.failure import Number
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_to_json

from .adapter_script import adapter_reproducer
from .assertion import Look, assertion_of
from .port_script import port_reproducer
from .port_syntax import phrases_of
from .port_syntax.base import Unsaid
from .reduction import BUDGET, Outcome, Reduction, cut_short, size
from .torch_reproducer import torch_reproducer
from .torch_script import torch_port

__all__ = [
    "INDEX",
    "SUFFIXES",
    "Reproducer",
    "ReproducerError",
    "cheapest_failures",
    "file_name",
    "smallest",
    "write_reproducers",
]

#: What tells most of a fault comes first.
_STATUSES = (
    Status.FAIL,
    Status.MALFORMED,
    Status.CRASH,
    Status.ERROR,
    Status.TIMEOUT,
)
INDEX = "README.md"
#: With more elements nobody reads a script, and a file of it is megabytes.
LARGEST = 5_000
#: End of a script's name -> what runs it; $FLAGS, if any, are in its first lines.
_RUNNERS = {
    ".py": "python {0}.py",
    ".sh": "sh {0}.sh",
    ".mjs": "node {0}.mjs",
    ".cpp": "g++ -std=c++20 {0}.cpp $FLAGS && ./a.out",
}
SUFFIXES = frozenset(_RUNNERS)
#: What an adapter alone shows: masters are in no place that torch prescribes.
_BY_ADAPTER = (Look.MASTER, Look.MASTER_STATE)


class ReproducerError(ValueError):
    """Reproducers that cannot be written; the message is one line."""


@dataclass(frozen=True)
class Reproducer:
    """One failure, as small as it became.

    `scenario` is None where the check is none; then `note` says what it is.
    """

    requirement: str
    check: str  #: the id of the check that failed
    verdict: Verdict
    scenario: Scenario | None = None
    snippet: str = ""
    suffix: str = ".py"  #: of the snippet's file
    plays: int = 0
    reduced: bool = False
    note: str = ""


def smallest(
    client: Client,
    identity: Identity,
    scenario: Scenario,
    verdict: Verdict,
    expect: Expectations,
    target: str | None = None,
    budget: int = BUDGET,
) -> Reproducer:
    """The smallest reproducer of a failed scenario, on a port that is started.

    `target` is what the command line calls the port, if that is not its own name.  A
    port that declares a dialect is judged by it.
    """
    reduction = Reduction(client, identity, expect, budget)
    outcome = reduction.run(scenario)
    note = ""
    if outcome is None:
        note = "it did not fail when it was played again; it stands as it was"
        outcome = Outcome(scenario, Observation(scenario), verdict)
    elif outcome.verdict.status is Status.TIMEOUT:
        note = "a port that hangs is not played again and again: it stands as it was"
    elif reduction.spent >= budget:
        note = f"the search ended after {reduction.plays} plays"
    found = replace(
        outcome.scenario,
        id=f"reproducer/{scenario.id}",
        note=f"the smallest found that fails as {scenario.id} does",
    )
    requirement = _first_requirement(scenario)
    elements = sum(tensor.size for tensor in found.tensors.values())
    if elements > LARGEST:
        words = f"A scenario of {elements:,} elements, too large to be read; again by"
        return Reproducer(
            requirement, scenario.id, verdict, plays=reduction.plays, note=words
        )
    target = target or identity.name
    snippet, suffix = _snippet(outcome, replace(found, note=""), identity, target)
    return Reproducer(
        requirement,
        scenario.id,
        replace(outcome.verdict, scenario=found.id),
        found,
        snippet,
        suffix,
        reduction.plays,
        size(found) < size(scenario),
        note,
    )


def _first_requirement(scenario: Scenario) -> str:
    """The one that files are named after; a user's own scenario has none."""
    return (scenario.requirements or ("no requirement",))[0]


def _snippet(
    outcome: Outcome, scenario: Scenario, identity: Identity, target: str
) -> tuple[str, str]:
    """The script, and the end of its file's name."""
    name = file_name(_first_requirement(scenario))
    replay = f"{_replay(target, f'{name}.json')}\n", ".sh"
    if target.startswith("exec:"):
        return replay
    seen, verdict = outcome.seen, outcome.verdict
    played = bool(seen.events) or seen.status
    dialect = DIALECTS[identity.dialect]
    masters = MASTER in identity.claims
    asserted = assertion_of(seen, verdict, dialect, masters) if played else None
    if played:
        scenario = replace(scenario, events=cut_short(seen, verdict).events)
    port = torch_port(target)
    if asserted is not None and asserted.what in _BY_ADAPTER:
        return adapter_reproducer(scenario, target, asserted), ".py"
    if port is not None and "torch" in identity.claims and identity.name == target:
        return torch_reproducer(scenario, port, asserted, verdict), ".py"
    if phrases := phrases_of(target):
        with contextlib.suppress(Unsaid):
            text = port_reproducer(scenario, phrases, asserted, identity.constants)
            return text, phrases.suffix
    if target in PORTS and PORTS[target].program:
        return replay  # no adapter in Python drives it
    return adapter_reproducer(scenario, target, asserted), ".py"


def _replay(target: str, path: str) -> str:
    return shlex.join(["adagrad-conformance", "run", target, "--scenario", path])


# -- which failure stands for a requirement ----------------------------------------


def cheapest_failures(
    verdicts: Iterable[Verdict], checks: Iterable[Check]
) -> dict[str, tuple[Verdict, Check]]:
    """For each requirement that fails, the failed check that is least to look at.

    Scenarios come before all other kinds, those that stay in one process before those
    that do not, and the formats that everyone can read before those of 16 bits.
    """
    known = {check.id: check for check in checks}
    failed: dict[str, list[tuple[Verdict, Check]]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.status.is_failure and verdict.scenario in known:
            name = verdict.requirements[0] if verdict.requirements else "no requirement"
            failed[name].append((verdict, known[verdict.scenario]))
    return {name: min(pairs, key=_effort) for name, pairs in failed.items()}


def _effort(pair: tuple[Verdict, Check]) -> tuple[object, ...]:
    verdict, check = pair
    status = _STATUSES.index(verdict.status)
    if not isinstance(check, Scenario):
        return (True, status)
    moves = "load-new-process" in needed_claims(check)
    narrow = any(FORMATS[name].width == 16 for name in check.formats)
    return False, status, _is_unseen(verdict), moves, narrow, size(check)


def _is_unseen(verdict: Verdict) -> bool:
    """Whether only bits tell the values apart: both are NaN."""
    failure = verdict.failure
    if failure is None:
        return False
    both = (failure.observed, failure.due)
    return all(isinstance(x, Number) and math.isnan(x.value) for x in both)


# -- files -------------------------------------------------------------------------


def file_name(text: str) -> str:
    """A name of letters, digits, dots and hyphens that says what `text` says."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:100] or "no-requirement"


def write_reproducers(
    folder: Path, target: str, reproducers: Sequence[Reproducer]
) -> Path:
    """Write all files of a target into a folder of its own, which is replaced whole.

    Raises `ReproducerError` where that folder holds anything else, OSError where it
    cannot be written; what was there before is then still there.
    """
    place = folder / file_name(target)
    if place.exists() and not _is_ours(place):
        raise ReproducerError(
            f"{place} is there and holds other files; choose another folder"
        )
    texts = dict(_texts(target, reproducers))
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".reproducers-", dir=folder))
    old = beside.with_name(f"{beside.name}-old")
    try:
        for name, text in texts.items():
            (beside / name).write_text(text, encoding="utf-8")
        beside.chmod(0o755)
        if place.exists():
            place.rename(old)
        beside.rename(place)
    except BaseException:
        if old.exists() and not place.exists():
            old.rename(place)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return place


def _is_ours(place: Path) -> bool:
    if not place.is_dir():
        return False
    names = [path.name for path in place.iterdir()]
    known = all(Path(name).suffix in (".json", ".md", *SUFFIXES) for name in names)
    return not names or (INDEX in names and known)


def _texts(target: str, reproducers: Sequence[Reproducer]) -> Iterable[tuple[str, str]]:
    for found in reproducers:
        if found.scenario is not None:
            name = file_name(found.requirement)
            data = json.dumps(scenario_to_json(found.scenario), indent=1)
            yield f"{name}.json", f"{data}\n"
            yield f"{name}{found.suffix}", found.snippet
    yield INDEX, "\n".join(_index(target, reproducers)) + "\n"


def _index(target: str, reproducers: Sequence[Reproducer]) -> Iterable[str]:
    yield f"# Reproducers of {target}"
    yield ""
    yield "One for each requirement that failed, as small as it became. Run them from"
    yield "this folder; a script fails where the port does, and passes on a right one."
    for found in reproducers:
        yield ""
        yield f"## {found.requirement} ({found.verdict.level})"
        yield ""
        yield f"{_evidence(found.verdict)}"
        yield ""
        if found.scenario is None:
            yield f"{found.note}: `{_again(target, found.check)}`"
            continue
        name = file_name(found.requirement)
        events = len(found.scenario.events)
        elements = sum(t.size for t in found.scenario.tensors.values())
        yield f"From {found.check}: {events} events, {elements} elements."
        if found.note:
            yield f"Note: {found.note}."
        yield ""
        yield "```"
        yield _replay(target, f"{name}.json")
        yield _RUNNERS[found.suffix].format(name)
        yield "```"


def _again(target: str, check: str) -> str:
    return shlex.join(["adagrad-conformance", "run", target, "--only", check])


def _evidence(verdict: Verdict) -> str:
    failure = verdict.failure
    if verdict.status is not Status.FAIL or failure is None:
        lines = verdict.message.strip().splitlines() or ["no message"]
        return f"{verdict.status}: {lines[-1].strip()}"
    text = failure.message
    if failure.observed_text is not None:
        index = "" if failure.element is None else f"[{failure.element}]"
        place = f"{failure.param or ''}{index}"
        text += f": {place} = {failure.observed_text}, due {failure.due_text}"
    return text
