"""Ports whose process misbehaves once, and what each gets for it.

Five checks are played; in the middle one the liar lies once, at one moment.  It must
get exactly its own status and cause there, and pass the others as the honest port does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.status import REASONS, Status
from adagrad_conformance.reports.records import check_record
from adagrad_conformance.transport import child_process, pipeline
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.expectations import play
from adagrad_reference.scenario import Group, New, Scenario, Step, Steps, Tensor

LIAR = Path(__file__).with_name("process_liar.py")
NEVER = 60.0  # a timeout that must not fire
SOON = 2.0  # a timeout that will fire; honest answers take no thousandth of it

#: What says nothing in time.
SLOW = {
    **dict.fromkeys(("hangs", "hangs_without_ears", "then_hangs"), "no-answer"),
    **dict.fromkeys(("half_an_answer", "drips", "then_drips"), "half-a-line"),
}
PROCESS = {  #: at any moment the same
    "raises": ("crash", "raised"),
    "says_no_memory": ("crash", "out-of-memory"),
    "eats_memory": ("crash", "out-of-memory"),
    "faults": ("crash", "signal"),
    "is_killed": ("crash", "signal"),
    "exits": ("crash", "exited"),
    "exits_3": ("crash", "exited"),
    "exits_in_an_answer": ("crash", "exited"),
    "leaves_a_child": ("crash", "exited"),
    "closes_output": ("crash", "closed-output"),
    "closes_input": ("crash", "closed-input"),
    **{name: ("timeout", cause) for name, cause in SLOW.items() if name[:5] != "then_"},
    "garbage": ("malformed", "not-json"),
    "blank": ("malformed", "not-json"),
    "talks_before": ("malformed", "not-json"),
    "talks_on_the_line": ("malformed", "not-json"),
    "two_on_a_line": ("malformed", "not-json"),
    "many_lines": ("malformed", "not-json"),
    "bad_utf8": ("malformed", "not-json"),
    "utf16": ("malformed", "not-json"),
    "nan": ("malformed", "not-json"),
    "infinity": ("malformed", "not-json"),
    "key_twice": ("malformed", "not-json"),
    "deep": ("malformed", "not-json"),
    "a_list": ("malformed", "not-json"),
    "prints_without_end": ("malformed", "too-long"),
    "prints_lines_without_end": ("malformed", "not-json"),
    "answers_without_end": ("malformed", "unasked"),
    "answers_twice": ("malformed", "unasked"),
    "answers_twice_slowly": ("malformed", "unasked"),
    "counts_by_itself": ("malformed", "wrong-sequence"),
    "no_number": ("malformed", "wrong-sequence"),
    "number_as_text": ("malformed", "wrong-sequence"),
    "number_as_fraction": ("malformed", "wrong-sequence"),
    "no_outcome": ("malformed", "no-outcome"),
    "two_outcomes": ("malformed", "no-outcome"),
    "ok_and_refused": ("malformed", "no-outcome"),
    "ok_is_true": ("malformed", "wrong-content"),
    "ok_is_null": ("malformed", "wrong-content"),
    "asks": ("malformed", "unasked"),
    "asks_for_more": ("malformed", "unasked"),
    "says_malformed": ("malformed", "wrong-content"),
}
AT_THE_BEGINNING = (
    *("raises", "exits", "leaves_a_child", "closes_input", "talks_before"),
    *("answers_twice", "counts_by_itself", "no_outcome", "asks"),
)
LIES = {
    **{("step", name): due for name, due in PROCESS.items()},
    **{("begin", name): PROCESS[name] for name in AT_THE_BEGINNING},
    ("begin", "refuses"): ("crash", "refused"),
    ("read", "refuses"): ("crash", "refused"),
    ("read", "another_param"): ("malformed", "wrong-count"),
    ("read", "no_param"): ("malformed", "wrong-count"),
    ("read", "params_a_list"): ("malformed", "wrong-content"),
    ("read", "fewer_elements"): ("malformed", "wrong-content"),
    ("read", "other_shape"): ("malformed", "wrong-content"),
    ("read", "other_format"): ("malformed", "wrong-content"),
    ("read", "giant_counter"): ("malformed", "wrong-content"),
    ("read", "giant_shape"): ("malformed", "wrong-content"),
    ("read", "counter_below_zero"): ("malformed", "wrong-content"),
    ("steps", "fewer_steps"): ("malformed", "wrong-count"),
    ("steps", "no_trace"): ("malformed", "wrong-count"),
    # what comes after the last answer of a check is of that check
    ("last", "answers_twice"): ("malformed", "unasked"),
    ("last", "answers_twice_slowly"): ("malformed", "unasked"),
    ("last", "answers_in_advance"): ("malformed", "unasked"),
    ("last", "answers_in_advance_slowly"): ("malformed", "unasked"),
    ("last", "answers_without_end"): ("malformed", "unasked"),
    ("last", "a_tail"): ("malformed", "not-json"),
    ("last", "last_words"): ("crash", "raised"),
    ("last", "then_garbage"): ("malformed", "not-json"),
    ("last", "then_prints_without_end"): ("malformed", "too-long"),
    ("last", "then_prints_lines_without_end"): ("malformed", "not-json"),
    ("last", "then_exits"): ("crash", "exited"),
    ("last", "then_faults"): ("crash", "signal"),
    ("last", "then_eats_memory"): ("crash", "out-of-memory"),
    ("last", "then_leaves_a_child"): ("crash", "exited"),
    ("last", "then_closes_output"): ("crash", "closed-output"),
    ("last", "closes_input"): ("crash", "closed-input"),
    ("last", "then_hangs"): ("timeout", "no-answer"),
    ("last", "then_drips"): ("timeout", "half-a-line"),
}
HARMLESS = (
    *("noisy", "noisy_without_lines", "noisy_for_ever", "no_standard_error"),
    *("in_pieces", "a_huge_note"),
)

START = Tensor("binary64", (2,), (0x3FF8000000000000, 0xC000000000000000))
GRADIENT = Tensor("binary64", (2,), (0x3FE0000000000000, 0xBFD0000000000000))


def checks(moment):
    """Five checks; in the third one the param is called as the liar wants it."""
    return [_check(i, "lie" if i == 2 else "p", moment) for i in range(5)]


def _check(number, name, moment):
    made = New("A", (Group((name,)),), {"lr": 0.5, "eps": 0.25})
    step = Step("A", {name: GRADIENT})
    first = Steps("A", ({name: GRADIENT},), 3) if moment == "steps" else step
    events = (made, first, step)
    return Scenario(f"test/{number}", (), "MUST", {name: START}, events)


def judged(moment, lie, takes=(), memory=None, chosen=None):
    command = (sys.executable, str(LIAR), moment, lie, *takes)
    timeout = SOON if lie in SLOW else NEVER
    candidate = SubprocessClient(command, timeout, memory)
    chosen = checks(moment) if chosen is None else chosen
    result = evaluate_client("liar", candidate, chosen, play)
    assert result.problem is None
    assert not candidate.alive
    return result.verdicts


@pytest.fixture
def pids(monkeypatch):
    """The process numbers of all ports that are started."""
    found, popen = [], child_process.subprocess.Popen

    def remember(*args, **kwargs):
        made = popen(*args, **kwargs)
        found.append(made.pid)
        return made

    monkeypatch.setattr(child_process.subprocess, "Popen", remember)
    return found


def is_gone(pid):
    """Whether the process has ended and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


