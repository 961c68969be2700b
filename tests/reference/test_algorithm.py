"""The step is the document's: values derived by hand, every line marked, no globals.

The same bits come out on both backends of mpmath, whatever a caller does to mpmath.mp.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adagrad_reference.algorithm as algorithm
from adagrad_reference.algorithm import (
    adagrad_step,
    context,
    interval_context,
    learning_rate,
)
from adagrad_reference.options import OPTION_NAMES, Options, illegal_option
from adagrad_reference.rounding import rational_step

HERE = Path(__file__).parent
EXACT = settings(max_examples=120, deadline=None, derandomize=True)


def fraction(x):
    """The rational that an mpf is."""
    sign, man, exp, _ = x._mpf_
    return (-1 if sign else 1) * Fraction(int(man)) * Fraction(2) ** int(exp)


def step(theta, g, s, t, precision=200, **options):
    """One step on plain numbers, as floats."""
    ctx = context(precision)
    return adagrad_step(ctx, *map(ctx.mpf, (theta, g, s)), t, Options(**options))


# -- by hand --------------------------------------------------------------------------


def test_three_steps_with_decay_by_hand():
    # 0 - 1/1 * 1/1, then - 1/2 * 1/sqrt 2, then - 1/3 * 1/sqrt 3
    theta, s, seen = 0.0, 0.0, []
    for t in (1, 2, 3):
        after = step(theta, 1.0, s, t, lr=1.0, lr_decay=1.0, eps=0.0)
        theta, s = after.theta, after.state_sum
        seen.append(float(theta))
    assert seen[0] == -1.0
    assert seen[1] == pytest.approx(-1 - math.sqrt(2) / 4, rel=1e-15)
    assert seen[2] == pytest.approx(-1.5460034803231491, rel=1e-15)
    assert float(s) == 3.0


def test_eps_stands_outside_the_root():
    assert float(step(0.0, 3.0, 0.0, 1, lr=1.0, eps=1.0).theta) == -0.75


def test_maximize_turns_the_gradient_before_the_decay():
    after = step(1.0, 1.0, 0.0, 1, lr=1.0, weight_decay=0.5, eps=1.0, maximize=True)
    # g = -1 + 0.5 = -0.5, S = 0.25, theta' = 1 + 0.5 / 1.5
    assert after.gradient == -0.5
    assert after.state_sum == 0.25
    assert float(after.theta) == pytest.approx(4 / 3, rel=1e-15)


def test_weight_decay_enters_the_accumulator():
    after = step(2.0, 1.0, 4.0, 1, lr=1.0, weight_decay=0.5, eps=0.0)
    assert after.gradient == 2.0
    assert after.state_sum == 8.0


def test_every_intermediate_of_a_rational_step():
    after = step(1.0, 4.0, 9.0, 3, lr=3.0, lr_decay=0.25, eps=1.0)
    assert after.clr == 2  # 3 / (1 + 2/4)
    assert after.gradient == 4
    assert after.state_sum == 25
    assert after.denominator == 6
    assert abs(fraction(after.update) - Fraction(4, 3)) < Fraction(1, 2**190)
    assert abs(fraction(after.theta) + Fraction(1, 3)) < Fraction(1, 2**190)


def test_the_first_step_uses_lr_itself():
    ctx = context()
    assert learning_rate(ctx, 1, Options(lr=0.3, lr_decay=7.0)) == 0.3


def test_lr_zero_still_accumulates():
    after = step(1.0, 2.0, 1.0, 1, lr=0.0)
    assert (after.theta, after.state_sum) == (1.0, 5.0)


# -- against rationals ----------------------------------------------------------------

small = st.integers(-64, 64).map(lambda n: n / 8)


@EXACT
@given(
    small,
    small,
    st.integers(0, 64).map(lambda n: n / 8),
    st.integers(1, 40),
    st.integers(0, 32).map(lambda n: n / 16),
    st.integers(0, 32).map(lambda n: n / 16),
    st.booleans(),
)
def test_a_rational_root_gives_the_rational_step(theta, g, eps, t, decay, wd, maximize):
    """With S' = r^2 everything is rational; compare at 200 bits."""
    o = Options(lr=0.7, lr_decay=decay, weight_decay=wd, eps=eps, maximize=maximize)
    gradient = Fraction(-g if maximize else g) + Fraction(wd) * Fraction(theta)
    if gradient == 0:
        return
    s = float(Fraction(9, 16) * gradient**2)  # S' = (5/4 g)^2
    if Fraction(s) != Fraction(9, 16) * gradient**2:
        return
    got = step(theta, g, s, t, **vars(o))
    clr = Fraction(0.7) / (1 + (t - 1) * Fraction(decay))
    root = Fraction(5, 4) * abs(gradient)
    update = clr * gradient / (root + Fraction(eps))
    assert fraction(got.gradient) == gradient
    assert fraction(got.state_sum) == root**2
    assert abs(fraction(got.update) - update) <= abs(update) / 2**190
    assert abs(fraction(got.theta) - (Fraction(theta) - update)) < Fraction(1, 2**180)
    exact = rational_step(theta, g, s, t, o)
    assert exact.state_sum == root**2
    assert exact.numerator == clr * gradient


