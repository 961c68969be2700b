"""None and zero gradients, groups, options and closures of the suite's own ports."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from own_kit import (
    FULL,
    OPTIONS,
    as_array,
    each_width,
    normal,
    pattern,
    snapshot,
    steps,
)

# None and zero ----------------------------------------------------------------------


@each_width
def test_skipped_param_equals_an_absent_one(kit, dtype):
    shapes = [(4,), (2, 3), (5,)]
    data = [normal(i, *s, dtype=dtype) for i, s in enumerate(shapes)]
    rows = pattern(shapes, dtype)
    alone = []
    for i, x in enumerate(data):
        column = [[row[i]] for row in rows if row[i] is not None]
        params, opt = kit.start([x.copy()], **FULL)
        kit.run(opt, params, column)
        alone.append(snapshot(opt)[1:])
    params, opt = kit.start(data, **FULL)
    kit.run(opt, params, rows)
    _, values, state = snapshot(opt)
    assert [([v], [s]) for v, s in zip(values, state, strict=True)] == alone
    assert steps(opt) == [4, 4, 2]


def test_zero_gradient_steps_and_decays(kit):
    x = np.array([2.0])
    params, opt = kit.start([x], lr=1, lr_decay=1, weight_decay=0.5, eps=0)
    kit.run(opt, params, [[np.zeros(1)]] * 2)
    assert x[0] == pytest.approx(1 - 0.5 * 0.5 / math.sqrt(1.25))
    assert steps(opt) == [2]


def test_zero_grad(kit):
    params, opt = kit.start([np.ones(2), np.ones(3), np.ones(1)])
    kit.give(params[0], np.ones(2))
    kit.give(params[2], np.ones(1))
    opt.zero_grad(set_to_none=False)
    assert np.array_equal(as_array(params[0].grad), [0, 0])
    assert params[1].grad is None
    assert np.array_equal(as_array(params[2].grad), [0])
    opt.zero_grad(set_to_none=True)
    assert [p.grad for p in params] == [None] * 3


# Groups and options -----------------------------------------------------------------


def test_groups_have_their_own_options_and_later_params_their_own_t(kit):
    data = [np.zeros(1) for _ in range(3)]
    a, b, c = [kit.param(x) for x in data]
    given = [{"params": [a]}, {"params": [b], "lr": 2, "initial_accumulator_value": 3}]
    opt = kit.cls(given, lr=1, lr_decay=1, eps=0)
    row = [[np.ones(1)] * 2]
    kit.run(opt, [a, b], row)
    added = {"params": c, "initial_accumulator_value": 8, "maximize": True}
    opt.add_param_group(added)
    assert added == {"params": c, "initial_accumulator_value": 8, "maximize": True}
    kit.run(opt, [a, b, c], [row[0] + [np.ones(1)]])
    second = [-1 - 0.5 / math.sqrt(2), -1 - 1 / math.sqrt(5), 1 / 3]
    np.testing.assert_allclose(np.concatenate(data), second, rtol=1e-15)
    assert steps(opt) == [2, 2, 1]


def test_options_changed_between_steps_hold_from_the_next(kit):
    x = np.zeros(1)
    params, opt = kit.start([x], lr=1, eps=0)
    kit.run(opt, params, [[np.ones(1)]])
    opt.param_groups[0]["lr"] = 0
    kit.run(opt, params, [[np.full(1, math.sqrt(2))]])  # accumulates, moves nothing
    assert (x[0], steps(opt)) == (-1, [2])
    opt.param_groups[0].update(lr=2, eps=1, maximize=True, lr_decay=0.5)
    kit.run(opt, params, [[np.ones(1)]])
    assert x[0] == pytest.approx(-1 + 1 / 3, rel=1e-12)


def test_counter_goes_on_past_2_24(kit):
    x = np.zeros(1, np.float32)
    params, opt = kit.start([x], lr=1, lr_decay=1, eps=0)
    saved = copy.deepcopy(opt.state_dict())
    saved["state"][0]["step"] = 2**24
    opt.load_state_dict(saved)
    kit.run(opt, params, [[np.ones(1, np.float32)]] * 3)
    assert steps(opt) == [2**24 + 3]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, -math.inf])
def test_bad_options_are_refused(kit, name, value):
    x, y = np.ones(2), np.ones(3)
    params, opt = kit.start([x])
    kit.run(opt, params, [[np.ones(2)]])
    before = snapshot(opt)
    other = kit.param(y)
    with pytest.raises(ValueError, match=name):
        opt.add_param_group({"params": [other], name: value})
    with pytest.raises(ValueError, match=name):
        kit.cls([other], **{name: value})
    with pytest.raises(ValueError, match=name):
        kit.cls([{"params": [other], name: value}])
    assert snapshot(opt) == before
    assert len(opt.state) == 1


def test_params_are_refused_twice_or_missing(kit):
    a, b = kit.param(np.ones(2)), kit.param(np.ones(2))
    opt = kit.cls([a])
    before = snapshot(opt)
    for bad in ([a], [b, b], [b, a], a):
        with pytest.raises(ValueError, match=r"already|twice|more than one"):
            opt.add_param_group({"params": bad})
    with pytest.raises(TypeError):
        opt.add_param_group({"params": [b, 3.0]})
    for bad in ([], [a, a], [{"params": [a]}, {"params": [a]}]):
        with pytest.raises(ValueError, match=r"empty|already|twice|more than one"):
            kit.cls(bad)
    assert snapshot(opt) == before
    assert len(opt.state) == 1
    opt.add_param_group({"params": [b]})
    assert len(opt.param_groups) == 2


# Closure ----------------------------------------------------------------------------


def test_closure_is_called_once_before_the_update(kit):
    x, calls = np.ones(1), []
    params, opt = kit.start([x], lr=1, eps=0)

    def closure():
        calls.append((float(x[0]), kit.name == "numpy" or torch.is_grad_enabled()))
        kit.give(params[0], np.full(1, 4.0))
        return "loss"

    with torch.no_grad():
        assert opt.step(closure) == "loss"
    assert calls == [(1.0, True)]
    assert x[0] == 0
    assert opt.step() is None


def test_closure_that_raises_changes_nothing(kit):
    params, opt = kit.start([np.ones(1)])
    kit.give(params[0], np.ones(1))
    before = snapshot(opt)
    with pytest.raises(ZeroDivisionError):
        opt.step(lambda: 1 / 0)
    assert snapshot(opt) == before
