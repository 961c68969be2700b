"""REPORT.md: what was found of all ports, and how far it can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reports.figures.fault_power import fault_section
from adagrad_conformance.reports.figures.profile_power import profile_table
from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Summary, summaries
from adagrad_conformance.reports.tables import code, escape, table
from adagrad_conformance.reproducers.writing import file_name

from .finding_page import findings_of_ports
from .measured_page import Figures, measured_sections
from .port_map import (
    faults_section,
    is_apart,
    map_section,
    not_run_section,
    verdicts_section,
)
from .port_page import findings_lines, found_lines
from .requirement_page import requirement_sections

__all__ = [
    "FINDINGS",
    "MEASURED",
    "REQUIREMENTS_PAGE",
    "ports_of",
    "report_text",
    "write_markdown",
]

#: The pages beside those of ports.
REQUIREMENTS_PAGE, MEASURED = "requirements.md", "measured.md"
#: The folder beside the pages that has the texts to send.
FINDINGS = "findings"
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
_PORTS = """\
Each port is judged by the dialect that it declares and by what it promises in its own
documentation. A published port *breaks its own word* only by faults that a script in
its own words confirms; the page of a port has the promise, the place, what was seen and
the script of each, and all that was judged.
"""


def write_markdown(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write the report on all streams; short where there are pages behind it."""
    figures = {name: supplements.figures.get(name) for name in _FIGURES}
    text = report_text(streams, figures, supplements.scripts, supplements.pages)
    out.write(text)


def report_text(
    streams: Sequence[Stream],
    figures: Figures | None = None,
    scripts: Mapping[tuple[str, str], str] | None = None,
    pages: str | None = None,
) -> str:
    """The report; `figures` are what `make` of these names wrote, if it was run.

    `scripts` are the paths of reproducers by target and requirement.  `pages` is the
    way to the folder of pages; without it all that they hold stands in the report.
    Where a target is in several streams, the first one counts.
    """
    ports, dates = ports_of(streams)
    measured = figures or {}
    lines = [_INTRO, *_setting(streams)]
    if pages is None:
        lines += _whole(streams, ports, dates, measured, scripts or {})
    else:
        lines += _short(ports, measured, pages)
    return "\n".join(lines).rstrip() + "\n"


def _short(ports: Sequence[Summary], figures: Figures, pages: str) -> Iterator[str]:
    yield "## What was found\n"
    yield from _sentences(ports, figures, pages)
    yield "\n## How far it can be trusted\n"
    yield from _trust(figures, pages)
    yield "\n## Ports\n"
    yield _PORTS
    yield from _port_table(ports, pages)
    yield "\n## The map\n"
    yield from map_section(ports)
    yield "\n## The findings most worth sending\n"
    yield from _worth_sending(ports, pages)
    yield "\n## Not run here\n"
    yield from not_run_section(ports)


def _worth_sending(ports: Sequence[Summary], pages: str) -> Iterator[str]:
    """A line each; the texts stand beside the pages."""
    folder = f"{pages}/../{FINDINGS}".replace("pages/../", "")
    for number, finding in enumerate(findings_of_ports(ports), 1):
        title = escape(finding.fault["title"])
        yield f"{number}. {code(finding.port)}: [{title}]({folder}/{finding.name})"


