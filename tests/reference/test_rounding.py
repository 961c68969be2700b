"""Correct rounding is never a guess.

`round_step` is compared with an independent computation in Python integers, on random
and adversarial input, and on exact cases and ties that Ziv's loop cannot resolve.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import (
    ALL_FORMATS,
    adversarial_batch,
    fraction_nearest,
    fraction_root,
    random_batch,
)

from adagrad_reference.algorithm import adagrad_step
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.options import Options
from adagrad_reference.rounding import (
    ZIV_PRECISIONS,
    RationalStep,
    compare_with,
    rational_step,
    round_ball,
    round_step,
    ziv_context,
)

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


def to_float(fmt, x: Fraction):
    """Round a rational, infinities included, by the tests' own rounding."""
    x = fraction_nearest(fmt.precision, fmt.emin, x)
    if abs(x) > Fraction(fmt.largest):
        return math.inf if x > 0 else -math.inf
    return float(x)


def independent(fmt, theta, g, s, t, o):
    """theta' and S' with a root of 3000 bits; exact where the root is rational."""
    x = Fraction(-g if o.maximize else g)
    if o.weight_decay:
        x += Fraction(o.weight_decay) * Fraction(theta)
    total = Fraction(s) + x * x
    n, d = math.isqrt(total.numerator), math.isqrt(total.denominator)
    exact = Fraction(n, d) ** 2 == total if d else False
    root = Fraction(n, d) if exact else fraction_root(total, 3000)
    denominator = root + Fraction(o.eps)
    if denominator == 0:
        return math.nan, 0.0
    clr = Fraction(o.lr) / (1 + (t - 1) * Fraction(o.lr_decay))
    return to_float(fmt, Fraction(theta) - clr * x / denominator), to_float(fmt, total)


def unresolved_by_ziv(fmt, theta, g, s, t, o):
    """Whether no round of Ziv's loop decides."""
    for precision in ZIV_PRECISIONS:
        ctx = ziv_context(precision)
        ball = adagrad_step(ctx, *map(ctx.mpf, (theta, g, s)), t, o).theta
        if round_ball(fmt, ball) is not None:
            return False
    return True


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or a == b


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch])
def test_agrees_with_an_independent_computation(fmt, make):
    b = make(fmt, np.random.default_rng(5), 500)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.gradient[i]), float(b.state_sum[i])
        got, want = round_step(fmt, *start, t, o), independent(fmt, *start, t, o)
        assert same(got[0], want[0]), (start, t, o, got, want)
        assert got[1] == want[1], (start, t, o, got, want)


# -- exact cases that intervals cannot see -----------------------------------------

#: clr = lr / 7: an interval around it has a width, though the update is lr / 8 exactly.
SEVENTH = {"lr_decay": 1.0}


def exact_case(theta, q: Fraction):
    """(theta, g, s, t, options) whose update is exactly q, through a rounded clr.

    t = 7 and decay 1 make clr = lr / 7; g = +-7 and eps = 1 divide by 7 + 1.
    """
    g = 7.0 if q > 0 else -7.0
    return theta, g, 0.0, 7, Options(lr=float(8 * abs(q)), eps=1.0, **SEVENTH)


EXACT_CASES = {
    "a number of the format": lambda fmt: (1.5, 0.25, 1.25),
    "zero": lambda fmt: (0.25, 0.25, 0.0),
    "negative zero side": lambda fmt: (-0.25, -0.25, 0.0),
    "a tie to the even below": lambda fmt: (1.0, -fmt.unit_roundoff, 1.0),
    "a tie to the even above": lambda fmt: (
        1.0 + 2 * fmt.unit_roundoff,
        -fmt.unit_roundoff,
        1.0 + 4 * fmt.unit_roundoff,
    ),
    "a tie below a power of two": lambda fmt: (1.0, fmt.unit_roundoff / 2, 1.0),
    "a negative tie": lambda fmt: (-1.0, fmt.unit_roundoff, -1.0),
}


@BY_NAME
@pytest.mark.parametrize("name", EXACT_CASES)
def test_exact_cases(fmt, name):
    theta, q, want = EXACT_CASES[name](fmt)
    case = exact_case(theta, Fraction(q))
    # only ties, and zeros where 2**-400 is not yet tiny, need the exact decision
    assert unresolved_by_ziv(fmt, *case) == (
        "tie" in name or (want == 0 and fmt == BINARY64)
    )
    assert round_step(fmt, *case) == (want, 49.0)


