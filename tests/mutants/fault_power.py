"""Measures how faults are named: one bug in, one fault out; two in, two out.

    python tests/mutants/fault_power.py OUT.json [--jobs 2] [--every N]
                                        [--pairs 300] [--triples 100]

Each mutant is played on every second check of a run without native checks, and its
faults at MUST are found.  A pair or a triple is a class that inherits from mutants
which change different methods and fail alone.  A fault has up to two classes: of what
is wrong, and of where.  A mutant is named if one of them is its own, or one of those by
which it was named alone.

The figures become the key `faults` of OUT.json, beside what power.py has written.
They hold no times: the same code gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from forked import in_forks
from mutant_kit import Bent, adapter
from mutant_table import MUTANTS, Mutant
from rows import FRESH, SEED

from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.faults.find import find_faults
from adagrad_conformance.files import write_text
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judged_cases, verdict_of
from adagrad_conformance.transport.in_process import InProcessClient

__all__ = ["Arena", "classes_of", "joined", "main"]

Json = dict[str, Any]

#: Seconds that a row may take.
PATIENCE = 300.0
#: Each so many checks are played.
STEP = 2


class Arena:
    """The checks, read once before any row is made."""

    def __init__(self, step: int = STEP) -> None:
        torch.set_num_threads(1)
        self.library = Library.read()
        everything = checks_of_a_run(self.library, SEED, FRESH)
        self.checks = [c for c in everything if not isinstance(c, NativeCheck)][::step]

    def row(self, port: type) -> Json:
        """What is found of a port at MUST."""
        warnings.simplefilter("ignore")
        candidate = InProcessClient(lambda: adapter(port))
        identity = candidate.start()
        with np.errstate(all="ignore"):
            seen = list(observe(candidate, identity, self.checks))
            terms = Terms(identity.claims, self.library.expectations)
            cases = judged_cases(seen, terms)
            verdicts = [verdict_of(case) for case in cases]
            found = find_faults(seen, terms, cases, verdicts)
        return {
            "faults": [
                {
                    "fault": f.slug,
                    "kind": str(f.kind),
                    "place": str(f.place),
                    "complaints": f.complaints,
                    "open": f.is_open,
                }
                for f in found.faults
            ],
            "complaints": found.complaints,
            "unexplained": len(found.unexplained),
        }


def own_methods(port: type) -> set[str]:
    """What a mutant changes of the right port."""
    changed: set[str] = set()
    for base in port.__mro__:
        if base is Bent:
            return changed
        changed |= vars(base).keys() - {"__module__", "__doc__", "__qualname__"}
    return changed | {"?"}


def joined(ports: Sequence[type]) -> type | None:
    """A port with the faults of all; None where they change the same."""
    changed = [own_methods(port) for port in ports]
    names = [name for each in changed for name in each if not name.startswith("__")]
    if len(names) != len(set(names)) or any("?" in each for each in changed):
        return None
    try:
        return type("And".join(p.__name__ for p in ports), tuple(ports), {})
    except TypeError:  # no order of the classes keeps that of each
        return None


def combinations(
    mutants: Sequence[Mutant], size: int, count: int
) -> list[tuple[Mutant, ...]]:
    """Random groups of mutants that can be joined, each once."""
    chance, found = random.Random(f"{SEED}/{size}"), {}
    for _ in range(200 * count):
        if len(found) == count:
            break
        group = tuple(chance.sample(list(mutants), size))
        if joined([m.port for m in group]) is not None:
            found.setdefault(tuple(sorted(m.name for m in group)), group)
    return list(found.values())


def classes_of(faults: Sequence[Json]) -> set[str]:
    """The classes of faults: of what is wrong, and of where."""
    return {fault[key] for fault in faults for key in ("kind", "place")} - {""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--triples", type=int, default=100)
    options = parser.parse_args(arguments)
    arena = Arena()
    chosen = list(MUTANTS)[:: options.every]
    alone = _rows(arena, [(m,) for m in chosen], options.jobs)
    failing = {row["names"][0]: row for row in alone if row.get("complaints")}
    able = [m for m in chosen if m.name in failing]
    data: Json = {"mutants": alone, "of": len(MUTANTS)}
    for name, size, count in (
        ("pairs", 2, options.pairs),
        ("triples", 3, options.triples),
    ):
        rows = _rows(arena, combinations(able, size, count), options.jobs)
        for row in rows:
            found = classes_of(row.get("faults", ()))
            row["named"] = [
                bool(found & ({kind} | classes_of(failing[mutant]["faults"][:1])))
                for mutant, kind in zip(row["names"], row["kinds"], strict=True)
            ]
        data[name] = rows
    known = json.loads(options.out.read_text()) if options.out.exists() else {}
    write_text(options.out, json.dumps({**known, "faults": data}, indent=1) + "\n")
    return 0


def _rows(arena: Arena, groups: Sequence[tuple[Mutant, ...]], jobs: int) -> list[Json]:
    def work(number: int) -> Json:
        port = joined([mutant.port for mutant in groups[number]])
        return arena.row(port or groups[number][0].port)

    rows: dict[int, Json] = {}
    for ended in in_forks(work, range(len(groups)), jobs, PATIENCE):
        group = groups[ended.task]
        rows[ended.task] = {
            "names": [m.name for m in group],
            "kinds": [str(getattr(m, "kind", "")) for m in group],
            **(ended.answer or {"problem": ended.problem}),
        }
        print(f"{len(rows)} of {len(groups)}", file=sys.stderr)
    return [rows[number] for number in range(len(groups))]


if __name__ == "__main__":
    sys.exit(main())
