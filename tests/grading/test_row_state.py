"""S written into a port with one S a row: what it cannot hold is no complaint."""

from __future__ import annotations

import numpy as np

from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.claims import plain_claims
from adagrad_reference.scenario import Scenario


class OneSumARow(ArrayAdapter):
    """NumPy, in binary64; of an S that is written it keeps the first of each row."""

    name, version, language = "one-sum-a-row", "1", "Python"
    dialect = "row-wise"
    claims = ArrayAdapter.PLAIN - {"binary32"} | {"state-write"}

    def make(self, params, options):
        """lr, eps and S by name of the param, a value for each row."""
        sums = {n: np.zeros(self.rows_of(p).shape[0]) for n, p in params.items()}
        return {**options, "S": sums, "t": dict.fromkeys(params, 0)}

    @staticmethod
    def rows_of(array):
        """Rows are what belongs to one index of the first dimension."""
        count = len(array) if array.ndim > 1 else array.size
        return array.reshape(count, array.size // count if count else 0)

    def update(self, port, params, gradients):
        """The document's step, with the mean of the squares of each row."""
        new = {}
        for name, theta in params.items():
            g = gradients.get(name)
            new[name] = theta
            if g is None:
                continue
            port["t"][name] += 1
            rows = self.rows_of(g)
            if rows.size:
                port["S"][name] = port["S"][name] + self.mean(rows)
            d = np.sqrt(port["S"][name])[:, None] + port["eps"]
            new[name] = theta - (port["lr"] * rows / d).reshape(theta.shape)
        return new

    def mean(self, rows):
        """By which S grows."""
        return (rows * rows).sum(axis=1) / rows.shape[1]

    def accumulator(self, port, name):
        """S of each row, for all its elements."""
        rows = self.rows_of(self.params[name])
        return np.repeat(port["S"][name], rows.shape[1]).reshape(
            self.params[name].shape
        )

    def counter(self, port, name):
        """Steps taken."""
        return port["t"][name]

    def write(self, port, name, accumulator, t):
        """The first S of each row."""
        rows = self.rows_of(accumulator)
        if rows.size:
            port["S"][name] = rows[:, 0].copy()
        port["t"][name] = t


class LosesWhatIsWritten(OneSumARow):
    """It keeps half of what is written."""

    def write(self, port, name, accumulator, t):
        """Half of it."""
        super().write(port, name, accumulator / 2, t)


def failed(adapter):
    checks = [
        check
        for check in checks_of_a_run(Library.read(), 7, 1)
        if isinstance(check, Scenario)
        and "long" not in check.id
        and "state-write" in plain_claims(check)
    ]
    result = evaluate_client(
        adapter.name, InProcessClient(adapter), checks, lambda s: None
    )
    judged = [v for v in result.verdicts if v.status.was_judged]
    assert len(judged) > 40
    return [v.scenario for v in judged if v.status.is_failure]


def test_a_port_with_one_sum_a_row_is_not_accused_for_what_it_cannot_hold():
    assert failed(OneSumARow) == []


def test_where_all_of_a_row_is_the_same_what_was_written_is_due():
    assert failed(LosesWhatIsWritten)
