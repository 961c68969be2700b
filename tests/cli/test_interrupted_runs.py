"""A killed run leaves no file; an interrupted one writes what was judged by then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_kit import PATIENCE

from adagrad_conformance.reports.stream import read_stream

# -- cut short -----------------------------------------------------------------------

#: Answers until its first step; then it says so, and holds the run up.
HANGING_PORT = """
import json, os, signal, sys
for line in sys.stdin:
    question = json.loads(line)
    if question["op"] == "event" and question["event"]["do"] == "step":
        with open(sys.argv[1] + ".part", "w") as file:
            file.write(str(os.getpid()))
        os.rename(sys.argv[1] + ".part", sys.argv[1])
        sys.stdin.read() if sys.argv[2] == "listening" else signal.pause()
        break
    ok = {}
    if question["op"] == "start":
        ok = {"protocol": 1, "name": "hangs", "version": "1", "language": "Python",
              "claims": ["binary64", "state", "eps"]}
    elif question["op"] == "begin":
        tensors = question["tensors"]
    elif question["op"] == "read":
        zero = lambda t: {**t, "bits": ["0" * len(b) for b in t["bits"]]}
        ok = {"params": {name: {"t": 0, "theta": t, "sum": zero(t)}
                         for name, t in tensors.items()}}
    print(json.dumps({"seq": question["seq"], "ok": ok}), flush=True)
"""


def held_up(tmp_path, manner):
    """A run whose port hangs at a step: (process, the port's id, its --json file)."""
    script, pid_file, out = (tmp_path / x for x in ("port.py", "pid", "out.json"))
    script.write_text(HANGING_PORT)
    port = f"exec:{sys.executable} {script} {pid_file} {manner}"
    run = subprocess.Popen(
        [sys.executable, "-m", "adagrad_conformance", "run", port, "--json", str(out),
         "--timeout", "3600", "--only", "algorithm/eps-*/binary64"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(lambda: pid_file.exists() or run.poll() is not None)
    assert run.poll() is None, run.communicate()
    return run, int(pid_file.read_text()), out


def wait_for(condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid):
    """No such process, or one that only waits to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_a_killed_run_leaves_no_file(tmp_path):
    run, port, out = held_up(tmp_path, "listening")
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert wait_for(lambda: is_gone(port))  # its standard input has ended
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "port.py"]
    assert not out.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_and_writes_what_was_judged(tmp_path, number):
    """Ctrl-C, or a CI that ends the job: also where a port hangs."""
    run, port, out = held_up(tmp_path, "deaf")
    try:
        run.send_signal(number)
        try:
            printed, errors = run.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            pytest.fail("the run goes on")
        assert run.returncode == 130
        assert errors.endswith("adagrad-conformance: interrupted\n")
        assert "Traceback" not in errors
        assert "interrupted: this is what was judged by then" in printed
        assert "CONFORMANT" not in printed
        assert wait_for(lambda: is_gone(port), 10), "its port lives on"
        stream = read_stream(out)
        assert stream.targets[0]["interrupted"]
        assert stream.footer["exit_code"] == 130
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        if not is_gone(port):
            os.kill(port, signal.SIGKILL)