TAKES = {"plain": ("packed",), "ahead": ("packed", "ahead")}


@pytest.mark.parametrize("takes", TAKES)
@pytest.mark.parametrize("moment", ["step", "steps"])
def test_the_honest_port_passes(moment, takes):
    verdicts = judged("never", "exits", TAKES[takes], chosen=checks(moment))
    assert [(v.status, v.reason, v.elements) for v in verdicts] == [
        ("pass", None, 4 if moment == "step" else 8)
    ] * 5


@pytest.mark.parametrize("takes", TAKES)
@pytest.mark.parametrize(("moment", "lie"), LIES)
def test_each_lie_gets_its_own_status_and_cause(moment, lie, takes, monkeypatch, pids):
    monkeypatch.setattr(child_process, "MAX_LINE", 1 << 21)
    memory = 0.5 if "memory" in lie else None
    before, own, after = _parts(judged(moment, lie, TAKES[takes], memory))
    assert (own.status, own.reason) == LIES[moment, lie]
    assert {v.status for v in (*before, *after)} == {"pass"}
    assert own.message
    lives_on = own.reason in ("raised", "out-of-memory", "wrong-content", "wrong-count")
    assert len(pids) in ((1, 2) if lives_on or own.reason == "refused" else (2,))
    assert all(is_gone(pid) for pid in pids)
    record = check_record("liar", own)
    assert (record["status"], record["cause"]) == LIES[moment, lie]


