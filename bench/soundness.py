"""`make soundness`: no right program, and no right port, is ever accused.

Five parts: many right programs against lawful boxes, in four formats; every operand of
toy formats against every choice of rounding; the fast engine against the norm; random
scenarios on right ports.  All follow from the seed alone: the same seed and scale write
the same file on the same machine.  The exit code is 1 if anything was accused.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import torch
from c_programs import compiler
from soundness_fresh import PlayedRow, play_seeds
from soundness_norm import NormRow, compare
from soundness_programs import Row, batch_rows, compiled
from toy_programs import TOY5, TOY6, exhaust, toy_settings

from adagrad_reference.formats import FORMATS

#: At scale 1: batches of each kind a format, settings of the small and the large toy,
#: comparisons with the norm a format.
BATCHES, TOYS, NORM = 1, (20, 3), 1
SEEDS_AT_ONCE = 10
#: Scenarios a format and seed, beside a large one.
PER_FORMAT = 3

Job = tuple[Callable[..., Any], tuple[Any, ...]]


def jobs(seed: int, scale: int, seeds: int) -> dict[str, list[Job]]:
    """What is to be done, by part."""
    toys = [
        (exhaust, (fmt, setting))
        for fmt, count in ((TOY6, TOYS[1]), (TOY5, TOYS[0]))
        for setting in toy_settings(count * scale)[: count * scale]
    ]
    programs = [
        (batch_rows, (seed, name, number, deep))
        for number in range(BATCHES * scale)
        for deep in (True, False)
        for name in FORMATS
    ]
    norm = [
        (compare, (seed, name, number))
        for number in range(NORM * scale)
        for name in FORMATS
    ]
    starts = range(seed, seed + seeds, SEEDS_AT_ONCE)
    fresh = [
        (play_seeds, (first, SEEDS_AT_ONCE, PER_FORMAT, turn))
        for turn, first in enumerate(starts)
    ]
    return {"toy": toys, "programs": programs, "norm": norm, "fresh": fresh}


def one_thread() -> None:
    """Of torch, in each process."""
    torch.set_num_threads(1)


def perform(parts: dict[str, list[Job]], processes: int) -> dict[str, list[Any]]:
    """The results of all jobs, by part, in their order."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, one_thread) as pool:
        futures = {
            part: [pool.submit(work, *arguments) for work, arguments in listed]
            for part, listed in parts.items()
        }
        return {part: list(_watched(part, made)) for part, made in futures.items()}


def _watched(part: str, futures: list[Future[Any]]) -> Iterator[Any]:
    start = time.perf_counter()
    for number, future in enumerate(futures, 1):
        yield future.result()
        passed = time.perf_counter() - start
        print(f"\r{part}: {number} of {len(futures)}, {passed:.0f} s", end="")
    print()


# -- what the file says ----------------------------------------------------------------


def merged_programs(results: Iterable[list[Row]]) -> list[dict[str, Any]]:
    """Rows of the same family and format, added up."""
    rows: dict[tuple[str, str], Row] = {}
    used: dict[tuple[str, str], list[float]] = {}
    for part in (row for rows in results for row in rows):
        key = part.family, part.format
        row = rows.setdefault(key, Row(*key))
        row.programs = part.programs
        row.settings |= part.settings
        for name in ("checks", "outside", "replayed", "unbounded"):
            setattr(row, name, getattr(row, name) + getattr(part, name))
        row.examples = (row.examples + part.examples)[:5]
        if part.width_used is not None:
            used.setdefault(key, []).append(part.width_used)
    return [
        {
            **asdict(row),
            "settings": len(row.settings),
            "width_used": round(float(np.mean(used[key])), 3),
        }
        for key, row in rows.items()
    ]


def merged_toys(listed: list[Job], results: list[Any]) -> list[dict[str, Any]]:
    """One row a toy format."""
    rows: dict[str, dict[str, Any]] = {}
    for (_, (fmt, _)), found in zip(listed, results, strict=True):
        row = rows.setdefault(
            fmt.name, {"format": fmt.name, "settings": 0, "examples": []}
        )
        row["settings"] += 1
        row["programs"] = max(row.get("programs", 0), found.programs)
        for name in ("triples", "checks", "outside", "reached", "bounded"):
            row[name] = row.get(name, 0) + getattr(found, name)
        row["examples"] = [*row["examples"], *found.examples][:5]
    return list(rows.values())


