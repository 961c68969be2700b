"""The books of dialects: who counts, whose options hold, what is restored."""

from __future__ import annotations

import pytest
from dialect_kit import BOTH, CASES, GP, MAXIMIZE_LOADED, TWO, P, effects, updates

from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.expectations import play
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
)


@pytest.mark.parametrize("name", CASES)
def test_books_of_a_dialect(name):
    dialect, events, due = CASES[name]
    assert updates(dialect, *events) == due
    if name != "document":
        assert updates(DOCUMENT, *events) != due


@pytest.mark.parametrize("loaded", [True, False])
def test_maximize_may_not_be_restored(loaded):
    dialect = DOCUMENT if loaded else DOCUMENT.also("load", "no-maximize")
    _, found = effects(dialect, *MAXIMIZE_LOADED)
    assert {u.options.maximize for u in found[-1].updates} == {loaded}


def test_where_s_begins():
    new = New(
        "A",
        (Group(("p",), {"initial_accumulator_value": 3.0, "eps": 0.5}),),
        {"initial_accumulator_value": 2.0},
    )

    def begun(value):
        dialect = DOCUMENT.also("initial", value) if value != "tau" else DOCUMENT
        return effects(dialect, new)[1][0].fresh

    taus = {"tau": 3.0, "zero": 0.0, "constructor": 2.0, "squared": 9.0, "eps": 0.5}
    assert {value: begun(value)[0][1] for value in taus} == taus


def test_a_later_param_joins_the_optimizers_count():
    events = (
        New("A", (Group(("p",)),)),
        Step("A", {"p": GP}),
        AddGroup("A", Group(("q",))),
        BOTH,
    )
    assert [t for _, t, _ in updates(DOCUMENT, *events)] == [2, 1]
    joined = DOCUMENT.also("counter", "optimizer")
    assert [t for _, t, _ in updates(joined, *events)] == [2, 2]
    calls = DOCUMENT.also("counter", "calls")
    assert [t for _, t, _ in updates(calls, *events)] == [2, 1]


def test_s_that_is_not_restored_stays_or_begins_anew():
    events = (TWO, BOTH, Save("A", "s"), TWO, BOTH)
    lost = DOCUMENT.also("load", "no-sum")
    here = effects(lost, *events, Load("A", "s", "deepcopy"))[1][-1]
    assert (here.restored, here.fresh) == ((), ())
    away = effects(lost, *events, Load("A", "s", "new-process"))[1][-1]
    assert away.restored == ()
    assert dict(away.fresh) == {"p": 0.0, "q": 0.0}
    kept = effects(DOCUMENT, *events, Load("A", "s", "deepcopy"))[1][-1]
    assert [r.param for r in kept.restored] == ["p", "q"]


def test_a_trajectory_is_played_in_a_dialect():
    scenario = Scenario("s", (), "MUST", P, (TWO, BOTH, BOTH))
    document = play(scenario, fast=True)
    keras = play(scenario, fast=True, dialect=DIALECTS["keras"])
    assert document[1].params["p"].exact_theta is not None
    assert keras[1].params["p"].exact_theta is None  # there are boxes alone
    other = play(scenario, fast=True, dialect=DOCUMENT.also("update", "added"))
    one, two = (found[2].params["p"].theta["lawful"][0] for found in (document, other))
    assert one.hi < two.lo or two.hi < one.lo
