"""Every claim of a published port has evidence, and a table that lacks some is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adagrad_conformance.adapters.claims import CLAIMS
from adagrad_conformance.adapters.evidence.reading import (
    KINDS,
    EvidenceError,
    evidence_of,
    read_table,
)
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reports.stream import read_stream
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.switches import SWITCHES

STREAMS = Path(__file__).resolve().parents[2] / "ports" / "streams"
#: The suite's own, which are bound by the document as a whole.
OWN = {name for name in PORTS if name == "numpy" or name.startswith("own/")}
PUBLISHED = sorted(set(PORTS) - OWN)
RECORDED = {
    target["target"]: target
    for path in sorted(STREAMS.glob("*.jsonl.gz"))
    for target in read_stream(path).targets
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_port_has_evidence(name):
    port = evidence_of(name)
    assert port is not None
    assert port.rows
    for of, row in port.rows.items():
        switch, _, value = of.partition("=")
        if value:
            assert value in SWITCHES[switch].others, of
        elif not of.startswith("constant:"):
            assert of in CLAIMS
        assert row.kind in KINDS
        for text in (row.words, row.title, row.version, row.place):
            assert text.strip(), of
        assert len(row.words) <= 200, of


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n in RECORDED])
def test_all_that_a_port_declares_has_a_row(name):
    """Claims, constants, and the switches of its dialect, as it was recorded."""
    port, target = evidence_of(name), RECORDED[name]
    wanted = {
        *target["claims"],
        *(f"constant:{option}" for option in target["constants"]),
        *("=".join(change) for change in DIALECTS[target["dialect"]].changes),
    }
    assert wanted <= set(port.rows), sorted(wanted - set(port.rows))


def test_the_own_ports_have_no_evidence():
    assert not any(map(evidence_of, OWN))


GOOD = """
[[ports]]
names = ["a", "b"]
standing = "published"

[sources.page]
title = "The manual"
version = "1.0"
place = "https://example.org/manual"

[[evidence]]
of = ["sparse", "eps"]
kind = "promised"
source = "page"
section = "Arguments"
words = "rows may be sparse"

[[evidence]]
of = ["eps"]
kind = "source"
source = "page"
section = "step"
words = "eps is a field"
ports = ["b"]
"""


def table(tmp_path, text):
    path = tmp_path / "table.toml"
    path.write_text(text)
    return read_table(path)


def test_a_row_for_some_ports_stands_before_one_for_all(tmp_path):
    found = table(tmp_path, GOOD)
    assert found["a"].rows["eps"].kind == "promised"
    assert found["b"].rows["eps"].kind == "source"
    assert found["a"].chosen_by_source(frozenset({"eps", "sparse"})) == []
    assert found["b"].chosen_by_source(frozenset({"eps", "sparse"})) == ["eps"]
    cited = found["b"].rows["sparse"].cited
    assert cited == "rows may be sparse (The manual, 1.0, Arguments)"


def test_what_the_suite_looks_by_binds_nobody(tmp_path):
    text = GOOD.replace('of = ["eps"]', 'of = ["state"]')
    assert table(tmp_path, text)["b"].chosen_by_source(frozenset({"state"})) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[ports]]", "[[port]]", "unknown table 'port'"),
        ('standing = "published"', 'standing = "old"', "unknown standing 'old'"),
        ('standing = "published"', 'standing = "private"', "lacks 'why'"),
        ('standing = "published"', "", "ports lacks 'standing'"),
        ('kind = "source"', 'kind = "rumour"', "unknown kind 'rumour'"),
        ('source = "page"', 'source = "book"', "no source 'book'"),
        ('section = "step"', "", "lacks 'section'"),
        ('section = "step"', 'section = "s"\nmore = 1', "unknown key 'more'"),
        ('ports = ["b"]', 'ports = ["c"]', "no port 'c' here"),
        ('place = "https', 'plaice = "https', "source page lacks 'place'"),
        ("[[evidence]]", "[[evidence", "table.toml: "),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path, old, new, words):
    with pytest.raises(EvidenceError, match="table") as caught:
        table(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(caught.value)
