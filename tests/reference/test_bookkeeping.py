"""Which param steps when, with what options, and what must be refused."""

from __future__ import annotations

import math

import pytest
from scenario_kit import (
    AB,
    GA,
    GB,
    GB2,
    WAYS,
    new,
    played,
    scenario,
    step,
    steps_of,
    tensor,
)

from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.effects import Effect
from adagrad_reference.expectations import play
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Read,
    Save,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

# -- None and zero -----------------------------------------------------------------


def test_a_param_without_a_gradient_is_skipped_whole():
    books, effects = played(new("a", "b"), step(a=GA, b=None), step(a=GA), step(b=GB))
    assert steps_of(effects[1]) == [("a", 1)]
    assert steps_of(effects[2]) == [("a", 2)]
    assert steps_of(effects[3]) == [("a", 3), ("b", 1)]
    assert (books.counter("opt", "a"), books.counter("opt", "b")) == (3, 1)


def test_a_zero_gradient_takes_a_step():
    result = play(
        scenario(new("a", weight_decay=0.5, eps=1.0), step(a=tensor(0, 0)), a=AB["a"])
    )
    after = result[1].params["a"]
    assert after.t == 1
    assert after.exact_sum == [0.25, 1.0]
    assert after.exact_theta[0] < 1.0


def test_nothing_with_a_gradient_changes_nothing():
    result = play(scenario(new("a"), step(a=None), a=AB["a"]))
    assert result[1].params == {}
    assert result[1].refusal is None


def test_a_gradient_stays_until_it_is_replaced():
    _, effects = played(new("a"), step(a=GA), step(), step(a=None), step())
    assert [steps_of(e) for e in effects[1:]] == [[("a", 1)], [("a", 2)], [], []]
    assert effects[2].updates[0].gradient == GA


def test_zero_grad_both_ways():
    books, effects = played(
        new("a", "b"), step(a=GA), ZeroGrad("opt", set_to_none=False), step()
    )
    assert effects[3].updates[0].gradient.values() == [0.0, 0.0]
    assert books.gradients["b"] is None  # None stays None
    books, effects = played(
        new("a", "b"), step(a=GA), ZeroGrad("opt", set_to_none=True), step()
    )
    assert steps_of(effects[3]) == []
    assert books.gradients == {"a": None, "b": None}


def test_zero_grad_reaches_only_the_optimizer_s_params():
    books, _ = played(new("a"), step(a=GA, b=GB), ZeroGrad("opt", set_to_none=True))
    assert books.gradients == {"a": None, "b": GB}


def test_zero_grad_keeps_complex_shapes():
    z = tensor(1.0, 2.0, shape=(1,), complex=True)
    books, _ = played(new("a"), step(a=z), ZeroGrad("opt", set_to_none=False), a=z)
    assert books.gradients["a"] == Tensor("binary64", (1,), (0, 0), True)


def test_a_closure_s_gradients_are_the_step_s():
    _, effects = played(new("a"), Step("opt", {"a": GA}, loss=0.25))
    assert steps_of(effects[1]) == [("a", 1)]
    with_loss = play(scenario(new("a"), Step("opt", {"a": GA}, loss=0.25), a=AB["a"]))
    assert with_loss == play(scenario(new("a"), step(a=GA), a=AB["a"]))


# -- groups and options ------------------------------------------------------------


def test_groups_override_the_defaults():
    event = New(
        "opt",
        (Group(("a",), {"lr": 0.5, "maximize": True}), Group(("b",), {"eps": 0.125})),
        {"lr": 0.25, "weight_decay": 0.1},
    )
    books, effects = played(event, step(a=GA, b=GB))
    mine, other = (u.options for u in effects[1].updates)
    assert mine == Options(lr=0.5, weight_decay=0.1, maximize=True)
    assert other == Options(lr=0.25, weight_decay=0.1, eps=0.125)
    assert books.groups("opt") == [(("a",), mine), (("b",), other)]


def test_an_option_takes_effect_at_the_next_step():
    _, effects = played(
        new("a"), step(a=GA), SetOption("opt", 0, "lr", 0.75), step(), step()
    )
    assert [e.updates[0].options.lr for e in (effects[1], effects[3], effects[4])] == [
        0.01,
        0.75,
        0.75,
    ]


