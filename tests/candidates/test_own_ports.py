"""The suite's own ports: their arithmetic, their life cycle and their refusals.

`Kit` drives the three ports alike. A param of a kit shares its memory with the NumPy
array it was made from, so that every test can look at plain arrays.
"""

from __future__ import annotations

import copy
import importlib
import math
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

from adagrad_conformance.adapters.own.numpy_adagrad import BLOCK, Adagrad, Param
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

BF16 = np.dtype(ml_dtypes.bfloat16)
WIDE = [np.dtype(np.float64), np.dtype(np.float32)]
NARROW = [np.dtype(np.float16), BF16]
CLASSES = {"numpy": Adagrad, "single": SingleTensorAdagrad, "foreach": ForeachAdagrad}
OPTIONS = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
PLAIN: dict = {}
DECAYED = {"lr": 0.3, "lr_decay": 0.7, "weight_decay": 0.05, "eps": 1e-3}
FULL = {**DECAYED, "initial_accumulator_value": 0.2, "maximize": True}


def as_tensor(x):
    """View an array as a tensor on the same memory, strides and all."""
    if x.dtype == BF16:
        return torch.from_numpy(x.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(x)


def as_array(x):
    """View a tensor, or an array, as an array on the same memory."""
    if not isinstance(x, torch.Tensor):
        return x
    x = x.detach()
    if x.dtype == torch.bfloat16:
        return x.view(torch.uint16).numpy().view(BF16)
    return x.numpy()


class Kit:
    """One of the ports, by name."""

    def __init__(self, name):
        self.name, self.cls = name, CLASSES[name]

    def param(self, x, grad=None):
        if self.name == "numpy":
            return Param(x, grad)
        p = as_tensor(x).requires_grad_()
        self.give(p, grad)
        return p

    def give(self, p, grad):
        torch_grad = self.name != "numpy" and grad is not None
        p.grad = as_tensor(grad) if torch_grad else grad

    def run(self, opt, params, gradients):
        """Step through gradients: a list of lists with an array or None per param."""
        for row in gradients:
            for p, g in zip(params, row, strict=True):
                self.give(p, None if g is None else g.copy())
            opt.step()

    def start(self, arrays, **options):
        params = [self.param(x) for x in arrays]
        return params, self.cls(params, **options)


@pytest.fixture(params=CLASSES)
def kit(request):
    return Kit(request.param)


@pytest.fixture(params=["single", "foreach"])
def torch_kit(request):
    return Kit(request.param)


each_width = pytest.mark.parametrize("dtype", WIDE + NARROW, ids=str)
each_wide = pytest.mark.parametrize("dtype", WIDE, ids=str)
each_narrow = pytest.mark.parametrize("dtype", NARROW, ids=str)


def normal(seed, *shape, dtype=np.float64):
    return np.asarray(np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def bits(x):
    return as_array(x).tobytes()


def snapshot(opt):
    """Everything an optimizer holds, as comparable values."""
    groups = [
        {k: v for k, v in group.items() if k != "params"} for group in opt.param_groups
    ]
    params = [p for group in opt.param_groups for p in group["params"]]
    state = [(opt.state[p]["step"], bits(opt.state[p]["sum"])) for p in params]
    return groups, [bits(getattr(p, "data", p)) for p in params], state


def steps(opt):
    return [opt.state[p]["step"] for g in opt.param_groups for p in g["params"]]


# The update -------------------------------------------------------------------------


@each_width
@pytest.mark.parametrize(
    ("options", "theta", "gradients", "expected"),
    [
        ({"lr": 1, "eps": 1}, 0, [3], -0.75),
        ({"lr": 1, "lr_decay": 1}, 0, [1, 1, 1], -1.5460),
        ({"lr": 1, "weight_decay": 0.5, "eps": 1, "maximize": True}, 1, [1], 4 / 3),
        ({"lr": 1, "weight_decay": 0.5, "eps": 1}, 1, [1], 1 - 1.5 / 2.5),
        ({"lr": 1, "initial_accumulator_value": 7}, 0, [3], -0.75),
    ],
)
def test_worked_examples(kit, dtype, options, theta, gradients, expected):
    x = np.array([theta], dtype)
    params, opt = kit.start([x], **options)
    kit.run(opt, params, [[np.array([g], dtype)] for g in gradients])
    ulp = float(ml_dtypes.finfo(dtype).eps)
    assert float(x[0]) == pytest.approx(expected, rel=max(3 * ulp, 3e-5))


@each_wide
@pytest.mark.parametrize("options", [PLAIN, DECAYED, FULL], ids=["plain", "wd", "all"])
def test_agrees_with_torch(kit, dtype, options):
    shapes = [(), (1,), (17,), (0,), (5, 7), (3, 2, 4)]
    data = [normal(i, *shape, dtype=dtype) for i, shape in enumerate(shapes)]
    rows = [[normal(9 * k, *s, dtype=dtype) for s in shapes] for k in range(1, 9)]
    twins = [torch.tensor(x).requires_grad_() for x in data]
    twin = torch.optim.Adagrad(twins, foreach=False, **options)
    Kit("single").run(twin, twins, rows)
    params, opt = kit.start(data, **options)
    kit.run(opt, params, rows)
    for x, p, y in zip(data, params, twins, strict=True):
        s, t = as_array(opt.state[p]["sum"]), twin.state[y]["sum"].numpy()
        if kit.name == "numpy":  # its accumulation is not fused, its root is rounded
            atol = 8 * float(np.finfo(dtype).eps)
            np.testing.assert_allclose(x, as_array(y), rtol=atol, atol=atol)
            np.testing.assert_allclose(s, t, rtol=atol)
        else:
            assert (bits(x), bits(s)) == (bits(y), bits(t))
    assert steps(opt) == [8] * len(shapes)


@each_narrow
@pytest.mark.parametrize("options", [PLAIN, FULL], ids=["plain", "all"])
def test_narrow_formats_are_rounded_once_per_step(kit, dtype, options):
    x, rows = normal(1, 67, dtype=dtype), [normal(k, 67, dtype=dtype) for k in range(9)]
    (p,), opt = kit.start([x], **options)
    get = {**opt.defaults, **options}.__getitem__
    for t, g in enumerate(rows, 1):
        theta, s = x.astype(float), as_array(opt.state[p]["sum"]).astype(float)
        kit.run(opt, [p], [[g]])
        d = g.astype(float) * (-1 if get("maximize") else 1)
        d = d + get("weight_decay") * theta
        s = s + d * d
        clr = get("lr") / (1 + (t - 1) * get("lr_decay"))
        exact = theta - clr * d / (np.sqrt(s) + get("eps"))
        for got, value in ((x, exact), (as_array(opt.state[p]["sum"]), s)):
            assert got.dtype == dtype
            away = np.abs(got.astype(float) - value)
            ulp = np.abs(np.spacing(got).astype(float))
            assert np.all(away <= 0.501 * ulp + 1e-7 * np.abs(theta))


@each_narrow
def test_eps_that_underflows_leaves_a_zero_gradient_finite(kit, dtype):
    x = np.full(37, 2, dtype)
    params, opt = kit.start([x])
    kit.run(opt, params, [[np.zeros_like(x)]])
    assert np.all(x == 2)


def test_torch_ports_are_twins():
    results = []
    for name in ("single", "foreach"):
        kit, formats = Kit(name), [np.float32, np.float64, BF16, np.float32]
        data = [normal(i, 40 - i, dtype=d) for i, d in enumerate(formats)]
        rows = [[normal(k, *x.shape, dtype=x.dtype) for x in data] for k in range(5)]
        params, opt = kit.start(data, **FULL)
        kit.run(opt, params, rows)
        results.append(snapshot(opt))
    assert results[0] == results[1]


# Special values ---------------------------------------------------------------------


@each_width
def test_special_values_stay_in_their_element(kit, dtype):
    x = np.array([1, 2, 3, np.inf], dtype)
    params, opt = kit.start([x], lr=1)
    kit.run(opt, params, [[np.array([np.nan, np.inf, 2, 0], dtype)]])
    np.testing.assert_allclose(x.astype(float), [np.nan, np.nan, 2, np.inf], 1e-9)
    s = as_array(opt.state[params[0]]["sum"]).astype(float)
    np.testing.assert_array_equal(s, [np.nan, np.inf, 4, 0])


def test_eps_zero_is_plain_ieee(kit):
    x = np.array([1.0, 1.0])
    params, opt = kit.start([x], lr=0.5, eps=0)
    kit.run(opt, params, [[np.array([0.0, -3.0])]])
    np.testing.assert_array_equal(x, [np.nan, 1.5])


def test_overflowing_square_stops_the_element(kit):
    x = np.ones(2, np.float32)
    params, opt = kit.start([x])
    kit.run(opt, params, [[np.array([1e30, -1e30], np.float32)]])
    assert np.all(x == 1)
    assert np.all(np.isinf(as_array(opt.state[params[0]]["sum"])))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("options", [PLAIN, FULL], ids=["plain", "all"])
def test_complex_is_a_pair_of_reals(kit, dtype, options):
    z = (normal(1, 6, 3) + 1j * normal(2, 6, 3)).astype(dtype)
    rows = [(normal(k, 6, 3) - 1j * normal(k + 9, 6, 3)).astype(dtype) for k in (3, 4)]
    x, real = z.copy(), z[..., None].view(z.real.dtype)
    params, opt = kit.start([x], **options)
    kit.run(opt, params, [[g] for g in rows])
    pairs, twin = kit.start([real], **options)
    kit.run(twin, pairs, [[g[..., None].view(real.dtype)] for g in rows])
    assert bits(x) == bits(real)
    assert bits(opt.state[params[0]]["sum"]) == bits(twin.state[pairs[0]]["sum"])


# Position, strides, memory ----------------------------------------------------------


@each_wide
@pytest.mark.parametrize("n", [1, 19, 2 * BLOCK + 3])
def test_pieces_give_the_same_bits(kit, dtype, n):
    x, g = normal(1, n, dtype=dtype), normal(2, n, dtype=dtype)
    parts = np.array_split(x.copy(), 7)
    params, opt = kit.start([x], **FULL)
    kit.run(opt, params, [[g], [g[::-1]]])
    params, opt = kit.start(parts, **FULL)
    kit.run(opt, params, [np.array_split(g, 7), np.array_split(g[::-1], 7)])
    assert bits(np.concatenate(parts)) == bits(x)


@each_width
def test_views_keep_to_their_elements_and_bits(kit, dtype):
    base = normal(1, 9, 14, dtype=dtype)
    before, grads = base.copy(), [normal(k, 5, 7, dtype=dtype) for k in (2, 3)]
    view = base[::2, 1::2]
    flat = np.ascontiguousarray(view)
    params, opt = kit.start([view], **FULL)
    for g in grads:
        turned = np.asfortranarray(g)
        kit.give(params[0], turned)
        opt.step()
        assert bits(turned) == bits(g)
    twins, twin = kit.start([flat], **FULL)
    kit.run(twin, twins, [[g] for g in grads])
    assert bits(np.ascontiguousarray(view)) == bits(flat)
    assert bits(flat) != bits(np.ascontiguousarray(before[::2, 1::2]))
    outside = np.ones(base.shape, bool)
    outside[::2, 1::2] = False
    assert bits(base[outside]) == bits(before[outside])


@each_width
@pytest.mark.parametrize("options", [PLAIN, DECAYED, FULL], ids=["plain", "wd", "all"])
def test_gradient_is_only_read(kit, dtype, options):
    g = normal(1, 50, dtype=dtype)
    kept = g.copy()
    params, opt = kit.start([normal(2, 50, dtype=dtype)], **options)
    kit.give(params[0], g)
    given = params[0].grad
    opt.step()
    assert bits(g) == bits(kept)
    assert params[0].grad is given


def test_gradient_with_stride_zero(kit):
    x, column = np.zeros((4, 3)), np.array([[1.0], [3.0], [0.0], [-1.0]])
    (p,), opt = kit.start([x], lr=1, eps=1)
    numpy = kit.name == "numpy"
    p.grad = (
        np.broadcast_to(column, x.shape) if numpy else as_tensor(column).expand(4, 3)
    )
    opt.step()
    np.testing.assert_allclose(x, np.repeat(-column / (abs(column) + 1), 3, axis=1))


# None and zero ----------------------------------------------------------------------

PATTERN = ["g.g", ".gg", "...", "gz.", "zg.", "gg."]


def pattern(shapes, dtype=np.float64):
    """Gradients by PATTERN: one per param and step, `.` is None and z is zero."""
    kinds = {
        ".": lambda k, shape: None,
        "z": lambda k, shape: np.zeros(shape, dtype),
        "g": lambda k, shape: normal(k, *shape, dtype=dtype),
    }
    return [
        [kinds[c](10 * k + i, shapes[i]) for i, c in enumerate(row)]
        for k, row in enumerate(PATTERN)
    ]


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


# Save and load ----------------------------------------------------------------------

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


# What only torch has ----------------------------------------------------------------


def sparse(indices, values, shape):
    with torch.sparse.check_sparse_tensor_invariants(True):
        return torch.sparse_coo_tensor(indices, torch.as_tensor(values), shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("options", [PLAIN, {"maximize": True, "lr_decay": 1}], ids=str)
def test_sparse_rows_move_as_dense_ones(torch_kit, dtype, options):
    start = torch.arange(1, 11).reshape(5, 2).to(dtype)
    values = torch.tensor([[1, 2], [3, -4], [0.5, 6]]).to(dtype)
    if dtype.is_complex:
        start, values = start * (1 + 2j), values * (3 + 4j)
    p, q = start.clone().requires_grad_(), start.clone().requires_grad_()
    opt, twin = (torch_kit.cls([x], lr=0.5, **options) for x in (p, q))
    for indices in ([3, 1, 3], [0, 1, 0]):
        p.grad = sparse([indices], values, p.shape)
        kept = p.grad.clone()
        q.grad = p.grad.to_dense()
        opt.step()
        twin.step()
        assert torch.equal(p.grad._values(), kept._values())
    assert torch.equal(p, q)
    assert torch.equal(p[[2, 4]], start[[2, 4]])
    assert torch.equal(opt.state[p]["sum"], twin.state[q]["sum"])


def test_empty_sparse_gradient_advances_t_only(torch_kit):
    p = torch.ones(4, 3, requires_grad=True)
    opt = torch_kit.cls([p], eps=0)
    p.grad = sparse(torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, 3), (4, 3))
    opt.step()
    assert torch.all(p == 1)
    assert steps(opt) == [1]


def test_sparse_with_weight_decay_changes_nothing(torch_kit):
    p, q, r = (torch.ones(3, requires_grad=True) for _ in range(3))
    opt = torch_kit.cls([{"params": [p]}, {"params": [q, r], "weight_decay": 0.1}])
    p.grad = q.grad = torch.ones(3)
    r.grad = sparse([[1]], [2.0], (3,))
    before = snapshot(opt)
    with pytest.raises(RuntimeError, match="sparse"):
        opt.step()
    assert snapshot(opt) == before
    r.grad = torch.ones(3)
    opt.step()
    assert steps(opt) == [1, 1, 1]


def test_params_keep_their_identity_and_storage(torch_kit):
    model = torch.nn.Linear(3, 2).to(torch.float16)
    opt = torch_kit.cls(model.parameters())
    addresses = [p.data_ptr() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    opt.step()
    assert [p.data_ptr() for p in model.parameters()] == addresses
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())
    assert all(opt.state[p]["sum"].dtype == torch.float16 for p in model.parameters())


def test_hooks_scheduler_and_names(torch_kit):
    calls, p = [], torch.zeros(1, dtype=torch.float64, requires_grad=True)
    opt = torch_kit.cls([("w", p)], lr=1, eps=0)
    opt.register_step_pre_hook(lambda *_: calls.append("pre"))
    opt.register_step_post_hook(lambda *_: calls.append("post"))
    opt.register_load_state_dict_pre_hook(lambda o, d: calls.append("load"))
    scheduler = torch.optim.lr_scheduler.StepLR(opt, step_size=1, gamma=0.5)
    p.grad = torch.ones_like(p)
    opt.step()
    scheduler.step()
    saved = opt.state_dict()
    del saved["param_groups"][0]["param_names"]
    opt.load_state_dict(saved)
    opt.step()
    assert p.item() == pytest.approx(-1 - 0.5 / math.sqrt(2))
    assert calls == ["pre", "post", "load", "pre", "post"]
    assert opt.param_groups[0]["param_names"] == ["w"]


# What only the NumPy port has -------------------------------------------------------


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((1, 1)), np.ones(1, np.float32)])
def test_numpy_refuses_a_gradient_that_does_not_fit(bad):
    p, q = Param(np.ones(1), np.ones(1)), Param(np.ones(1), bad)
    opt = Adagrad([p, q])
    before = snapshot(opt)
    with pytest.raises(ValueError, match="gradient"):
        opt.step()
    assert snapshot(opt) == before


