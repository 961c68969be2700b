"""Measures what the suite catches, and what people do today catches.

    python tests/mutants/power.py OUT.json [--kills KILLS.json] [--jobs 2]
                                  [--only GLOB]... [--add] [--quick]
    python tests/mutants/power.py --kills KILLS.json [--jobs 2] [--only GLOB]...

OUT.json is written beside and then renamed; the same code gives the same bytes, for
any number of jobs.  What it holds is told in matrix.py; the report quotes it.  With
--add, rows of ports that are not played stay in OUT.json as they are; whatever other
tools have written there stays in any case.
KILLS.json gets every check that each mutant fails, for redundant.py; without OUT.json
nothing else is played, which takes a third of the time.
"""

from __future__ import annotations

import argparse
import fnmatch
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matrix import failures, matrix
from redundant import kills
from rows import Bench, named, ports

from adagrad_conformance.files import write_text

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, write, and say how long it took."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    if not options.out and not options.kills:
        print("name OUT.json, or --kills KILLS.json, or both", file=sys.stderr)
        return 2
    globs = options.only or ["*"]
    chosen = [p for p in ports() if any(fnmatch.fnmatchcase(p.name, g) for g in globs)]
    if not chosen:
        print(f"no port is called {' or '.join(globs)}", file=sys.stderr)
        return 2
    counter = itertools.count()
    keep = (lambda check: next(counter) % 10 == 0) if options.quick else _all
    bench = Bench(keep) if options.out else Bench(keep, {})
    ready = time.monotonic()
    if options.out:
        data = matrix(bench, chosen, options.jobs)
        rows = data["mutants"] + data["right"]
        fails = {row["name"]: row.pop("fails", []) for row in rows}
        known = json.loads(options.out.read_text()) if options.out.exists() else {}
        if options.add:
            _add_rows(data, known)
        _write(options.out, {**known, **data})
    else:
        fails = failures(bench, chosen, options.jobs)
    if options.kills:
        rows = [named(port) for port in chosen if port.mutant]
        _write(options.kills, kills(bench.checks, rows, fails))
    ended = time.monotonic()
    print(
        f"{len(chosen)} ports on {len(bench.checks)} checks in {ended - started:.0f} s,"
        f" {ready - started:.0f} of them to prepare",
        file=sys.stderr,
    )
    return 0


def _add_rows(data: dict[str, Any], known: dict[str, Any]) -> None:
    """Put the known rows of other ports among the new ones, in the order of ports."""
    order = {port.name: number for number, port in enumerate(ports())}
    for kind in ("mutants", "right"):
        new = {row["name"] for row in data[kind]}
        old = [row for row in known.get(kind, ()) if row["name"] not in new]
        kept = [row for row in old if row["name"] in order]
        data[kind] = sorted(data[kind] + kept, key=lambda row: order[row["name"]])


def _write(path: Path, data: dict[str, Any]) -> None:
    write_text(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def _all(check: object) -> bool:
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--kills", type=Path, help="file for what each mutant fails")
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="ports of these names"
    )
    parser.add_argument("--add", action="store_true", help="keep rows of other ports")
    parser.add_argument(
        "--quick", action="store_true", help="every tenth check only, to try it out"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
