"""The map: every port by theme, with its dialect, version, grade and largest error.

A check belongs to the theme of its foremost requirement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.adapters.unavailable import UNAVAILABLE
from adagrad_conformance.execution.status import Status
from adagrad_conformance.reports.summary import Json, Summary, Tally
from adagrad_conformance.reports.tables import code, escape, table
from adagrad_conformance.requirements.classification import Theme
from adagrad_conformance.requirements.table import REQUIREMENTS

__all__ = [
    "faults_section",
    "is_apart",
    "map_section",
    "not_run_section",
    "verdicts_section",
]

_VERDICTS = """\
Each port is judged by the dialect that it declares and by what it promises, from its \
own documentation; `explain-port NAME` cites the page for each claim. What its source \
alone does is observed and makes no verdict. A published port *breaks its own word* \
only by faults that a script in its own words confirms. "By the document" is how many \
of the same checks it would pass as plain Adagrad.
"""
_FAULTS = """\
One line a fault: the script ends in it, and the same script on a right implementation \
ends well (`ports confirm -r ports` runs both).
"""
_APART = "Not counted: private code, and code without releases."
_MAP = """\
Each cell: the worst grade at MUST, the largest error of passed checks in ulp at \
scale, by the port's dialect, where it can be measured, and failures at MUST (✗) and \
findings at SHOULD (!) if any; a dash where nothing of the theme is claimed.
"""

_DOUBT = ". Each runs `{}` of the adapter, and no passed check does: doubt that first"


def verdicts_section(
    ports: Sequence[Summary], dates: Mapping[str, str]
) -> Iterator[str]:
    """The table of verdicts; `dates` are those of recorded runs, by target."""
    yield _VERDICTS
    head = ("port", "version", "language", "dialect", "stands", "MUST passed")
    more = ("by the document", "findings at SHOULD", "not claimed", "worst grade")
    heads = (*head, *more, "largest error (ulp at scale)", "run on")
    counted = [port for port in ports if not is_apart(port)]
    for listed, about in ((counted, ""), (list(filter(is_apart, ports)), _APART)):
        if listed:
            yield f"\n{about}\n" * bool(about)
            named = ((p, p.target["target"]) for p in listed)
            rows = [_verdict(port, dates.get(name, "here")) for port, name in named]
            yield from table(heads, rows)
    languages = sorted({_language(p.target) for p in counted if "language" in p.target})
    judged = sum("problem" not in p.target for p in counted)
    yield f"\n{judged} ports in {len(languages)} languages: {', '.join(languages)}."
    stands = Counter(port.stands for port in counted)
    yield "\n" + "; ".join(f"{n} {word}" for word, n in stands.most_common()) + "."
    for port in ports:
        if played := port.target.get("played"):
            yield f"\n{code(port.target['target'])} is played {escape(played)}."


def is_apart(port: Summary) -> bool:
    """Whether it is private code, or code without releases."""
    return bool(port.target.get("standing", "published") != "published")


def faults_section(ports: Sequence[Summary], folder: str = "ports") -> Iterator[str]:
    """For each port that breaks its word: promise, place, fault and script."""
    yield _FAULTS
    rows, loose = [], []
    for port in ports:
        name = code(port.target["target"])
        for fault in port.target.get("faults", ()):
            checks = [r for r in port.records if r.get("fault") == fault["id"]]
            script = f"[{fault['id']}]({folder}/{fault['script']})"
            if not fault["confirmed"]:
                script += f", not confirmed: {escape(fault['trouble'])}"
            told = (fault["title"], fault["promise"], fault["place"], fault["seen"])
            rows.append((name, *map(escape, told), script, str(len(checks))))
        if port.unconfirmed:
            ids = Counter(r["requirement"] or "" for r in port.unconfirmed)
            listed = ", ".join(f"{code(i)} ({n})" for i, n in ids.most_common())
            doubt = port.target.get("crossing")
            loose.append(f"- {name}: {listed}{_DOUBT.format(doubt) if doubt else ''}")
    head = ("port", "fault", "promise", "place", "seen", "script", "checks")
    yield from table(head, rows) if rows else ["None in these records."]
    old = [p for p in ports if p.stands == "unconfirmed" and "faults" not in p.target]
    if old:
        names = ", ".join(code(port.target["target"]) for port in old)
        yield f"\nNo script was run for failures of {names}; `ports record` does so."
    yield "\nFailures at MUST that no fault explains; they make no verdict:\n"
    yield from loose or ["None."]


def _verdict(port: Summary, date: str) -> tuple[str, ...]:
    target, total = port.target, port.total
    if problem := target.get("problem"):
        return (code(target["target"]), *[""] * 3, escape(problem), *[""] * 6, date)
    must = total.judged_at("MUST")
    return (
        code(target["target"]),
        escape(target["version"]),
        escape(target["language"]),
        escape(target.get("dialect", "document")),
        f"**{port.stands}**",
        f"{must - total.failed} of {must}",
        _by_document(target),
        str(total.findings),
        str(total.count(None, Status.NOT_CLAIMED)),
        total.worst_grade,
        total.max_error,
        date,
    )


def map_section(ports: Sequence[Summary]) -> Iterator[str]:
    """The table of ports by themes."""
    yield _MAP
    judged = [port for port in ports if not port.target.get("problem")]
    themes = [
        theme
        for theme in Theme
        if any(_of_theme(port, theme).records for port in judged)
    ]
    rows = [
        (
            code(port.target["target"]),
            *(_cell(_of_theme(port, theme)) for theme in themes),
        )
        for port in judged
    ]
    yield from table(("port by theme", *themes), rows)


def _by_document(target: Json) -> str:
    found = target.get("by_document")
    return f"{found['passed']} of {found['judged']}" if found else "the same"


def _language(target: Json) -> str:
    """The language without its framework in brackets: Python for Python (JAX)."""
    return escape(str(target["language"]).split("(")[0].strip())


def _of_theme(port: Summary, theme: Theme) -> Tally:
    """The records of a port whose requirement belongs to the theme."""
    records = [
        record
        for record in port.records
        if (requirement := REQUIREMENTS.get(record["requirement"] or ""))
        and requirement.classification.theme == theme
    ]
    return Tally("", records)


def _cell(theme: Tally) -> str:
    if not theme.judged_at():
        return "–"
    marks = f" ✗{theme.failed}" * bool(theme.failed)
    marks += f" !{theme.findings}" * bool(theme.findings)
    numbers = [x for x in (theme.worst_grade, theme.max_error) if x != "-"]
    return (" ".join(numbers) or "pass") + marks


def not_run_section(ports: Sequence[Summary]) -> Iterator[str]:
    """The table of ports that are not in these streams, and why."""
    seen = {port.target["target"] for port in ports}
    rows = [
        (code(name), _how(entry.environment))
        for name, entry in PORTS.items()
        if name not in seen
    ]
    rows += [(name, escape(why)) for name, why in UNAVAILABLE.items()]
    yield from table(("port", "why not"), rows) if rows else ["All were run."]


def _how(environment: str) -> str:
    if not environment:
        return "not in these streams"
    build = code(f"adagrad-conformance ports build {environment}")
    return f"not in these streams; {build} makes what it needs"
