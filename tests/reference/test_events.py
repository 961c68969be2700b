"""Walks over events know every kind, and leave no option and no tensor out."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import get_args

import pytest

from adagrad_reference import events as walks
from adagrad_reference.events import (
    changes_state,
    gradients_of,
    groups_of,
    map_events,
    map_gradients,
    map_names,
    map_options,
    map_tensors,
    number_of_steps,
    options_of,
    tensors_of,
    vary_gradients,
    vary_options,
)
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)


def plain(*bits):
    return Tensor("binary32", (len(bits),), bits)


ROWS = Sparse((4, 1), (2, 0), Tensor("binary32", (2, 1), (7, 8)))
OWN, LATER = {"lr": 0.5}, {"eps": 0.25, "maximize": True}
MADE = New("A", (Group(("p",), OWN), Group(("q",))), {"lr": 0.1, "weight_decay": 0.2})
ADDED = AddGroup("A", Group(("r",), LATER))
SET = SetOption("A", 1, "lr", 0.75)
STEP = Step("A", {"p": plain(1), "q": None, "r": ROWS}, 0.5)
STEPS = Steps("A", ({"p": plain(2)}, {}, {"p": None, "q": plain(3)}), 7)
STATE = SetState("A", "p", plain(4), 3)
EVENTS = (
    MADE,
    ADDED,
    SET,
    STEP,
    STEPS,
    STATE,
    ZeroGrad("A", True),
    Read("A"),
    Save("A", "s"),
    Load("A", "s", "bytes"),
)


def test_the_examples_are_of_every_kind():
    assert {type(event) for event in EVENTS} == set(get_args(Event))


def expected(event, wanted):
    """What `wanted` has for an event; nothing for the kinds that it leaves out."""
    return wanted.get(type(event), ())


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_what_an_event_brings(event):
    options = {
        New: (MADE.options, OWN, {}),
        AddGroup: (LATER,),
        SetOption: ({"lr": 0.75},),
    }
    gradients = {Step: (STEP.gradients,), Steps: STEPS.cycle}
    tensors = {
        Step: (plain(1), ROWS.values),
        Steps: (plain(2), plain(3)),
        SetState: (plain(4),),
    }
    groups = {New: MADE.groups, AddGroup: (ADDED.group,)}
    assert options_of(event) == expected(event, options)
    assert gradients_of(event) == expected(event, gradients)
    assert tuple(tensors_of(event)) == expected(event, tensors)
    assert groups_of(event) == expected(event, groups)
    assert changes_state(event) != isinstance(event, New | ZeroGrad | Read | Save)
    assert number_of_steps(event) == {Step: 1, Steps: 7}.get(type(event), 0)


def inside(value, kind):
    """Everything of a kind inside an event, whatever field it stands in."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from inside(item, kind)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from inside(item, kind)
    elif hasattr(value, "__dataclass_fields__"):
        for field in fields(value):
            yield from inside(getattr(value, field.name), kind)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_no_tensor_and_no_group_is_left_out(event):
    assert list(tensors_of(event)) == list(inside(event, Tensor))
    assert list(groups_of(event)) == list(inside(event, Group))
    doubled = map_tensors(event, lambda name, t: replace(t, bits=t.bits * 2))
    assert [t.bits for t in inside(doubled, Tensor)] == [
        t.bits * 2 for t in inside(event, Tensor)
    ]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_nothing_changed_is_the_event_itself(event):
    assert map_options(event, dict) == event
    assert map_gradients(event, dict) == event
    assert map_tensors(event, lambda name, tensor: tensor) == event
    assert list(vary_options(event, lambda options: ())) == []
    assert list(vary_gradients(event, lambda gradients: ())) == []


def test_every_set_of_options_is_changed():
    def halved(options):
        return {n: v if isinstance(v, bool) else v / 2 for n, v in options.items()}

    for event in (MADE, ADDED, SET):
        changed = map_options(event, halved)
        assert options_of(changed) == tuple(map(halved, options_of(event)))
        assert type(changed) is type(event)
    assert map_options(MADE, halved).groups[1] == MADE.groups[1]


