"""Fresh scenarios: the same for the same seed, anywhere, and lawful for right ports."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from adagrad_conformance.adapters import numpy_own, torch_own
from adagrad_conformance.candidate import InProcess
from adagrad_conformance.grading import judge
from adagrad_conformance.runner import observe
from adagrad_conformance.scenarios.fresh import fresh_scenarios
from adagrad_reference.codec import scenario_from_json, scenario_to_json
from adagrad_reference.formats import FORMATS
from adagrad_reference.play import play

SEEDS = 300
PORTS = {"numpy": numpy_own.NumpyAdapter, "own/torch-single": torch_own.single}
SHOW_DIGEST = """
import sys, test_fresh
print(test_fresh.digest(int(sys.argv[1])))
"""


def digest(seed):
    """What is played for a seed, as one short text."""
    data = [scenario_to_json(scenario) for scenario in fresh_scenarios(seed)]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def test_same_seed_same_scenarios():
    assert list(fresh_scenarios(7)) == list(fresh_scenarios(7))


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_same_seed_same_scenarios_in_another_process(hash_seed):
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_DIGEST, "7"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == digest(7)


def test_other_seeds_other_scenarios():
    assert len({digest(seed) for seed in range(40)}) == 40


def test_scenarios_survive_json():
    for scenario in fresh_scenarios(11):
        copy = scenario_from_json(json.loads(json.dumps(scenario_to_json(scenario))))
        assert copy == scenario


def test_a_run_holds_every_format_and_all_are_must():
    found = list(fresh_scenarios(3, per_format=2))
    per_format = ("a", "b", "the large one")
    assert [s.formats for s in found] == [(f,) for f in FORMATS for _ in per_format]
    assert {s.level for s in found} == {"MUST"}
    assert len({s.id for s in found}) == len(found)


def test_the_reference_can_play_them():
    for scenario in fresh_scenarios(5):
        assert not any(event.refusal for event in play(scenario))


def no_expectation(scenario):
    raise AssertionError("these ports show their state")


@pytest.mark.parametrize("name", PORTS)
def test_right_ports_never_fail(name):
    candidate = InProcess(PORTS[name])
    identity = candidate.start()
    kinds = set()
    for start in range(0, SEEDS, 50):
        scenarios = [
            s for seed in range(start, start + 50) for s in fresh_scenarios(seed, 1)
        ]
        seen = list(observe(candidate, identity, scenarios))
        for verdict in judge(seen, identity.claims, no_expectation):
            assert verdict.status == "pass", verdict
        kinds |= {type(event).__name__ for s in scenarios for event in s.events}
    expected = {"New", "Step", "SetOption", "ZeroGrad", "Save", "Load", "AddGroup"}
    assert kinds == expected
