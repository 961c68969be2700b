"""What a load restores, and what a new process keeps."""

from __future__ import annotations

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

from adagrad_reference.expectations import play
from adagrad_reference.formats import BINARY64
from adagrad_reference.options import Options
from adagrad_reference.rounding import round_step
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Read,
    Save,
    SetOption,
    SetState,
    Step,
)

# -- save and load -----------------------------------------------------------------


@pytest.mark.parametrize("via", WAYS)
def test_loading_restores_counters_and_options(via):
    books, effects = played(
        new("a", "b", lr=0.5, lr_decay=0.25),
        step(a=GA),
        step(b=GB),
        SetOption("opt", 0, "eps", 0.125),
        Save("opt", "s"),
        step(),
        SetOption("opt", 0, "lr", 3.0),
        new("a", "b", lr=0.9),
        Load("opt", "s", via),
        step(a=GA),
    )
    assert books.groups("opt")[0][1] == Options(lr=0.5, lr_decay=0.25, eps=0.125)
    assert [(r.param, r.save, r.source) for r in effects[8].restored] == [
        ("a", "s", "a"),
        ("b", "s", "b"),
    ]
    steps = [("a", 3)] if via == "new-process" else [("a", 3), ("b", 2)]
    assert steps_of(effects[9]) == steps


@pytest.mark.parametrize("via", WAYS)
def test_going_on_after_a_load_equals_going_on(via):
    """k steps, save, load, n - k steps equal n steps: t, S and boxes."""
    start = (new("a", lr=0.5, lr_decay=0.25, eps=1e-3), step(a=GA), step(a=GB2))
    straight = play(scenario(*start, step(a=GA), step(a=GB2), a=AB["a"]))
    cut = play(
        scenario(
            *start,
            Save("opt", "s"),
            new("a", lr=0.9),
            Load("opt", "s", via),
            step(a=GA),
            step(a=GB2),
            a=AB["a"],
        )
    )
    assert cut[5].params["a"].state_sum == straight[2].params["a"].state_sum
    assert cut[6:] == straight[3:]
    assert cut[3].params == {}


def test_a_save_is_not_moved_by_later_steps():
    start = (new("a"), step(a=GA), Save("opt", "s"))
    result = play(
        scenario(*start, step(), step(), Load("opt", "s", "same-object"), a=AB["a"])
    )
    assert result[5].params["a"].t == 1
    assert result[5].params["a"].exact_sum == result[1].params["a"].exact_sum
    assert result[5].params["a"].theta is None  # loading moves no theta


def test_loading_goes_by_order_not_by_name():
    _, effects = played(
        new("a"), step(a=GA), Save("opt", "s"), New("two", (Group(("c",)),)),
        Load("two", "s", "deepcopy"), Step("two", {"c": GA}),
        a=AB["a"], c=AB["a"],
    )  # fmt: skip
    assert [(r.param, r.source) for r in effects[4].restored] == [("c", "a")]
    assert steps_of(effects[5]) == [("a", 2)] or steps_of(effects[5]) == [("c", 2)]


def test_a_new_process_has_one_optimizer_and_no_gradients():
    books, _ = played(
        new("a"),
        New("two", (Group(("b",)),)),
        step(a=GA, b=GB),
        Save("opt", "s"),
        Load("opt", "s", "new-process"),
    )
    assert list(books.optimizers) == ["opt"]
    assert books.gradients == {"a": None, "b": None}
    assert books.params("two") == []


def test_reading_and_saving_change_nothing():
    plain = play(scenario(new("a"), step(a=GA), step(), a=AB["a"]))
    read = play(
        scenario(new("a"), Read("opt"), step(a=GA), Save("opt", "s"), step(), a=AB["a"])
    )
    assert (read[2], read[4]) == (plain[1], plain[2])
    assert read[1].params == read[3].params == {}


def test_written_state_is_used():
    event = SetState("opt", "a", tensor(4.0, 9.0), 7)
    result = play(scenario(new("a", lr_decay=0.5), event, step(a=GA), a=AB["a"]))
    assert (result[1].params["a"].t, result[2].params["a"].t) == (7, 8)
    assert result[1].params["a"].exact_sum == [4.0, 9.0]
    o = Options(lr_decay=0.5)
    want = [
        round_step(BINARY64, *x, 8, o) for x in ((1.0, 0.5, 4.0), (2.0, -0.25, 9.0))
    ]
    got = result[2].params["a"]
    assert list(zip(got.exact_theta, got.exact_sum, strict=True)) == want
