"""Questions sent ahead to real processes; test_pipeline.py has the table of states."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from process_kit import (
    MADE,
    NEVER,
    NUMBER,
    PARAM,
    SOON,
    no_closure,
)

from adagrad_conformance.adapters.base import (
    Refused,
)
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.transport import (
    child_process as child,
)
from adagrad_conformance.transport import (
    pipeline,
)
from adagrad_conformance.transport.client import Question
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.scenario import (
    Scenario,
    Step,
    Tensor,
)

AHEAD = "hear(); say(seq=1, ok={**WHO, 'takes': ['ahead', 'packed']})"
STEP = Step("A", {"p": Tensor("binary64", (2,), (1, 2))})
STEPPED = Scenario("test/step", (), "MUST", {"p": PARAM}, (MADE, STEP))
READ_OK = {"params": {"p": {"theta": {**NUMBER, "shape": [2], "bits": "0" * 32}}}}


def test_questions_are_sent_before_the_former_are_answered(started):
    """The port answers nothing before it has heard the whole scenario."""
    candidate = started(
        f"""
        heard = [hear() for _ in range(5)]
        assert [q["op"] for q in heard] == ["begin", "event", "read", "event", "read"]
        for question in heard:
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
        obey()
    """,
        start=AHEAD,
    )
    seen = play(candidate, STEPPED)
    assert (seen.status, len(seen.events)) == (None, 2)
    candidate.begin({})


def test_a_port_that_does_not_take_it_is_sent_one_question_at_a_time(started):
    """Each read from the pipe gives one line, for nothing more is under way."""
    candidate = started(f"""
        while True:
            data = os.read(0, 1 << 16)
            assert data.count(b"\\n") == 1
            question = json.loads(data)
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """)
    for _ in range(20):
        assert play(candidate, STEPPED).status is None


def test_bits_are_packed_for_a_port_that_takes_them(started):
    candidate = started(
        """
        heard = [hear(), hear()]
        say(seq=2, ok={})
        say(seq=3, refused=json.dumps(heard))
    """,
        start=AHEAD,
    )
    tensors = {"p": PARAM}
    candidate.announce([Question("begin", tensors), Question("event", STEP)])
    candidate.begin(tensors)
    with pytest.raises(Refused) as told:
        candidate.event(STEP, no_closure)
    begin, step = json.loads(str(told.value))
    assert begin["tensors"]["p"]["bits"] == "0" * 16 + "3ff0000000000000"
    assert step["event"]["gradients"]["p"]["bits"] == f"{1:016x}{2:016x}"


#: Refuses the first event of a scenario, and then does what AFTER says.
SURPRISES = """
    while True:
        question = hear()
        if question["op"] == "event" and question["event"]["do"] == "new":
            say(seq=question["seq"], refused="no")
            question = hear()
            AFTER
        ok = {"params": {}} if question["op"] == "read" else {}
        say(seq=question["seq"], ok=ok)
"""
BEGUN = Scenario("test/begun", (), "MUST", {"p": PARAM}, ())


@pytest.mark.parametrize(
    "after", ["pass", "say(seq=question['seq'], crashed='lost'); question = hear()"]
)
def test_answers_after_a_surprise_mean_nothing(started, pids, after):
    candidate = started(SURPRISES.replace("AFTER", after), start=AHEAD)
    for _ in range(3):
        seen = play(candidate, STEPPED)
        assert (seen.status, seen.events[0].refusal) == (None, "no")
        assert len(seen.events) == 1
        assert play(candidate, BEGUN).status is None
    assert len(pids) == 1


@pytest.mark.parametrize(
    "after", ["sys.exit(3)", "write('garbage'); os.close(1)", "time.sleep(600)"]
)
def test_death_after_a_surprise_is_not_held_against_the_next(started, pids, after):
    candidate = started(SURPRISES.replace("AFTER", after), start=AHEAD)
    candidate.timeout = SOON if "sleep" in after else NEVER
    identity = Identity("liar", "1", "Python", frozenset({"binary64", "eps"}))
    first, second = observe(candidate, identity, [STEPPED, BEGUN])
    assert (first.status, first.events[0].refusal) == (None, "no")
    assert second.status is None
    assert len(pids) == 2


def test_time_is_counted_for_each_answer(started, monkeypatch):
    """Every look at the clock takes a second; no answer takes ten, all do."""
    clock = iter(range(10**6))
    for module in (child, pipeline):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.__next__))
    candidate = started(
        f"""
        while True:
            question = hear()
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """,
        start=AHEAD,
        timeout=10,
    )
    events = (MADE, *[STEP] * 40)
    seen = play(candidate, Scenario("test/long", (), "MUST", {"p": PARAM}, events))
    assert (seen.status, len(seen.events)) == (None, 41)
    assert next(clock) > 80


def test_both_pipes_may_be_full_at_once(started):
    """Much more is sent and answered than pipes hold, and both sides go on writing."""
    n = 40_000
    big = Tensor("binary64", (n,), (1,) * n)
    candidate = started(
        f"""
        T = {{"format": "binary64", "shape": [{n}], "bits": "0" * {16 * n}}}
        while True:
            question = hear()
            shown = {{"params": {{"p": {{"theta": T}}}}}}
            ok = shown if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """,
        start=AHEAD,
    )
    events = (MADE, *(Step("A", {"p": big}) for _ in range(4)))
    seen = play(candidate, Scenario("test/big", (), "MUST", {"p": big}, events))
    assert (seen.status, len(seen.events)) == (None, 5)
