"""Boxes along trajectories hold those of the norm, and are hardly wider."""

import numpy as np
import pytest

from adagrad_conformance.checks.scenarios.families import FAMILIES
from adagrad_conformance.checks.vector_files import Library
from adagrad_reference.boxes import Boxes
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.expectations import play
from adagrad_reference.trajectories import trajectories

LIBRARY = Library.read()


def _of_the_norm(event):
    return {
        name: Boxes.of(param.theta["lawful"])
        for name, param in event.params.items()
        if param.theta is not None
    }


def _compare(due, found):
    """How many ends of boxes there are, and how many are wider than the norm's."""
    count = wider = 0
    for event, moved in zip(due, found, strict=True):
        boxes = _of_the_norm(event)
        assert boxes.keys() == moved.keys()
        for name, norm in boxes.items():
            mine, numbers = moved[name], ~norm.nan_alone
            assert (mine.lo <= norm.lo)[numbers].all()
            assert (mine.hi >= norm.hi)[numbers].all()
            assert (mine.nan >= norm.nan).all()
            with np.errstate(invalid="ignore"):
                same = (mine.lo == norm.lo) & (mine.hi == norm.hi)
            count, wider = count + len(same), wider + int((~same).sum())
    return count, wider


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.FAMILY)
def test_every_golden_vector(family):
    scenarios = list(family.scenarios())
    counts = [
        _compare(LIBRARY.expectations(scenario), found)
        for scenario, found in zip(scenarios, trajectories(scenarios), strict=True)
        if LIBRARY.holds(scenario)  # not where an option is NaN, which equals nothing
    ]
    elements, wider = map(sum, zip(*counts, strict=True))
    assert wider <= 0.2 * elements


@pytest.mark.parametrize("name", ["keras", "optax", "global-counter", "row-wise"])
def test_dialects(name):
    chosen = [LIBRARY.scenario(i) for i in list(LIBRARY.raw)[::61]]
    for scenario, found in zip(
        chosen, trajectories(chosen, DIALECTS[name]), strict=True
    ):
        _compare(play(scenario, fast=True, dialect=DIALECTS[name]), found)


def test_a_scenario_gives_the_same_alone_and_among_others():
    chosen = [LIBRARY.scenario(i) for i in list(LIBRARY.raw)[::29]]
    for scenario, among in zip(chosen, trajectories(chosen), strict=True):
        (alone,) = trajectories([scenario])
        for one, other in zip(alone, among, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                for mine, its in zip(one[name], other[name], strict=True):
                    assert np.array_equal(mine, its)
