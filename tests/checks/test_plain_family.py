"""What the plain family is for: ports that claim little, and faults only it shows."""

from __future__ import annotations

import numpy as np

from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient

LIBRARY = Library.read()
CHECKS = known_checks(LIBRARY)


class Small(NumpyAdapter):
    """A right port without groups, decay or maximize."""

    name = "small"
    claims = frozenset(
        ("binary32", "eps", "state", "gradients", "none-gradient", "zero-lr")
    ) | {"save", "load-bytes", "load-deepcopy"}


class ByPosition(Small):
    """The accumulator is that of the n-th gradient of its shape that came."""

    def step(self, optimizer):
        state = self.optimizers[optimizer].state
        stepped = [p for p in self.params.values() if p.grad is not None and p in state]
        places = {}
        for p in stepped:
            places.setdefault(p.data.shape, []).append(p)
        for shape, came in places.items():
            alike = [p for p in self.params.values() if p.data.shape == shape]
            sums = [np.array(state[p]["sum"]) for p in alike if p in state]
            for p, total in zip(came, sums, strict=False):
                state[p]["sum"][...] = total
        return super().step(optimizer)


class LoadsNothing(Small):
    """What is loaded is thrown away, unless it has several params of other sizes."""

    def load(self, optimizer, name, via, payload):
        sizes = {p.data.shape for p in self.params.values()}
        if len(sizes) > 1:
            super().load(optimizer, name, via, payload)


class WritesAnotherPlace(Small):
    """A changed rate is written where nobody reads it."""

    claims = Small.claims | {"set-option"}

    def set_option(self, optimizer, group, option, value):
        self.written = (option, value)


class EpsOfTheBeginning(Small):
    """A changed eps is written where nobody reads it; a changed rate is not."""

    claims = Small.claims | {"set-option"}

    def set_option(self, optimizer, group, option, value):
        if option != "eps":
            super().set_option(optimizer, group, option, value)


class SumsByKind(Small):
    """Gradients of another kind than the last one begin the accumulator anew."""

    claims = Small.claims | {"sparse"}

    def begin(self, tensors):
        super().begin(tensors)
        self.kinds = {}

    def step(self, optimizer):
        state = self.optimizers[optimizer].state
        for p in self.params.values():
            last = self.kinds.get(p, type(p.grad))
            if p.grad is not None and p in state:
                self.kinds[p] = type(p.grad)
                state[p]["sum"][...] *= last is type(p.grad)
        return super().step(optimizer)


def failed(adapter):
    result = evaluate_client(
        "x", InProcessClient(adapter), CHECKS, LIBRARY.expectations, explain=False
    )
    assert result.problem is None, result.problem
    return {
        v.scenario
        for v in result.verdicts
        if v.level == "MUST" and v.status not in ("pass", "not-claimed")
    }


def test_a_right_port_that_claims_little_passes():
    assert failed(Small) == set()


def as_they_are(names):
    """Without the checks of other families, which are projected onto these ports."""
    return {name for name in names if "~" not in name}


def test_accumulators_by_position_are_seen_where_shapes_are_equal():
    assert as_they_are(failed(ByPosition)) == {"plain/none-in-turn/binary32"}


def test_a_rate_that_is_written_in_vain_is_seen_without_groups():
    assert as_they_are(failed(WritesAnotherPlace)) == {
        "plain/lr-changed/binary32",
        "plain/eps-changed/binary32",
    }


def test_an_eps_that_is_written_in_vain_is_seen_without_groups():
    assert as_they_are(failed(EpsOfTheBeginning)) == {"plain/eps-changed/binary32"}


def test_an_accumulator_for_each_kind_of_gradient_is_seen():
    found = as_they_are(failed(SumsByKind))
    families = {name.partition("/")[0] for name in found}
    assert "plain/rows-between/binary32" in found
    assert families == {"plain", "meetings"}  # rows in which both kinds meet


def test_a_load_that_restores_nothing_is_seen_without_groups():
    wrong = failed(LoadsNothing)
    assert {
        "plain/roll-back-bytes/binary32",
        "plain/roll-back-deepcopy/binary32",
    } <= wrong