@EXACT
@given(small, small, small.map(abs), st.integers(1, 9))
def test_the_interval_context_encloses_the_step(theta, g, s, t):
    o = Options(lr=0.3, lr_decay=0.7, weight_decay=0.1, eps=0.01)
    ctx = interval_context(80)
    box = adagrad_step(ctx, *map(ctx.mpf, (theta, g, s)), t, o).theta
    exact = step(theta, g, s, t, **vars(o)).theta
    assert box.a <= exact <= box.b
    assert float(box.delta) < 1e-18


# -- special values -------------------------------------------------------------------


def test_an_infinite_gradient():
    after = step(1.0, math.inf, 0.0, 1)
    assert after.state_sum == math.inf
    assert math.isnan(after.theta)


def test_a_nan_gradient():
    after = step(1.0, math.nan, 2.0, 1)
    assert math.isnan(after.theta)
    assert math.isnan(after.state_sum)


def test_an_infinite_theta_without_decay_stays():
    assert step(math.inf, 1.0, 0.0, 1).theta == math.inf
    assert step(-math.inf, 1.0, 0.0, 1).theta == -math.inf


def test_an_infinite_theta_with_decay_becomes_nan():
    assert math.isnan(step(math.inf, 1.0, 0.0, 1, weight_decay=0.1).theta)


def test_an_infinite_sum_stands_still():
    after = step(1.0, 2.0, math.inf, 1)
    assert (after.theta, after.state_sum, after.update) == (1, math.inf, 0)


def test_zero_over_zero_is_nan_and_eps_prevents_it():
    assert math.isnan(step(1.0, 0.0, 0.0, 1, eps=0.0).theta)
    assert step(1.0, 0.0, 0.0, 1, eps=1e-10).theta == 1


# -- no globals -----------------------------------------------------------------------


@pytest.mark.parametrize("digits", [3, 15, 1000])
def test_the_global_precision_does_not_matter(digits):
    want = step(0.1, 0.2, 0.3, 4, lr_decay=0.1, weight_decay=0.1)
    before = mpmath.mp.dps, mpmath.iv.dps
    try:
        mpmath.mp.dps, mpmath.iv.dps = digits, digits
        set_to = mpmath.mp.prec, mpmath.iv.prec
        got = step(0.1, 0.2, 0.3, 4, lr_decay=0.1, weight_decay=0.1)
        assert [x._mpf_ for x in got] == [x._mpf_ for x in want]
        assert (mpmath.mp.prec, mpmath.iv.prec) == set_to
    finally:
        mpmath.mp.dps, mpmath.iv.dps = before
    assert fraction(got.update).numerator.bit_length() > 100


