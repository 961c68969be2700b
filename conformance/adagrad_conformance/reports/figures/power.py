"""What the suite catches: the part of REPORT.md on the kill matrix.

The data is what `tests/mutants/power.py` writes; nothing is measured here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adagrad_conformance.reports.tables import code, escape, table
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.scenario import LEVELS

from .fault_power import fault_section
from .machine_mutants import machine_section
from .profile_power import profile_section

__all__ = ["power_section"]

Row = Mapping[str, Any]
Rows = Sequence[Row]

_INTRO = """\
Wrong ports ("mutants"), each with one fault, most of them known from real code, are
judged by all checks of a default run; so are right ports, some of which round in
other legal ways. A mutant is caught if a check fails; its own level says how grave
that is. Written by `tests/mutants/power.py`, which also gives each port to the
methods that people use today."""

#: What the methods are, for readers.
_METHODS: Mapping[str, str] = {
    "allclose": "`torch.allclose` with torch's result after ten random steps",
    "assert-close": "`torch.testing.assert_close`, the same steps",
    "grid": "the same with 64 settings of the options, binary64 and binary32",
    "grid-16-bit": "these settings in bfloat16 and binary16",
    "usual-tests": "tests as PyTorch has them for its own optimizers",
}

_NEAREST = 10


def power_section(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the section, without its heading."""
    mutants, right = data["mutants"], data["right"]
    yield from (_INTRO, "")
    yield from _summary(mutants, right)
    yield from ("", "### By class of fault", "")
    yield from _classes(mutants)
    yield from ("", "### Beside what people do today", "")
    yield from _methods(mutants, right)
    yield from ("", "### What each requirement catches", "")
    yield from _requirements(mutants, data["uncovered"])
    yield from ("", "### Nearest to the enclosure", "")
    yield from _nearest(mutants)
    if "faults" in data:
        yield from ("", "### One bug in, one fault out", "")
        yield from fault_section(data["faults"])
    if "profiles" in data:
        yield from ("", "### Ports that have little", "")
        yield from profile_section(data["profiles"])
    if "machine" in data:
        yield from ("", "### Mutants by machine", "")
        yield from machine_section(data["machine"])


def _is(level: str | None) -> Callable[[Row], bool]:
    return lambda row: not row.get("problem") and row["caught_at"] == level


def _caught(row: Row) -> bool:
    """By the suite, at any level."""
    return not row.get("problem") and row["caught_at"] is not None


def _count(rows: Rows, holds: Callable[[Row], bool]) -> int:
    return sum(map(holds, rows))


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}"


# -- in a word -------------------------------------------------------------------------


def _summary(mutants: Rows, right: Rows) -> Iterator[str]:
    caught = _count(mutants, _caught)
    yield f"- mutants: {len(mutants)}, caught: {caught}"
    for level, words in zip(LEVELS, ("", " only", " only"), strict=True):
        yield f"- caught at {level}{words}: {_count(mutants, _is(level))}"
    accused = [row for row in right if _accused(row)]
    passed = _of(len(right) - len(accused), len(right))
    yield f"- right ports that pass every MUST: {passed}"
    if missed := [row for row in mutants if not _caught(row)]:
        yield f"- **not caught**: {_names(missed)}"
    if accused:
        yield f"- **right ports accused**: {_names(accused)}"
    if unnamed := [row for row in mutants if _missed_by(row)]:
        yield f"- **not caught by all that should**: {_names(unnamed)}"


def _names(rows: Rows) -> str:
    return ", ".join(code(row["name"]) for row in rows)


def _missed_by(row: Row) -> list[str]:
    """The requirements that should catch a mutant and do not."""
    caught = row.get("requirements", {}).values()
    return [n for n in row["named"] if not any(n in names for names in caught)]


# -- classes and methods ---------------------------------------------------------------


def _by_kind(mutants: Rows) -> dict[str, list[Row]]:
    kinds: dict[str, list[Row]] = {}
    for row in mutants:
        kinds.setdefault(row["kind"] or "no class", []).append(row)
    return kinds


def _alarmed(method: str) -> Callable[[Row], bool]:
    return lambda row: "baselines" in row and row["baselines"][method][0] > 0


def _soundly(method: str) -> Callable[[Row], bool]:
    return lambda row: "baselines" in row and row["baselines"][method][1] > 0