def test_an_option_of_one_group_leaves_the_other():
    event = New("opt", (Group(("a",)), Group(("b",))))
    books, _ = played(event, SetOption("opt", 1, "maximize", True))
    assert [o.maximize for _, o in books.groups("opt")] == [False, True]


def test_a_new_group_starts_at_its_own_t_and_tau():
    event = AddGroup("opt", Group(("b",), {"initial_accumulator_value": 4.0}))
    _, effects = played(new("a", lr=0.5), step(a=GA), event, step(a=GA, b=GB))
    assert effects[2].fresh == (("b", 4.0),)
    assert steps_of(effects[3]) == [("a", 2), ("b", 1)]
    assert effects[3].updates[1].options.lr == 0.5  # the defaults fill in
    result = play(scenario(new("a", lr=0.5), step(a=GA), event, step(b=GB), **AB))
    assert list(result[2].params) == ["b"]
    assert (result[2].params["b"].t, result[2].params["b"].exact_sum) == (0, [4.0])
    assert result[3].params["b"].exact_sum == [8.0]


def test_tau_is_stored_in_the_format():
    p = tensor(1.0, fmt="bfloat16")
    event = New("opt", (Group(("a",)),), {"initial_accumulator_value": 0.1})
    (expected,) = play(scenario(event, a=p))
    box = expected.params["a"].state_sum["lawful"][0]
    assert box.lo == box.hi == 0.10009765625


def test_a_tau_whose_rounding_depends_on_the_way_gives_a_box():
    tie = 1 + 2.0**-8 + 2.0**-30  # through binary32 it becomes a tie
    event = New("opt", (Group(("a",)),), {"initial_accumulator_value": tie})
    (expected,) = play(scenario(event, a=tensor(1.0, fmt="bfloat16")))
    box = expected.params["a"].state_sum["lawful"][0]
    assert (box.lo, box.hi) == (1.0, 1 + 2.0**-7)
    assert expected.params["a"].exact_sum is None


def test_two_optimizers_share_params_but_not_state():
    two = New("two", (Group(("a",)),))
    books, effects = played(new("a"), two, step(a=GA), Step("two"), Step("two"))
    assert steps_of(effects[4]) == [("a", 2)]
    assert (books.counter("opt", "a"), books.counter("two", "a")) == (1, 2)


# -- refusals ----------------------------------------------------------------------

REFUSED = [
    AddGroup("opt", Group(("a",))),
    AddGroup("opt", Group(("b", "b"))),
    AddGroup("opt", Group(("b", "a"))),
    AddGroup("opt", Group(("b",), {"lr": -1.0})),
    AddGroup("opt", Group(("b",), {"eps": math.nan})),
    AddGroup("opt", Group(("b",), {"momentum": 0.9})),
    New("opt", (Group(("a",)),), {"lr": -0.5}),
    New("opt", (Group(("a",)), Group(("b",), {"weight_decay": -1.0}))),
    New("opt", (Group(("a",)), Group(("a",)))),
    *[Load("opt", "other", way) for way in WAYS],
]


@pytest.mark.parametrize("event", REFUSED, ids=repr)
def test_a_refused_event_changes_nothing(event):
    before = [
        new("a", lr=0.5),
        New("bigger", (Group(("a", "b")),)),
        Save("bigger", "other"),
        step(a=GA),
    ]
    books, _ = played(*before)
    effect = books.apply(event)
    assert effect.refusal
    assert effect == Effect(refusal=effect.refusal)
    same, _ = played(*before)
    assert books.optimizers == same.optimizers
    assert books.gradients == same.gradients
    assert books.saves == same.saves
    result = play(scenario(*before, event, step(), **AB))
    assert result[4].refusal == effect.refusal
    assert result[4].params == {}
    if getattr(event, "via", "") != "new-process":
        assert result[5] == play(scenario(*before, step(), **AB))[4]


def test_a_sum_of_another_shape_is_refused():
    two = New("two", (Group(("b",)),))
    books, effects = played(
        new("a"), two, step(a=GA), Save("opt", "s"), Load("two", "s", "bytes")
    )
    assert "another shape" in effects[4].refusal
    assert books.counter("two", "b") == 0