@BY_NAME
def test_a_tie_between_subnormal_numbers(fmt):
    eta = Fraction(fmt.eta)
    for theta, q, want in (
        (0, -eta / 2, 0),
        (1, -eta / 2, 2),
        (2, 3 * eta / 2, 0),
        (3, 3 * eta / 2, 2),
        (-3, -3 * eta / 2, -2),
    ):
        case = exact_case(theta * fmt.eta, q)
        assert unresolved_by_ziv(fmt, *case)
        assert round_step(fmt, *case)[0] == want * fmt.eta


@BY_NAME
@pytest.mark.parametrize("side", [1, -1])
def test_the_overflow_boundary(fmt, side):
    gap = fmt.ulp(fmt.largest)
    for part, beyond in ((0.5, True), (0.25, False), (0.75, True)):
        case = exact_case(side * fmt.largest, Fraction(-side * part * gap))
        want = math.inf if beyond else fmt.largest
        assert round_step(fmt, *case)[0] == side * want


@BY_NAME
def test_exactly_the_largest_number(fmt):
    gap = fmt.ulp(fmt.largest)
    case = exact_case(fmt.largest - gap, Fraction(-gap))
    assert round_step(fmt, *case)[0] == fmt.largest


@BY_NAME
def test_the_overflow_tie_is_not_resolved_by_intervals(fmt):
    case = exact_case(fmt.largest, -Fraction(fmt.ulp(fmt.largest)) / 2)
    assert unresolved_by_ziv(fmt, *case)
    assert rational_tie(fmt, case) == 0


def rational_tie(fmt, case):
    tie = Fraction(fmt.largest) + Fraction(fmt.ulp(fmt.largest)) / 2
    theta, g, s, t, o = case
    return compare_with(rational_step(theta, g, s, t, o), tie)


@BY_NAME
def test_just_beside_a_tie(fmt):
    """The same construction with lr moved by a relative 2**-50 is no tie."""
    for factor, want in (
        (1 + 2.0**-50, 1.0 + 2 * fmt.unit_roundoff),
        (1 - 2.0**-50, 1.0),
    ):
        theta, g, s, t, o = exact_case(1.0, -Fraction(fmt.unit_roundoff))
        o = o.override({"lr": o.lr * factor})
        assert round_step(fmt, theta, g, s, t, o)[0] == want


def test_eps_zero_and_a_rational_root():
    # S' = 9 + 16, so theta' = 1 - (1/7) 4 / 5 is rational, and not a tie
    o = Options(lr=1.0, eps=0.0, **SEVENTH)
    want = BINARY64.round(1 - Fraction(4, 35))
    assert round_step(BINARY64, 1.0, 4.0, 9.0, 7, o) == (want, 25.0)


@pytest.mark.parametrize("g", [1.0, 0.1, -3e-5, 1e100])
def test_the_first_step_without_eps_is_lr_whatever_the_gradient(g):
    # sqrt(g^2) = |g|, and t = 3 with decay 1 makes lr / 3
    o = Options(lr=1.0, eps=0.0, lr_decay=1.0)
    want = BINARY64.round(Fraction(-1, 3) if g > 0 else Fraction(1, 3))
    assert round_step(BINARY64, 0.0, g, 0.0, 3, o)[0] == want
    o = Options(lr=0.7, eps=0.0)
    theta = math.copysign(0.7, g)
    assert round_step(BINARY64, theta, g, 0.0, 1, o)[0] == 0.0


@BY_NAME
def test_a_zero_gradient(fmt):
    assert round_step(fmt, 1.0, 0.0, 0.0, 1, Options()) == (1.0, 0.0)
    assert round_step(fmt, 1.0, 0.0, 4.0, 1, Options(eps=0.0)) == (1.0, 4.0)
    nan, total = round_step(fmt, 1.0, 0.0, 0.0, 1, Options(eps=0.0))
    assert math.isnan(nan)
    assert total == 0.0


def test_theta_uses_the_exact_sum():
    # S' = 1 + 2^-24 is stored as 1 in binary16, but theta' sees it
    o = Options(lr=1.0, eps=0.0)
    g = 2.0**-12
    theta, total = round_step(BINARY16, 0.0, g, 1.0, 1, o)
    assert total == 1.0
    below = Fraction(-g) * (1 - Fraction(1, 2**25))
    assert theta == to_float(BINARY16, below)


