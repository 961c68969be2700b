"""What the runner makes of processes that fail in the midst of a run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from process_kit import (
    MADE,
    PARAM,
    SOON,
)

from adagrad_conformance.execution.runner import observe, play
from adagrad_reference.scenario import (
    Load,
    Save,
    Scenario,
)


def test_a_failure_costs_one_scenario_and_no_more(started):
    """Dies in every second scenario; the others are played."""
    candidate = started("""
        while (question := hear())["op"] == "begin":
            say(seq=question["seq"], ok={})
        sys.exit(3)
    """)
    identity = replace(candidate.start(), claims=frozenset({"binary64", "eps"}))
    empty = Scenario("test/empty", (), "MUST", {"p": PARAM}, ())
    lethal = Scenario("test/lethal", (), "MUST", {"p": PARAM}, (MADE,))
    seen = list(observe(candidate, identity, [empty, lethal, empty, lethal, empty]))
    assert [x.status for x in seen] == [None, "crash", None, "crash", None]
    assert seen[1].message.startswith("the process ended (exit code 3)")


def test_a_port_that_always_fails_is_given_up(started):
    candidate = started("hear(); sys.exit(3)")
    identity = candidate.start()
    played = Scenario("test/any", (), "MUST", {"p": PARAM}, ())
    seen = list(observe(candidate, identity, [played] * 8))
    assert [x.status for x in seen] == ["crash"] * 5 + ["error"] * 3


def test_a_line_between_two_checks_is_held_against_neither(started, pids):
    candidate = started("""
        signal.signal(signal.SIGUSR1, lambda *_: write("good morning\\n"))
        obey()
    """)
    played = Scenario("test/any", (), "MUST", {"p": PARAM}, ())
    playing = observe(candidate, candidate.start(), [played] * 3)
    assert next(playing).status is None
    os.kill(candidate.child.process.pid, signal.SIGUSR1)
    while candidate.quiet:
        time.sleep(0.001)
    assert [seen.status for seen in playing] == [None, None]
    assert len(pids) == 3  # one of them for `started`


def test_timeout_through_the_runner(started):
    candidate = started("hear(); time.sleep(600)")
    candidate.timeout = SOON
    seen = play(candidate, Scenario("test/any", (), "MUST", {"p": PARAM}, ()))
    assert (seen.status, seen.message) == ("timeout", "no answer within 0.3 s")


def test_runner_survives_a_port_that_asks_without_a_closure(started):
    candidate = started("""
        hear(); say(seq=2, ok={})
        hear(); say(seq=3, ask="closure", params={})
        obey()
    """)
    seen = play(candidate, Scenario("test/any", (), "MUST", {"p": PARAM}, (MADE,)))
    assert seen.status == "malformed"


#: Answers everything; SAVE and NEW are put in the place of two answers.
SMALL_PORT = """
    T = {"format": "binary64", "shape": [2], "bits": ["0" * 16] * 2}
    while True:
        question = hear()
        event = question.get("event", {"do": None})
        answer = {"ok": {}}
        if question["op"] == "read":
            answer = {"ok": {"params": {"p": {"theta": T}}}}
        if event["do"] == "save":
            answer = SAVE
        if event["do"] == "new" and "maximize" in event["groups"][0]["options"]:
            answer = NEW
        say(seq=question["seq"], **answer)
"""
MOVED = Scenario(
    "test/moved",
    (),
    "MUST",
    {"p": PARAM},
    (MADE, Save("A", "s"), MADE, Load("A", "s", "new-process")),
)


def test_runner_survives_a_refused_save(started):
    refused = '{"refused": "no"}'
    port = SMALL_PORT.replace("SAVE", refused).replace("NEW", '{"ok": {}}')
    assert play(started(port), MOVED).events[1].refusal == "no"


def test_runner_moves_a_port_that_lacks_an_option(started):
    unknown = '{"refused": "unknown option maximize"}'
    port = SMALL_PORT.replace("SAVE", '{"ok": {"saved": ""}}').replace("NEW", unknown)
    assert play(started(port), MOVED).status is None
