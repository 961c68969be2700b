"""What must come of a scenario, in numbers: exact values and boxes."""

from __future__ import annotations

import decimal
import math

import numpy as np
import pytest
from scenario_kit import AB, GA, new, scenario, step, tensor

from adagrad_reference.expectations import TRAJECTORY_PRECISIONS, Unresolved, play
from adagrad_reference.formats import BINARY64, FORMATS
from adagrad_reference.options import Options
from adagrad_reference.rounding import round_step
from adagrad_reference.scenario import (
    Group,
    New,
    Step,
    Tensor,
)

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