def _whole(
    streams: Sequence[Stream],
    ports: Sequence[Summary],
    dates: Mapping[str, str],
    figures: Figures,
    scripts: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    yield "## Verdicts\n"
    yield from verdicts_section(ports, dates)
    yield "\n## Faults of published ports\n"
    yield from faults_section(ports)
    yield "\n## The map\n"
    yield from map_section(ports)
    yield "\n## Failures and findings\n"
    yield from list(findings_lines(ports, scripts)) or ["None."]
    yield "\n## Causes\n"
    causes = [
        f"- {code(port.target['target'])}\n"
        + "\n".join(f"  {line}" for line in found_lines(port))
        for port in ports
        if port.faults
    ]
    yield from causes or ["No cause is on record."]
    yield "\n## Not run here\n"
    yield from not_run_section(ports)
    yield "\nChecks that could not be run on a port:\n"
    yield from _not_run(ports)
    yield ""
    yield from requirement_sections(streams, ports)
    yield ""
    yield from measured_sections(figures)


def ports_of(streams: Sequence[Stream]) -> tuple[list[Summary], dict[str, str]]:
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


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _setting(streams: Sequence[Stream]) -> Iterator[str]:
    for stream in streams[:1]:
        env = stream.header["environment"]
        yield (
            f"Suite {stream.header['suite']}, "
            f"vectors `{stream.header['vectors'][:16]}`, seed {stream.header['seed']}; "
            f"Python {env['python']} on {env['system']} {env['machine']}, "
            f"mpmath {env['mpmath']}, NumPy {env['numpy']}.\n"
        )


# -- the short report ------------------------------------------------------------------


def _sentences(ports: Sequence[Summary], figures: Figures, pages: str) -> Iterator[str]:
    """What was found, a sentence a line."""
    counted = [port for port in ports if not is_apart(port)]
    languages = {
        str(port.target.get("language", "")).partition("(")[0].strip()
        for port in counted
    }
    checks = sum(port.total.judged_at() for port in counted)
    yield (
        f"- {len(counted)} ports in {len(languages - {''})} languages were asked "
        f"{checks:,} checks."
    )
    stands = Counter(port.stands for port in counted)
    for word, count in stands.most_common():
        yield f"- {count} {_ARE.get(word, word)}."
    faults = [f for port in ports for f in port.target.get("faults", ())]
    shown = sum(fault["confirmed"] for fault in faults)
    yield f"- {shown} faults of published ports are confirmed by a script each."
    loose = sum(len(port.unconfirmed) for port in counted)
    yield f"- {loose} failures at MUST have no such script, and make no verdict."
    if power := figures.get("power"):
        caught = sum(bool(row.get("caught_at")) for row in power["mutants"])
        yield f"- Of {len(power['mutants'])} wrong ports {caught} are caught."
    if soundness := figures.get("soundness"):
        total = soundness["total"]
        yield (
            f"- Of {total['checks']:,} checks of right programs {total['outside']:,} "
            "accuse one."
        )
    yield (
        f"- What is demanded, clause by clause, and the ports that fail it stand in "
        f"[{pages}/{REQUIREMENTS_PAGE}]({pages}/{REQUIREMENTS_PAGE})."
    )


#: Verdict words as parts of a sentence.
_ARE = {
    "right": "are right",
    "differs by design": "differ by design, and keep the word of their dialect",
    "breaks its own word": "break their own word",
    "unconfirmed": "fail in a way that no script confirms yet",
    "too little was judged": "could be judged too little",
}


def _trust(figures: Figures, pages: str) -> Iterator[str]:
    """Power by profile, faults, and soundness; the rest stands on a page."""
    power, soundness = figures.get("power"), figures.get("soundness")
    if power and "profiles" in power:
        yield "Wrong ports that have little are caught too (`make power`):\n"
        yield from profile_table(power["profiles"])
    if power and "faults" in power:
        yield from ("", "### One bug in, one fault out (`make power`)", "")
        yield from fault_section(power["faults"])
    if soundness:
        yield ""
        total = soundness["total"]
        yield (
            f"Right programs (`make soundness`): {total['checks']:,} checks, "
            f"{total['outside']:,} outside, seed {soundness['seed']}."
        )
    if not power or not soundness:
        yield "Not all was measured; `make power` and `make soundness` do so."
    yield f"\nAll figures: [{pages}/{MEASURED}]({pages}/{MEASURED})."


def _port_table(ports: Sequence[Summary], pages: str) -> Iterator[str]:
    """One row a port."""
    head = ("port", "stands", "faults", "dialect", "version", "MUST passed")
    rows = []
    for port in ports:
        target, total = port.target, port.total
        name = target["target"]
        link = f"[{code(name)}]({pages}/{file_name(name)}.md)"
        if problem := target.get("problem"):
            rows.append((link, escape(problem), "", "", "", ""))
            continue
        must = total.judged_at("MUST")
        stands = port.stands + (f" ({target['standing']})" if is_apart(port) else "")
        rows.append(
            (
                link,
                stands,
                ", ".join(escape(name) for name in _fault_names(port)),
                escape(target.get("dialect", "document")),
                escape(target["version"]),
                f"{must - total.failed} of {must}",
            )
        )
    yield from table(head, rows)


def _fault_names(port: Summary) -> Iterator[str]:
    """Confirmed faults of published ports, or what was found of others."""
    confirmed = [f["id"] for f in port.target.get("faults", ()) if f["confirmed"]]
    yield from confirmed or [fault["fault"] for fault in port.faults]


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
