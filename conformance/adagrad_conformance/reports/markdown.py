"""REPORT.md: how the ports stand, from result streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.scenario import LEVELS

from .formats import Supplements
from .port_map import (
    faults_section,
    map_section,
    not_run_section,
    verdicts_section,
)
from .power import power_section
from .records import Stream
from .soundness import soundness_section
from .summary import NO_REQUIREMENT, Finding, Summary, summaries
from .tables import code, escape, table

__all__ = ["report_text", "write_markdown"]

#: What is measured elsewhere and shown here.
_FIGURES = ("bench", "power", "soundness")

_INTRO = """\
<!-- Written by `make report`; never edited by hand. -->
# How Adagrad implementations stand

Written by `make report` from result streams of `adagrad-conformance run`.

Every numeric verdict rests on an *enclosure*: the set of all values that some legal
floating-point evaluation of the documented step can give. A value outside is provably
wrong, whatever the rounding; there are no tolerances. How that works is told in
`reference/README.md`.
"""


def write_markdown(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write the report on all streams."""
    figures = {name: supplements.figures.get(name) for name in _FIGURES}
    out.write(report_text(streams, **figures, scripts=supplements.scripts))


def report_text(
    streams: Sequence[Stream],
    bench: Mapping[str, Any] | None,
    power: Mapping[str, Any] | None = None,
    soundness: Mapping[str, Any] | None = None,
    scripts: Mapping[tuple[str, str], str] | None = None,
) -> str:
    """The report; the others are what `make` of these names wrote, if it was run.

    `scripts` are the paths of reproducers by target and requirement.  Where a target
    is in several streams, the first one counts.
    """
    ports, dates = _ports(streams)
    lines = [
        _INTRO,
        *_setting(streams),
        "## Verdicts\n",
        *verdicts_section(ports, dates),
        "\n## Faults of published ports\n",
        *faults_section(ports),
        "\n## The map\n",
        *map_section(ports),
        "\n## Failures and findings\n",
        *_findings(ports, scripts),
        "## Diagnoses\n",
        *_causes(ports),
        "\n## Not run here\n",
        *not_run_section(ports),
        "\nChecks that could not be run on a port:\n",
        *_not_run(ports),
        "\n## Findings on the document\n",
        *_document(),
        "\n## From the document to the checks\n",
        *_clauses(streams),
        "\n## Requirements\n",
        *_requirements(streams, ports),
        "\n## Power: what is caught\n",
        *(power_section(power) if power else ["Not measured; `make power` does."]),
        "\n## Soundness: what is never accused\n",
        *_soundness(soundness),
        "\n## Grades\n",
        *table(("grade", "meaning"), GRADES.items()),
        "\n## Speed\n",
        *_speed(bench),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _ports(streams: Sequence[Stream]) -> tuple[list[Summary], dict[str, str]]:
    """Every target once, in the order of the registry, and when it was recorded."""
    found: dict[str, Summary] = {}
    dates: dict[str, str] = {}
    for stream in streams:
        for summary in summaries(stream.targets, stream.checks, stream.faults):
            name = summary.target["target"]
            if name not in found:
                found[name] = summary
                if "date" in stream.header:
                    same = stream.header["vectors"] == streams[0].header["vectors"]
                    older = "" if same else ", by other vectors"
                    dates[name] = f"{stream.header['date']}{older}"
    order = list(PORTS)
    return sorted(
        found.values(), key=lambda s: _place(order, s.target["target"])
    ), dates


def _setting(streams: Sequence[Stream]) -> Iterator[str]:
    for stream in streams[:1]:
        env = stream.header["environment"]
        yield (
            f"Suite {stream.header['suite']}, "
            f"vectors `{stream.header['vectors'][:16]}`, seed {stream.header['seed']}; "
            f"Python {env['python']} on {env['system']} {env['machine']}, "
            f"mpmath {env['mpmath']}, NumPy {env['numpy']}.\n"
        )


def _findings(
    ports: Sequence[Summary], scripts: Mapping[tuple[str, str], str] | None
) -> Iterator[str]:
    found = {(f.level, f.requirement) for port in ports for f in port.findings}
    order = [*REQUIREMENTS, NO_REQUIREMENT]
    known = sorted(found, key=lambda f: (LEVELS.index(f[0]), _place(order, f[1])))
    if not known:
        yield "None."
    for level, name in known:
        yield f"### {escape(name)} ({level})\n"
        if name in REQUIREMENTS:
            requirement = REQUIREMENTS[name]
            yield f"{requirement.demands} Otherwise: {_lower(requirement.why)}\n"
        for text, targets in _alike(ports, name).items():
            paths = [(scripts or {}).get((target, name)) for target in targets]
            links = [f" ([script]({path}))" if path else "" for path in paths]
            named = [code(t) + link for t, link in zip(targets, links, strict=True)]
            yield f"- {', '.join(named)}: {text}"
        yield ""


def _causes(ports: Sequence[Summary]) -> Iterator[str]:
    yield "What explains the failures at MUST; `diagnose TARGET` says more.\n"
    for port in ports:
        for fault in port.faults:
            words = f"{fault['words']} ({fault['checks']} checks)"
            yield f"- {code(port.target['target'])}: {escape(words)}"
    if not any(port.faults for port in ports):
        yield "No cause is on record."


def _soundness(figures: Mapping[str, Any] | None) -> Iterable[str]:
    if figures is None:
        return ["Not measured; `make soundness` does."]
    return soundness_section(figures)


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _alike(ports: Sequence[Summary], name: str) -> dict[str, list[str]]:
    """The findings on a requirement in words, and the ports that each is true of."""
    words: dict[str, list[str]] = {}
    for port in ports:
        for finding in _of(port, name):
            text = (
                f"{_count(finding)}, such as "
                f"{code('explain ' + finding.first['scenario'])}, event "
                f"{finding.first.get('event', '-')}: {escape(finding.evidence)}"
            )
            words.setdefault(text, []).append(port.target["target"])
    return words


def _count(finding: Finding) -> str:
    n = len(finding.records)
    return "1 check" if n == 1 else f"{n} checks"


def _of(port: Summary, requirement: str) -> list[Finding]:
    return [f for f in port.findings if f.requirement == requirement]


def _document() -> Iterator[str]:
    for clause in CLAUSES.values():
        if clause.finding:
            yield f"- {clause.id}: {clause.finding} Ruling: {clause.ruling}"


def _clauses(streams: Sequence[Stream]) -> Iterator[str]:
    checks = _checks(streams)
    rows = []
    for clause in CLAUSES.values():
        ids = [r.id for r in REQUIREMENTS.values() if clause.id in r.clauses]
        decided = [f"`{name}` ({len(checks.get(name, ()))})" for name in ids]
        reading = f"{clause.says} {clause.ruling}".strip()
        unchecked = (
            f"not checked: {clause.unchecked}" if clause.unchecked else "**none**"
        )
        rows.append((clause.id, escape(reading), ", ".join(decided) or unchecked))
    yield "In brackets: how many checks of these runs decide the requirement.\n"
    yield from table(("clause", "what it says, and the ruling", "requirements"), rows)


def _checks(streams: Sequence[Stream]) -> dict[str, set[str]]:
    """The checks of these runs by requirement."""
    checks: dict[str, set[str]] = {}
    for stream in streams:
        for record in stream.checks:
            for name in record["requirements"]:
                checks.setdefault(name, set()).add(record["scenario"])
    return checks


def _requirements(streams: Sequence[Stream], ports: Sequence[Summary]) -> Iterator[str]:
    """The table of requirements; a port fails one by a check foremost its own."""
    checks = _checks(streams)
    rows = []
    for r in REQUIREMENTS.values():
        failing = [code(p.target["target"]) for p in ports if _of(p, r.id)]
        rows.append(
            (
                f"`{r.id}`",
                r.level,
                r.profile,
                ", ".join(r.clauses),
                escape(f"{r.demands} Otherwise: {_lower(r.why)}"),
                str(len(checks.get(r.id, ()))),
                ", ".join(failing) or "-",
            )
        )
    head = (
        "requirement",
        "level",
        "profile",
        "clauses",
        "demand",
        "checks",
        "failed by",
    )
    yield from table(head, rows)


def _not_run(ports: Sequence[Summary]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for port in ports:
        for reason, names in port.skipped.items():
            text = f"{', '.join(map(code, names))}: {escape(reason)}"
            reasons.setdefault(text, []).append(code(port.target["target"]))
    for text, targets in reasons.items():
        yield f"- {', '.join(targets)}: {text}"
    if not reasons:
        yield "Everything that was claimed was run."


def _speed(bench: Mapping[str, Any] | None) -> Iterator[str]:
    if bench is None:
        yield "Not measured; `make bench` measures it."
        return
    yield f"{bench['about']}\n"
    rows = [(r["what"], r["value"], r["goal"], r["met"]) for r in bench["figures"]]
    yield from table(("what", "measured", "goal", "met"), rows)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