@BY_NAME
@pytest.mark.parametrize(
    ("start", "want"),
    [
        ((1.0, math.inf, 0.0), (math.nan, math.inf)),
        ((1.0, -math.inf, 0.0), (math.nan, math.inf)),
        ((1.0, math.nan, 1.0), (math.nan, math.nan)),
        ((math.inf, 1.0, 0.0), (math.inf, 1.0)),
        ((-math.inf, 1.0, 3.0), (-math.inf, 4.0)),
        ((math.nan, 1.0, 0.0), (math.nan, 1.0)),
        ((1.0, 1.0, math.inf), (1.0, math.inf)),
        ((1.0, 1.0, math.nan), (math.nan, math.nan)),
    ],
)
def test_infinities_and_nan(fmt, start, want):
    got = round_step(fmt, *start, 1, Options())
    assert all(map(same, got, want))


def test_special_inputs_are_still_rounded_to_the_format():
    """An infinite S leaves theta, and an infinite theta leaves a rounded S."""
    _, total = round_step(BINARY16, math.inf, 2.0**-12, 1.0, 1, Options())
    assert total == 1.0
    _, total = round_step(BINARY16, math.inf, 300.0, 1.0, 1, Options())
    assert total == math.inf


def test_special_inputs_do_not_round_twice():
    """136^2 is a tie in bfloat16, and the old sum decides it, however small."""
    _, total = round_step(BFLOAT16, math.inf, 136.0, 2.0**-60, 1, Options())
    assert total == round_step(BFLOAT16, 1.0, 136.0, 2.0**-60, 1, Options())[1]
    assert total == 18560.0


@BY_NAME
def test_an_overflowing_square(fmt):
    g = fmt.round(Fraction(fmt.largest))
    theta, total = round_step(fmt, 1.0, g, 0.0, 1, Options(lr=0.5, eps=0.0))
    assert (theta, total) == (0.5, math.inf)  # the exact update is lr itself


# -- compare_with as a property ----------------------------------------------------

rationals = st.fractions(min_value=-100, max_value=100, max_denominator=1000)
sums = st.fractions(min_value=0, max_value=100, max_denominator=1000)


@EXAMPLES
@given(rationals, rationals, sums, sums, rationals)
def test_compare_with_is_the_sign(theta, numerator, root, eps, m):
    """With S' = root^2 the answer is plain rational arithmetic."""
    assume(root + eps > 0)
    step = RationalStep(theta, numerator, root * root, eps)
    value = theta - numerator / (root + eps)
    assert compare_with(step, m) == (value > m) - (value < m)
    assert compare_with(step, value) == 0


@EXAMPLES
@given(rationals, rationals, sums, sums, rationals)
def test_compare_with_irrational_roots(theta, numerator, state_sum, eps, m):
    assume(state_sum + eps > 0)
    step = RationalStep(theta, numerator, state_sum, eps)
    root = fraction_root(state_sum, 600)
    value = theta - numerator / (root + eps) if root + eps else theta
    distance = value - m
    if abs(distance) > Fraction(1, 2**300):
        assert compare_with(step, m) == (1 if distance > 0 else -1)


@EXAMPLES
@given(rationals, rationals, sums, sums, rationals, rationals)
def test_compare_with_is_monotone(theta, numerator, state_sum, eps, m, n):
    assume(state_sum + eps > 0)
    step = RationalStep(theta, numerator, state_sum, eps)
    low, high = sorted((m, n))
    assert compare_with(step, low) >= compare_with(step, high)


# -- balls -------------------------------------------------------------------------


def test_round_ball_refuses_to_guess():
    ctx = ziv_context(100)
    tie = 1 + BINARY16.unit_roundoff
    assert round_ball(BINARY16, ctx.mpf([tie - 2**-40, tie + 2**-40])) is None
    assert round_ball(BINARY16, ctx.mpf([tie - 2**-40, tie - 2**-41])) == 1.0
    assert round_ball(BINARY16, ctx.mpf([70000, math.inf])) == math.inf
    assert round_ball(BFLOAT16, ctx.mpf([-1e-60, 1e-60])) == 0.0


def test_a_toy_format_rounds_alike():
    toy = Format("toy", 6, 3, 3)
    o = Options(lr=1.0, weight_decay=0.5, eps=0.25)
    for theta in (-3.0, -0.25, 0.5, 7.0):
        for g in (-6.0, 0.0625, 2.5):
            got = round_step(toy, theta, g, 1.25, 2, o)
            assert got == independent(toy, theta, g, 1.25, 2, o)
            assert round_step(BINARY32, theta, g, 1.25, 2, o)[1] == float(
                Fraction(1.25) + (Fraction(g) + Fraction(theta) / 2) ** 2
            )
