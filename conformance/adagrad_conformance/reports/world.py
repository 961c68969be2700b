"""The map: every port by theme, with its dialect, version, grade and largest error.

Themes are the chapters of the requirements; a check belongs to that of its foremost
requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adagrad_conformance.adapters import PORTS
from adagrad_conformance.unreached import UNREACHED

from .summary import Json, Summary, Theme
from .tables import code, escape, table

__all__ = ["THEMES", "map_section", "not_run_section"]

#: Theme -> the chapters of requirements (what stands before the slash) in it.
THEMES: Mapping[str, tuple[str, ...]] = {
    "numerics": ("algorithm", "numerics", "relations", "paper"),
    "None and zero": ("none-vs-zero", "zero-grad", "gradients"),
    "maximize": ("maximize",),
    "lr_decay": ("lr-decay",),
    "weight decay": ("weight-decay",),
    "groups": ("groups", "parameters", "closure"),
    "state": ("state-dict",),
    "layout": ("layout",),
    "special values": ("special-values",),
    "sparse and complex": ("sparse", "complex"),
    "torch's own": ("torch",),
}

_EXPLAINED = """\
Each port is judged by the dialect that it declares, from its own documentation: a \
failure is where it does not keep its word. "By the document" is how many of the same \
checks it would pass as plain Adagrad. A cell has the worst grade at MUST, the largest \
error of passed checks in ulp at scale (by the document alone), and failures at MUST \
(✗) and findings at SHOULD (!) if any; a dash where nothing of the theme is claimed.
"""


def map_section(ports: Sequence[Summary], dates: Mapping[str, str]) -> Iterator[str]:
    """The table; `dates` tells when a recorded port was run, by target."""
    yield _EXPLAINED
    head = ("port", "version", "language", "dialect", "verdict", "MUST passed")
    rows = [_row(port, dates) for port in ports if not port.target.get("problem")]
    yield from table((*head, "by the document", *THEMES, "run on"), rows)
    languages = sorted({_language(p.target) for p in ports if "language" in p.target})
    yield f"\n{len(rows)} ports in {len(languages)} languages: {', '.join(languages)}."


def _row(port: Summary, dates: Mapping[str, str]) -> tuple[str, ...]:
    target, total = port.target, port.total
    must = total.judged_at("MUST")
    return (
        code(target["target"]),
        escape(target["version"]),
        escape(target["language"]),
        escape(target.get("dialect", "document")),
        f"**{port.verdict.lower()}**",
        f"{must - total.failed} of {must}",
        _by_document(target, must - total.failed, must),
        *(_cell(_theme(port, chapters)) for chapters in THEMES.values()),
        dates.get(target["target"], "here"),
    )


def _by_document(target: Json, passed: int, judged: int) -> str:
    found = target.get("by_document")
    return f"{found['passed']} of {found['judged']}" if found else "as before"


def _language(target: Json) -> str:
    """The language without what stands in brackets: Python (JAX) is Python."""
    return escape(str(target["language"]).split("(")[0].strip())


def _theme(port: Summary, chapters: tuple[str, ...]) -> Theme:
    records = [r for r in port.records if _chapter(r) in chapters]
    return Theme("", records)


def _chapter(record: Json) -> str:
    return str(record["requirement"] or "").split("/")[0]


def _cell(theme: Theme) -> str:
    if not theme.judged_at():
        return "–"
    marks = f" ✗{theme.failed}" * bool(theme.failed)
    marks += f" !{theme.findings}" * bool(theme.findings)
    numbers = [x for x in (theme.worst_grade, theme.max_error) if x != "-"]
    return (" ".join(numbers) or "pass") + marks


def not_run_section(ports: Sequence[Summary]) -> Iterator[str]:
    """Ports that could not be judged, are not in these streams, or were never had."""
    rows: list[tuple[str, str]] = []
    for port in ports:
        if problem := port.target.get("problem"):
            rows.append((code(port.target["target"]), escape(problem)))
    seen = {port.target["target"] for port in ports}
    rows += [
        (code(name), _how(entry.environment))
        for name, entry in PORTS.items()
        if name not in seen
    ]
    rows += [(name, escape(why)) for name, why in UNREACHED.items()]
    yield from table(("port", "why not"), rows) if rows else ["All were run."]


def _how(environment: str) -> str:
    if not environment:
        return "not in these streams"
    build = code(f"adagrad-conformance ports build {environment}")
    return f"not in these streams; {build} makes what it needs"
