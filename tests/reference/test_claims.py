"""What a scenario needs of a port, in claims."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from adagrad_reference import claims
from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.claims import has_empty_step, needed_claims
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Layout,
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


def tensor(*values, fmt="binary64", **more):
    form = FORMATS[fmt]
    bits = tuple(form.encode(form.round(Fraction(v))) for v in values)
    shape = (len(bits) // (2 if more.get("complex") else 1),)
    return Tensor(fmt, shape, bits, **more)


def scenario(*events, **tensors):
    return Scenario("test/claims", ("ALG-7",), "MUST", tensors, tuple(events))


def new(*params, **options):
    return New("opt", (Group(params),), options)


NAMED = {"lr": 0.5, "eps": 1e-10}  #: without these two, the defaults are judged
TAU = "initial-accumulator-value"
A, B, Z = tensor(1.0, 2.0), tensor(3.0), tensor(1.0, 2.0, complex=True)
GA, GB = tensor(0.5, -0.25), tensor(2.0)
STATE = {"many-steps", "state"}

#: An event, and what it needs beside binary64 and an optimizer with its own eps.
NEEDS = [
    (Read("opt"), {"save"}),
    (Save("opt", "s"), {"save"}),
    (ZeroGrad("opt", set_to_none=True), {"zero-grad"}),
    (SetState("opt", "a", A, 1), {"state-write"}),
    (SetOption("opt", 0, "weight_decay", 0.5), {"set-option", "weight-decay"}),
    (SetOption("opt", 0, "lr", 0.5), {"set-lr"}),
    (SetOption("opt", 0, "lr", 0.0), {"set-lr", "zero-lr"}),
    (AddGroup("opt", Group(("b",))), {"add-params"}),
    (AddGroup("opt", Group(("b",), {"lr_decay": 0.5})), {"add-group", "lr-decay"}),
    (AddGroup("opt", Group(("a",))), {"add-params", "refusals"}),
    (Step("opt", {"a": GA}), set()),
    (Step("opt", {"a": None}), {"none-gradient"}),
    (Step("opt"), {"none-gradient"}),  # it has not been given one yet
    (Step("opt", {"a": Sparse((2,), (0,), GB)}), {"sparse"}),
    (Step("opt", {"a": tensor(1, 2, layout=Layout(2, 0, (1,), 0))}), {"layout"}),
    (Step("opt", {"a": GA}, loss=0.0), {"closure"}),
    (Steps("opt", ({"a": GA},), 3), STATE),
    (Steps("opt", ({"a": GA}, {"a": None}), 3), {*STATE, "none-gradient"}),
    *[
        (Load("opt", "s", way), {"save", f"load-{way}"})
        for way in ("same-object", "deepcopy", "bytes", "new-process")
    ],
]


@pytest.mark.parametrize(("event", "names"), NEEDS, ids=lambda x: type(x).__name__)
def test_each_event(event, names):
    saved = (Save("opt", "s"),) if isinstance(event, Load) else ()
    given = scenario(new("a", **NAMED), *saved, event, a=A, b=B)
    assert needed_claims(given) == names | {"binary64", "eps"}


TWO = (Group(("a",)), Group(("b",)))
CONSTRUCTORS = [
    (new("a", **NAMED), {"eps"}),
    (new("a"), {"defaults"}),
    (new("a", lr=0.5), {"defaults"}),
    (new("a", eps=0.5, maximize=False), {"defaults", "eps", "maximize"}),
    (new("a", **NAMED, initial_accumulator_value=0.5), {"eps", TAU}),
    (new("a", **NAMED, lr_decay=0.1), {"eps", "lr-decay"}),
    (new("a", lr=0.0, eps=0.0), {"eps", "zero-lr", "zero-eps"}),
    (
        new("a", **NAMED, initial_accumulator_value=0.0),
        {"eps", TAU, "zero-accumulator"},
    ),
    (new("a", **NAMED, weight_decay=-1.0), {"eps", "weight-decay", "refusals"}),
    (New("opt", TWO, NAMED), {"eps", "groups"}),
    (New("opt", (Group(("a",), {"lr": 0.1}),), NAMED), {"eps", "groups"}),
    (
        New("opt", (Group(("a",), {"weight_decay": 0.1}),), NAMED),
        {"eps", "groups", "weight-decay"},
    ),
]


@pytest.mark.parametrize(("event", "names"), CONSTRUCTORS)
def test_each_constructor(event, names):
    assert needed_claims(scenario(event, a=A, b=B)) == names | {"binary64"}


def test_tensors_need_claims_of_their_own():
    spread = tensor(1.0, fmt="binary32", layout=Layout(3, 1, (2,), 0))
    found = needed_claims(scenario(z=replace(Z, format="bfloat16"), s=spread))
    assert found == {"bfloat16", "binary32", "complex", "layout", "mixed-formats"}


def test_a_complex_gradient_of_rows():
    rows = Sparse((1,), (), Tensor("binary64", (0,), (), True))
    found = needed_claims(scenario(new("z", **NAMED), Step("opt", {"z": rows}), z=Z))
    assert found == {"binary64", "eps", "complex", "sparse"}


def test_an_impossible_scenario_has_no_claims():
    with pytest.raises(ScenarioError, match="no optimizer 'opt'"):
        needed_claims(scenario(Read("opt"), a=A))


@pytest.mark.parametrize(
    ("events", "empty"),
    [
        ((Step("opt", {"a": GA}), Step("opt")), False),  # its gradient is still there
        ((Step("opt", {"a": None}),), True),
        ((Steps("opt", ({"a": GA},), 3),), False),
        ((Steps("opt", ({"a": GA}, {"a": None}), 3),), True),
        ((Read("opt"),), False),
    ],
)
def test_steps_without_any_gradient(events, empty):
    assert has_empty_step(scenario(new("a", **NAMED), *events, a=A)) is empty


def test_the_books_of_a_scenario_are_played_once_for_its_claims(monkeypatch):
    played = []

    class Counted(Bookkeeper):
        def __post_init__(self):
            super().__post_init__()
            played.append(self.scenario.id)

    monkeypatch.setattr(claims, "Bookkeeper", Counted)
    given = scenario(new("a", **NAMED), a=A)
    first = [needed_claims(given) for _ in range(3)]
    assert (first[0], len(played)) == ({"binary64", "eps"}, 1)
    assert has_empty_step(given) is has_empty_step(given) is False
    assert len(played) == 2
    other = replace(given, tensors={"a": tensor(1.0, 2.0, fmt="binary32")})
    assert needed_claims(other) == {"binary32", "eps"}  # nothing was carried along
    assert given == replace(given)
