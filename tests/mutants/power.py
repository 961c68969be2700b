"""Measures what the suite catches, and what people do today catches.

    python tests/mutants/power.py OUT.json [--jobs 2] [--only GLOB]... [--quick]

OUT.json is written beside and then renamed; the same code gives the same bytes, for
any number of jobs.  What it holds is told in matrix.py; the report quotes it.
"""

from __future__ import annotations

import argparse
import fnmatch
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from matrix import matrix
from rows import Bench, ports

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, write, and say how long it took."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    globs = options.only or ["*"]
    chosen = [p for p in ports() if any(fnmatch.fnmatchcase(p.name, g) for g in globs)]
    if not chosen:
        print(f"no port is called {' or '.join(globs)}", file=sys.stderr)
        return 2
    counter = itertools.count()
    bench = Bench((lambda check: next(counter) % 10 == 0) if options.quick else _all)
    ready = time.monotonic()
    data = matrix(bench, chosen, options.jobs)
    _write(options.out, json.dumps(data, indent=1, sort_keys=True) + "\n")
    ended = time.monotonic()
    print(
        f"{len(chosen)} ports on {len(bench.checks)} checks in {ended - started:.0f} s,"
        f" {ready - started:.0f} of them to prepare",
        file=sys.stderr,
    )
    return 0


def _all(check: object) -> bool:
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="ports of these names"
    )
    parser.add_argument(
        "--quick", action="store_true", help="every tenth check only, to try it out"
    )
    return parser


def _write(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


if __name__ == "__main__":
    sys.exit(main())
