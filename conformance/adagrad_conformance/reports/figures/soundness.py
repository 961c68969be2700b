"""What is never accused: the part of REPORT.md on right programs and right ports.

The data is what `make soundness` writes (bench/soundness.py); nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.reports.tables import code, escape, table
from adagrad_reference.formats import FORMATS

__all__ = ["soundness_section"]

Row = Mapping[str, Any]
Rows = Sequence[Row]

_INTRO = """\
Right programs are run on the same elements as the enclosure, and each number that one
of them stores, θ' or S', is held against the box that MUST demands: that is one check.
The programs differ in the order of operations, in what is fused, in the precision
between operations, in how scalars are held and in the square root; some are emulated,
some compiled, some are other people's. Each check outside is a false accusation."""


def soundness_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    total = data["total"]
    yield from (_INTRO, "")
    yield (
        f"**{total['checks']:,} checks, {total['outside']:,} outside.** "
        f"Seed {data['seed']}, scale {data['scale']}; {_versions(data['versions'])}."
    )
    for missing in data["missing"]:
        yield f"Not run: {escape(missing)}."
    yield ""
    yield from _programs(data["programs"])
    yield from ("", *_replayed(data["programs"]))
    yield from ("### Every operand of a toy format", "")
    yield from _toy(data["toy"])
    yield from ("", "### The fast engine beside the norm", "")
    yield from _norm(data["norm"])
    yield from ("", "### Random scenarios on right ports", "")
    yield from _fresh(data["fresh"])


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {escape(text)}" for name, text in versions.items())


def _programs(rows: Rows) -> Iterator[str]:
    """One line a family: checks in each format, and what was outside."""
    families: dict[str, dict[str, Row]] = {}
    for row in rows:
        families.setdefault(row["family"], {})[row["format"]] = row
    yield (
        "Cells: checks and, where more than one program was run, how many and the mean "
        "share of a box's width that they use together. Inputs are ordinary, "
        "adversarial (cancellation, ties, powers of two, the edges of the range) and "
        "drawn from the whole range, with at most "
        f"{_most_settings(rows):,} settings of step number and options.\n"
    )
    body = []
    for family, found in families.items():
        cells = [_program_cell(found.get(name)) for name in FORMATS]
        outside = sum(row["outside"] for row in found.values())
        body.append((escape(family), *cells, f"{outside:,}"))
    yield from table(("programs", *FORMATS, "outside"), body)


def _most_settings(rows: Rows) -> int:
    return max((row["settings"] for row in rows), default=0)


def _program_cell(row: Row | None) -> str:
    if row is None:
        return "-"
    if row["programs"] == 1:
        return f"{row['checks']:,}"
    return f"{row['checks']:,} ({row['programs']}; {row['width_used']:.2f})"


def _replayed(rows: Rows) -> Iterator[str]:
    """What was outside once, in words; it may be inside when it is run again."""
    for row in rows:
        if row["outside"]:
            yield (
                f"- {escape(row['family'])}, {row['format']}: {row['outside']:,} "
                f"outside, of which {row['replayed']:,} were inside when run again; "
                f"such as {code(row['examples'][0])}"
            )
    if any(row["outside"] for row in rows):
        yield ""


def _toy(rows: Rows) -> Iterator[str]:
    yield (
        "Three bits of precision: all θ, all S ≥ 0 and all g of both signs, subnormal "
        "numbers and what overflows among them, against every choice of rounding at "
        "every operation (kept or rounded, six orders, the root either neighbour, "
        "each scalar in binary64, rounded, or formed in the format).\n"
    )
    head = (
        "format",
        "settings",
        "triples",
        "programs a setting, at most",
        "checks",
        "triples outside",
        "bounded boxes reached at both ends",
    )
    body = [
        (
            code(row["format"]),
            str(row["settings"]),
            *(f"{row[name]:,}" for name in ("triples", "programs", "checks")),
            f"{row['outside']:,}",
            f"{row['reached'] / max(row['bounded'], 1):.0%}",
        )
        for row in rows
    ]
    yield from table(head, body)


def _norm(rows: Rows) -> Iterator[str]:
    yield (
        "Boxes are judged by the fast engine in NumPy; mpmath is the norm. A fast box "
        "must hold the norm's. Widths count the box's own number as one ulp.\n"
    )
    head = (
        "format",
        "class",
        "boxes",
        "narrower",
        "equal bit for bit",
        "mean width / norm",
        "largest",
    )
    body = [
        (
            code(row["format"]),
            row["cls"],
            f"{row['boxes']:,}",
            f"{row['narrower']:,}",
            f"{row['equal'] / max(row['boxes'], 1):.1%}",
            f"{row['mean_ratio']:.4f}",
            f"{row['widest']:.2f}",
        )
        for row in rows
    ]
    yield from table(head, body)


def _fresh(fresh: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{fresh['seeds']:,} seeds, from each {fresh['per_format']} scenarios and a "
        "large one a format, as in the random part of a run. A right port must pass "
        "them all, or a gate would fail on nothing."
    )
    if any(row["port"].startswith("zoo") for row in fresh["ports"]):
        yield (
            "The zoo is of right ports that work in unusual ways; of each kind one "
            "plays at a time, and each in two forms: as it is, and claiming little."
        )
    yield ""
    body = [
        (
            code(row["port"]),
            f"{row['scenarios']:,}",
            f"{row['elements']:,}",
            f"{row['failed']:,}",
        )
        for row in fresh["ports"]
    ]
    yield from table(("port", "scenarios", "element-steps", "failed"), body)
