"""State dicts of the suite's own ports: what goes on, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from own_kit import (
    BF16,
    FULL,
    OPTIONS,
    as_array,
    each_width,
    normal,
    pattern,
    snapshot,
    steps,
)

SHAPES = [(4,), (2, 3), ()]
COPIES = {
    "same": lambda d: d,
    "deepcopy": copy.deepcopy,
    "pickle": lambda d: pickle.loads(pickle.dumps(d)),
}


def two_groups(kit, dtype, **options):
    data = [normal(i, *shape, dtype=dtype) for i, shape in enumerate(SHAPES)]
    a, b, c = params = [kit.param(x) for x in data]
    second = {"params": [c], "lr": 0.9, "weight_decay": 0.3, "lr_decay": 0.01}
    return data, params, kit.cls([{"params": [a, b]}, second], **options)


@each_width
@pytest.mark.parametrize("via", COPIES)
def test_a_loaded_state_goes_on_bit_for_bit(kit, dtype, via):
    rows = pattern(SHAPES, dtype)
    for cut in range(len(rows) + 1):
        data, params, opt = two_groups(kit, dtype, **FULL)
        kit.run(opt, params, rows[:cut])
        before = snapshot(opt)
        saved = COPIES[via](opt.state_dict())
        assert snapshot(opt) == before
        kept = pickle.dumps(saved)
        fresh, others, twin = two_groups(kit, dtype, lr=7, eps=1)
        for x, y in zip(fresh, data, strict=True):
            x[...] = y
        twin.load_state_dict(saved)
        assert snapshot(twin) == before
        kit.run(twin, others, rows[cut:])
        assert pickle.dumps(saved) == kept
        kit.run(opt, params, rows[cut:])
        assert snapshot(twin) == snapshot(opt)


@pytest.mark.parametrize("via", ["deepcopy", "pickle"])
def test_a_copied_optimizer_goes_on_bit_for_bit(kit, via):
    rows = pattern(SHAPES)
    for cut in range(len(rows) + 1):
        _, params, opt = two_groups(kit, np.float64, **FULL)
        kit.run(opt, params, rows[:cut])
        before = snapshot(opt)
        twin = COPIES[via](opt)
        kit.run(twin, [p for g in twin.param_groups for p in g["params"]], rows[cut:])
        assert snapshot(opt) == before
        kit.run(opt, params, rows[cut:])
        assert snapshot(twin) == snapshot(opt)
        twin.add_param_group({"params": [kit.param(np.ones(2))]})
        twin.load_state_dict(twin.state_dict())


def test_shape_of_the_state_dict(kit):
    _, params, opt = two_groups(kit, np.float64)
    saved = opt.state_dict()
    assert set(saved) == {"state", "param_groups"}
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert list(saved["state"]) == [0, 1, 2]
    assert {"maximize", *OPTIONS} <= set(saved["param_groups"][0])
    kit.run(opt, params, pattern(SHAPES))
    assert [type(t) for t in steps(opt)] == [int] * 3


def without(d, *path):
    *path, last = path
    for key in path:
        d = d[key]
    del d[last]


def put(d, value, *path):
    *path, last = path
    for key in path:
        d = d[key]
    d[last] = value


BREAK = {
    "no state": lambda d: without(d, "state"),
    "no groups": lambda d: without(d, "param_groups"),
    "a group less": lambda d: without(d, "param_groups", 1),
    "a group more": lambda d: d["param_groups"].append({**d["param_groups"][0]}),
    "a param less": lambda d: without(d, "param_groups", 0, "params", 1),
    "a param more": lambda d: d["param_groups"][0]["params"].append(3),
    "the same param": lambda d: (
        put(d, [0, 0], "param_groups", 0, "params"),
        without(d, "state", 1),
    ),
    "no params": lambda d: without(d, "param_groups", 0, "params"),
    "no state of a param": lambda d: without(d, "state", 2),
    "state of no param": lambda d: put(d, d["state"][0], "state", 9),
    "no sum": lambda d: without(d, "state", 2, "sum"),
    "no step": lambda d: without(d, "state", 2, "step"),
    "wrong shape": lambda d: put(d, d["state"][0]["sum"], "state", 2, "sum"),
    "transposed": lambda d: put(d, d["state"][1]["sum"].T, "state", 1, "sum"),
    "no tensor": lambda d: put(d, 1.0, "state", 2, "sum"),
    "half a step": lambda d: put(d, 1.5, "state", 2, "step"),
    "negative step": lambda d: put(d, -1, "state", 2, "step"),
    "negative lr": lambda d: put(d, -1.0, "param_groups", 1, "lr"),
    **{
        f"no {name}": lambda d, name=name: without(d, "param_groups", 1, name)
        for name in (*OPTIONS, "maximize")
    },
}


@pytest.mark.parametrize("how", BREAK)
def test_a_state_dict_that_does_not_fit_changes_nothing(kit, how):
    _, params, opt = two_groups(kit, np.float64, lr=7)
    kit.run(opt, params, pattern(SHAPES))
    saved = copy.deepcopy(two_groups(kit, np.float64)[2].state_dict())
    opt_before = snapshot(opt)
    BREAK[how](saved)
    with pytest.raises(ValueError, match=r"\w"):
        opt.load_state_dict(saved)
    assert snapshot(opt) == opt_before


def test_two_params_cannot_share_one_saved_state(kit):
    _, opt = kit.start([np.ones(2), np.ones(2)])
    saved = copy.deepcopy(opt.state_dict())
    saved["param_groups"][0]["params"] = [0, 0]
    del saved["state"][1]
    with pytest.raises(ValueError, match=r"twice|one state"):
        opt.load_state_dict(saved)


@pytest.mark.parametrize("kind", [int, float, np.float32, np.array, torch.tensor])
def test_counters_of_any_kind_are_accepted(kit, kind):
    params, opt = kit.start([np.zeros(1)], lr=1, lr_decay=1, eps=0)
    saved = copy.deepcopy(opt.state_dict())
    saved["state"][0]["step"] = kind(3)
    opt.load_state_dict(saved)
    assert (steps(opt), type(steps(opt)[0])) == ([3], int)
    kit.run(opt, params, [[np.ones(1)]])
    assert as_array(params[0] if kit.name != "numpy" else params[0].data)[0] == -0.25


@pytest.mark.parametrize("saved_as", [np.float32, np.float64])
def test_sum_keeps_the_precision_it_was_saved_in(kit, saved_as):
    x, s = np.ones(3, BF16), np.full(3, 1 + 2**-20, saved_as)
    params, opt = kit.start([x], lr=0.5)
    saved = copy.deepcopy(opt.state_dict())
    saved["state"][0]["sum"] = s if kit.name == "numpy" else torch.tensor(s)
    opt.load_state_dict(saved)
    kit.run(opt, params, [[np.full(3, 2**-8, BF16)]])
    got = as_array(opt.state[params[0]]["sum"])
    assert got.dtype == saved_as
    assert np.all(got == s + saved_as(2**-16))
    assert np.all(s == 1 + 2**-20)
    assert np.all(x == np.array(1 - 0.5 * 2**-8, BF16))
