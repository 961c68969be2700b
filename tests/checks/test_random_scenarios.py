"""Fresh scenarios: the same for the same seed, anywhere, and lawful for right ports."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.scenarios.builders import single_step
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.expectations import play
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import AddGroup, Load, ZeroGrad, tensor
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json

SEEDS, PER_FORMAT = 60, 5
RULE = "numerics/fresh"
PORTS = {"numpy": numpy_own.NumpyAdapter, "own/torch-single": torch_own.single}
SHOW_DIGEST = """
import sys, test_random_scenarios
print(test_random_scenarios.digest(int(sys.argv[1])))
"""


def digest(seed, per_format=6):
    """What is played for a seed, as one short text."""
    found = fresh_scenarios(seed, per_format)
    data = [scenario_to_json(scenario) for scenario in found]
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
    assert len({digest(seed, 1) for seed in range(12)}) == 12


def test_scenarios_survive_json():
    for scenario in fresh_scenarios(11):
        data = json.loads(json.dumps(scenario_to_json(scenario)))
        assert scenario_to_json(scenario_from_json(data)) == data


def test_a_run_holds_every_format_and_all_are_must():
    found = list(fresh_scenarios(3, per_format=2))
    per_format = ("a", "b", "the large one")
    assert [s.formats for s in found] == [(f,) for f in FORMATS for _ in per_format]
    assert {s.level for s in found} == {"MUST"}
    assert len({s.id for s in found}) == len(found)


def test_the_reference_can_play_them():
    for scenario in fresh_scenarios(5):
        large = "-large/" in scenario.id
        assert not any(event.refusal for event in play(scenario, fast=large))


# -- nothing that the document leaves open, no number near the ends of its format ------


def followed(scenario):
    """Each event with the bookkeeper as it stands before it."""
    books = Bookkeeper(scenario)
    for event in scenario.events:
        yield books, event
        books.apply(event)


def test_numbers_are_ordinary():
    for seed in range(5):
        for scenario in fresh_scenarios(seed, 20):
            assert is_ordinary(scenario), scenario.id


def test_zero_grad_finds_no_none():
    zeroed = 0
    for scenario in fresh_scenarios(8, 100):
        for books, event in followed(scenario):
            if isinstance(event, ZeroGrad) and not event.set_to_none:
                zeroed += 1
                assert all(books.gradients[p] for p in books.params("A"))
    assert zeroed > 10


def test_a_group_added_after_a_load_has_no_defaults():
    added = 0
    for scenario in fresh_scenarios(9, 300):
        loaded = False
        for event in scenario.events:
            loaded |= isinstance(event, Load)
            if loaded and isinstance(event, AddGroup):
                added += 1
                left_out = set(OPTION_NAMES) - set(event.group.options)
                assert left_out == {"initial_accumulator_value"}
                tau = scenario.events[0].options.get(*left_out, 0.0)
                assert tau == 0.0
    assert added > 5


@pytest.mark.parametrize(
    ("gradient", "options"),
    [
        (3e-4, {}),  # its square is subnormal
        (200.0, {}),  # its square is more than half the largest number
        (-0.2, {"weight_decay": 0.5}),  # it cancels with the decay of 0.4, nearly
        (0.5, {"eps": 1e-10}),
        (0.5, {"lr": 1e-4}),
    ],
)
def test_what_is_not_ordinary_in_binary16(gradient, options):
    """Each of these is ordinary in bfloat16, which has the range of binary32."""
    for fmt, due in ((FORMATS["binary16"], False), (FORMATS["bfloat16"], True)):
        theta, g = tensor(fmt, [0.4004]), tensor(fmt, [gradient])
        given = {"lr": 0.3, "eps": 2e-3, **options}
        assert is_ordinary(single_step("s", [RULE], theta, g, **given)) == due
    right = single_step("s", [RULE], theta, tensor(fmt, [0.5]), lr=0.3, eps=2e-3)
    assert is_ordinary(right)


def no_expectation(scenario):
    raise AssertionError("these ports show their state")


@pytest.mark.parametrize("name", PORTS)
def test_right_ports_never_fail(name):
    candidate = InProcessClient(PORTS[name])
    identity = candidate.start()
    kinds = set()
    for seed in range(SEEDS):
        scenarios = list(fresh_scenarios(seed, PER_FORMAT))
        seen = list(observe(candidate, identity, scenarios))
        for verdict in judge(seen, Terms(identity.claims, no_expectation)):
            assert verdict.status == "pass", verdict
        kinds |= {type(event).__name__ for s in scenarios for event in s.events}
    expected = {"New", "Step", "SetOption", "ZeroGrad", "Save", "Load", "AddGroup"}
    assert kinds == expected
