"""The judge is doubted first: the line of an adapter that every failure crosses.

Where all failed checks without a confirmed fault run one line of the adapter that no
passed check runs, the adapter may be at fault there instead of the port.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.adapters.line_trace import LINES
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.checks.kinds import Check
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.promises import fitted_to_promises
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.execution.status import Status
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.scenario import Scenario

__all__ = ["crossed_by_all", "crossed_line"]

Json = Mapping[str, Any]

#: At most so many failed checks are played again, and so many passed ones.
_SOME = 40


def crossed_line(name: str, records: Sequence[Json], timeout: float) -> str | None:
    """The first line of a port's adapter that all unexplained failures at MUST cross.

    It is FILE:NUMBER, the file in adapters/published/.

    `records` are the checks of the port's stream.  None where nothing is unexplained,
    where no such line is, or where the adapter is not in Python.
    """
    failed = [r["scenario"] for r in records if _unexplained(r)]
    passed = [r["scenario"] for r in records if r["status"] == Status.PASS]
    if not failed or not passed or not PORTS[name].place:
        return None
    wanted = {*_spread(failed), *_spread(passed)}
    lines = _lines_of(name, wanted, timeout)
    common = crossed_by_all(
        [lines[x] for x in _spread(failed) if x in lines],
        [lines[x] for x in _spread(passed) if x in lines],
    )
    return common[0] if common else None


def crossed_by_all(
    failed: Sequence[Iterable[str]], passed: Sequence[Iterable[str]]
) -> list[str]:
    """The lines that each failed check crosses, and no passed one."""
    if not failed or not passed:
        return []
    common = set(failed[0]).intersection(*failed[1:])
    return sorted(common.difference(*passed), key=_place)


def _place(line: str) -> tuple[str, int]:
    file, _, number = line.rpartition(":")
    return file, int(number)


def _unexplained(record: Json) -> bool:
    failed = Status(record["status"]).is_failure and record["level"] == "MUST"
    return failed and "fault" not in record


def _spread(ids: Sequence[str]) -> list[str]:
    """At most `_SOME` of the ids, evenly."""
    return list(ids[:: -(-len(ids) // _SOME) or 1])


def _lines_of(name: str, ids: set[str], timeout: float) -> dict[str, set[str]]:
    """The lines of the adapter that each scenario crosses, by its id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines")
        path.touch()
        command = ("env", f"{LINES}={path}", *parse_target(name).command)
        client = SubprocessClient(command, timeout)
        try:
            return dict(_played(client, name, ids, path))
        finally:
            client.close()


def _played(
    client: SubprocessClient, name: str, ids: set[str], path: Path
) -> Iterator[tuple[str, set[str]]]:
    identity = client.start()
    known: Sequence[Check] = checks_of_a_run(Library.read(), 0, 0)
    for check in fitted_to_promises(known, identity, evidence_of(name)):
        if check.id in ids and isinstance(check, Scenario):
            os.truncate(path, 0)
            for _ in observe(client, identity, [check]):
                pass
            yield check.id, set(path.read_text().split())
