"""The short report, and the pages behind it: of the records that are kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from report_kit import HOSTILE, MIXED, check, stream, target

from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.pages.finding_page import (
    WORTH_SENDING,
    ScriptHead,
    finding_texts,
    findings_of_ports,
)
from adagrad_conformance.reports.pages.report import ports_of, report_text
from adagrad_conformance.reports.pages.writing import page_texts
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.reproducers.writing import file_name

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "ports"
#: What REPORT.md may hold, so that it is read.
LARGEST = 40_000


@pytest.fixture(scope="module")
def streams():
    return [read_stream(path) for path in sorted(RECORDS.glob("streams/*.jsonl.gz"))]


@pytest.fixture(scope="module")
def figures():
    names = ("bench", "power", "soundness")
    return {n: json.loads((ROOT / "bench" / f"{n}.json").read_text()) for n in names}


def links(text):
    return re.findall(r"\]\(([^)#]+)\)", text)


def test_the_report_is_short_and_says_first_what_was_found(streams, figures):
    text = report_text(streams, figures, {}, "ports/pages")
    assert len(text.encode()) <= LARGEST
    found = text.partition("## What was found\n")[2].partition("\n## ")[0]
    assert 5 <= len(found.strip().splitlines()) <= 12
    order = [text.index(f"\n## {title}") for title in (
        "What was found", "How far it can be trusted", "Ports", "The map",
        "The findings most worth sending",
    )]  # fmt: skip
    assert order == sorted(order)


def test_every_link_of_the_report_leads_to_a_page(streams, figures):
    pages = page_texts(streams, Supplements(figures), "..")
    text = report_text(streams, figures, {}, "ports/pages")
    findings = {f.name for f in findings_of_ports(ports_of(streams)[0])}
    for link in links(text):
        folder, _, name = link.rpartition("/")
        known = {"ports/pages": pages, "ports/findings": findings}
        if not link.startswith("http"):
            assert name in known[folder], link
    for each in streams:
        name = file_name(each.targets[0]["target"])
        assert f"(ports/pages/{name}.md)" in text
        assert pages[f"{name}.md"].count("\n# ") == 1


def test_scripts_that_pages_link_to_are_there(streams):
    for text in page_texts(streams, Supplements(), "..").values():
        for link in links(text):
            if link.startswith("../faults"):
                assert (RECORDS / link.removeprefix("../")).is_file(), link


def test_a_page_holds_whatever_a_port_answers():
    odd = [check("a/b", "fail", message=HOSTILE, observed=HOSTILE)]
    port = target(HOSTILE, version=HOSTILE, language=HOSTILE)
    texts = page_texts(
        [stream([port], [{**r, "target": HOSTILE} for r in odd + MIXED])],
        Supplements(),
        "..",
    )
    (text,) = (t for name, t in texts.items() if name not in (
        "requirements.md", "measured.md",
    ))  # fmt: skip
    plain = re.sub(r"`[^`\n]*`", "", text)
    assert "<c>" not in plain
    assert "[e](f)" not in plain


# -- findings --------------------------------------------------------------------------


def test_findings_are_confirmed_and_whole(streams):
    found = findings_of_ports(ports_of(streams)[0])
    assert len(found) >= 8
    for name, text in finding_texts(found, RECORDS).items():
        for title in ("promised", "expected", "seen"):
            section = text.partition(f"## What is {title}\n")[2].partition("\n## ")[0]
            assert len(section.strip()) > 20, (name, title)
        assert "adagrad_conformance" not in text
        assert len(text.encode()) < 6_000
        assert text.count("```") == 2


@pytest.mark.parametrize(("port", "fault"), WORTH_SENDING)
def test_each_finding_has_a_script_with_a_head(port, fault):
    folder = RECORDS / "faults" / file_name(port)
    (path,) = folder.glob(f"{fault}.*")
    head = ScriptHead.of(path.read_text())
    assert head.title.endswith(".")
    assert set(head.parts) == {"Promise", "Expected", "Seen", "Install"}
    assert re.search(r"\d", head.parts["Expected"]), "no number is expected"


def test_an_unconfirmed_fault_is_not_sent(streams):
    ports, _ = ports_of(streams)
    name, _ = WORTH_SENDING[0]
    port = next(p for p in ports if p.target["target"] == name)
    faults = [{**f, "confirmed": False} for f in port.target["faults"]]
    changed = [stream([{**port.target, "faults": faults}], port.records)]
    assert findings_of_ports(ports_of(changed)[0]) == []


def test_the_texts_in_the_folder_are_those_of_the_records(streams):
    found = finding_texts(findings_of_ports(ports_of(streams)[0]), RECORDS)
    kept = {path.name: path.read_text() for path in (RECORDS / "findings").glob("*.md")}
    assert kept == found