def _parts(verdicts):
    return verdicts[:2], verdicts[2], verdicts[3:]


@pytest.mark.parametrize(
    ("takes", "cause"), [("plain", "unasked"), ("ahead", "wrong-content")]
)
def test_answers_in_advance_within_a_check(takes, cause):
    """To a port that is sent questions ahead it answers what was asked, but badly."""
    before, own, after = _parts(judged("step", "answers_in_advance", TAKES[takes]))
    assert (own.status, own.reason) == ("malformed", cause)
    assert {v.status for v in (*before, *after)} == {"pass"}


@pytest.mark.parametrize("takes", TAKES)
@pytest.mark.parametrize("lie", HARMLESS)
def test_what_is_odd_and_in_order_does_no_harm(lie, takes, pids):
    assert {v.status for v in judged("step", lie, TAKES[takes])} == {"pass"}
    assert len(pids) == 1


def test_every_cause_of_a_process_has_its_liar():
    """Those without are of a port that cannot be started again, and of `given-up`."""
    shown = {cause for _, cause in LIES.values()}
    assert shown == set(REASONS) - {"not-started", "given-up"}
    assert {status for status, _ in LIES.values()} <= set(Status)


def test_every_cause_is_on_the_page():
    page = (LIAR.parents[2] / "conformance" / "PROTOCOL.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines()]
    table = [row for row in rows if len(row) == 3 and row[0] in set(Status)]
    assert {row[1].strip("`"): row[2] for row in table} == dict(REASONS)
    told = {row[1].strip("`"): row[0] for row in table}
    assert {cause: status for status, cause in LIES.values()}.items() <= told.items()


# -- ports that are ill for good -------------------------------------------------------


def test_a_port_that_always_dies_is_given_up(pids):
    chosen = [_check(i, "lie", "step") for i in range(8)]
    verdicts = judged("step", "exits_3", chosen=chosen)
    found = [(v.status, v.reason) for v in verdicts]
    assert found == [("crash", "exited")] * 5 + [("error", "given-up")] * 3
    assert len(pids) == 5  # the last one is not started again for nothing
    assert "something is wrong" in verdicts[0].message


def test_a_port_that_cannot_be_started_again(tmp_path):
    """What it has shown before counts; the rest is not held against any check."""
    once = tmp_path / "once"
    script = f"""
import os, runpy, sys
try:
    os.mkdir({str(once)!r})
except FileExistsError:
    sys.exit("already started once")
sys.argv = [{str(LIAR)!r}, "step", "exits"]
runpy.run_path({str(LIAR)!r}, run_name="__main__")
"""
    candidate = SubprocessClient((sys.executable, "-c", script), NEVER)
    result = evaluate_client("liar", candidate, checks("step"), play)
    found = [(v.status, v.reason) for v in result.verdicts]
    assert found == [
        *[("pass", None)] * 2,
        ("crash", "exited"),
        *[("error", "not-started")] * 2,
    ]
    assert "already started once" in result.verdicts[3].message


CLOSURES = [
    Scenario(
        f"test/{i}",
        (),
        "MUST",
        {"p": START},
        (
            New("A", (Group(("p",)),), {"lr": 0.5, "eps": 0.25}),
            Step("A", {"p": GRADIENT}, loss=1.0),
        ),
    )
    for i in range(2)
]


def test_a_closure_that_is_called_without_end(monkeypatch):
    """It is cut off by number, not by time."""
    monkeypatch.setattr(pipeline, "MAX_CALLS", 20)
    script = LIAR.read_text().replace(
        "said = ask(question", "while True: said = ask(question"
    )
    command = (sys.executable, "-c", script, "never", "exits")
    candidate = SubprocessClient(command, NEVER)
    result = evaluate_client("liar", candidate, CLOSURES, play)
    found = [(v.status, v.reason) for v in result.verdicts]
    assert found == [("malformed", "wrong-count")] * 2
    honest = SubprocessClient((sys.executable, str(LIAR), "never", "exits"), NEVER)
    verdicts = evaluate_client("liar", honest, CLOSURES, play).verdicts
    assert [v.status for v in verdicts] == ["pass", "pass"]
