"""The gate by its commands: a port that breaks, is waived, and is mended."""

import pytest
from cli_kit import cli, complains

from adagrad_conformance.reports.formats import FILES
from adagrad_conformance.reports.stream import read_stream

RIGHT = "import torch\n\n\nclass Mine(torch.optim.Adagrad):\n    pass\n"
WRONG = """\
import torch


class Mine(torch.optim.Adagrad):
    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None and p.numel() > 64:
                        p.view(-1)[64:] += 1
        return loss
"""
FEW = ["--only", "layout/any-size", "--fresh", "0", "--seed", "1", "--level", "must"]


@pytest.fixture
def port(known, tmp_path):
    def written(text):
        (tmp_path / "port.py").write_text(text)
        return f"{tmp_path}/port.py:Mine"

    return written


def test_a_regression_is_red_and_what_was_red_before_is_not(port, tmp_path):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    assert cli("run", port(RIGHT), *FEW, "--json", good).exit_code == 0
    target = port(WRONG)
    red = cli("run", target, *FEW, "--baseline", good, "--json", bad)
    assert red.exit_code == 1
    assert "against the baseline: " in red.stderr
    assert "worse (lost-pass): sizes/" in red.stderr
    again = cli("run", target, *FEW, "--baseline", bad)
    assert again.exit_code == 0
    assert "0 worse, 0 better" in again.stderr
    mended = cli("run", port(RIGHT), *FEW, "--baseline", bad)
    assert mended.exit_code == 0
    assert "better (new-pass)" in mended.stderr
    assert cli("compare", good, bad).exit_code == 1
    assert cli("compare", bad, good).exit_code == 0


def test_a_waived_failure_is_green_until_it_is_mended_or_expires(port, tmp_path):
    target, file = port(WRONG), tmp_path / "waivers.toml"
    drafted = cli("run", target, *FEW, "--write-waivers", file)
    assert drafted.exit_code == 1
    assert "fill in their reasons" in drafted.stderr
    blank = cli("run", target, *FEW, "--waivers", file)
    assert blank.exit_code == 1
    assert "has no reason" in blank.stderr
    text = file.read_text().replace('reason = ""', 'reason = "known since 1.0"')
    file.write_text(text)
    out = tmp_path / "out.jsonl"
    green = cli("run", target, *FEW, "--waivers", file, "--json", out)
    assert green.exit_code == 0
    assert green.stdout.startswith("NOT CONFORMANT")  # waived is not passed
    assert "  waived: " in green.stdout
    assert "next:" not in green.stdout
    assert cli("waivers", "check", file, out).exit_code == 0
    assert any("waived" in check for check in read_stream(out).checks)
    entry = '[[waiver]]\nid = "layout/any-size"\nreason = "known"\n'
    file.write_text(entry)
    assert cli("run", target, *FEW, "--waivers", file).exit_code == 0
    stale = cli("run", port(RIGHT), *FEW, "--waivers", file)
    assert stale.exit_code == 1
    assert "layout/any-size is not needed: all" in stale.stderr
    file.write_text(entry + "expires = 2020-01-01\n")
    expired = cli("run", port(WRONG), *FEW, "--waivers", file)
    assert expired.exit_code == 1
    assert "expired on 2020-01-01" in expired.stderr


def test_all_forms_are_written_in_one_call_and_from_a_stream(port, tmp_path):
    out = tmp_path / "out.jsonl"
    names = {name: tmp_path / f"run.{name}" for name in FILES}
    options = [text for name, path in names.items() for text in (f"--{name}", path)]
    assert cli("run", port(WRONG), *FEW, "--json", out, *options).exit_code == 1
    again = {name: tmp_path / f"report.{name}" for name in FILES}
    options = [text for name, path in again.items() for text in (f"--{name}", path)]
    told = cli("report", out, *options)
    assert told.exit_code == 0
    assert told.stdout.startswith("wrote ")
    for name, path in names.items():
        assert path.read_text() == again[name].read_text() != ""
    nowhere = tmp_path / "a" / "b"
    complains(cli("run", port(RIGHT), *FEW, "--junit", nowhere), 2, "cannot write")


def test_files_of_the_gate_that_cannot_be_used_are_one_line(port, tmp_path):
    target, file = port(RIGHT), tmp_path / "x"
    complains(cli("run", target, *FEW, "--waivers", file), 2, "cannot read", file)
    complains(cli("run", target, *FEW, "--baseline", file), 2, "cannot read", file)
    file.write_text("[[waiver]]\nid = 3\n")
    complains(cli("waivers", "check", file), 2, f"{file}:1: ")
    complains(cli("run", target, *FEW, "--write-waivers", tmp_path / "a" / "b"), 2)


def test_waivers_of_nothing_that_exists_are_told_without_a_run(known, tmp_path):
    file = tmp_path / "waivers.toml"
    file.write_text('[[waiver]]\nid = "layuot/any-size"\nreason = "x"\n')
    told = cli("waivers", "check", file)
    assert told.exit_code == 1
    first, last = told.stdout.splitlines()
    assert first.startswith(f"{file}:1: layuot/any-size names no check")
    assert first.endswith("did you mean layout/any-size?")
    assert last == "0 of 1 waivers are in order"
