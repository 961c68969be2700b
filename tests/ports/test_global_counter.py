"""Ports whose counter is the optimizer's, and whose state begins with a gradient."""

import pytest

from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.checks.fixed_options import fitted, missing_claims
from adagrad_conformance.checks.vector_files import Library

NOTHING = {"weight_decay": 0.0, "initial_accumulator_value": 0.0}
MANY = "lr-decay/many-counters-within-2-24/binary64"
LATE = "none-vs-zero/none-first/lr-decay/binary64"
MIXED = "none-vs-zero/interleaved-2/lr-decay/binary64"


class Plain:
    """Adagrad by the document, but with one counter for all params."""

    def __init__(self, lr, lr_decay=0.0, eps=1e-10):
        self.lr, self.lr_decay, self.eps = lr, lr_decay, eps
        self.sums, self.count = {}, 0

    def step(self, params, gradients):
        rate = self.lr / (1 + self.count * self.lr_decay)
        self.count += 1
        changed = {}
        for name, g in gradients.items():
            if g is not None:
                self.sums[name] = self.sums.get(name, 0.0) + g * g
                root = self.sums[name] ** 0.5
                changed[name] = params[name] - rate * g / (root + self.eps)
        return changed


class Counting(ArrayAdapter):
    """Shows no state of a param before its first gradient."""

    name, dialect = "counting", "global-counter"
    constants = NOTHING
    claims = ArrayAdapter.PLAIN | {"lr-decay", "state-write"}

    def make(self, params, options):
        return Plain(**options)

    def update(self, port, params, gradients):
        return port.step(params, gradients)

    def accumulator(self, port, name):
        return port.sums.get(name)

    def counter(self, port, name):
        return port.count

    def write(self, port, name, accumulator, t):
        port.sums[name], port.count = accumulator, t


class Forgetful(Counting):
    """Shows the state of a param only where it has a gradient."""

    def accumulator(self, port, name):
        return None if self.gradients[name] is None else port.sums[name]


class Own(Counting):
    """What is written to one param's counter is gone for the others."""

    def counter(self, port, name):
        return {"p0": 32768}.get(name, port.count)


def verdicts(adapter, names):
    library = Library.read()
    checks = [library.scenario(name) for name in names]
    result = evaluate_client(
        "counting", InProcessClient(lambda: adapter), checks, library.expectations
    )
    assert result.problem is None
    return {verdict.scenario: verdict for verdict in result.verdicts}


def test_state_may_begin_later_and_a_written_counter_is_everyones():
    found = verdicts(Counting(), [MANY, LATE, MIXED])
    assert {v.status for v in found.values()} == {"pass"}, found


def test_state_that_was_there_must_not_vanish():
    assert (
        verdicts(Forgetful(), [MIXED])[MIXED].failure.message
        == "claims 'state' but shows none"
    )


def test_a_counter_of_its_own_is_wrong_there():
    assert verdicts(Own(), [MANY])[MANY].failure.message == "the step counter is wrong"


# -- constants that say that an option is lacking --------------------------------------


@pytest.mark.parametrize("name", ["weight-decay/coupled/0-53/binary64"])
def test_a_constant_0_does_not_stand_in_for_the_theme_itself(name):
    scenario = Library.read().scenario(name)
    assert fitted(scenario, NOTHING) is scenario
    assert "weight-decay" in missing_claims(scenario, frozenset(), NOTHING)


def test_a_constant_0_stands_in_elsewhere():
    scenario = Library.read().scenario("layout/size-17/binary64")
    assert "weight-decay" in missing_claims(scenario, frozenset(), {})
    chosen = fitted(scenario, NOTHING)
    lacks = missing_claims(chosen, frozenset(), NOTHING)
    assert not lacks & {"weight-decay", "initial-accumulator-value", "zero-accumulator"}


def test_steps_are_not_about_eps():
    scenario = Library.read().scenario("none-vs-zero/zero-steps/plain/binary64")
    assert fitted(scenario, {"eps": 0.0}) is not scenario