def test_numpy_state_dict_is_a_snapshot():
    params, opt = Kit("numpy").start([np.ones(2)])
    saved = opt.state_dict()
    kept = pickle.dumps(saved)
    Kit("numpy").run(opt, params, [[np.ones(2)]])
    assert pickle.dumps(saved) == kept


@pytest.mark.parametrize("bad", [3.0, [1.0], np.arange(3), np.broadcast_to(1.0, 2)])
def test_numpy_refuses_what_it_cannot_update(bad):
    with pytest.raises(TypeError, match="Param needs"):
        Param(bad)


# The modules ------------------------------------------------------------------------


def test_candidates_import_nothing_heavy():
    code = "import sys, adagrad_conformance.adapters.own as c; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"numpy", "torch", "ml_dtypes"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "name", ["numpy_adagrad", "torch_base", "torch_single", "torch_foreach"]
)
def test_all_lists_the_public_names(name):
    module = importlib.import_module(f"adagrad_conformance.adapters.own.{name}")
    own = {
        key
        for key, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and key[0] != "_"
    }
    assert own == set(module.__all__)
    assert all(getattr(module, key).__doc__ for key in own)


def test_bench_measures_every_port():
    path = Path(__file__).parents[2] / "bench" / "ports.py"
    measure = runpy.run_path(str(path))["measure"]
    (row,) = measure(sizes=(1000,), pieces=2, budget=0)
    assert row.pop("size") == 1000
    assert len(row) == 7
    assert all(0 < value < 100 for value in row.values())
