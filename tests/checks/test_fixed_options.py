"""Scenarios for ports in which an option cannot be chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adagrad_conformance.adapters.base import PLAIN_CLAIMS, Malformed
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.fixed_options import fitted, missing_claims
from adagrad_conformance.checks.relations import relations
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.identity import check_constants
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.claims import needed_claims
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    New,
    Scenario,
    SetOption,
    Step,
    Steps,
    Tensor,
)

LIBRARY = Library.read()
HALF = {"eps": 0.5}
P = Tensor("binary64", (1,), (0x3FF8000000000000,))
NARROW = Tensor("bfloat16", (1,), (0x3FC0,))


def scenario(*events, tensor=P):
    return Scenario("x/y", (), "MUST", {"p": tensor, "q": tensor}, tuple(events))


def made(**options):
    return New("A", (Group(("p",)),), options)


def test_a_constant_takes_the_place_of_what_is_named():
    (event,) = fitted(scenario(made(lr=0.7, eps=1e-5)), HALF).events
    assert event.options == {"lr": 0.7, "eps": 0.5}


def test_groups_and_later_changes_are_fitted_too():
    group = Group(("q",), {"eps": 1e-5})
    given = scenario(
        made(lr=0.7, eps=1e-5), AddGroup("A", group), SetOption("A", 0, "eps", 1e-5)
    )
    _, added, changed = fitted(given, HALF).events
    assert added.group.options == {"eps": 0.5}
    assert changed.value == 0.5


@pytest.mark.parametrize(
    "given",
    [
        scenario(made(lr=0.7)),  # does not name it
        scenario(made(lr=0.7, eps=1e-5), SetOption("A", 0, "eps", 1e-4)),  # varies it
        scenario(made(lr=0.7, eps=-1.0)),  # is about its refusal
        scenario(made(lr=0.7, eps=0.0)),  # is about zero
    ],
)
def test_what_is_about_the_option_stays(given):
    assert fitted(given, HALF) is given


def test_a_small_eps_is_not_put_into_a_16_bit_scenario():
    given = scenario(made(lr=0.7, eps=0.01), tensor=NARROW)
    assert fitted(given, {"eps": 1e-7}) is given
    assert fitted(given, HALF) is not given


def test_only_scenarios_are_fitted():
    relation = next(iter(relations()))
    assert fitted(relation, HALF) is relation


def test_what_was_fitted_needs_no_claim_of_the_option():
    given = scenario(made(lr=0.7, eps=1e-5, lr_decay=0.1))
    claims = frozenset({"binary64"})
    assert missing_claims(given, claims, HALF) == {"eps", "lr-decay"}
    assert missing_claims(fitted(given, HALF), claims, HALF) == {"lr-decay"}


def test_zero_is_a_claim_of_its_own():
    named = made(lr=0.0, eps=0.0, initial_accumulator_value=0.0)
    assert {"zero-lr", "zero-eps", "zero-accumulator"} <= needed_claims(scenario(named))
    ordinary = made(lr=0.1, eps=0.1, initial_accumulator_value=0.1)
    assert not {x for x in needed_claims(scenario(ordinary)) if x.startswith("zero-")}
    later = scenario(made(lr=0.1, eps=0.1), SetOption("A", 0, "lr", 0.0))
    assert "zero-lr" in needed_claims(later)


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({"epsilon": 1.0}, "unknown option 'epsilon'"),
        ({"eps": -1.0}, "eps=-1.0 is not >= 0"),
        ({"maximize": True}, "maximize can only be False; a port that always maxi"),
    ],
)
def test_constants_that_are_none_are_refused(constants, words):
    with pytest.raises(Malformed, match=words):
        check_constants(constants)


@pytest.mark.parametrize("never", [False, 0.0])
def test_maximize_may_be_a_constant_that_is_off(never):
    assert check_constants({"maximize": never, "eps": 0.5}) == HALF


class FixedEps(NumpyAdapter):
    """A right port whose eps nobody can choose."""

    constants = HALF
    claims = NumpyAdapter.claims - {"eps", "defaults"}
    used = 0.5

    def make_optimizer(self, params, options):
        return super().make_optimizer(params, {**options, "eps": self.used})

    def set_option(self, optimizer, group, option, value):
        if option != "eps":
            super().set_option(optimizer, group, option, value)


class AnotherEps(FixedEps):
    """One that declares another eps than it has."""

    used = 0.25


SOME = [s for s in LIBRARY.scenarios() if s.id.startswith(("algorithm/", "maximize/"))]


def judged(adapter):
    result = evaluate_client("x", InProcessClient(adapter), SOME, LIBRARY.expectations)
    assert result.problem is None, result.problem
    return {v.scenario: v.status for v in result.verdicts}


def test_a_right_port_with_a_constant_passes_what_it_could_not_be_asked_before():
    class Undeclared(FixedEps):
        constants = {}  # noqa: RUF012

    with_constants, without = judged(FixedEps), judged(Undeclared)
    assert set(with_constants.values()) <= {"pass", "not-claimed"}
    passed = [name for name, status in with_constants.items() if status == "pass"]
    assert len(passed) > len(SOME) / 2
    assert "pass" not in {without.get(name) for name in passed}


def test_a_port_that_declares_another_constant_than_it_has_is_caught():
    assert list(judged(AnotherEps).values()).count("fail") > len(SOME) / 2


def test_a_port_that_documents_that_a_step_needs_a_gradient_is_not_asked_without():
    claims = PLAIN_CLAIMS | {"needs-a-gradient"}
    empty = scenario(made(lr=0.7, eps=0.1), Step("A", {"p": None}))
    assert missing_claims(empty, claims, {}) == {"steps without gradients"}
    assert missing_claims(empty, PLAIN_CLAIMS, {}) == set()
    kept = scenario(made(lr=0.7, eps=0.1), Step("A", {"p": P}), Step("A"))
    assert missing_claims(kept, claims, {}) == set()  # the gradient is still there
    turns = Steps("A", ({"p": P}, {"p": None}), 4)
    assert missing_claims(scenario(made(lr=0.7, eps=0.1), turns), claims, {})
    always = Steps("A", ({"p": P},), 4)
    assert not missing_claims(scenario(made(lr=0.7, eps=0.1), always), claims, {})


def test_a_port_that_documents_that_params_have_elements_is_not_asked_with_none():
    claims = PLAIN_CLAIMS | {"needs-elements"}
    step = Step("A", {"p": P})
    full = scenario(made(lr=0.7, eps=0.1), step)
    empty = replace(
        full, tensors={**full.tensors, "z": replace(P, shape=(0,), bits=())}
    )
    assert missing_claims(empty, claims, {}) == {"params of size 0"}
    assert missing_claims(empty, PLAIN_CLAIMS, {}) == set()
    assert missing_claims(full, claims, {}) == set()


def test_defaults_are_a_claim_apart():
    left_out = scenario(made(), Step("A", {"p": P}))
    claims = PLAIN_CLAIMS - {"defaults"}
    assert missing_claims(fitted(left_out, HALF), claims, HALF) == {"defaults"}
    assert replace(left_out) == fitted(left_out, HALF)
