"""Bookkeeping and play: which param steps when, with what, and what must come of it."""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

import numpy as np
import pytest

from adagrad_reference.bookkeeping import Bookkeeper, Effect, ScenarioError
from adagrad_reference.expectations import TRAJECTORY_PRECISIONS, Unresolved, play
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS
from adagrad_reference.options import Options
from adagrad_reference.rounding import round_step
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

WAYS = ("same-object", "deepcopy", "bytes", "new-process")


def tensor(*values, fmt="binary64", shape=None, **more):
    """A tensor of plain numbers, rounded to the format."""
    form = FORMATS[fmt]
    bits = tuple(
        form.encode(form.round(Fraction(v)) if math.isfinite(v) else v) for v in values
    )
    return Tensor(fmt, (len(values),) if shape is None else shape, bits, **more)


def scenario(*events, **tensors):
    """A scenario of these tensors and events."""
    return Scenario("test/scenario", ("ALG-7",), "MUST", tensors, tuple(events))


def step(**gradients):
    return Step("opt", gradients)


def new(*params, **options):
    return New("opt", (Group(params),), options)


AB = {"a": tensor(1.0, 2.0), "b": tensor(3.0)}
GA, GB = tensor(0.5, -0.25), tensor(2.0)


def steps_of(effect):
    """(param, t) of every step taken."""
    return [(u.param, u.t) for u in effect.updates]


def played(*events, **tensors):
    """The books after the events, and their effects."""
    books = Bookkeeper(scenario(*events, **(tensors or AB)))
    return books, [books.apply(event) for event in books.scenario.events]


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


GB2 = tensor(-1.5, 0.125)


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


# -- numbers -----------------------------------------------------------------------


def decimal_trajectory(theta, gradients, tau, o):
    """theta and S after each step in decimal arithmetic of 120 digits."""
    with decimal.localcontext(prec=120):
        exact = decimal.Decimal
        lr, decay, wd, eps = map(exact, (o.lr, o.lr_decay, o.weight_decay, o.eps))
        theta, s, seen = exact(theta), exact(tau), []
        for t, value in enumerate(gradients, 1):
            g = exact(-value if o.maximize else value) + wd * theta
            s += g * g
            theta -= lr / (1 + (t - 1) * decay) * g / (s.sqrt() + eps)
            seen.append((float(theta), float(s)))
        return seen


@pytest.mark.parametrize(
    "o",
    [
        Options(),
        Options(lr=0.3, lr_decay=0.7, weight_decay=0.05, eps=1e-3),
        Options(
            lr=63.7, weight_decay=0.5, initial_accumulator_value=0.3, maximize=True
        ),
        Options(lr=0.1, eps=0.0, initial_accumulator_value=1e-8),
    ],
)
def test_exact_trajectories_of_binary64(o):
    rng = np.random.default_rng(50)
    start, steps = (
        rng.standard_normal(3).tolist(),
        rng.standard_normal((12, 3)).tolist(),
    )
    events = [new("a", **vars(o)), *(step(a=tensor(*g)) for g in steps)]
    result = play(scenario(*events, a=tensor(*start)))
    columns = [
        decimal_trajectory(x, [g[i] for g in steps], o.initial_accumulator_value, o)
        for i, x in enumerate(start)
    ]
    for k, expected in enumerate(result[1:]):
        param = expected.params["a"]
        assert param.t == k + 1
        assert param.exact_theta == [column[k][0] for column in columns]
        assert param.exact_sum == [column[k][1] for column in columns]


def simulate(dtype, theta, gradients, o):
    """Plain numpy in one type, yielding theta and S."""
    theta, s = (
        theta.astype(dtype),
        np.full(theta.shape, o.initial_accumulator_value, dtype),
    )
    lr, decay, wd, eps = (dtype(x) for x in (o.lr, o.lr_decay, o.weight_decay, o.eps))
    for t, g in enumerate(gradients):
        g = (-g if o.maximize else g).astype(dtype)
        g = g + wd * theta if o.weight_decay else g
        s = s + g * g
        theta = theta - lr / (dtype(1) + dtype(t) * decay) * g / (np.sqrt(s) + eps)
        assert theta.dtype == s.dtype == dtype
        yield theta, s


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("binary64", np.float64), ("binary32", np.float32), ("binary16", np.float16)],
)
@pytest.mark.parametrize("maximize", [False, True])
def test_boxes_carried_along_hold_a_simulation(name, dtype, maximize):
    o = Options(0.3, 0.1, 0.05, 0.25, 1e-3, maximize)
    rng = np.random.default_rng(51)
    start = rng.standard_normal(4).astype(dtype)
    steps = rng.standard_normal((15, 4)).astype(dtype)
    events = [new("a", **vars(o))]
    events += [step(a=tensor(*g.tolist(), fmt=name)) for g in steps]
    result = play(scenario(*events, a=tensor(*start.tolist(), fmt=name)))
    wide = 0
    for expected, (theta, s) in zip(
        result[1:], simulate(dtype, start, steps, o), strict=True
    ):
        param = expected.params["a"]
        for boxes, x in ((param.theta, theta), (param.state_sum, s)):
            for box, value in zip(boxes["lawful"], x.tolist(), strict=True):
                assert box.lo <= value <= box.hi
                assert not box.nan
                wide += box.hi > box.lo
                assert box.hi - box.lo < 0.25 * abs(value) + 0.05
    assert wide > 20


