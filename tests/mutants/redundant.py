"""The scenarios that catch nothing of their own, so that they can be retired.

    python tests/mutants/redundant.py KILLS.json [--keep GLOB]...

KILLS.json is written by power.py: for each mutant every check that it fails.  The
scenarios that can go together are listed, the most costly first.

Rule 1.  Every mutant stays caught, by every requirement that its entry names.
Rule 2.  Every requirement keeps a check.
Rule 3.  Relations, adaptive runs and native checks stay, and so do the kept globs.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adagrad_conformance.checks.kinds import Check, kind
from adagrad_reference.events import number_of_steps
from adagrad_reference.scenario import Scenario

__all__ = ["kills", "main", "redundant"]

Json = dict[str, Any]

#: Scenarios that stay, unless others are named.
KEPT = ("meetings/*", "fresh/*")


def kills(
    checks: Iterable[Check], rows: Iterable[Json], fails: Mapping[str, Sequence[str]]
) -> Json:
    """Every check, and for every mutant the checks that it fails."""
    return {
        "checks": {check.id: _described(check) for check in checks},
        "mutants": {
            row["name"]: {"named": row["named"], "fails": list(fails[row["name"]])}
            for row in rows
        },
    }


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
    """Read and list."""
    options = _parser().parse_args(arguments)
    found = json.loads(options.kills.read_text("utf-8"))
    gone = redundant(found, options.keep or KEPT)
    whole = sum(check["cost"] for check in found["checks"].values())
    saved = sum(found["checks"][name]["cost"] for name in gone)
    for name in gone:
        print(f"{found['checks'][name]['cost']:10} {name}")
    print(f"{len(gone)} of {len(found['checks'])} checks can go, {saved} of {whole}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kills", type=Path)
    parser.add_argument("--keep", action="append", metavar="GLOB", help="that stay")
    return parser


if __name__ == "__main__":
    sys.exit(main())
