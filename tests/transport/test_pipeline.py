"""The table of transport/pipeline.py, call by call, with a child that is no process."""

from __future__ import annotations

import collections
import json

import pytest

from adagrad_conformance.adapters.contract import Malformed, Refused
from adagrad_conformance.transport.client import Question
from adagrad_conformance.transport.errors import Crash, Timeout
from adagrad_conformance.transport.pipeline import Pipeline, State
from adagrad_reference.scenario import ZeroGrad

READ, AGAIN = Question("read", "A"), Question("read", "B")
ZERO = Question("event", ZeroGrad("A", True))
DONE = {"ok": {}}


class Script:
    """Stands for a child: notes what is sent and answers by a list of outcomes.

    An outcome is what an answer has beside its number; None is no answer in time.
    """

    def __init__(self, *outcomes):
        self.outcomes = collections.deque(outcomes)
        self.sent, self.unanswered = [], collections.deque()
        self.late, self.killed = [], 0

    def put(self, message):
        self.sent.append(message)
        self.unanswered.append(message["seq"])

    def push(self):
        pass

    def line(self, timeout, since):
        number = self.unanswered.popleft()
        outcome = self.outcomes.popleft() if self.outcomes else DONE
        if outcome is None:
            raise Timeout("late")
        return json.dumps({"seq": number, **outcome}).encode()

    def stray(self):
        return self.late[0] if self.late else None

    def kill(self):
        self.killed += 1

    @property
    def asked(self):
        return [
            message.get("optimizer") or message.get("event", message)
            for message in self.sent
        ]


def conversation(*outcomes, takes=("ahead", "packed")):
    made = Pipeline(Script(*outcomes))
    made.takes = frozenset(takes)
    return made, made.child


def opened(*outcomes):
    """A conversation with two open questions."""
    made, child = conversation(*outcomes)
    made.announce([READ, AGAIN], 1)
    assert made.state is State.OPEN
    return made, child


def ended():
    made, child = conversation()
    made.kill()
    return made, child


# -- QUIET -----------------------------------------------------------------------------


def test_quiet_announce_sends():
    _, child = opened()
    assert child.asked == ["A", "B"]
    assert [message["seq"] for message in child.sent] == [1, 2]


@pytest.mark.parametrize(("takes", "questions"), [((), [READ]), (("ahead",), [])])
def test_quiet_announce_of_nothing_or_to_one_that_does_not_take_it(takes, questions):
    made, child = conversation(takes=takes)
    made.announce(questions, 1)
    assert (made.state, child.sent) == (State.QUIET, [])


def test_quiet_ask_sends_and_answers():
    made, child = conversation({"ok": {"params": 1}})
    assert made.ask(READ, 1) == {"params": 1}
    assert (made.state, child.asked) == (State.QUIET, ["A"])


def test_quiet_withdraw_does_nothing():
    made, child = conversation()
    made.withdraw(1)
    assert (made.state, child.sent) == (State.QUIET, [])


def test_quiet_settle_leaps_ahead():
    made, child = conversation()
    made.ask(READ, 1)
    made.settle(1)
    assert made.state is State.QUIET
    first, last = child.sent
    assert last == {"seq": first["seq"] + 101, "op": "begin", "tensors": {}}


# -- OPEN ------------------------------------------------------------------------------


def test_open_ask_of_the_first_takes_its_answer():
    made, child = opened({"ok": {"n": 1}}, {"ok": {"n": 2}})
    assert made.ask(READ, 1) == {"n": 1}
    assert made.state is State.OPEN
    assert made.ask(AGAIN, 1) == {"n": 2}
    assert made.state is State.QUIET
    assert len(child.sent) == 2


@pytest.mark.parametrize("other", [AGAIN, ZERO])
def test_open_ask_of_another_one_withdraws_first(other):
    made, child = opened({"ok": {"n": 1}}, {"crashed": "odd"}, {"ok": {"n": 3}})
    assert made.ask(other, 1) == {"n": 3}
    assert (made.state, len(child.sent)) == (State.QUIET, 3)


