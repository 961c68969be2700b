"""One port: its verdict, faults, findings, promises, and what was not judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from adagrad_conformance.adapters.evidence.reading import KINDS, evidence_of
from adagrad_conformance.evaluation.conclusion import basis_lines
from adagrad_conformance.reports.summary import Finding, Summary
from adagrad_conformance.reports.tables import code, escape, table

from .requirement_page import demanded

__all__ = ["findings_lines", "found_lines", "port_page"]

#: So many ids of checks that could not be run are listed.
_LISTED = 8


def port_page(
    port: Summary, date: str, scripts: Mapping[tuple[str, str], str], records: str
) -> Iterator[str]:
    """The lines of a page; `records` is the way from it to the folder of records."""
    target = port.target
    yield f"# {code(target['target'])}\n"
    if problem := target.get("problem"):
        yield f"**{port.stands}**: {escape(problem)}"
        return
    total = port.total
    must = total.judged_at("MUST")
    yield f"**{port.stands}**: {must - total.failed} of {must} checks at MUST pass.\n"
    about = [f"{target['name']} {target['version']}", target["language"], f"run {date}"]
    yield f"- {', '.join(map(escape, about))}"
    if target.get("departs"):
        words = escape("; ".join(target["departs"]))
        by = target.get("by_document")
        plain = f"; by the document {by['passed']} of {by['judged']}" if by else ""
        yield f"- judged by its dialect {code(target['dialect'])}: {words}{plain}"
    if target.get("played"):
        yield f"- played {escape(target['played'])}"
    if "basis" in target:
        yield from (f"- {escape(line)}" for line in basis_lines(target["basis"]))
    yield from _confirmed(port, records)
    if port.faults:
        yield "\n## Causes\n"
        yield from found_lines(port)
    yield from _loose(port)
    if port.findings:
        yield "\n## Failures and findings\n"
        yield from findings_lines([port], scripts)
    yield from _promises(target["target"])
    yield from _not_judged(port)


def _confirmed(port: Summary, records: str) -> Iterator[str]:
    """Faults, each confirmed by a script in the words of the port."""
    faults = port.target.get("faults", ())
    if not faults:
        return
    yield "\n## Faults\n"
    for fault in faults:
        checks = sum(r.get("fault") == fault["id"] for r in port.records)
        yield f"### {escape(fault['id'])}\n"
        yield f"{_sentence(fault['title'])} It shows in {checks} checks.\n"
        yield f"- promised: {escape(fault['promise'])}"
        yield f"- where: {escape(fault['place'])}"
        yield f"- seen: {escape(fault['seen'])}"
        script = f"[{escape(fault['script'])}]({records}/{fault['script']})"
        if not fault["confirmed"]:
            script += f", not confirmed: {escape(fault['trouble'])}"
        yield f"- script: {script}\n"


def _sentence(text: str) -> str:
    plain = escape(text)
    return f"{plain[:1].upper()}{plain[1:]}."


def found_lines(port: Summary) -> Iterator[str]:
    """What the search for causes found."""
    for fault in port.faults:
        yield (
            f"- **{escape(fault['fault'])}** ({escape(fault['kind'])}): "
            f"{escape(fault['words'])}. {fault['complaints']:,} complaints in "
            f"{fault['checks']} checks, such as {code(fault['scenario'])}: "
            f"{escape(fault['evidence'])}"
        )


def _loose(port: Summary) -> Iterator[str]:
    """Failures at MUST that no script confirms."""
    if not port.unconfirmed:
        return
    ids = Counter(r["requirement"] or "" for r in port.unconfirmed)
    listed = ", ".join(f"{code(i)} ({n})" for i, n in ids.most_common())
    yield "\n## Unconfirmed\n"
    yield f"Failures at MUST that no script shows; they make no verdict: {listed}."
    if doubt := port.target.get("crossing"):
        yield f"Each runs {code(doubt)} of the adapter, and no passed check does."


def findings_lines(
    ports: Sequence[Summary], scripts: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """Each requirement that failed, with an example a port."""
    levels: dict[tuple[str, str], list[tuple[Summary, Finding]]] = {}
    for port in ports:
        for finding in port.findings:
            key = finding.level, finding.requirement
            levels.setdefault(key, []).append((port, finding))
    order = sorted(levels, key=lambda key: ("MUST", "SHOULD", "MAY").index(key[0]))
    for level, name in order:
        yield f"### {escape(name)} ({level})\n"
        if said := demanded(name):
            yield f"{said}\n"
        for text, targets in _alike(levels[level, name]).items():
            paths = [scripts.get((target, name)) for target in targets]
            links = [f" ([script]({path}))" if path else "" for path in paths]
            named = [code(t) + link for t, link in zip(targets, links, strict=True)]
            yield f"- {', '.join(named)}: {text}"
        yield ""


def _alike(found: Sequence[tuple[Summary, Finding]]) -> dict[str, list[str]]:
    """Findings in words, and the ports that each is true of."""
    words: dict[str, list[str]] = {}
    for port, finding in found:
        count = len(finding.records)
        text = (
            f"{count} check{'s' * (count != 1)}, such as "
            f"{code('explain ' + finding.first['scenario'])}, event "
            f"{finding.first.get('event', '-')}: {escape(finding.evidence)}"
        )
        words.setdefault(text, []).append(port.target["target"])
    return words


def _promises(name: str) -> Iterator[str]:
    """What stands behind the claims of a published port."""
    port = evidence_of(name)
    if port is None:
        return
    yield "\n## What it promises\n"
    rows = [
        (code(row.of), row.kind, escape(row.cited))
        for kind in KINDS
        for row in sorted(port.rows.values(), key=lambda row: row.of)
        if row.kind == kind
    ]
    yield from table(("claim, constant or switch", "rests on", "words"), rows)


def _not_judged(port: Summary) -> Iterator[str]:
    needed = port.not_claimed
    if not needed and not port.skipped:
        return
    yield "\n## Not judged\n"
    if needed:
        listed = ", ".join(f"{code(name)} ({count})" for name, count in needed.items())
        yield f"- not claimed (checks that need it): {listed}"
    for reason, names in port.skipped.items():
        listed = ", ".join(map(code, names[:_LISTED]))
        more = f" and {len(names) - _LISTED} more" if names[_LISTED:] else ""
        yield f"- not run: {listed}{more}: {escape(reason)}"
