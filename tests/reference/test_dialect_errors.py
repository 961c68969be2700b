"""Errors in ulp by a dialect, beside the same formula written out in mpmath."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.array_exact import dialect_errors, exact_steps
from adagrad_reference.dialects import DIALECTS, DOCUMENT, Dialect
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import Options

N = 300


def formula(dialect, theta, total, g, t, o):
    """(theta', |update|) exactly."""
    t, o = dialect.setting(t, o)
    rate = mpf(o.lr) / (1 + (t - 1) * mpf(o.lr_decay))
    pull = mpf(o.weight_decay) * mpf(theta)
    apart = dialect.decay in ("decoupled", "unscaled", "undecayed")
    used = mpf(g) if apart else mpf(g) + pull
    squared = mpf(g) if dialect.decay == "step-only" else used
    step = mpf(g) if dialect.decay == "sum-only" else used
    total = mpf(total) + squared**2
    root = mp.sqrt(total + mpf(o.eps)) if dialect.eps == "inside" else mp.sqrt(total)
    under = root if dialect.eps == "inside" else root + mpf(o.eps)
    update = rate * step / under if total or dialect.guard == "none" else mpf(0)
    new = mpf(theta) - update
    if apart:
        new -= pull * (rate if dialect.decay == "decoupled" else 1)
    return new, abs(update)


def batch(fmt, seed, options):
    source = random.Random(seed)
    drawn = (fmt.round(Fraction(source.gauss(0, 1))) for _ in range(3 * N))
    theta, total, g = np.array([float(x) for x in drawn]).reshape(3, N)
    which = np.array([source.randrange(2) for _ in range(N)])
    return StepBatch(fmt, theta, np.abs(total), g, [(1, options), (7, options)], which)


SWITCHES = [
    *(
        DIALECTS[name]
        for name in ("optax", "keras", "deepspeed", "jax-example-libraries")
    ),
    Dialect(decay="unscaled"),
    Dialect(decay="undecayed"),
    Dialect(decay="step-only", eps="inside"),
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "dialect", SWITCHES, ids=lambda d: "+".join(map("=".join, d.changes))
)
def test_an_error_is_the_distance_from_the_exact_step(dialect, name):
    fmt = FORMATS[name]
    options = Options(lr=0.37, lr_decay=0.3, weight_decay=0.11, eps=0.023)
    b = batch(fmt, f"{name}{dialect.changes}", options)
    settings = [dialect.setting(t, o) for t, o in b.settings]
    observed = b.theta + 0.5  # far away, so that the distance has many digits
    found = dialect_errors(replace(b, settings=settings), dialect, observed)
    with mp.workprec(200):
        for i in range(N):
            t, o = b.settings[b.which[i]]
            numbers = (float(x[i]) for x in (b.theta, b.state_sum, b.gradient))
            new, update = formula(dialect, *numbers, t, o)
            scale = max(abs(mpf(b.theta[i])), update, abs(new))
            due = abs(mpf(float(observed[i])) - new) / mpf(fmt.ulp(float(scale)))
            assert abs(found[i] - due) <= abs(due) * mpf(2) ** -40, i


def test_by_the_document_they_are_those_of_the_exact_step():
    fmt = FORMATS["binary32"]
    b = batch(fmt, "document", Options(lr=0.37, weight_decay=0.11, eps=0.023))
    observed = exact_steps(b).theta
    same = exact_steps(b).errors(fmt, observed)
    assert np.array_equal(dialect_errors(b, DOCUMENT, observed), same)
    assert np.nanmax(same) <= 0.5


def test_where_a_guard_holds_there_is_no_update():
    fmt = FORMATS["binary64"]
    zero, one = np.zeros(1), np.ones(1)
    b = StepBatch(fmt, one, zero, zero, [(1, Options(eps=0.0))], np.zeros(1, int))
    guarded = Dialect(guard="zero")
    assert dialect_errors(b, guarded, one)[0] == 0
    assert np.isnan(dialect_errors(b, DOCUMENT, one)[0])  # 0 / 0


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(accumulator="replaced"),
        Dialect(accumulator="row-mean"),
        Dialect(update="added"),
        Dialect(decay="doubled"),
        Dialect(maximize="after-decay"),
    ],
)
def test_what_is_not_measured_has_no_error(dialect):
    b = batch(FORMATS["binary64"], "none", Options())
    assert np.isnan(dialect_errors(b, dialect, b.theta)).all()
