"""Many checks in order: failures, restarts, and claims that are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from execution_kit import (
    MADE,
    TROUBLES,
    Breaks,
    G,
    Mortal,
    Recorder,
    scenario,
)

from adagrad_conformance.execution.observations import (
    NotPlayed,
)
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.transport.errors import MAX_FAILURES
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.scenario import (
    Step,
)


@pytest.mark.parametrize("at", ["begin", "event", "read"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_noted(trouble, at):
    port = Breaks(TROUBLES[trouble], at)
    port.start()
    seen = play(port, scenario(MADE))
    assert (seen.status, seen.message) == (trouble, str(TROUBLES[trouble]))
    assert seen.events == []


def test_failures_in_a_row_end_the_run():
    port = Mortal()
    seen = list(observe(port, port.start(), [scenario(MADE)] * (MAX_FAILURES + 3)))
    assert [x.status for x in seen] == ["crash"] * MAX_FAILURES + ["error"] * 3
    assert seen[-1].message == f"not tried after {MAX_FAILURES} failures in a row"


def test_failures_between_successes_do_not():
    class EveryOther(Mortal):
        count = 0

        def begin(self, tensors):
            self.count += 1
            if self.count % 2:
                super().begin(tensors)
            Recorder.begin(self, tensors)

    port = EveryOther()
    identity = port.start()
    seen = list(observe(port, identity, [scenario(MADE)] * 20))
    assert [x.status for x in seen] == ["crash", None] * 10


def test_port_that_cannot_be_started_again():
    port = Mortal(starts=1)
    seen = list(observe(port, port.start(), [scenario(MADE)] * 3))
    assert [x.status for x in seen] == ["crash", "error", "error"]
    assert "could not be started again: no more" in seen[1].message


def test_not_claimed_is_listed_in_order_and_not_played(recorder):
    poor = Identity("poor", "1", "none", frozenset({"binary32"}))
    asked = scenario(
        replace(MADE, options={"weight_decay": 0.1}), Step("A", {"p": G}, loss=1.0)
    )
    (seen,) = observe(recorder, poor, [asked])
    assert isinstance(seen, NotPlayed)
    assert seen.check == asked
    assert seen.status == "not-claimed"
    assert seen.message == "closure, defaults, weight-decay"
    assert recorder.log == []


def test_refusals_are_a_claim_of_their_own(recorder):
    identity = recorder.start()
    shy = replace(identity, claims=identity.claims - {"refusals"})
    (seen,) = observe(recorder, shy, [scenario(replace(MADE, options={"lr": -1.0}))])
    assert (seen.status, seen.message) == ("not-claimed", "refusals")
