"""The scenarios that catch nothing of their own, so that they can be retired.

    python tests/mutants/redundant.py play KILLS.json [--jobs 2] [--only GLOB]...
    python tests/mutants/redundant.py report KILLS.json [--keep GLOB]...

`play` writes, for each mutant of the table, every check that it fails (more than a
quarter of an hour for all).  `report` lists scenarios that can go together, the most
costly first, with what they leave behind.

Rule 1.  Every mutant stays caught, by every requirement that its entry names.
Rule 2.  Every requirement keeps a check.
Rule 3.  Relations, adaptive runs and native checks stay, and so do the kept globs.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from forked import in_forks
from rows import FINE, Bench, Port, ports

from adagrad_conformance.checks.kinds import Check, kind
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.files import write_text
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.events import number_of_steps
from adagrad_reference.scenario import Scenario

__all__ = ["main", "redundant"]

Json = dict[str, Any]

PATIENCE = 900.0
#: Scenarios that stay, unless others are named.
KEPT = ("meetings/*", "fresh/*")


# -- play ------------------------------------------------------------------------------


def _kills(bench: Bench, chosen: Sequence[Port], jobs: int) -> Json:
    """Every check, and for every mutant the checks that it fails."""

    def work(number: int) -> list[str]:
        return _failed(bench, chosen[number])

    mutants: Json = {}
    for ended in in_forks(work, range(len(chosen)), jobs, PATIENCE):
        port = chosen[ended.task]
        assert port.mutant is not None
        failed = ended.answer or []
        mutants[port.name] = {"named": list(port.mutant.caught_by), "fails": failed}
        print(f"{len(mutants)} of {len(chosen)}: {port.name}", file=sys.stderr)
    return {"checks": {c.id: _described(c) for c in bench.checks}, "mutants": mutants}


def _failed(bench: Bench, port: Port) -> list[str]:
    warnings.simplefilter("ignore")
    candidate = InProcessClient(port.make)
    identity = candidate.start()
    with np.errstate(all="ignore"):
        seen = list(observe(candidate, identity, bench.checks))
        verdicts = judge(seen, Terms(identity.claims, bench.expect))
    return [v.scenario for v in verdicts if v.status not in FINE]


def _described(check: Check) -> Json:
    steps = elements = 0
    if isinstance(check, Scenario):
        steps = sum(map(number_of_steps, check.events))
        elements = sum(tensor.size for tensor in check.tensors.values())
    return {
        "kind": kind(check),
        "requirements": list(check.requirements),
        "cost": steps * (elements + 20),
    }


# -- report ----------------------------------------------------------------------------


def redundant(kills: Json, kept: Sequence[str]) -> list[str]:
    """Scenarios that can go together, the most costly first."""
    checks: Mapping[str, Json] = kills["checks"]
    needs = dict(_needs(kills))
    left = Counter(need for found in needs.values() for need in found)
    gone = []
    for name in sorted(checks, key=lambda name: (-checks[name]["cost"], name)):
        may_go = checks[name]["kind"] == "scenario" and not _matches(name, kept)
        if may_go and all(left[need] > 1 for need in needs[name]):
            left.subtract(needs[name])
            gone.append(name)
    return gone


def _needs(kills: Json) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """What each check serves: its requirements, and the mutants that it catches.

    A mutant is caught by a requirement if a check that bears its name fails.
    """
    caught: dict[str, set[tuple[str, str]]] = {name: set() for name in kills["checks"]}
    for mutant, found in kills["mutants"].items():
        for name in found["fails"]:
            caught[name].add((mutant, "any"))
            borne = set(kills["checks"][name]["requirements"])
            caught[name] |= {(mutant, r) for r in borne & set(found["named"])}
    for name, check in kills["checks"].items():
        yield name, caught[name] | {("", r) for r in check["requirements"]}


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


# -- the command -----------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and write, or read and list."""
    options = _parser().parse_args(arguments)
    if options.command == "play":
        globs = options.only or ["*"]
        chosen = [p for p in ports() if p.mutant and _matches(p.name, globs)]
        data = _kills(Bench(methods={}), chosen, options.jobs)
        write_text(options.kills, json.dumps(data, indent=1, sort_keys=True) + "\n")
        return 0
    kills = json.loads(options.kills.read_text("utf-8"))
    gone = redundant(kills, options.keep or KEPT)
    whole = sum(check["cost"] for check in kills["checks"].values())
    saved = sum(kills["checks"][name]["cost"] for name in gone)
    for name in gone:
        print(f"{kills['checks'][name]['cost']:10} {name}")
    print(f"{len(gone)} of {len(kills['checks'])} checks can go, {saved} of {whole}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    play = commands.add_parser("play", help="play every mutant on every check")
    play.add_argument("kills", type=Path)
    play.add_argument("--jobs", type=int, default=2, help="how many at once")
    play.add_argument("--only", action="append", metavar="GLOB", help="these mutants")
    report = commands.add_parser("report", help="list the scenarios that can go")
    report.add_argument("kills", type=Path)
    report.add_argument("--keep", action="append", metavar="GLOB", help="that stay")
    return parser


if __name__ == "__main__":
    sys.exit(main())
