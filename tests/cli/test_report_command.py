"""`report`: streams and figures that are read or refused, and where it writes."""

from __future__ import annotations

import json

import pytest
from cli_kit import QUICK, cli, complains

from adagrad_conformance import files

# -- report --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A real result stream."""
    path = tmp_path_factory.mktemp("results") / "out.json"
    assert cli("run", "numpy", *QUICK, "--json", path).exit_code == 0
    return path


def test_report_writes_a_file(results, tmp_path):
    out = tmp_path / "REPORT.md"
    result = cli("report", results, "-o", out)
    assert result.exit_code == 0
    assert result.output.strip() == f"wrote {out}"
    assert "`numpy`" in out.read_text()


def test_a_stream_without_footer_is_refused(results, tmp_path):
    path, out = tmp_path / "cut.json", tmp_path / "REPORT.md"
    path.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    complains(cli("report", path, "-o", out), 2, path, "no footer", "run it again")
    assert not out.exists()


def spoil_stream(lines, how):
    header = json.loads(lines[0])
    return {
        "nothing": [],
        "no header": lines[1:],
        "broken line": [*lines[:2], lines[2][:-5], *lines[3:]],
        "no record": [*lines[:2], "{}", *lines[3:]],
        "a number": [*lines[:2], "7", *lines[3:]],
        "another version": [json.dumps({**header, "stream_version": 9}), *lines[1:]],
        "two headers": [lines[0], *lines],
        "two footers": [*lines, lines[-1]],
        "an empty check": [*lines[:2], '{"record": "check"}', *lines[3:]],
        "an empty target": [lines[0], '{"record": "target"}', *lines[2:]],
        "an empty header": ['{"record": "header", "stream_version": 1}', *lines[1:]],
        "a check of nobody": [
            line.replace('"target": "numpy"', '"target": "x"') if i == 2 else line
            for i, line in enumerate(lines)
        ],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "nothing",
        "no header",
        "broken line",
        "no record",
        "a number",
        "another version",
        "two headers",
        "two footers",
        "an empty check",
        "an empty target",
        "an empty header",
        "a check of nobody",
    ],
)
def test_a_damaged_stream_is_refused(results, tmp_path, how):
    path, out = tmp_path / "bad.json", tmp_path / "REPORT.md"
    lines = spoil_stream(results.read_text().splitlines(), how)
    path.write_text("".join(line + "\n" for line in lines))
    complains(cli("report", path, "-o", out), 2, path)
    assert not out.exists()


def test_a_stream_that_is_not_there(tmp_path):
    complains(cli("report", tmp_path / "no.json"), 2, tmp_path / "no.json")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"about": 1, "figures": [{}]}'])
def test_bench_figures_that_are_none(results, tmp_path, text):
    path, out = tmp_path / "bench.json", tmp_path / "REPORT.md"
    path.write_text(text)
    complains(cli("report", results, "-o", out, "--bench", path), 2, path)


def test_a_report_in_no_folder(results, tmp_path):
    out = tmp_path / "no" / "REPORT.md"
    complains(cli("report", results, "-o", out), 2, out)


def test_a_report_that_is_a_folder(results, tmp_path):
    complains(cli("report", results, "-o", tmp_path), 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_report_is_written_whole_or_not_at_all(results, tmp_path, monkeypatch):
    out = tmp_path / "REPORT.md"
    out.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    complains(cli("report", results, "-o", out), 2, out, "No space left")
    assert [path.name for path in tmp_path.iterdir()] == ["REPORT.md"]
    assert out.read_text() == "old"


# -- formats -------------------------------------------------------------------------


def test_report_prints_again_what_run_printed(known, tmp_path):
    out = tmp_path / "out.jsonl"
    printed = cli("run", "numpy", *QUICK, "--json", out).stdout
    assert "CONFORMANT" in printed
    again = cli("report", out, "--format", "terminal")
    assert (again.exit_code, again.stdout) == (0, printed)
    file = tmp_path / "out.txt"
    wrote = cli("report", out, "--format", "terminal", "-o", file)
    assert wrote.stdout == f"wrote {file}\n"
    assert file.read_text() == printed


def test_run_prints_a_report(known, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    result = cli("run", "numpy", *QUICK, "--format", "markdown", "--json", out)
    assert result.exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert cli("report", out).stdout == result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_report_with_pages_links_to_them(results, tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "gone.md").write_text("of a port that is gone")
    out = tmp_path / "REPORT.md"
    done = cli("report", results, "-o", out, "--pages", folder)
    assert done.exit_code == 0, done.output
    text = out.read_text()
    assert "(pages/numpy.md)" in text
    names = {path.name for path in folder.iterdir()}
    assert names == {"numpy.md", "requirements.md", "measured.md"}
    assert "`numpy`" in (folder / "numpy.md").read_text()


def test_pages_need_a_report_beside_them(results, tmp_path):
    done = cli("report", results, "--pages", tmp_path / "pages")
    assert done.exit_code == 2
    assert "--pages needs" in done.stderr
    assert not (tmp_path / "pages").exists()


def test_a_recorded_stream_is_printed_without_its_count_of_checks(tmp_path, results):
    """Streams of earlier versions do not have it."""
    header, *lines = results.read_text().splitlines()
    old = json.loads(header)
    del old["checks"]
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join([json.dumps(old), *lines]))
    printed = cli("report", path, "--format", "terminal").stdout
    assert f"adagrad-conformance {old['suite']}" in printed


def test_several_streams_are_printed_one_after_the_other(results):
    printed = cli("report", results, results, "--format", "terminal").stdout
    assert printed.count("MUST checks pass") == 2
