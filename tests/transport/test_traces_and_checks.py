"""Answers to many steps and to native checks."""

from __future__ import annotations

import json
import re

import pytest
from process_kit import (
    HOST,
    MADE,
    NEVER,
    NUMBER,
    PARAM,
    SOON,
    no_closure,
)

from adagrad_conformance.adapters.base import (
    CLAIMS,
    Malformed,
    Refused,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.scenario import (
    Scenario,
    Steps,
    Tensor,
)

# -- many steps in one event -----------------------------------------------------------

RUN = Steps("A", ({"p": Tensor("binary64", (2,), (1, 2))},), 3)
TRACE = {"format": "binary64", "theta": "0" * 96, "sum": "0" * 96, "t": [1, 2, 3]}
BAD_TRACES = {
    "no trace": ({}, "show params None"),
    "no param": ({"trace": {}}, r"show params \[\], not \['p'\]"),
    "another param": ({"trace": {"q": TRACE}}, r"show params \['q'\]"),
    "no object": ({"trace": [TRACE]}, "an event's answer"),
    "a step too few": (
        {"trace": {"p": {**TRACE, "theta": "0" * 64}}},
        "trace of p has not 3 steps",
    ),
    "a step too many": (
        {"trace": {"p": {**TRACE, "sum": "0" * 128}}},
        "trace of p has not 3 steps",
    ),
    "half an encoding": ({"trace": {"p": {**TRACE, "sum": "0" * 95}}}, "hexadecimal"),
    "no hex": ({"trace": {"p": {**TRACE, "theta": "0" * 95 + "g"}}}, "hexadecimal"),
    "space": ({"trace": {"p": {**TRACE, "theta": "0" * 94 + "  "}}}, "hexadecimal"),
    "a list": ({"trace": {"p": {**TRACE, "sum": ["0" * 16] * 6}}}, "an event's answer"),
    "another format": (
        {"trace": {"p": {**TRACE, "format": "binary32"}}},
        "trace of p has not 3 steps",
    ),
    "no format": ({"trace": {"p": {**TRACE, "format": "octal"}}}, "octal"),
    "no sum": ({"trace": {"p": {k: TRACE[k] for k in ("format", "theta")}}}, "sum"),
    "a counter too few": (
        {"trace": {"p": {**TRACE, "t": [1, 2]}}},
        "trace of p has not 3 steps",
    ),
    "no counter": ({"trace": {"p": {**TRACE, "t": [1, 2, True]}}}, "list of counts"),
}
#: Answers everything and shows zeros; RUN is the answer to many steps.
RUNNER_PORT = """
    T = {"format": "binary64", "shape": [2], "bits": "0" * 32}
    while True:
        question = hear()
        ok = {"params": {"p": {"theta": T}}} if question["op"] == "read" else {}
        if question.get("event", {}).get("do") == "steps":
            heard = question["event"]
            ok = RUN
        say(seq=question["seq"], ok=ok)
"""


def played_run(started, answer):
    candidate = started(RUNNER_PORT.replace("RUN", repr(answer)))
    return play(candidate, Scenario("test/run", (), "MUST", {"p": PARAM}, (MADE, RUN)))


@pytest.mark.parametrize("name", BAD_TRACES)
def test_malformed_trace(name, started):
    answer, message = BAD_TRACES[name]
    seen = played_run(started, answer)
    assert seen.status == "malformed"
    assert re.search(message, seen.message)


@pytest.mark.parametrize("t", [[1, 2, 3], None])
def test_trace(started, t):
    digits = "".join(f"{i:016x}" for i in range(6))
    answer = {"trace": {"p": {**TRACE, "theta": digits, "t": t}}}
    seen = played_run(started, answer)
    assert seen.status is None, seen.message
    (trace,) = seen.events[1].trace.values()
    assert (trace.format, trace.theta) == ("binary64", tuple(range(6)))
    assert trace.state_sum == (0,) * 6
    assert trace.t == (None if t is None else (1, 2, 3))


def test_many_steps_as_they_are_sent(started):
    candidate = started("""
        question = hear()
        say(seq=2, refused=json.dumps(question["event"]))
    """)
    with pytest.raises(Refused) as told:
        candidate.event(RUN, no_closure)
    event = json.loads(str(told.value))
    assert (event["do"], event["count"]) == ("steps", 3)
    (gradients,) = event["cycle"]
    assert gradients["p"]["bits"] == [f"{i:016x}" for i in (1, 2)]


# -- native checks ---------------------------------------------------------------------

TAKEN = {
    **dict.fromkeys(("theta", "state_sum", "gradient", "new_theta", "new_sum"), NUMBER),
    "t": 1,
    "options": {"lr": {"bits": "3fe0000000000000"}},
}
BAD_CHECKS = {
    "no object": "[]",
    "a number": "3",
    "problem a number": "{'problem': 3}",
    "skipped a flag": "{'skipped': True}",
    "steps a text": "{'steps': 'three'}",
    "step without theta": "{'steps': [{'t': 1, 'options': {}}]}",
    "step that counts wrongly": repr({"steps": [{**TAKEN, "t": 1.5}]}),
    "step without options": repr({"steps": [{**TAKEN, "options": {"lr": 0.5}}]}),
    "step of no format": repr({"steps": [{**TAKEN, "theta": {**NUMBER, "bits": ""}}]}),
}


@pytest.mark.parametrize("name", BAD_CHECKS)
def test_malformed_check(name, started):
    candidate = started(f"hear(); say(seq=2, ok={BAD_CHECKS[name]}); obey()")
    with pytest.raises(Malformed, match=r"a check's answer|'ok' must be an object"):
        candidate.native("torch/entries")


def test_check_is_asked_by_name_and_answered_whole(started):
    candidate = started(f"""
        question = hear()
        assert question == {{"seq": 2, "op": "check", "name": "torch/entries"}}
        say(seq=2, ok={{"problem": "odd", "skipped": None, "steps": [{TAKEN}]}})
    """)
    answer = candidate.native("torch/entries")
    assert (answer.problem, answer.skipped) == ("odd", None)
    (step,) = answer.steps
    assert (step.t, step.options) == (1, {"lr": 0.5})
    assert step.new_theta == Tensor("binary64", (), (0x3FF8000000000000,))


CHECK_TROUBLES = {
    "exits": ("sys.exit(3)", "crash", "exit code 3"),
    "crashes": ("say(seq=2, crashed='KeyError')", "crash", "KeyError"),
    "hangs": ("time.sleep(600)", "timeout", "no answer"),
    "is unknown": ("say(seq=2, malformed='no native check')", "malformed", "no native"),
    "refuses": ("say(seq=2, refused='not today')", "crash", "not today"),
}


@pytest.mark.parametrize("name", CHECK_TROUBLES)
def test_a_check_that_fails_costs_itself_alone(name, started):
    script, trouble, message = CHECK_TROUBLES[name]
    candidate = started(f"""
        question = hear()
        if question["op"] == "check":
            {script}
        else:
            say(seq=2, ok={{}})
        obey()
    """)
    if trouble == "timeout":
        candidate.timeout = SOON
    check = NativeCheck(NATIVE["torch/entries"])
    identity = Identity("liar", "1", "Python", frozenset(CLAIMS))
    empty = Scenario("test/empty", (), "MUST", {"p": PARAM}, ())
    checked, after = observe(candidate, identity, [check, empty])
    assert (checked.status, after.status) == (trouble, None)
    assert message in checked.message


def test_a_host_knows_no_other_check():
    candidate = SubprocessClient(HOST, NEVER)
    candidate.start()
    with pytest.raises(Malformed, match="no native check 'torch/none-such'"):
        candidate.native("torch/none-such")
    assert candidate.alive
    candidate.close()
