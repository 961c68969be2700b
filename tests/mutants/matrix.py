"""The kill matrix: every wrong port, and the right ones, on every check of a run.

A row is made in a process of its own, forked from one that holds the checks.  So rows
do not depend on one another, nor on how many are made at once; one that dies or does
not end costs itself.
"""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from baselines import Alarms
from forked import in_forks
from mutant_table import UNCOVERED
from rows import Bench, Port, failed, named, row

__all__ = ["failures", "matrix"]

PATIENCE = 900.0  #: seconds that a row may take; it needs some

Json = dict[str, Any]


def matrix(
    bench: Bench,
    chosen: Sequence[Port],
    jobs: int,
    patience: float = PATIENCE,
) -> Json:
    """Every row, as it is written to a file."""
    gc.freeze()  # what is shared with the forked processes is not touched any more
    rows: dict[int, Json] = {}

    def work(number: int) -> Json:
        return row(bench, chosen[number])

    for ended in in_forks(work, range(len(chosen)), jobs, patience):
        port = chosen[ended.task]
        rows[ended.task] = ended.answer or {**named(port), "problem": ended.problem}
        done = f"{len(rows)} of {len(chosen)}"
        print(f"{done}: {port.name} {_words(rows[ended.task])}", file=sys.stderr)
    ordered = [rows[number] for number in range(len(chosen))]
    unsound = _raised_on_right_ports(ordered)
    for each in ordered:
        if "baselines" in each:
            each["baselines"] = _counted(each["baselines"], unsound)
    return {
        **bench.header(),
        "methods": {name: len(tests) for name, tests in bench.methods.items()},
        "mutants": [each for each in ordered if "named" in each],
        "right": [each for each in ordered if "named" not in each],
        "excused": sorted(bench.excused),
        "uncovered": dict(UNCOVERED),
    }


def failures(bench: Bench, chosen: Sequence[Port], jobs: int) -> dict[str, list[str]]:
    """The checks that each port fails, and nothing else."""
    gc.freeze()
    found: dict[str, list[str]] = {}

    def work(number: int) -> list[str]:
        return failed(bench, chosen[number])

    for ended in in_forks(work, range(len(chosen)), jobs, PATIENCE):
        name = chosen[ended.task].name
        found[name] = ended.answer or []
        words = f"{len(found)} of {len(chosen)}: {name} fails {len(found[name])}"
        print(words, file=sys.stderr)
    return found


def _words(each: Json) -> str:
    return str(each.get("problem") or each["caught_at"] or "passes")


def _raised_on_right_ports(rows: Iterable[Json]) -> dict[str, set[str]]:
    unsound: dict[str, set[str]] = defaultdict(set)
    for each in rows:
        if "named" not in each and "baselines" in each:
            for method, found in each["baselines"].items():
                unsound[method] |= set(found.raised)
    return unsound


def _counted(
    baselines: Mapping[str, Alarms], unsound: Mapping[str, set[str]]
) -> dict[str, list[Any]]:
    """Tests that raised, those of them that accuse no right port, those played."""
    return {
        method: [
            len(found.raised),
            len(set(found.raised) - unsound[method]),
            found.played,
        ]
        for method, found in baselines.items()
    }
