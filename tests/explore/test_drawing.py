"""What is drawn is lawful, and everything lawful is drawn.

Everything here is drawn from fixed seeds; the command takes a new one each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from typing import get_args

import pytest
from explore_kit import (
    ALL,
    TAU,
    drawn,
    happenings,
)
from hypothesis import given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from adagrad_conformance.adapters.claims import with_implied
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_conformance.explore import scenarios
from adagrad_conformance.explore import search as search_module
from adagrad_conformance.explore.machine import machine
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json


@pytest.fixture(scope="module")
def many():
    return drawn(600)


def test_everything_is_drawn(many):
    seen = Counter(word for scenario in many for word in set(happenings(scenario)))
    expected = {
        *(kind.__name__ for kind in get_args(Event)), "New refused",
        "AddGroup refused", "Load refused", "Step refused", "load same-object",
        "load deepcopy", "load bytes", "load new-process", "closure", "NoneType",
        "Sparse", "Tensor", "complex", "laid out", "laid out gradient", "mixed",
        "two optimizers", *FORMATS,
    }  # fmt: skip
    assert expected <= set(seen)
    assert min(seen[word] for word in expected) >= 3, seen


def test_the_state_machine_plays_every_kind():
    """Those of events, and those that are refused; few runs show them all."""
    due = {kind.__name__ for kind in get_args(Event)}
    due |= {"New refused", "AddGroup refused", "Step refused"}
    candidate = InProcessClient(numpy_own.NumpyAdapter)
    claims = candidate.start().claims

    def judge(observed):
        due.difference_update(happenings(observed.scenario))

    driven = machine(candidate, claims, lambda: None, judge)
    for start in range(20):
        once = seeded(start)(driven)
        run_state_machine_as_test(once, settings=search_module._settings(20))
        if not due:
            break
    assert due == set()


def test_options_are_drawn_on_and_off(many):
    for name in (*OPTION_NAMES,):
        given = [event.options for s in many for event in s.events[:1]]
        named = [options for options in given if name in options]
        assert len(named) > 20
        assert len(named) < len(given) - 20


def test_every_scenario_can_be_written_and_read(many):
    for scenario in many:
        text = json.dumps(scenario_to_json(scenario))
        assert repr(scenario_from_json(json.loads(text))) == repr(scenario)  # NaN too


def test_all_are_must_and_ordinary(many):
    for scenario in many:
        assert scenario.level == "MUST"
        assert scenario.requirements == ("numerics/fresh",)
        assert is_ordinary(scenario)


@settings(max_examples=60, database=None, deadline=None, derandomize=True)
@given(st.data())
def test_nothing_is_needed_that_is_not_claimed(data):
    claims = data.draw(st.sets(st.sampled_from(sorted(ALL))), label="claims")
    claims |= {data.draw(st.sampled_from(["binary64", "binary32"])), "eps"}
    scenario = data.draw(scenarios(frozenset(claims)))
    assert needed_claims(scenario) <= with_implied(frozenset(claims))


@pytest.mark.parametrize("claim", sorted(ALL - {"binary32"}))
def test_a_claim_that_is_missing_is_not_needed(claim):
    claims = ALL - {claim}
    for scenario in drawn(25, claims):
        assert needed_claims(scenario) <= with_implied(claims)


def test_without_gradients_of_none_every_param_has_one():
    """A param whose gradient was never set is skipped, as one of None is."""
    for scenario in drawn(100, ALL - {"none-gradient"}):
        books = Bookkeeper(scenario)
        for event in scenario.events:
            books.apply(event)
            if isinstance(event, Step | Steps):
                params = books.params(event.optimizer)
                assert None not in [books.gradients[p] for p in params]


def test_what_the_document_leaves_open_is_not_drawn(many):
    for scenario in many:
        assert not list(open_questions(scenario)), scenario


def open_questions(scenario):
    """Each place where two right ports could differ."""
    books, loaded, kept = Bookkeeper(scenario), set(), {}
    for number, event in enumerate(scenario.events):
        optimizer = event.optimizer
        if isinstance(event, ZeroGrad) and not event.set_to_none:
            gradients = [books.gradients[p] for p in books.params(optimizer)]
            if any(not isinstance(g, Tensor) for g in gradients):
                yield "None may become zeros"
        live = isinstance(event, Load) and event.via == "same-object"
        if live and kept[event.name] != [optimizer]:
            yield "a live state dict has changed"
        if isinstance(event, AddGroup) and optimizer in loaded:
            full = set(OPTION_NAMES) - {TAU} <= set(event.group.options)
            inside = set(event.group.params) & set(books.params(optimizer))
            if not full and not inside:
                yield "whose defaults?"
        groups = getattr(event, "groups", ()) or [getattr(event, "group", None)]
        if any(TAU in getattr(group, "options", {}) for group in groups):
            yield "a group's own tau is a SHOULD"
        if isinstance(event, SetOption) and event.option == TAU:
            yield "tau cannot be changed"
        effect = books.apply(event)
        if effect.refusal:
            if isinstance(event, Step):
                last = number == len(scenario.events) - 1
                if not last or Flag.OUTCOME_ONLY not in scenario.flags:
                    yield "a refused step may change something"
            if "another shape" in effect.refusal:
                yield "the refusal of another shape is a SHOULD"
            continue
        if isinstance(event, Save):
            kept[event.name] = [optimizer]
        elif not isinstance(event, New | Read | ZeroGrad):
            for events in kept.values():
                events += [event] if optimizer == events[0] else []
        if isinstance(event, Load):
            loaded.add(optimizer)
        if isinstance(event, New):
            loaded.discard(optimizer)


def test_open_questions_would_be_seen():
    p = Tensor("binary64", (1,), (0x3FE0000000000000,))
    made = New("A", (package_group("p"),), {"lr": 0.7, "eps": 0.1})

    def asked(*events):
        return list(open_questions(Scenario("s", (), "MUST", {"p": p, "q": p}, events)))

    assert asked(made, ZeroGrad("A", False))
    assert asked(made, Save("A", "s"), Step("A"), Load("A", "s", "same-object"))
    added = AddGroup("A", package_group("q", lr=0.3))
    assert asked(made, Save("A", "s"), Load("A", "s", "bytes"), added)
    assert asked(made, AddGroup("A", package_group("q", **{TAU: 0.3})))
    rows = Step("A", {"p": Sparse((1,), (0,), p)})
    assert asked(New("A", made.groups, {"weight_decay": 0.3}), rows)
    assert not asked(made, Step("A", {"p": p}), added)


def package_group(name, **options):
    from adagrad_reference.scenario import Group

    return Group((name,), options)


@pytest.mark.parametrize(
    "claims", [set(), {"state"}, {"binary16", "defaults"}, {"binary32"}]
)
def test_claims_that_leave_nothing(claims):
    with pytest.raises(ValueError, match="nothing to draw"):
        drawn(1, frozenset(claims))


def test_unknown_claims():
    with pytest.raises(
        ValueError, match="unknown claims \\['fast'\\]; known: binary64"
    ):
        scenarios(frozenset({"binary64", "fast"}))


SHOW_DIGEST = """
import sys
sys.path.append("../kits")
import test_drawing
print(test_drawing.digest())
"""


def digest():
    """Some scenarios as one short text."""
    data = [scenario_to_json(s) for s in drawn(40, start=5)]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def test_the_same_seed_draws_the_same_in_another_process():
    """Compared between new processes: Hypothesis looks at what modules are loaded."""
    shown = {
        subprocess.run(
            [sys.executable, "-c", SHOW_DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "4242")
    }
    assert len(shown) == 1
