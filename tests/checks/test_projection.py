"""Scenarios fitted to ports that claim less: what is taken out, and what is left."""

import pytest

from adagrad_conformance.adapters.claims import (
    CLAIMS,
    PLAIN_CLAIMS,
    claims_without,
    with_implied,
)
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.projection.fitting import content, fit
from adagrad_conformance.checks.projection.project import (
    ORDINARY_RUN,
    RULES,
    projected,
    projection_named,
)
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.names import is_path
from adagrad_reference.scenario import (
    AddGroup,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
)
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json

LIBRARY = Library.read()
CHECKS = checks_of_a_run(LIBRARY, 3, 1)
BY_ID = {check.id: check for check in CHECKS}
SCENARIOS = [check for check in CHECKS if isinstance(check, Scenario)]
POOR = frozenset({"binary64", "binary32", "eps"})


def left_of(name, *gone, **constants):
    """A scenario without some claims."""
    claims = claims_without(with_implied(PLAIN_CLAIMS), gone)
    return projected(BY_ID[name], claims, constants)


def test_an_option_is_left_out():
    found = left_of("numerics/large-lr/64-0/binary32", "weight-decay")
    assert found.id == "numerics/large-lr/64-0/binary32~weight-decay"
    assert "weight_decay" not in found.events[0].options
    assert found.requirements[0] == "numerics/large-lr"


def test_what_is_about_the_option_is_an_ordinary_run_then():
    about = next(
        c
        for c in SCENARIOS
        if c.requirements == ("weight-decay/coupled",) and "/binary64" in c.id
    )
    found = left_of(about.id, "weight-decay")
    assert found.requirements == ORDINARY_RUN
    assert found.level == "MUST"


def test_of_a_should_no_must_is_made():
    """Its numbers may be such that a right port is free: a counter beyond 2^24."""
    for scenario in SCENARIOS:
        if scenario.level == "MUST" or not scenario.id.endswith("/binary64"):
            continue
        for claim in sorted(needed_claims(scenario)):
            found = left_of(scenario.id, claim)
            assert found is None or found.level == scenario.level


def test_a_state_is_reached_by_steps():
    states = [
        c
        for c in SCENARIOS
        if any(isinstance(e, SetState) for e in c.events) and c.formats == ("binary64",)
    ]
    found = [x for c in states if (x := left_of(c.id, "state-write"))]
    assert len(found) > len(states) / 2
    for scenario in found:
        assert not any(isinstance(event, SetState) for event in scenario.events)
        assert not scenario.requirements[0].startswith("special-values/")


def test_sparse_gradients_become_dense_ones():
    found = next(
        x for c in SCENARIOS if "duplicates" in c.id and (x := left_of(c.id, "sparse"))
    )
    gradients = [
        g
        for event in found.events
        if isinstance(event, Step)
        for g in event.gradients.values()
    ]
    assert gradients
    assert not any(isinstance(gradient, Sparse) for gradient in gradients)


def test_a_constant_stands_in_the_id():
    about = next(
        c
        for c in SCENARIOS
        if c.requirements[0] == "numerics/eps" and c.formats == ("binary64",)
    )
    for scenario in fit([about], POOR - {"eps"}, {"eps": 1e-8}):
        values = [e.options["eps"] for e in scenario.events if hasattr(e, "groups")]
        if "~" in scenario.id:
            assert "~eps=1e-08" in scenario.id
            assert set(values) == {1e-8}


@pytest.mark.parametrize("claim", sorted(RULES))
def test_every_rule_is_needed_by_some_scenario(claim):
    """Without the rule, a scenario that misses the claim is not played."""
    if claim in ("steps without gradients", "several params"):
        peculiar = {"steps without gradients": "needs-a-gradient"}
        claims = PLAIN_CLAIMS | {peculiar.get(claim, "one-param")}
    else:
        claims = claims_without(with_implied(PLAIN_CLAIMS), [claim])
    found = [
        left
        for scenario in SCENARIOS
        if claim in missing_claims(scenario, claims, {})
        and (left := projected(scenario, claims, {})) is not None
    ]
    assert found
    for scenario in found:
        assert not missing_claims(scenario, claims, {})


