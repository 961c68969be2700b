"""`make bench`: the figures that REPORT.md quotes, as medians and ratios of one run.

Nothing here is a test: speed depends on the machine.  Compared things are timed in
turns, so that a change of load meets both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpmath.libmp import BACKEND

import ports
from adagrad_conformance.checks.scenarios import long_runs
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.algorithm import adagrad_step, context
from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.array_exact import exact_steps
from adagrad_reference.array_intervals import round_array
from adagrad_reference.enclosure import norm_step
from adagrad_reference.formats import BINARY64, FORMATS, Format
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import LAWFUL
from adagrad_reference.options import Options
from adagrad_reference.rounding import round_step
from adagrad_reference.scenario import Steps

Figure = dict[str, str]
PLAIN = Options(lr=0.7, eps=1.3e-5)
FULL = Options(lr=0.7, eps=1.3e-5, weight_decay=0.11, lr_decay=0.3)


def figure(what: str, value: str, goal: str = "-", met: bool | None = None) -> Figure:
    """One row of the report's table."""
    answer = {None: "-", True: "yes", False: "**no**"}[met]
    return {"what": what, "value": value, "goal": goal, "met": answer}


def rate(work: Callable[[], int], repeats: int = 5) -> float:
    """Median elements per second of `work`, which returns how many it did."""
    return statistics.median(_one(work) for _ in range(repeats))


def _one(work: Callable[[], int]) -> float:
    start = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - start)


# -- the reference ---------------------------------------------------------------------


def reference() -> list[Figure]:
    """The exact step in mpmath beside bare mpmath calls of the same operations."""
    ctx = context(200)
    source = random.Random("bench")
    numbers = [
        tuple(ctx.mpf(source.uniform(0.1, 2.0)) for _ in range(3)) for _ in range(4000)
    ]
    lr, eps, decay = ctx.mpf(PLAIN.lr), PLAIN.eps, ctx.mpf(PLAIN.lr_decay)

    def bare() -> int:
        for theta, g, s in numbers:
            clr = lr / (1 + 0 * decay)
            total = s + g * g
            theta - clr * g / (ctx.sqrt(total) + eps)
        return len(numbers)

    def step(o: Options) -> Callable[[], int]:
        def work() -> int:
            for theta, g, s in numbers:
                adagrad_step(ctx, theta, g, s, 3, o)
            return len(numbers)

        return work

    pairs = [(_one(step(PLAIN)), _one(bare)) for _ in range(7)]
    plain = statistics.median(a for a, _ in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    goal = 40_000
    return [
        figure(
            f"mpmath step, plain, 200 bits ({BACKEND})",
            f"{plain:,.0f} element-steps/s",
            f"at least {goal:,}",
            plain >= goal,
        ),
        figure(
            "bare mpmath calls of the same operations",
            f"{ratio:.2f} times the step's rate",
            "at most 1.50",
            ratio <= 1.5,
        ),
        figure(
            "mpmath step with weight_decay and lr_decay",
            f"{rate(step(FULL)):,.0f} element-steps/s",
        ),
        *_reference_extras(source),
    ]


def _reference_extras(source: random.Random) -> list[Figure]:
    values = [[source.uniform(0.1, 2.0) for _ in range(3)] for _ in range(400)]

    def rounding() -> int:
        for theta, g, s in values:
            round_step(BINARY64, theta, g, s, 3, PLAIN)
        return len(values)

    def norm() -> int:
        for theta, g, s in values[:100]:
            start = Interval.point(theta), Interval.point(s)
            norm_step(BINARY64, LAWFUL, *start, g, 3, PLAIN)
        return 100

    return [
        figure("correctly rounded step", f"{rate(rounding):,.0f} element-steps/s"),
        figure("enclosure, the norm", f"{rate(norm):,.0f} element-steps/s"),
    ]


# -- the fast engine -------------------------------------------------------------------


def fast() -> list[Figure]:
    """The NumPy enclosure on one thread, for each format, with and without decay."""
    rows = []
    for fmt in FORMATS.values():
        goal = 200_000 if fmt == BINARY64 else 1_000_000
        for name, options in (("plain", PLAIN), ("with decay", FULL)):
            batch = _batch(fmt, options)
            boxes = rate(lambda b=batch: _boxes(b))
            rows.append(
                figure(
                    f"fast enclosure, {fmt.name}, {name}",
                    f"{boxes:,.0f} element-steps/s",
                    f"at least {goal:,}",
                    boxes >= goal,
                )
            )
        exact = rate(lambda b=batch: len(exact_steps(b).theta))
        rows.append(
            figure(f"fast exact step, {fmt.name}", f"{exact:,.0f} element-steps/s")
        )
    return rows


def _boxes(batch: StepBatch) -> int:
    fast_boxes(batch, LAWFUL)
    return len(batch)


def _batch(fmt: Format, options: Options, n: int = 200_000) -> StepBatch:
    rng = np.random.default_rng(7)

    def numbers(low: float) -> Any:
        x = rng.uniform(low, 2.0, n)
        return x if fmt == BINARY64 else round_array(fmt, x)

    settings = [(3, options)]
    which = np.zeros(n, int)
    arrays = numbers(-2.0), numbers(0.1), numbers(-2.0)
    return StepBatch(fmt, *arrays, settings, which)


# -- a whole run ----------------------------------------------------------------------


def whole_runs() -> list[Figure]:
    """CPU seconds and memory of runs of the command, all processes together."""
    must, quick = ("--level", "must", "--quick"), ("--quick",)
    rows = [
        _cpu("run torch/single, MUST, quick", must, 8),
        _cpu("run torch/single, all levels, quick", quick, 20),
        _cpu("run torch/single, everything", (), None, repeats=1),
    ]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    memory = figure("its largest process", f"{peak:.2f} GiB", "under 1", peak < 1)
    return [*rows, memory, _jobs(), _long_run()]


def _run(targets: Sequence[str], *options: str) -> tuple[float, float]:
    """(CPU seconds of all processes, seconds that passed) of one run."""
    command = [sys.executable, "-m", "adagrad_conformance", "run", *targets, *options]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, "--seed", "1", "--format", "quiet"], check=True)
    passed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, passed