def test_an_option_of_its_own_event_cannot_go():
    assert map_options(SET, lambda options: {}) == SET
    assert map_options(ADDED, lambda options: {}).group == Group(("r",))
    assert list(vary_options(SET, lambda options: [{}, {"lr": 2.0}])) == [
        replace(SET, value=2.0)
    ]


def test_options_vary_one_set_at_a_time():
    def without(options):
        return [{k: v for k, v in options.items() if k != name} for name in options]

    assert [options_of(event) for event in vary_options(MADE, without)] == [
        ({"weight_decay": 0.2}, OWN, {}),
        ({"lr": 0.1}, OWN, {}),
        (MADE.options, {}, {}),
    ]
    assert [e.group.options for e in vary_options(ADDED, without)] == [
        {"maximize": True},
        {"eps": 0.25},
    ]


def test_gradients_vary_one_set_at_a_time():
    def emptied(gradients):
        return [{}] if gradients else []

    assert list(vary_gradients(STEP, emptied)) == [replace(STEP, gradients={})]
    assert [e.cycle for e in vary_gradients(STEPS, emptied)] == [
        ({}, {}, STEPS.cycle[2]),
        (STEPS.cycle[0], {}, {}),
    ]


def test_every_set_of_gradients_is_changed():
    named = map_gradients(STEPS, lambda gradients: {"p": None, **gradients})
    assert named.cycle == (STEPS.cycle[0], {"p": None}, STEPS.cycle[2])


def test_tensors_are_changed_by_the_name_of_their_param():
    def marked(name, tensor):
        return replace(tensor, bits=(ord(name),) * len(tensor.bits))

    step = map_tensors(STEP, marked)
    assert step.gradients["p"] == plain(ord("p"))
    assert step.gradients["q"] is None
    assert step.gradients["r"].values.bits == (ord("r"),) * 2
    assert step.gradients["r"].indices == ROWS.indices
    assert map_tensors(STATE, marked) == replace(STATE, state_sum=plain(ord("p")))


def test_rows_are_changed_as_a_whole_where_that_is_wanted():
    def first(name, rows):
        assert name == "r"
        return replace(rows, indices=(1, 3))

    step = map_tensors(STEP, lambda name, tensor: plain(0), first)
    assert step.gradients["r"] == replace(ROWS, indices=(1, 3))
    assert step.gradients["p"] == plain(0)


NAMES = ("A", "p", "q", "r", "s")


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_every_name_of_an_event_is_changed(event):
    changes = (lambda n: f"o{n}", lambda n: f"t{n}", lambda n: f"k{n}")
    renamed = map_names(event, *changes)
    words = re.findall(r"'(\w+)'", repr(event))
    marked = re.findall(r"'(\w+)'", repr(renamed))
    kinds = {"A": "o", "s": "k"}
    assert marked == [kinds.get(w, "t") + w if w in NAMES else w for w in words]
    assert map_names(event, str, str, str) == event


def test_all_events_of_a_scenario_are_changed():
    scenario = Scenario("a/b", (), "MUST", {"p": plain(1)}, (MADE, STEP))
    changed = map_events(scenario, lambda event: map_options(event, lambda o: {}))
    assert changed.events == (
        replace(MADE, groups=changed.events[0].groups, options={}),
        STEP,
    )
    assert changed.tensors == scenario.tensors


@pytest.mark.parametrize("name", walks.__all__)
def test_a_kind_that_is_forgotten_raises(name):
    """At run time too, where no type checker looks."""

    @dataclass
    class Unknown:
        optimizer: str = "A"

    if name == "map_events":
        return
    takes = {"map_names": 3}.get(name, int(name.split("_")[0] in ("map", "vary")))
    more = [lambda *given: given] * takes
    with pytest.raises(AssertionError, match="Unknown"):
        list(getattr(walks, name)(Unknown(), *more))
