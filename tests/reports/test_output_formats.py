"""Output formats: the table, and a row is all that a new one needs."""

from __future__ import annotations

import importlib
import io
import types
from pathlib import Path

import pytest
from report_kit import MIXED, check, stream, target

from adagrad_conformance import reports
from adagrad_conformance.reports.formats import FORMATS, Format, Supplements
from adagrad_conformance.reports.pages.report import report_text
from adagrad_conformance.reports.records import stream_lines
from adagrad_conformance.reports.stream import read_stream

ONE = stream([target()], MIXED)


def written(form, streams, supplements=None):
    out = io.StringIO()
    FORMATS[form].write(streams, out, supplements)
    return out.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_writer_and_says_what_it_is(name):
    form = FORMATS[name]
    module, _, function = form.writer.partition(":")
    found = importlib.import_module(f"{reports.__name__}.{module}")
    assert function in found.__all__
    assert form.about
    written(name, [ONE])


@pytest.mark.parametrize("name", [n for n, form in FORMATS.items() if form.several])
def test_a_format_of_several_streams_shows_them_all(name):
    other = stream([target("second")], [check("a/b", name="second")])
    text = written(name, [ONE, other])
    assert "port" in text
    assert "second" in text


def test_jsonl_is_the_stream(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text(written("jsonl", [ONE]))
    assert read_stream(path) == ONE
    assert path.read_text().splitlines() == list(stream_lines(ONE))


def test_checks_follow_their_target_in_a_stream():
    checks = [check("a/b", name="second"), check("a/b"), check("a/c", name="second")]
    lines = list(stream_lines(stream([target(), target("second")], checks)))
    names = ["port", "port", "second", "second", "second"]
    assert [f'"target": "{name}"' in line for name, line in
            zip(names, lines[1:-1], strict=True)] == [True] * 5  # fmt: skip


def test_quiet_is_nothing():
    assert written("quiet", [ONE]) == ""


def test_markdown_shows_what_was_measured_elsewhere():
    row = {"what": "steps", "value": "1", "goal": "2", "met": "yes"}
    bench = {"about": "Measured somewhere.", "figures": [row]}
    scripts = {("port", "algorithm/update"): "ports/x.py"}
    text = written("markdown", [ONE], Supplements({"bench": bench}, scripts))
    assert text == report_text([ONE], {"bench": bench}, scripts)
    assert "Measured somewhere." in text
    assert "([script](ports/x.py))" in text


def test_a_new_format_is_a_writer_and_its_row(monkeypatch, tmp_path):
    """It is offered by the commands, whose choices are made from the table."""
    module = types.ModuleType("adagrad_conformance.reports.counted")
    module.write_counted = lambda streams, out, _: out.write(f"{len(streams)}\n")
    monkeypatch.setitem(importlib.sys.modules, module.__name__, module)
    form = Format("how many streams there are", "counted:write_counted")
    monkeypatch.setitem(FORMATS, "counted", form)
    assert written("counted", [ONE, ONE]) == "2\n"


def test_the_table_of_formats_is_all_that_names_a_writer():
    """No command imports a writer by itself."""
    folder = Path(reports.__file__).parents[1]
    writers = {form.writer.partition(":")[2] for form in FORMATS.values()}
    for path in (folder / "cli").rglob("*.py"):
        assert not any(writer in path.read_text() for writer in writers), path