def _cpu(
    what: str, options: Sequence[str], goal: float | None, repeats: int = 3
) -> Figure:
    cpu = statistics.median(_run(["torch/single"], *options)[0] for _ in range(repeats))
    value = f"{cpu:.1f} s of CPU"
    if goal is None:
        return figure(what, value)
    return figure(what, value, f"at most {goal:g}", cpu <= goal)


def _jobs() -> Figure:
    """Four targets, one and two at a time, in turns."""
    targets = ["torch/single", "torch/foreach", "own/torch-single", "own/torch-foreach"]
    ratios = []
    for _ in range(3):
        one, two = (_run(targets, "--quick", "--jobs", n)[1] for n in "12")
        ratios.append(two / one)
    ratio = statistics.median(ratios)
    what = "four targets, --jobs 2 / --jobs 1"
    return figure(what, f"{ratio:.2f} of the time", "at most 0.65", ratio <= 0.65)


def _long_run() -> Figure:
    """Steps in one event: played by torch in its process, shown, and judged."""
    port = SubprocessClient(parse_target("torch/single").command, 60.0)
    identity = port.start()
    (long,) = (s for s in long_runs.scenarios() if s.formats == ("binary32",))
    (event,) = (e for e in long.events if isinstance(e, Steps))

    def work() -> int:
        judge(
            observe(port, identity, [long]), Terms(identity.claims, lambda scenario: ())
        )
        return event.count

    work()
    steps = rate(work)
    port.close()
    return figure("long run, torch/single, binary32", f"{steps:,.0f} steps/s")


def own_ports() -> list[Figure]:
    """The own ports beside torch's, one thread."""
    rows = []
    for pieces in (1, 20):
        for row in ports.measure(pieces=pieces):
            size = f"{int(row['size']):,} elements"
            if pieces > 1:
                size += f" in {pieces} params"
            for what, key, goal in (
                ("own foreach / torch foreach", "own_foreach/torch_foreach", 1.1),
                ("NumPy port / torch single", "numpy/torch_single", 2.0),
            ):
                ratio = row[key]
                met = ratio <= goal
                rows.append(
                    figure(f"{what}, {size}", f"{ratio:.2f}", f"at most {goal}", met)
                )
    return rows


def main() -> None:
    """Measure everything and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    figures = [*whole_runs(), *reference(), *fast(), *own_ports()]
    about = (
        f"Written by `make bench`: medians of one run on {os.cpu_count()} cores "
        f"({platform.machine()}), one thread each, Python {platform.python_version()}, "
        f"NumPy {np.__version__}."
    )
    beside = output.with_name(f".{output.name}")
    beside.write_text(json.dumps({"about": about, "figures": figures}, indent=1) + "\n")
    beside.replace(output)
    for row in figures:
        print(f"{row['what']:48} {row['value']:34} {row['goal']:20} {row['met']}")


if __name__ == "__main__":
    main()
