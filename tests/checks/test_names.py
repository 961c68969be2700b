"""Every check that is played obeys the grammar of names, and survives being read."""

from __future__ import annotations

import json

import pytest

from adagrad_conformance.checks.kinds import Relation
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.names import is_note, is_path
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json

CHECKS = checks_of_a_run(Library.read(), seed=5, fresh=6)


def scenarios(check):
    """The scenarios that a check plays."""
    if isinstance(check, Scenario):
        return [check]
    return [check.left, check.right] if isinstance(check, Relation) else []


def test_ids_and_requirements_are_paths():
    assert [check.id for check in CHECKS if not is_path(check.id)] == []
    assert [name for name in REQUIREMENTS if not is_path(name)] == []


@pytest.mark.parametrize("kind", [Scenario, Relation])
def test_every_scenario_is_read_as_it_is_written(kind):
    played = [s for c in CHECKS if isinstance(c, kind) for s in scenarios(c)]
    assert len(played) > 30
    for scenario in played:
        data = json.loads(json.dumps(scenario_to_json(scenario)))
        assert scenario_to_json(scenario_from_json(data)) == data
        assert is_note(scenario.note)