def test_making_contexts_leaves_the_global_ones_alone():
    before = mpmath.mp.prec, mpmath.iv.prec
    mine, other = context(77), interval_context(99)
    assert (mpmath.mp.prec, mpmath.iv.prec) == before
    assert (mine.prec, other.prec) == (77, 99)
    assert context(200) is not context(200)


# -- the text -------------------------------------------------------------------------


def test_every_line_of_the_document_is_marked():
    source = Path(algorithm.__file__).read_text()
    marks = {int(n) for n in re.findall(r"ALG-(\d+)", source)}
    assert marks >= {3, 4, 5, 6, 7, 8, 9}
    assert marks <= set(range(1, 10))
    code = re.findall(r"^    .*# ALG-(\d)", source, re.MULTILINE)
    assert [int(n) for n in code if n in "4569"] == [4, 9, 5, 6]


def test_the_document_s_inputs_are_the_options():
    assert OPTION_NAMES == (
        "lr",
        "lr_decay",
        "weight_decay",
        "initial_accumulator_value",
        "eps",
        "maximize",
    )
    assert Options() == Options(1e-2, 0.0, 0.0, 0.0, 1e-10, False)


@pytest.mark.parametrize("name", OPTION_NAMES[:-1])
@pytest.mark.parametrize("value", [-1.0, -5e-324, math.nan, -math.inf])
def test_illegal_options_are_named(name, value):
    reason = illegal_option({name: value})
    assert reason.startswith(f"{name}=")
    assert "is not >= 0" in reason


def test_legal_options_pass():
    assert illegal_option(vars(Options())) is None
    assert illegal_option(dict.fromkeys(OPTION_NAMES[:-1], 0.0)) is None
    assert illegal_option({"lr": math.inf, "maximize": False}) is None
    assert "unknown option 'momentum'" in illegal_option({"momentum": 0.9})


# -- both backends --------------------------------------------------------------------


def backend_digest():
    """A digest over norm boxes, exact roundings and intermediates."""
    from programs import ALL_FORMATS, adversarial_batch

    from adagrad_reference.enclosure import norm_step
    from adagrad_reference.interval import Interval
    from adagrad_reference.numeric_class import CLASSES
    from adagrad_reference.rounding import round_step

    record = hashlib.sha256()
    for fmt in ALL_FORMATS:
        b = adversarial_batch(fmt, np.random.default_rng(11), 40)
        for i in range(len(b)):
            t, o = b.settings[b.which[i]]
            theta, s, g = (float(x[i]) for x in (b.theta, b.state_sum, b.gradient))
            record.update(repr(round_step(fmt, theta, g, s, t, o)).encode())
            point = Interval.point
            for cls in CLASSES.values():
                for box in norm_step(fmt, cls, point(theta), point(s), g, t, o):
                    ends = float(box.lo).hex(), float(box.hi).hex(), box.nan
                    record.update(repr(ends).encode())
            for number in step(theta, g, s, t, **vars(o)):
                sign, man, exp, _ = number._mpf_
                record.update(f"{int(sign)} {int(man)} {int(exp)};".encode())
    return record.hexdigest()


def in_a_child(**environment):
    """Backend name and digest in a fresh interpreter."""
    program = (
        "import mpmath.libmp, test_algorithm as t;"
        "print(mpmath.libmp.BACKEND, t.backend_digest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HERE,
        env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_both_backends_give_the_same_bits():
    backend, pure = in_a_child(MPMATH_NOGMPY="1")
    assert backend == "python"
    assert pure == backend_digest()


def test_this_process_uses_the_fast_backend_when_it_can():
    pytest.importorskip("gmpy2")
    if "MPMATH_NOGMPY" not in os.environ:
        assert mpmath.libmp.BACKEND == "gmpy"
