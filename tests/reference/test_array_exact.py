"""Exact steps of arrays are correctly rounded, and errors against them are right."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from array_kit import BY_NAME, random_settings, special_settings
from programs import (
    adversarial_batch,
    fraction_root,
    random_batch,
)

from adagrad_reference.algorithm import adagrad_step, context
from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.array_exact import exact_steps, used_gradient, zeros_of_theta
from adagrad_reference.formats import BINARY32, BINARY64
from adagrad_reference.options import Options
from adagrad_reference.rounding import rational_step, round_step


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_exact_steps_equal_round_step(fmt, make):
    b = make(fmt, np.random.default_rng(36), 800)
    got = exact_steps(b)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want = round_step(fmt, *start, t, o)
        np.testing.assert_array_equal([got.theta[i], got.state_sum[i]], want)


@BY_NAME
def test_exact_steps_of_many_settings(fmt):
    rng = np.random.default_rng(50)
    chosen = [*random_settings(rng, 150), *list(special_settings())[::3]]
    chosen += [(2**53 + 3, Options(lr_decay=1e-16, lr=1.0))]
    b = random_batch(fmt, rng, 600, chosen)
    b.which[0] = len(chosen) - 1
    got = exact_steps(b)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want = round_step(fmt, *start, t, o)
        np.testing.assert_array_equal([got.theta[i], got.state_sum[i]], want)


@BY_NAME
def test_exact_steps_of_ties_and_zeros(fmt):
    o = Options(lr=8 * fmt.unit_roundoff, lr_decay=1.0, eps=1.0)
    chosen = ((7, o), (7, o.override({"lr": 8.0})))
    theta = np.array([1.0, 1 + 2 * fmt.unit_roundoff, 1.0])
    g, which = np.array([-7.0, -7.0, 7.0]), np.array([0, 0, 1])
    got = exact_steps(StepBatch(fmt, theta, np.zeros(3), g, chosen, which))
    assert got.theta.tolist() == [1.0, 1 + 4 * fmt.unit_roundoff, 0.0]


def exact_theta(theta, g, s, t, o):
    """theta' and the update as rationals of some 400 bits."""
    step = rational_step(theta, g, s, t, o)
    update = step.numerator / (fraction_root(step.state_sum, 400) + step.eps)
    return step.theta - update, update


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_errors_are_right(fmt, make):
    rng = np.random.default_rng(37)
    b = make(fmt, rng, 300)
    exact = exact_steps(b)
    moved = np.array([fmt.ulp(float(x)) for x in exact.theta]) * rng.integers(
        -3, 4, 300
    )
    with np.errstate(all="ignore"):
        observed = exact.theta + moved
    errors = exact.errors(fmt, observed)
    checked = 0
    for i in np.flatnonzero(np.isfinite(errors)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        want, update = exact_theta(*start, t, o)
        scale = max(abs(start[0]), abs(float(update)), abs(float(want)))
        error = abs(Fraction(float(observed[i])) - want) / Fraction(fmt.ulp(scale))
        # the scale may round across a power of two
        close = {fmt.ulp(scale * (1 + k * 2.0**-50)) for k in (-1, 0, 1)}
        ratios = [Fraction(fmt.ulp(scale)) / Fraction(x) for x in close]
        assert any(
            abs(float(error * r) - errors[i]) <= 1e-6 * float(error * r) + 1e-9
            for r in ratios
        ), (start, t, o)
        checked += 1
    assert checked >= 100


@BY_NAME
def test_the_rounded_exact_step_errs_by_half_an_ulp_at_most(fmt):
    b = random_batch(fmt, np.random.default_rng(38), 3000)
    exact = exact_steps(b)
    errors = exact.errors(fmt, exact.theta)
    assert np.nanmax(errors) <= 0.5
    assert np.nanmax(errors) > 0.45
    assert np.isfinite(errors).mean() > 0.9


@BY_NAME
def test_errors_of_what_is_not_finite_are_nan(fmt):
    b = random_batch(fmt, np.random.default_rng(39), 3, ((1, Options(eps=1e-3)),))
    errors = exact_steps(b).errors(fmt, np.array([math.inf, math.nan, 1.0]))
    assert np.isnan(errors).tolist() == [True, True, False]


# -- the gradient that is used, and the zeros of theta ---------------------------------


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_the_used_gradient_is_that_of_the_exact_step(fmt, make):
    b = make(fmt, np.random.default_rng(7), 300)
    found, ctx = used_gradient(b), context(400)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        theta, g, total = (float(x[i]) for x in (b.theta, b.gradient, b.state_sum))
        due = adagrad_step(ctx, *map(ctx.mpf, (theta, g, total)), t, o).gradient
        size = abs(g) + abs(o.weight_decay * theta)
        assert abs(ctx.mpf(float(found[i])) - due) <= size * 2.0**-52 + 2.0**-1074
        if o.weight_decay == 0 or g == 0 == theta:
            assert found[i] == due


def orders(clr, g, d):
    """The update in each of its six orders."""
    one = d.dtype.type(1)
    return (
        clr * g / d,
        clr * (g / d),
        g * (clr / d),
        (clr * g) * (one / d),
        g * (clr * (one / d)),
        clr * (g * (one / d)),
    )


def zero_batch(dtype, maximize, decay):
    """Theta and g among zeros, ordinary and tiny numbers; where g is 0.5, d is 1."""
    tiny = float(np.finfo(dtype).smallest_subnormal)
    some = [x * side for x in (0.0, 0.125, 0.5, tiny) for side in (1, -1)]
    theta, g = np.array(list(itertools.product(some, some)), float).T
    o = Options(lr=0.25, weight_decay=decay, eps=0.5, maximize=maximize)
    fmt = {"float32": BINARY32, "float64": BINARY64}[np.dtype(dtype).name]
    n = len(theta)
    return StepBatch(fmt, theta, np.zeros(n), g, [(1, o)], np.zeros(n, int))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_every_order_gives_theta_the_zero_that_is_due(dtype, maximize, decay):
    b = zero_batch(dtype, maximize, decay)
    due = zeros_of_theta(b)
    theta, g = b.theta.astype(dtype), b.gradient.astype(dtype)
    g = -g if maximize else g
    g = g + dtype(decay) * theta if decay else g
    checked = set()
    for update in orders(dtype(0.25), g, np.sqrt(g * g) + dtype(0.5)):
        new = theta - update
        zero = (new == 0) & ~np.isnan(due)
        assert (np.signbit(new) == np.signbit(due))[zero].all()
        checked |= set(zip(theta[zero] != 0, np.signbit(new[zero]), strict=True))
    assert {(False, False), (False, True)} <= checked  # zeros of either sign
    assert decay or (True, False) in checked  # and theta equal to the update


def test_the_sign_of_a_zero_is_open_where_the_update_underflows():
    tiny = 5e-324
    o = Options(lr=0.25, eps=1.0)
    theta, g = np.array([0.0, -0.0, 0.0, tiny]), np.array([tiny, tiny, 0.0, tiny])
    b = StepBatch(BINARY64, theta, np.ones(4), g, [(1, o)], np.zeros(4, int))
    due = zeros_of_theta(b)
    assert np.isnan(due).tolist() == [True, True, False, False]
    assert not np.signbit(due[2:]).any()
