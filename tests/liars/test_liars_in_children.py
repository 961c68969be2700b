"""Liars in child processes, and what a child can learn from what it is told."""

from __future__ import annotations

import json
import sys

import pytest
from liar_kit import library, scenarios

from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.subprocess_client import SubprocessClient


def child(script):
    """A Python program that serves the NumPy adapter after `script`."""
    text = f"""
import sys
sys.argv = ["host", "numpy"]
from adagrad_conformance.transport import server as host
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
{script}
sys.exit(host.main(["numpy"]))
"""
    return SubprocessClient((sys.executable, "-c", text), 60.0)


def run_child(script, chosen):
    result = evaluate_client("child", child(script), chosen, library().expectations)
    assert result.problem is None
    return {v.scenario: v for v in result.verdicts}


CHATTY = """
import os
step = NumpyAdapter.step
def chatty(self, optimizer):
    print("stepping", flush=True)
    os.write(1, b"{\\"seq\\": 1, \\"ok\\": {}}\\n")
    sys.stderr.write("warning\\n" * 1000)
    step(self, optimizer)
NumpyAdapter.step = chatty
"""


def test_garbage_on_standard_output_does_no_harm():
    chosen = [s for s in scenarios("binary32") if s.id.startswith("lr-decay/")]
    assert {v.status for v in run_child(CHATTY, chosen).values()} == {"pass"}


EXITS_IN_STEP = """
step = NumpyAdapter.step
def leave(self, optimizer):
    if "q" in self.params:
        sys.exit(3)
    step(self, optimizer)
NumpyAdapter.step = leave
"""


def test_exit_in_a_child_costs_one_check_each():
    chosen = [s for s in scenarios("binary32") if s.id.startswith("lr-decay/")]
    verdicts = run_child(EXITS_IN_STEP, chosen)
    late = "lr-decay/late-param/binary32"
    assert verdicts.pop(late).status == "crash"
    assert {v.status for v in verdicts.values()} == {"pass"}


#: Never steps, so that what it shows itself gives nothing away; notes its questions.
LISTENS = """
class Lines:
    def __init__(self, lines, log):
        self.lines, self.log = lines, log
    def __iter__(self):
        return self
    def __next__(self):
        line = next(self.lines)
        self.log.write(line + "\\n")
        self.log.flush()
        return line
streams = host._private_streams
def listen():
    lines, answers = streams()
    return Lines(lines, open(LOG, "a")), answers
host._private_streams = listen
NumpyAdapter.step = lambda self, optimizer: None
"""


def encodings(data, digits):
    """Everything of so many hexadecimal digits in JSON data, packed or not."""
    if isinstance(data, str):
        if len(data) % digits or not set(data) <= set("0123456789abcdef"):
            return set()
        return {data[i : i + digits] for i in range(0, len(data), digits)}
    parts = data.values() if isinstance(data, dict) else data
    if not isinstance(data, dict | list):
        return set()
    return set().union(*(encodings(part, digits) for part in parts))


@pytest.mark.parametrize(("fmt", "digits"), [("binary64", 16), ("binary32", 8)])
def test_expected_values_are_never_sent(tmp_path, fmt, digits):
    chosen = [s for s in scenarios(fmt) if s.id in library().raw]
    log = tmp_path / "heard.jsonl"
    run_child(f"LOG = {str(log)!r}\n{LISTENS}", chosen)
    questions = [json.loads(line) for line in log.read_text().splitlines()]
    heard = set().union(*(encodings(question, digits) for question in questions))
    inputs, expected = set(), set()
    for scenario in chosen:
        raw = dict(library().raw[scenario.id])
        expected |= encodings(raw.pop("expect"), digits)
        inputs |= encodings(raw, digits)
    assert sum(q.get("op") == "event" for q in questions) > 400
    assert len(expected - inputs) > 2000
    assert len(heard & inputs) > 500
    assert heard & (expected - inputs) == set()
    plain = {"op", "seq", "tensors", "event", "payload", "optimizer", "protocol"}
    assert {key for question in questions for key in question} <= plain | {"answer"}


def test_what_is_heard_of_a_closure_comes_only_when_it_is_called(tmp_path):
    chosen = [s for s in scenarios("binary32") if s.id == "groups/closure/binary32"]
    log = tmp_path / "heard.jsonl"
    run_child(f"LOG = {str(log)!r}\n{LISTENS}", chosen)
    events = [
        question["event"]
        for line in log.read_text().splitlines()
        if (question := json.loads(line)).get("op") == "event"
    ]
    closures = [event for event in events if event.get("closure")]
    assert len(closures) == 2
    assert all(not event["gradients"] and "loss" not in event for event in closures)