def test_a_sum_of_another_format_is_no_expectation():
    """Expectations must be numbers of the param's format, so this is refused."""
    wide, narrow = tensor(1.1, fmt="binary32"), tensor(1.0, fmt="bfloat16")
    events = [
        new("a"),
        step(a=tensor(1.1, fmt="binary32")),
        Save("opt", "s"),
        New("two", (Group(("b",)),)),
        Load("two", "s", "bytes"),
    ]
    try:
        last = play(scenario(*events, a=wide, b=narrow))[-1]
    except ScenarioError:
        return
    boxes = last.params["b"].state_sum["lawful"] if not last.refusal else []
    assert all(FORMATS["bfloat16"].contains(box.lo) for box in boxes)


def test_another_number_of_groups_is_refused():
    two = New("two", (Group(("a",)), Group(("b",))))
    _, effects = played(new("a", "b"), two, Save("two", "s"), Load("opt", "s", "bytes"))
    assert "groups or params" in effects[3].refusal


# -- impossible scenarios ----------------------------------------------------------

WRONG_SHAPE = tensor(1.0, 2.0, 3.0)
IMPOSSIBLE = {
    "step without optimizer": [step(a=GA)],
    "read without optimizer": [Read("opt")],
    "save without optimizer": [Save("opt", "s")],
    "zero_grad without optimizer": [ZeroGrad("opt", set_to_none=True)],
    "unknown param": [new("z")],
    "unknown param in a new group": [new("a"), AddGroup("opt", Group(("z",)))],
    "gradient of an unknown param": [new("a"), step(z=GA)],
    "gradient of another shape": [new("a"), step(a=WRONG_SHAPE)],
    "gradient of another format": [new("a"), step(a=tensor(1, 2, fmt="binary32"))],
    "gradient with too few elements": [
        new("a"),
        step(a=Tensor("binary64", (2,), (0,))),
    ],
    "no such group": [new("a"), SetOption("opt", 1, "lr", 0.5)],
    "negative group": [new("a"), SetOption("opt", -1, "lr", 0.5)],
    "illegal option": [new("a"), SetOption("opt", 0, "lr", -0.5)],
    "unknown option": [new("a"), SetOption("opt", 0, "beta", 0.5)],
    "nothing saved": [new("a"), Load("opt", "s", "bytes")],
    "load without optimizer": [new("a"), Save("opt", "s"), Load("two", "s", "bytes")],
    "state of a param outside": [new("a"), SetState("opt", "b", GB, 1)],
    "state of another shape": [new("a"), SetState("opt", "a", WRONG_SHAPE, 1)],
    "a negative sum": [new("a"), SetState("opt", "a", tensor(-1, 1), 1), step(a=GA)],
    "a negative counter": [new("a"), SetState("opt", "a", tensor(1, 1), -3)],
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_scenarios(name):
    with pytest.raises(ScenarioError, match="test/scenario"):
        play(scenario(*IMPOSSIBLE[name], **AB))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Tensor("binary64", (3,), (0, 0)), "needs 3 elements, not 2"),
        (Tensor("binary64", (1,), (0,), complex=True), "needs 2 elements, not 1"),
        (Tensor("binary63", (1,), (0,)), "unknown format 'binary63'"),
    ],
)
def test_impossible_tensors(bad, why):
    assert why in bad.problem
    with pytest.raises(ScenarioError, match="tensor a"):
        Bookkeeper(scenario(a=bad))


RUNS = {
    "of no steps": Steps("opt", ({"a": GA},), 0),
    "without gradients": Steps("opt", (), 3),
    "that is refused": Steps("opt", ({"a": Sparse((2,), (0,), GB)},), 3),
}


@pytest.mark.parametrize("name", RUNS)
def test_impossible_runs(name):
    with pytest.raises(ScenarioError, match="test/scenario"):
        played(new("a", weight_decay=0.5), RUNS[name])


def test_a_run_is_its_steps():
    cycle = ({"a": GA, "b": GB}, {"b": None}, {"a": GB2})
    books, effects = played(new("a", "b"), step(b=GB), Steps("opt", cycle, 7))
    plain, each = played(
        new("a", "b"), step(b=GB), *(Step("opt", cycle[i % 3]) for i in range(7))
    )
    assert effects[2].runs == tuple(effect.updates for effect in each[2:])
    assert effects[2].updates == ()
    assert books.optimizers == plain.optimizers
    assert (books.counter("opt", "a"), books.counter("opt", "b")) == (7, 4)


def test_a_run_is_not_expected_beforehand():
    with pytest.raises(ScenarioError, match="one by one"):
        play(scenario(new("a"), Steps("opt", ({"a": GA},), 3), a=AB["a"]))
