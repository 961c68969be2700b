"""Right programs against lawful boxes: one batch of elements, many programs.

A check is one stored number, theta' or S', of one program, held against the lawful box
of its element.  A batch and its boxes depend on the seed, the format and the number of
the batch alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from c_programs import Compiled, compile_all
from port_programs import PORTS
from programs import (
    adversarial_batch,
    array_programs,
    random_batch,
    varied_settings,
    wild_batch,
)

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.boxes import Boxes
from adagrad_reference.formats import FORMATS, Format
from adagrad_reference.numeric_class import LAWFUL

__all__ = ["Row", "batch_rows", "compiled"]

Run = Callable[[StepBatch], tuple[Any, Any]]

#: (maker, elements in a deep batch, elements in a broad one): a deep batch is held
#: against all programs, a broad one against those that are fast.
MAKERS = (
    (random_batch, 4096, 65_536),
    (adversarial_batch, 1024, 4096),
    (wild_batch, 512, 2048),
)
RANDOM_SETTINGS = 40


@dataclass
class Row:
    """A family of programs in a format: what was held against boxes."""

    family: str
    format: str
    programs: int = 0
    settings: set[Any] = field(default_factory=set)  #: step numbers and options
    checks: int = 0
    outside: int = 0
    replayed: int = 0  #: of those outside: inside when the program was run again
    unbounded: int = 0  #: checks whose box has an infinite end
    #: of the width of the boxes of theta', what the family's programs use; mean
    width_used: float | None = None
    examples: list[str] = field(default_factory=list)


@cache
def compiled() -> Compiled:
    """The C programs of this process."""
    return compile_all(Path(tempfile.mkdtemp(prefix="soundness")))


def families(fmt: Format, deep: bool) -> Iterator[tuple[str, list[Run]]]:
    """The programs of a format by family."""
    if deep:
        yield "emulated", [program.run for program in array_programs(fmt)]
    found: dict[str, list[Run]] = {}
    for program in compiled().programs:
        if program.fmt == fmt:
            found.setdefault(f"C {program.build.name}", []).append(program.run)
    yield from found.items()
    for port in PORTS:
        yield port.name, [lambda b, port=port: port.run(fmt, b)]


def batch_rows(seed: int, name: str, number: int, deep: bool) -> list[Row]:
    """Hold all programs of a format against the boxes of one batch."""
    fmt = FORMATS[name]
    rng = np.random.default_rng([seed, list(FORMATS).index(name), number, deep])
    rows: dict[str, Row] = {}
    for make, small, large in MAKERS:
        chosen = varied_settings(fmt, rng, RANDOM_SETTINGS)
        b = make(fmt, rng, small if deep else large, chosen)
        boxes = fast_boxes(b, LAWFUL)
        for family, programs in families(fmt, deep):
            row = rows.setdefault(family, Row(family, name))
            _hold(row, programs, b, boxes, measure=make is random_batch)
    return list(rows.values())


def _hold(
    row: Row, programs: list[Run], b: StepBatch, boxes: Any, measure: bool
) -> None:
    low, high = np.full(len(b), np.inf), np.full(len(b), -np.inf)
    unbounded = sum(int((~np.isfinite(x.lo) | ~np.isfinite(x.hi)).sum()) for x in boxes)
    for run in programs:
        results = run(b)
        inside = [box.holds(x) for box, x in zip(boxes, results, strict=True)]
        if not all(part.all() for part in inside):
            _violated(row, run, b, boxes, inside, results)
        low, high = np.fmin(low, results[0]), np.fmax(high, results[0])
    row.programs = len(programs)
    row.settings |= set(b.settings)
    row.checks += 2 * len(b) * len(programs)
    row.unbounded += unbounded * len(programs)
    if measure:
        row.width_used = _used(boxes[0], low, high)


def _used(box: Boxes, low: Any, high: Any) -> float:
    with np.errstate(all="ignore"):
        share = (high - low) / (box.hi - box.lo)
    share = share[np.isfinite(share)]
    return float(share.mean()) if len(share) else 0.0


def _violated(
    row: Row, run: Run, b: StepBatch, boxes: Any, inside: Any, results: Any
) -> None:
    """Count what is outside, and how much of it is inside in a second run."""
    again = run(b)
    for box, first, x, second in zip(boxes, inside, results, again, strict=True):
        places = np.flatnonzero(~first)
        row.outside += len(places)
        row.replayed += int(box.holds(second)[places].sum())
        row.examples += [_words(b, i, x[i], box) for i in places[:3]]


def _words(b: StepBatch, i: int, x: float, box: Boxes) -> str:
    start = [float(v[i]).hex() for v in (b.theta, b.state_sum, b.gradient)]
    return (
        f"theta, S, g {' '.join(start)}, {b.settings[b.which[i]]}: {float(x).hex()} is "
        f"outside {float(box.lo[i]).hex()} to {float(box.hi[i]).hex()}"
    )