def test_tight_boxes_lie_in_lawful_boxes():
    result = play(scenario(new("a", lr=0.5), *[step(a=GA)] * 6, a=AB["a"]))
    for expected in result[1:]:
        for boxes in (expected.params["a"].theta, expected.params["a"].state_sum):
            for tight, lawful in zip(boxes["tight"], boxes["lawful"], strict=True):
                assert lawful.lo <= tight.lo <= tight.hi <= lawful.hi


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_step_is_rounded_correctly_in_every_format(name):
    fmt = FORMATS[name]
    p, g = tensor(0.7, -3.0, fmt=name), tensor(0.1, 0.0, fmt=name)
    result = play(scenario(new("a", eps=1e-3), step(a=g), step(), a=p))
    first, second = result[1].params["a"], result[2].params["a"]
    starts = zip(p.values(), g.values(), strict=True)
    want = [round_step(fmt, x, v, 0.0, 1, Options(eps=1e-3)) for x, v in starts]
    assert list(zip(first.exact_theta, first.exact_sum, strict=True)) == want
    # later ones are only defined as exact trajectories of binary64
    assert (second.exact_theta is not None) == (fmt == BINARY64)


def test_infinities_and_nan_are_boxes_too():
    p = tensor(1.0, math.inf, 1.0, fmt="binary32")
    g = tensor(math.inf, 1.0, math.nan, fmt="binary32")
    after = play(scenario(new("a"), step(a=g), a=p))[1].params["a"]
    theta, total = after.theta["lawful"], after.state_sum["lawful"]
    assert theta[0].nan
    assert theta[0].lo > theta[0].hi
    assert (total[0].lo, total[0].nan) == (math.inf, False)
    assert theta[1] == (math.inf, math.inf, False)
    assert theta[2].nan
    assert theta[2].lo > theta[2].hi
    assert total[2].nan


def test_a_trajectory_on_a_tie_is_refused():
    # three updates of a third of u end on 1 + u, a midpoint no interval can see
    o = {"lr": BINARY64.unit_roundoff, "eps": 2.0}
    events = []
    for k in range(3):
        name = f"o{k}"
        events += [New(name, (Group(("a",)),), o), Step(name, {"a": tensor(1.0)})]
    with pytest.raises(Unresolved, match=f"{TRAJECTORY_PRECISIONS[-1]} bits"):
        play(scenario(*events, a=tensor(1.0 + 2 * BINARY64.unit_roundoff)))


def test_complex_params_are_pairs_of_reals():
    pair = tensor(1.0, 2.0, shape=(1,), complex=True)
    g = tensor(0.5, -0.25, shape=(1,), complex=True)
    as_pair = play(scenario(new("a"), step(a=g), a=pair))
    as_reals = play(scenario(new("a"), step(a=GA), a=AB["a"]))
    assert as_pair == as_reals


def test_a_param_without_elements():
    none = Tensor("binary32", (0, 3), ())
    after = play(scenario(new("a"), step(a=none), a=none))[1].params["a"]
    assert (after.t, after.theta["lawful"]) == (1, [])


# -- layouts -------------------------------------------------------------------


def test_positions():
    assert Layout(10, 2, (3, 1), 0).positions((2, 3)) == [2, 3, 4, 5, 6, 7]
    assert Layout(10, 1, (1, 4), 0).positions((2, 2)) == [1, 5, 2, 6]
    assert Layout(9, 8, (-2,), 0).positions((4,)) == [8, 6, 4, 2]
    assert Layout(5, 4, (), 0).positions(()) == [4]
    assert Layout(5, 0, (0,), 0).positions((3,)) == [0, 0, 0]
    assert Layout(5, 0, (1,), 0).positions((0,)) == []
    with pytest.raises(ValueError, match="zip"):
        Layout(5, 0, (1,), 0).positions((2, 2))


def test_positions_are_those_of_numpy():
    storage = np.arange(60)
    view = np.lib.stride_tricks.as_strided(storage[5:], (3, 2, 4), (8, 240, 48))
    assert Layout(60, 5, (1, 30, 6), 0).positions((3, 2, 4)) == view.ravel().tolist()


def test_tensors_know_their_values():
    x = tensor(1.0, -0.5, 2.0**-149, math.inf, fmt="binary32", shape=(2, 2))
    assert x.fmt == BINARY32
    assert scenario(x=x, y=AB["a"]).formats == ("binary32", "binary64")
    assert (x.size, x.problem) == (4, None)
    assert x.values() == [1.0, -0.5, 2.0**-149, math.inf]
    assert Tensor("binary32", (), (0,)).size == 1