def _classes(mutants: Rows) -> Iterator[str]:
    head = ("class", "mutants", *LEVELS, *(f"{n} †" for n in _METHODS))
    rows = [
        (
            kind,
            str(len(some)),
            *(str(_count(some, _is(level))) for level in LEVELS),
            *(str(_count(some, _soundly(name))) for name in _METHODS),
        )
        for kind, some in _by_kind(mutants).items()
    ]
    yield from table(head, rows)
    yield from ("", "† alarms that accuse no right port, see below.")


def _methods(mutants: Rows, right: Rows) -> Iterator[str]:
    yield (
        "An alarm is evidence only where right ports raise none: *by sound alarms* "
        "leaves out every comparison that accuses one of them, as nobody can who does "
        "not know them to be right.\n"
    )
    caught = _of(_count(mutants, _caught), len(mutants))
    judged = [row["checks"]["MUST"] for row in right if not row.get("problem")]
    failed, played = (sum(counts[i] for counts in judged) for i in (0, 1))
    accused = _of(_count(right, _accused), len(right))
    alarms = f"{_of(failed, played)} checks" if failed else "none"
    suite = ("this suite (accused: at MUST)", caught, caught, accused, alarms)
    yield from table(
        ("method", "caught", "by sound alarms", "right ports accused", "false alarms"),
        [suite, *(_method(name, mutants, right) for name in _METHODS)],
    )


def _accused(row: Row) -> bool:
    return bool(row.get("problem")) or row["checks"]["MUST"][0] > 0


def _method(name: str, mutants: Rows, right: Rows) -> tuple[str, ...]:
    judged = [row["baselines"][name] for row in right if "baselines" in row]
    raised, played = (sum(found[i] for found in judged) for i in (0, 2))
    return (
        f"{name}: {_METHODS[name]}",
        _of(_count(mutants, _alarmed(name)), len(mutants)),
        _of(_count(mutants, _soundly(name)), len(mutants)),
        _of(_count(right, _alarmed(name)), len(right)),
        f"{_of(raised, played)} comparisons" if raised else "none",
    )


# -- requirements ----------------------------------------------------------------------


def _catchers(row: Row) -> list[str]:
    """The requirements that fail on a mutant, at any level."""
    levels = row.get("requirements", {})
    return [name for level in LEVELS for name in levels.get(level, {})]


def _requirements(mutants: Rows, uncovered: Mapping[str, str]) -> Iterator[str]:
    catches = Counter(name for row in mutants for name in _catchers(row))
    alone = Counter(
        names[0] for row in mutants if len(names := row.get("foremost", ())) == 1
    )
    yield (
        "How many mutants each requirement catches, and in brackets how many would "
        "not be caught without the checks that are foremost its own.\n"
    )
    yield from table(
        ("chapter", "requirements"),
        (
            (chapter, ", ".join(_shown(name, catches, alone) for name in names))
            for chapter, names in _chapters().items()
        ),
    )
    nothing = [name for name in REQUIREMENTS if not catches[name]]
    if nothing:
        yield from ("", "No mutant here is caught by:", "")
    for name in nothing:
        reason = uncovered.get(name, "**no reason is known**")
        yield f"- {code(name)}: {escape(reason) if name in uncovered else reason}"


def _chapters() -> dict[str, list[str]]:
    chapters: dict[str, list[str]] = {}
    for name in REQUIREMENTS:
        chapters.setdefault(name.split("/")[0], []).append(name)
    return chapters


def _shown(name: str, catches: Counter[str], alone: Counter[str]) -> str:
    short = name.partition("/")[2]
    words = f"{short} {catches[name]}" if catches[name] else f"**{short} 0**"
    return f"{words} ({alone[name]})" if alone[name] else words


# -- margins ---------------------------------------------------------------------------


def _nearest(mutants: Rows) -> Iterator[str]:
    yield (
        "The mutants whose worst value lies nearest to what is legal, in ulp outside "
        "of the enclosure; all others are farther off or fail otherwise.\n"
    )
    numeric = [row for row in mutants if isinstance(row.get("margin"), float | int)]
    numeric.sort(key=lambda row: (row["margin"], row["name"]))
    yield from table(
        ("mutant", "what is wrong", "ulp", "first check that fails"),
        (
            (
                code(row["name"]),
                escape(row["wrong"]),
                f"{row['margin']:.3g}",
                code(row["first"][0]),
            )
            for row in numeric[:_NEAREST]
        ),
    )
