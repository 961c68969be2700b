"""The update of the suite's own ports, special values and complex params included."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
from own_kit import (
    BF16,
    DECAYED,
    FULL,
    PLAIN,
    Kit,
    as_array,
    bits,
    each_narrow,
    each_wide,
    each_width,
    normal,
    snapshot,
    steps,
)

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
