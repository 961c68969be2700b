"""What is costly to judge is judged only where it decides, and decides the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading import judge as judging
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient

CHECKS = [
    check
    for check in known_checks(Library.read())
    if check.id.startswith(("special-", "numerics/", "corners/", "long-runs/thousand"))
]


class Shrinks(NumpyAdapter):
    """S shrinks, and soon there is no root."""

    def step(self, optimizer):
        port = self.optimizers[optimizer]
        before = {name: state["sum"].copy() for name, state in port.state.items()}
        super().step(optimizer)
        for param, total in before.items():
            state = port.state[param]
            state["sum"][...] = total - (state["sum"] - total) * 3


@pytest.fixture(scope="module")
def seen():
    client = InProcessClient(Shrinks)
    identity = client.start()
    with np.errstate(all="ignore"):
        return identity, list(observe(client, identity, CHECKS))


@pytest.mark.parametrize("graded", [True, False])
def test_the_first_failure_is_that_of_all(seen, graded, monkeypatch):
    identity, observations = seen
    found = judge(observations, Terms(identity.claims), graded)
    monkeypatch.setattr(
        judging, "_deciding", lambda pairs, parts, inside: np.ones(len(inside), bool)
    )
    whole = judge(observations, Terms(identity.claims), graded)
    assert sum(verdict.status.is_failure for verdict in whole) > 100
    for one, other in zip(found, whole, strict=True):
        assert (one.status, _place(one)) == (other.status, _place(other))


def _place(verdict):
    """The first failure, without how many elements share it."""
    return verdict.failure and replace(verdict.failure, count=1)
