"""What is printed and returned where users leave the standard streams otherwise."""

import os
import shlex
import subprocess
import sys

import pytest

COMMAND = f"{shlex.quote(sys.executable)} -m adagrad_conformance"
FEW = "run numpy --only 'algorithm/eps-outside-root*' --fresh 0 --seed 1"
HANGS = """\
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter


class Hangs(NumpyAdapter):
    def step(self, *given, **more):
        import threading

        threading.Event().wait()
"""


def shell(line, **environment):
    """A command line as bash runs it: its exit code, and what it wrote."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )


def test_a_reader_that_ends_early_does_not_change_the_verdict():
    for form in ("", "-v", "--format jsonl"):
        ran = shell(f"{COMMAND} {FEW} {form} | head -1")
        assert (ran.returncode, ran.stderr) == (0, ""), form
        assert len(ran.stdout.splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed):
    ran = shell(f"{COMMAND} {FEW} {closed}")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_narrow_locale_gets_all_lines():
    narrow = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    wide = shell(f"{COMMAND} explain ALG-6")
    ran = shell(f"{COMMAND} explain ALG-6", PYTHONIOENCODING="ascii", **narrow)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout.splitlines()) == len(wide.stdout.splitlines())
    assert ran.stdout.isascii()


def test_a_stream_that_cannot_be_written_does_not_lose_the_report():
    ran = shell(f"{COMMAND} {FEW} --json /dev/full")
    assert ran.returncode == 2
    assert "MUST checks pass" in ran.stdout
    assert ran.stderr.startswith("adagrad-conformance: cannot write /dev/full: ")
    assert len(ran.stderr.splitlines()) == 1


def test_a_hanging_port_is_told_before_the_next_check_hangs(tmp_path):
    (tmp_path / "port.py").write_text(HANGS)
    target = f"{tmp_path}/port.py:Hangs"
    line = f"{COMMAND} {FEW.replace('numpy', target)} --timeout 2 --level must"
    ran = shell(line)
    assert ran.returncode in (1, 3, 4)
    assert "timeout" in ran.stderr + ran.stdout
