"""The guides for people name files that are there, and every package of the suite."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adagrad_conformance.reports.formats import FORMATS

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT / "conformance" / "adagrad_conformance"
#: The folders in which a path of a guide is looked for.
BASES = (SUITE, ROOT / "reference", ROOT, ROOT / "conformance", ROOT / "tests")
#: Files that are named without their folder, where the text says which one it is.
NAMES = {p.name for folder in ("conformance", "reference", "tests", "vectors")
         for p in (ROOT / folder).rglob("*.*")}  # fmt: skip
GUIDES = [
    "README.md",
    "conformance/README.md",
    "conformance/ADAPTERS.md",
    "conformance/PROTOCOL.md",
    "conformance/STREAM.md",
    "reference/README.md",
    "tests/README.md",
    "vectors/README.md",
]


def paths(text):
    """What looks like a path of ours: in backquotes, or behind a link."""
    yield from re.findall(r"`(\w[\w/.-]*(?:\.(?:py|json|md|hpp|mjs)|/))`", text)
    yield from re.findall(r"\]\((?!https?:)([^)#\s]+)", text)


@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_names_is_there(name):
    """Files that a reader makes stand in blocks of code, which are no paths of ours."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
    bases = ((ROOT / name).parent, *BASES)
    found = list(paths(text))
    assert found
    missing = [p for p in found if not any((base / p).exists() for base in bases)]
    assert {p for p in missing if p not in NAMES and "NAME" not in p} == set()


def test_the_guide_lists_every_package_and_file_on_its_floor():
    text = (ROOT / "conformance" / "README.md").read_text()
    packages = {p.parent.name + "/" for p in SUITE.glob("*/__init__.py")}
    files = {path.name for path in SUITE.glob("*.py")} - {"__init__.py", "__main__.py"}
    section = text.partition("## The packages")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w/.]+)`", section))
    assert packages | files | {"adapter_kits/"} <= named


def test_the_guide_gives_every_package_the_floor_of_the_test():
    from test_layers import FLOOR

    text = (ROOT / "conformance" / "README.md").read_text()
    rows = re.findall(r"^\| (`.*?`) \| (\d+) \|", text, flags=re.M)
    assert len(rows) > 10
    for names, floor in rows:
        for name in re.findall(r"`([\w.]+?)(?:/|\.py)`", names):
            assert FLOOR[name] == int(floor), name


def test_links_inside_the_guide_lead_to_headings():
    text = (ROOT / "conformance" / "README.md").read_text()
    headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
    anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_the_readme_names_the_formats_that_it_mentions():
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"--format (\w+)", text))
    assert named
    assert named <= set(FORMATS)
