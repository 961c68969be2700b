"""What commands write: whole or not at all, and never a verdict by accident."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import PATIENCE, QUICK, cli, command, complains

# -- writing -------------------------------------------------------------------------


def test_a_json_file_in_no_folder(known, tmp_path):
    path = tmp_path / "no" / "out.json"
    complains(cli("run", "numpy", *QUICK, "--json", path), 2, path, "no folder")


def test_a_json_file_that_is_a_folder(known, tmp_path):
    complains(cli("run", "numpy", *QUICK, "--json", tmp_path), 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_path_is_found_before_anything_is_played(known, tmp_path):
    marker = tmp_path / "played"
    port = f"exec:touch {marker}"
    cli("run", port, *QUICK, "--json", tmp_path / "no" / "out.json")
    assert not marker.exists()


@pytest.fixture
def full_device(tmp_path):
    """A device that is always full, of our own where that is allowed."""
    path = tmp_path / "full"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        path.unlink(missing_ok=True)
        if os.geteuid() == 0 or not Path("/dev/full").is_char_device():
            pytest.skip("no full device that could not be harmed")
        return Path("/dev/full")
    return path


def test_a_full_device_as_json_file(known, full_device):
    """It is written to, never replaced by a file."""
    folder = sorted(full_device.parent.iterdir())
    result = cli("run", "numpy", *QUICK, "--format", "quiet", "--json", full_device)
    assert full_device.is_char_device()
    complains(result, 2, full_device)
    assert sorted(full_device.parent.iterdir()) == folder


def limit_file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


@pytest.mark.parametrize("before", [None, "old"])
def test_a_disk_that_fills_up_leaves_nothing_half_written(tmp_path, before):
    out = tmp_path / "out.json"
    if before:
        out.write_text(before)
    args = ("run", "numpy", *QUICK, "--format", "quiet", "--json", out)
    ran = command(*args, preexec_fn=limit_file_size)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert str(out) in ran.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
        {"out.json": before} if before else {}
    )


@pytest.mark.parametrize(
    "args",
    [
        ["list", "scenarios"],
        ["run", "numpy", *QUICK],
        ["run", "numpy", *QUICK, "--format", "jsonl"],
    ],
    ids=["list", "run", "jsonl"],
)
def test_a_full_standard_output_is_no_verdict(args):
    """Exit code 1 would say that the port is wrong."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("no full device here")
    line = [sys.executable, "-m", "adagrad_conformance", *args]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE
        )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 2
    assert "No space left" in ran.stderr
