"""The smoke test, and targets that do not get past it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from execution_kit import (
    MADE,
    TROUBLES,
    Breaks,
    Mortal,
    Recorder,
    Shows,
    scenario,
)

from adagrad_conformance.adapters.base import (
    Reading,
    Refused,
)
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.transport.identity import Identity


def smoke(port):
    return smoke_test(port, port.start())


def test_smoke_test_passes():
    assert smoke(Recorder()) is None


def rounded_away(readings):
    return {n: Reading(replace(r.theta, bits=(0, 0))) for n, r in readings.items()}


def test_smoke_test_finds_altered_params():
    assert "did not read back" in smoke(Shows(rounded_away))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_smoke_test_finds_trouble(trouble):
    assert smoke(Breaks(TROUBLES[trouble])) == f"{trouble}: {TROUBLES[trouble]}"


def test_smoke_test_finds_refused_defaults():
    assert smoke(Breaks(Refused("no"))) == (
        "an optimizer with plain options was refused: no"
    )


def test_smoke_test_needs_a_format():
    identity = Identity("x", "1", "none", frozenset({"state"}))
    assert smoke_test(Recorder(), identity) == "no format is claimed"


@pytest.mark.parametrize("name", ["binary16", "bfloat16"])
def test_smoke_test_of_a_narrow_port(name):
    port = Recorder()
    identity = replace(port.start(), claims=frozenset({name}))
    assert smoke_test(port, identity) is None


def test_failed_smoke_test_is_the_target_s_problem():
    port = Shows(rounded_away)
    result = evaluate_client("liar", port, [scenario(MADE)], lambda s: ())
    assert result.problem.startswith("failed its smoke test: ")
    assert result.verdicts == []
    assert port.log[-1] == ("here", "close")


def test_port_that_cannot_be_started_is_the_target_s_problem():
    result = evaluate_client("dead", Mortal(starts=0), [], lambda s: ())
    assert result.problem == "could not be loaded: no more"
