"""The findings most worth sending: each as a text that is ready for the maintainers.

A text is made of a fault's script: its title, the promise, what is expected and seen
stand at its head, in the words of the port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adagrad_conformance.reports.summary import Summary
from adagrad_conformance.reports.tables import escape
from adagrad_conformance.reproducers.writing import file_name

__all__ = [
    "WORTH_SENDING",
    "Finding",
    "ScriptHead",
    "finding_texts",
    "findings_of_ports",
]

#: (port, id of the fault), the gravest first: wrong numbers without an error, in what
#: is used most.
WORTH_SENDING = (
    ("torch/fused", "strides-ignored"),
    ("torch/compiled", "scalar-float64-not-accumulated"),
    ("torch/zero-redundancy", "loaded-dict-emptied"),
    ("keras/tensorflow", "duplicates-not-merged"),
    ("fbgemm/row-wise", "weight-decay-ignored"),
    ("dgl/distributed", "root-kept-as-sum"),
    ("tfjs", "accumulators-by-position"),
    ("mindspore/experimental", "narrow-params-stand-still"),
    ("pennylane", "default-stepsize"),
    ("libtorch", "added-group-not-stepped"),
)
#: The parts of a script's head, in the order of a text.
_PARTS = ("Promise", "Expected", "Seen", "Install")
#: The language of a script for a reader's eyes, by its suffix.
_LANGUAGES = {".py": "python", ".mjs": "javascript", ".cpp": "cpp"}


@dataclass(frozen=True)
class ScriptHead:
    """What stands at the head of a fault's script."""

    title: str
    parts: Mapping[str, str]  #: Promise, Expected, Seen and Install

    @classmethod
    def of(cls, text: str) -> ScriptHead:
        """Read it from a docstring or from the first comment of a script."""
        if text.startswith('"""'):
            head = text[3:].partition('"""')[0]
        else:
            lines = (re.match(r"//\s?(.*)", line) for line in text.splitlines())
            head = "\n".join(_leading(lines))
        title, _, rest = head.partition("\n")
        marks = "|".join(_PARTS)
        found = re.split(rf"^({marks}): ", rest, flags=re.M)
        parts = dict(zip(found[1::2], found[2::2], strict=True))
        return cls(title.strip(), {name: _plain(part) for name, part in parts.items()})


def _leading(lines: Iterator[re.Match[str] | None]) -> Iterator[str]:
    for line in lines:
        if line is None:
            return
        yield line[1]


def _plain(part: str) -> str:
    """A part of the head in one line."""
    return " ".join(part.split())


@dataclass(frozen=True)
class Finding:
    """A confirmed fault that is worth sending."""

    port: str
    version: str
    language: str
    fault: Mapping[str, str]  #: as in the record of its port

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{file_name(self.port)}-{self.fault['id']}.md"


def findings_of_ports(ports: Sequence[Summary]) -> list[Finding]:
    """Those of these ports, the gravest first."""
    known = {port.target["target"]: port.target for port in ports}
    found = []
    for name, fault_id in WORTH_SENDING:
        target = known.get(name, {})
        for fault in target.get("faults", ()):
            if fault["id"] == fault_id and fault["confirmed"]:
                version, language = target["version"], target["language"]
                found.append(Finding(name, version, language, fault))
    return found


def finding_texts(findings: Sequence[Finding], records: Path) -> Mapping[str, str]:
    """Text by name of its file; `records` is the folder that holds the scripts."""
    return {
        finding.name: "\n".join(_text(finding, records)) + "\n" for finding in findings
    }


def _text(finding: Finding, records: Path) -> Iterator[str]:
    path = records / finding.fault["script"]
    script = path.read_text(encoding="utf-8")
    head = ScriptHead.of(script)
    yield f"# {head.title}\n"
    yield f"{escape(finding.port)} {escape(finding.version)}, {finding.language}.\n"
    for name, title in (
        ("Promise", "What is promised"),
        ("Expected", "What is expected"),
        ("Seen", "What is seen"),
    ):
        yield f"## {title}\n"
        yield f"{head.parts[name]}\n"
    yield "## Where\n"
    yield f"{finding.fault['place']}.\n"
    yield "## To see it\n"
    yield f"{head.parts['Install']}\n"
    yield "The script ends in an error; with `--control` a right implementation takes"
    yield "the place of this one, and it ends well.\n"
    yield f"```{_LANGUAGES.get(path.suffix, '')}\n{script.rstrip()}\n```"