def test_fitted_checks_need_no_more_than_is_claimed_and_none_is_twice():
    for claims, constants in (
        (POOR, {}),
        (POOR - {"eps"}, {"eps": 1e-8}),
        (frozenset({"binary32", "eps", "state", "one-param"}), {}),
        (PLAIN_CLAIMS - {"state-write", "groups", "sparse"}, {}),
    ):
        fitted = [
            check
            for check in fit(CHECKS, claims, constants)
            if not missing_claims(check, claims, constants)
        ]
        scenarios = [check for check in fitted if isinstance(check, Scenario)]
        changed = [check for check in scenarios if "~" in check.id]
        assert len(changed) > 100
        assert len({check.id for check in fitted}) == len(fitted)
        contents = [content(check) for check in changed]
        assert len(set(contents)) == len(contents)
        for scenario in changed:
            assert is_path(scenario.id)
            assert set(scenario.requirements) <= set(REQUIREMENTS)
            data = scenario_to_json(scenario)
            assert scenario_to_json(scenario_from_json(data)) == data
            books = Bookkeeper(scenario)
            assert any(books.apply(event).updates for event in scenario.events)


def changed_options(claims):
    """The options that a port with these claims is asked to change."""
    return {
        event.option
        for check in fit(SCENARIOS, claims, {})
        if not missing_claims(check, claims, {})
        for event in check.events
        if isinstance(event, SetOption)
    }


def test_lr_alone_may_be_changed():
    """A claim of its own, which `set-option` implies."""
    neither = PLAIN_CLAIMS - {"set-option"}
    assert changed_options(neither) == set()
    assert changed_options(neither | {"set-lr"}) == {"lr"}
    assert changed_options(PLAIN_CLAIMS) > {"lr", "eps", "weight_decay"}


def test_params_may_be_added_without_options():
    def added(claims):
        checks = fit(SCENARIOS, claims, {})
        playable = [c for c in checks if not missing_claims(c, claims, {})]
        events = [e for c in playable for e in c.events if isinstance(e, AddGroup)]
        return {bool(event.group.options) for event in events}

    neither = PLAIN_CLAIMS - {"add-group"}
    assert added(neither) == set()
    assert added(neither | {"add-params"}) == {False}
    assert added(PLAIN_CLAIMS) == {False, True}


def test_an_id_names_what_was_played():
    claims = frozenset({"binary32", "eps", "state", "one-param", "needs-a-gradient"})
    changed = [
        check
        for check in fit(CHECKS, claims, {})
        if isinstance(check, Scenario) and "~" in check.id
    ]
    assert len(changed) > 50
    for check in changed:
        assert projection_named(check.id, BY_ID.get) == check


@pytest.mark.parametrize(
    "name",
    ["no/such/binary64~eps", "algorithm/update/binary64~eps=x", "~", "a~b~c=1"],
)
def test_other_ids_name_nothing(name):
    assert projection_named(name, BY_ID.get) is None


def test_a_port_that_claims_everything_plays_what_is_written():
    assert fit(CHECKS, PLAIN_CLAIMS, {}) == CHECKS


def test_every_claim_of_a_scenario_can_be_done_without():
    """Or it is a format, an option or a way of loading, which other code handles."""
    named = {claim for scenario in SCENARIOS for claim in needed_claims(scenario)}
    others = {"binary64", "binary32", "bfloat16", "binary16", "eps", "lr-decay"}
    others |= {"weight-decay", "initial-accumulator-value", "maximize"}
    others |= {claim for claim in CLAIMS if claim.startswith("load-")}
    assert named - others <= set(RULES)