def test_open_ask_with_a_payload_is_another_one():
    made, child = conversation({"refused": "no state"}, {"ok": {"n": 2}})
    made.announce([ZERO], 1)
    assert made.ask(ZERO, 1, payload=b"x") == {"n": 2}
    assert "payload" in child.sent[1]


def test_an_equal_event_is_not_the_announced_one():
    made, child = conversation({"ok": {"n": 1}}, {"ok": {"n": 2}})
    made.announce([ZERO], 1)
    assert made.ask(Question("event", ZeroGrad("A", True)), 1) == {"n": 2}
    assert len(child.sent) == 2


def test_open_announce_withdraws_first():
    made, child = opened({"refused": "no"}, {"malformed": "odd"}, {"ok": {"n": 3}})
    made.announce([ZERO], 1)
    assert made.state is State.OPEN
    assert made.ask(ZERO, 1) == {"n": 3}
    assert len(child.sent) == 3


def test_open_withdraw_drops_every_answer():
    made, child = opened()
    made.withdraw(1)
    assert (made.state, len(child.unanswered)) == (State.QUIET, 0)


def test_open_withdraw_of_one_that_does_not_answer_kills_it():
    made, child = opened(None)
    made.withdraw(1)
    assert (made.state, child.killed) == (State.ENDED, 1)


def test_open_settle_withdraws_first():
    made, child = opened()
    made.settle(1)
    assert (made.state, len(child.sent)) == (State.QUIET, 3)


# -- ENDED -----------------------------------------------------------------------------


def test_ended_ask_is_a_crash_and_all_else_nothing():
    made, child = ended()
    with pytest.raises(Crash, match="the process has ended"):
        made.ask(READ, 1)
    made.announce([READ], 1)
    made.withdraw(1)
    made.settle(1)
    made.kill()
    assert (made.state, child.sent, child.killed) == (State.ENDED, [], 1)


# -- what ends a conversation, and what does not ---------------------------------------


@pytest.mark.parametrize(
    ("outcome", "error", "state"),
    [
        ({"refused": "no"}, Refused, State.QUIET),
        ({"crashed": "KeyError"}, Crash, State.QUIET),
        ({"malformed": "odd"}, Malformed, State.QUIET),
        ({"ok": []}, Malformed, State.QUIET),
        ({}, Malformed, State.ENDED),
        ({"ok": {}, "refused": "no"}, Malformed, State.ENDED),
        ({"ok": {}, "seq": 7}, Malformed, State.ENDED),
        ({"ask": "closure", "params": {}}, Malformed, State.ENDED),
        (None, Timeout, State.ENDED),
    ],
)
@pytest.mark.parametrize("announced", [False, True])
def test_answers(outcome, error, state, announced):
    made, child = conversation(outcome)
    if announced:
        made.announce([READ], 1)
    with pytest.raises(error):
        made.ask(READ, 1)
    assert (made.state, child.killed) == (state, int(state is State.ENDED))


@pytest.mark.parametrize("call", ["ask", "announce"])
def test_a_line_that_no_question_asked_for_ends_it(call):
    made, child = conversation()
    child.late.append(b'{"seq": 1, "ok": {}}')
    with pytest.raises(Malformed, match="nobody asked for"):
        made.ask(READ, 1) if call == "ask" else made.announce([READ], 1)
    assert (made.state, child.killed, child.sent) == (State.ENDED, 1, [])


def test_a_line_behind_the_last_answer_ends_it_in_settle():
    made, child = conversation()
    made.ask(READ, 1)
    child.line = lambda *_: child.late.append(b"tail") or b'{"seq": 102, "ok": {}}'
    with pytest.raises(Malformed, match="not a line of JSON: 'tail'"):
        made.settle(1)
    assert made.state is State.ENDED