def merged_norm(results: Iterable[list[NormRow]]) -> list[dict[str, Any]]:
    """One row a format and class, with the mean and the largest ratio of widths."""
    rows: dict[tuple[str, str], NormRow] = {}
    for part in (row for rows in results for row in rows):
        row = rows.setdefault((part.format, part.cls), NormRow(part.format, part.cls))
        for name in (
            "elements",
            "boxes",
            "narrower",
            "equal",
            "left_to_norm",
            "finite",
            "ratios",
        ):
            setattr(row, name, getattr(row, name) + getattr(part, name))
        row.widest = max(row.widest, part.widest)
    return [
        {**asdict(row), "mean_ratio": row.ratios / max(row.finite, 1)}
        for row in rows.values()
    ]


def merged_fresh(seed: int, listed: list[Job], results: list[Any]) -> dict[str, Any]:
    """One row a port."""
    rows: dict[str, PlayedRow] = {}
    for part in (row for rows in results for row in rows):
        row = rows.setdefault(part.port, PlayedRow(part.port))
        for name in ("scenarios", "elements", "failed", "replayed"):
            setattr(row, name, getattr(row, name) + getattr(part, name))
        row.examples = (row.examples + part.examples)[:5]
    return {
        "first_seed": seed,
        "seeds": len(listed) * SEEDS_AT_ONCE,
        "per_format": PER_FORMAT,
        "ports": [asdict(row) for row in rows.values()],
    }


def versions() -> dict[str, str]:
    """What was run."""
    found = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "mpmath": mpmath.__version__,
        "machine": platform.machine(),
    }
    if path := compiler():
        shown = subprocess.run([path, "--version"], capture_output=True, text=True)
        found["compiler"] = shown.stdout.splitlines()[0]
    return found


def figures(
    seed: int, scale: int, parts: dict[str, list[Job]], results: dict[str, list[Any]]
) -> dict[str, Any]:
    """Everything that the report quotes."""
    programs = merged_programs(results["programs"])
    toy = merged_toys(parts["toy"], results["toy"])
    return {
        "about": "Written by `make soundness`; all figures follow from the seed.",
        "seed": seed,
        "scale": scale,
        "versions": versions(),
        "missing": compiled().missing,
        "total": {
            "checks": sum(row["checks"] for row in programs),
            "outside": sum(row["outside"] for row in programs),
            "toy_checks": sum(row["checks"] for row in toy),
            "toy_outside": sum(row["outside"] for row in toy),
        },
        "programs": programs,
        "toy": toy,
        "norm": merged_norm(results["norm"]),
        "fresh": merged_fresh(seed, parts["fresh"], results["fresh"]),
    }


def accusations(data: dict[str, Any]) -> int:
    """How much was held against a right program or port."""
    return (
        data["total"]["outside"]
        + data["total"]["toy_outside"]
        + sum(row["narrower"] for row in data["norm"])
        + sum(row["failed"] for row in data["fresh"]["ports"])
    )


def main() -> None:
    """Run the campaign and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--scale", type=int, default=1, help="how much is tried")
    parser.add_argument("--seeds", type=int, default=1000, help="of random scenarios")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--ports", action="store_true", help="play the ports anew and keep the rest"
    )
    asked = parser.parse_args()
    print(f"seed {asked.seed}, scale {asked.scale}")
    parts = jobs(asked.seed, asked.scale, asked.seeds)
    if asked.ports:
        data = json.loads(asked.output.read_text())
        results = perform({"fresh": parts["fresh"]}, asked.processes)
        data["fresh"] = merged_fresh(asked.seed, parts["fresh"], results["fresh"])
    else:
        data = figures(asked.seed, asked.scale, parts, perform(parts, asked.processes))
    beside = asked.output.with_name(f".{asked.output.name}")
    beside.write_text(json.dumps(data, indent=1) + "\n")
    beside.replace(asked.output)
    accused = accusations(data)
    total = data["total"]
    print(
        f"{total['checks']:,} checks, {total['toy_checks']:,} in toy formats; "
        f"{accused} accusations"
    )
    sys.exit(accused > 0)


if __name__ == "__main__":
    main()
