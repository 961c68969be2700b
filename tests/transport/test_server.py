"""The server of Python adapters, and how a process is launched."""

from __future__ import annotations

import json
import os
import subprocess
from types import SimpleNamespace

import pytest
from process_kit import (
    HOST,
    NEVER,
    is_gone,
    liar,
)

from adagrad_conformance.adapters.base import (
    Refused,
)
from adagrad_conformance.transport import (
    server as host,
)
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.subprocess_client import SubprocessClient


def test_host_answers_in_order_whatever_comes():
    """Questions in one piece, questions in pieces, and the end of the input."""
    questions = [{"seq": 1, "op": "start", "protocol": 1}]
    questions += [{"seq": i, "op": "begin", "tensors": {}} for i in range(2, 9)]
    text = "".join(json.dumps(question) + "\n" for question in questions).encode()
    port = subprocess.Popen(HOST, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for piece in (text[:90], text[90:100], text[100:]):
        port.stdin.write(piece)
        port.stdin.flush()
    answers, _ = port.communicate(timeout=NEVER)
    assert [json.loads(x)["seq"] for x in answers.splitlines()] == list(range(1, 9))
    assert port.returncode == 0


def test_answers_wait_for_company_but_not_long(monkeypatch):
    """The runner counts time for each answer; a slow step must not hold up others."""
    now = 0.0
    monkeypatch.setattr(host, "time", SimpleNamespace(monotonic=lambda: now))
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    os.set_blocking(out_read, False)

    def sent():
        try:
            return os.read(out_read, 100)
        except BlockingIOError:
            return b""

    answers = host._Answers(out_write)
    lines = host._lines(in_read, answers)
    os.write(in_write, b"1\n2\n3\n4\n5")
    seen = []
    for duration in (0.0, 0.01, 40.0, 40.0):
        line = next(lines)
        now += duration
        answers.write(line)
        seen.append(sent())
    assert seen == [b"", b"", b"123", b"4"]
    os.write(in_write, b"6\n7\n")
    now += 1000.0  # time spent waiting for input does not count
    answers.write(next(lines))
    assert sent() == b""
    answers.write(next(lines))
    os.close(in_write)
    assert list(lines) == []
    assert sent() == b"567"


def test_launched_process_is_greeted_once(pids):
    candidate = liar("obey()")
    candidate.launch()
    (pid,) = pids
    assert candidate.start().name == "liar"
    assert candidate.child.process.pid == pid
    assert candidate.start().name == "liar"  # again: a new one
    assert len(pids) == 2
    assert is_gone(pid)
    candidate.close()


@pytest.mark.parametrize("policy", [None, "ACTIVE"])
def test_waiting_threads_give_way_unless_told_otherwise(started, monkeypatch, policy):
    """A step of two sparse rows costs 15 ms where they do not."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if policy:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    candidate = started("hear(); say(seq=2, refused=os.environ['OMP_WAIT_POLICY'])")
    with pytest.raises(Refused, match=policy or "PASSIVE"):
        candidate.begin({})


def test_launch_of_what_cannot_be_run():
    candidate = SubprocessClient(("no-such-command-anywhere",), NEVER)
    for go in (candidate.launch, candidate.start):
        with pytest.raises(NotLoaded, match="cannot start"):
            go()
