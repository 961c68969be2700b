"""The enclosure is sound and sharp.

Sound: every legal program here (540 emulated ones per 16-bit format, random choices at
every operation in rationals, C, NumPy, torch) stays in the lawful box.  Sharp: each
named wrong program leaves it.  Toy formats are in test_toy_formats.py, programs that
flush subnormal numbers in test_flush_to_zero.py; `make soundness` does all this at
large.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from c_programs import compile_all, compiler
from port_programs import PORTS
from programs import (
    ALL_FORMATS,
    NARROW,
    SETTINGS,
    FractionProgram,
    adversarial_batch,
    array_programs,
    nearest,
    random_batch,
    roots,
    settings_for,
    toward_zero,
    wild_batch,
)

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.array_exact import exact_steps
from adagrad_reference.enclosure import norm_step, scalar_boxes
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, FORMATS
from adagrad_reference.interval import Interval
from adagrad_reference.numeric_class import CLASSES, LAWFUL, TIGHT
from adagrad_reference.options import Options

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)


def both_batches(fmt, seed, ordinary=4000, adverse=800):
    """Random and adversarial elements."""
    rng = np.random.default_rng(seed)
    return [random_batch(fmt, rng, ordinary), adversarial_batch(fmt, rng, adverse)]


def escapes(boxes, x, b):
    """Describe the first elements outside their boxes, for the message."""
    return [
        (b.theta[i], b.state_sum[i], b.gradient[i], *b.settings[b.which[i]], x[i])
        for i in np.flatnonzero(~boxes.holds(x))[:3]
    ]


# -- soundness ---------------------------------------------------------------------


@BY_NAME
def test_every_emulated_program_stays_inside(fmt):
    for b in both_batches(fmt, 1):
        theta, total = fast_boxes(b, LAWFUL)
        for program in array_programs(fmt):
            new_theta, new_sum = program.run(b)
            assert theta.holds(new_theta).all(), (program, escapes(theta, new_theta, b))
            assert total.holds(new_sum).all(), (program, escapes(total, new_sum, b))


def is_ordinary(fmt, theta, s, g, o):
    """Whether no intermediate can overflow, so that rationals tell all."""
    pull = abs(o.weight_decay * theta) + abs(g)
    return max(pull * 64, pull * pull + s) < fmt.largest / 4


@BY_NAME
def test_random_choices_at_every_operation_stay_inside(fmt):
    rng = np.random.default_rng(2)
    checked = 0
    for b in both_batches(fmt, 3, 250, 250):
        theta, total = fast_boxes(b, LAWFUL)
        for i in range(len(b)):
            t, o = b.settings[b.which[i]]
            start = float(b.theta[i]), float(b.state_sum[i]), float(b.gradient[i])
            if not is_ordinary(fmt, *start, o):
                continue
            for _ in range(3):
                stored = FractionProgram(fmt, rng).run(*start, t, o)
                if stored is None:
                    continue
                checked += 1
                assert theta.lo[i] <= stored[0] <= theta.hi[i], (start, t, o)
                assert total.lo[i] <= stored[1] <= total.hi[i], (start, t, o)
    assert checked > 1000


@BY_NAME
@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.name)
def test_what_others_wrote_stays_inside(fmt, port):
    """torch's paths, NumPy's native types, the suite's own ports."""
    for b in both_batches(fmt, 4, 12000, 800):
        theta, total = fast_boxes(b, LAWFUL)
        new_theta, new_sum = port.run(fmt, b)
        assert theta.holds(new_theta).all(), escapes(theta, new_theta, b)
        assert total.holds(new_sum).all(), escapes(total, new_sum, b)


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler here")
@BY_NAME
def test_compiled_programs_stay_inside(fmt, tmp_path):
    programs = compile_all(tmp_path, [fmt]).programs
    assert len(programs) >= 30
    for b in (*both_batches(fmt, 5), wild_batch(fmt, np.random.default_rng(6), 400)):
        theta, total = fast_boxes(b, LAWFUL)
        for program in programs:
            new_theta, new_sum = program.run(b)
            assert theta.holds(new_theta).all(), (program, escapes(theta, new_theta, b))
            assert total.holds(new_sum).all(), (program, escapes(total, new_sum, b))


@BY_NAME
@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.name)
def test_the_exact_step_rounded_once_is_inside(fmt, cls):
    for b in both_batches(fmt, 6):
        exact = exact_steps(b)
        theta, total = fast_boxes(b, cls)
        assert theta.holds(exact.theta).all(), escapes(theta, exact.theta, b)
        assert total.holds(exact.state_sum).all()


@BY_NAME
def test_the_tight_class_is_sound_for_a_correct_root(fmt):
    for b in both_batches(fmt, 7, 3000, 600):
        theta, total = fast_boxes(b, TIGHT)
        for program in array_programs(fmt):
            if program.root == "nearest" and program.scalars != "clr in format":
                new_theta, new_sum = program.run(b)
                assert theta.holds(new_theta).all(), (
                    program,
                    escapes(theta, new_theta, b),
                )
                assert total.holds(new_sum).all()


@BY_NAME
def test_the_tight_box_lies_in_the_lawful_box(fmt):
    for b in both_batches(fmt, 8):
        for tight, lawful in zip(
            fast_boxes(b, TIGHT), fast_boxes(b, LAWFUL), strict=True
        ):
            some = tight.lo <= tight.hi
            assert (lawful.lo <= tight.lo)[some].all()
            assert (tight.hi <= lawful.hi)[some].all()
            assert (lawful.nan | ~tight.nan).all()


@BY_NAME
def test_the_lawful_box_is_wider_where_the_root_is_not_exact(fmt):
    b = random_batch(fmt, np.random.default_rng(9), 2000)
    tight, lawful = fast_boxes(b, TIGHT)[0], fast_boxes(b, LAWFUL)[0]
    assert (lawful.hi - lawful.lo > tight.hi - tight.lo).mean() > 0.05


# -- power: wrong programs leave the box -------------------------------------------


def formula(b, **wrong):
    """The step in binary64 with one thing wrong: callables by place."""
    t = np.array([float(t) for t, _ in b.settings])[b.which]
    names = ("lr", "lr_decay", "weight_decay", "eps")
    lr, decay, wd, eps = np.array(
        [[getattr(o, name) for name in names] for _, o in b.settings]
    ).T[:, b.which]
    sign = np.array([-1.0 if o.maximize else 1.0 for _, o in b.settings])[b.which]

    def at(place, *values):
        return wrong[place](*values) if place in wrong else values[0]

    with np.errstate(all="ignore"):
        clr = at("clr", at("lr", lr) / (1 + at("t", t - 1) * decay))
        raw = sign * b.gradient
        g = at("gradient", raw + wd * b.theta, raw)
        total = b.state_sum + at("square", g * g)
        used = at("sum used", total, b.state_sum)
        d = at("denominator", np.sqrt(used) + eps, used, eps)
        q = at("update", clr * g / d)
        return at("result", b.theta - q, b.theta, q, clr * wd)


def rejected(b, x):
    """The share of elements outside the lawful box."""
    return (~fast_boxes(b, LAWFUL)[0].holds(nearest(b.format, x))).mean()


def batch_with(fmt, seed, n=2000, t=1, theta_zero=False, **options):
    """Random elements with one setting."""
    b = random_batch(fmt, np.random.default_rng(seed), n, ((t, Options(**options)),))
    if theta_zero:
        b.theta[:] = 0.0
    return b


@BY_NAME
def test_the_right_formula_is_not_rejected(fmt):
    assert rejected(batch_with(fmt, 20, t=3, lr=0.7, lr_decay=0.3, eps=1e-3), 0.0) > 0.9
    for seed, options in enumerate((o for _, o in SETTINGS), 21):
        names = ("lr", "lr_decay", "weight_decay", "eps", "maximize")
        o = {name: getattr(options, name) for name in names}
        b = batch_with(fmt, seed, t=3, **o | {"eps": max(o["eps"], 1e-3)})
        x = formula(b)
        assert rejected(b, x) == 0


def eps_inside(d, used, eps):
    return np.sqrt(used + eps)


def decoupled(x, theta, q, pull):
    return theta - pull * theta - q


WRONG = {
    "eps inside the root": (
        BINARY32,
        {"denominator": eps_inside},
        {"eps": 1e-3, "theta_zero": True, "lr": 0.1},
        0.99,
    ),
    "no eps": (
        BINARY32,
        {"denominator": lambda d, used, eps: np.sqrt(used)},
        {"eps": 1e-3, "theta_zero": True},
        0.9,
    ),
    "lr in binary32": (
        BINARY64,
        {"lr": lambda lr: lr.astype(np.float32).astype(float)},
        {"lr": 0.1, "theta_zero": True},
        0.99,
    ),
    "clr in binary32": (
        BINARY64,
        {"clr": lambda clr: clr.astype(np.float32).astype(float)},
        {"t": 3, "lr": 1.1, "lr_decay": 0.7, "theta_zero": True},
        0.99,
    ),
    "squares in binary32": (
        BINARY64,
        {"square": lambda sq: sq.astype(np.float32).astype(float)},
        {"lr": 0.5, "theta_zero": True},
        0.7,
    ),
    "decoupled decay": (
        BFLOAT16,
        {"gradient": lambda g, raw: raw, "result": decoupled},
        {"lr": 64.0, "weight_decay": 0.5, "eps": 1e-3},
        0.6,
    ),
    "t off by one": (
        BINARY16,
        {"t": lambda before: before + 1},
        {"t": 2, "lr": 63.7, "lr_decay": 0.4, "eps": 1e-3},
        0.9,
    ),
    "t off by one, late": (
        BINARY64,
        {"t": lambda before: before + 1},
        {"t": 1000, "lr": 0.1, "lr_decay": 1e-3, "theta_zero": True},
        0.99,
    ),
    "1e-7 off": (
        BINARY64,
        {"update": lambda q: q * (1 + 1e-7)},
        {"lr": 0.1, "eps": 1e-3},
        0.99,
    ),
    "1e-7 off in binary32": (
        BINARY32,
        {"update": lambda q: q * (1 + 6e-7)},
        {"lr": 0.1, "eps": 1e-3, "theta_zero": True},
        0.9,
    ),
    "old sum": (
        BINARY16,
        {"sum used": lambda total, old: old},
        {"lr": 0.1, "eps": 1e-3},
        0.7,
    ),
    "ascent": (
        BFLOAT16,
        {"gradient": lambda g, raw: -g},
        {"lr": 64.0, "eps": 1e-3},
        0.9,
    ),
    "sign lost in the decay": (
        BFLOAT16,
        {"gradient": lambda g, raw: 2 * raw - g},
        {"lr": 64.0, "weight_decay": 0.5, "eps": 1e-3},
        0.5,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_falls_outside(name):
    fmt, wrong, options, least = WRONG[name]
    b = batch_with(fmt, 40, **options)
    assert rejected(b, formula(b, **wrong)) >= least


@BY_NAME
def test_truncating_the_last_operation_falls_outside(fmt):
    b = batch_with(fmt, 41, lr=0.01, eps=1e-3)
    b.theta[:] = nearest(fmt, 1 + np.random.default_rng(42).random(len(b)))
    q = b.theta - formula(b)
    if fmt == BINARY64:  # q cannot be read off theta', so truncate through ulps
        down = [
            fmt.round(Fraction(x) - Fraction(y), "down")
            for x, y in zip(
                b.theta, formula(b, result=lambda x, theta, q, pull: q), strict=True
            )
        ]
        x = np.array(down)
    else:
        x = toward_zero(fmt, b.theta - q)
    assert 0.3 < rejected(b, x) < 0.7  # half of the elements round down anyway


def test_a_flushed_gradient_falls_outside():
    b = batch_with(BINARY32, 43, n=200, theta_zero=True, lr=1.0, eps=0.0)
    b.gradient[:] = np.arange(1, 201) * BINARY32.eta
    b.state_sum[:] = 0.0
    flushed = StepBatch(
        BINARY32, b.theta, b.state_sum, b.gradient * 0, b.settings, b.which
    )
    lawful = fast_boxes(b, LAWFUL)[0]
    assert not lawful.holds(formula(flushed, result=lambda *_: np.full(200, 0.5))).any()


def test_a_root_beyond_one_ulp_can_fall_outside():
    fmt = BINARY64
    b = batch_with(fmt, 44, lr=0.1, eps=0.0, theta_zero=True)
    off = formula(b, denominator=lambda d, used, eps: np.sqrt(used) * (1 + 2.0**-49))
    assert rejected(b, off) > 0.9
    legal = formula(b, denominator=lambda d, used, eps: roots(fmt, used, "up"))
    assert rejected(b, legal) == 0


# -- boxes carried along can be as wide as the line -----------------------------------


@BY_NAME
def test_an_unknown_theta_still_stands_where_nothing_moves_it(fmt):
    """S is infinite, so the update of any finite theta is 0."""
    line, endless = Interval.point(-np.inf, np.inf), Interval.point(np.inf)
    o = Options(weight_decay=0.5, eps=1e-3)
    theta, total = norm_step(fmt, LAWFUL, line, endless, 1.0, 3, o)
    assert theta.lo <= 5.0 <= theta.hi
    assert total.lo == total.hi == np.inf


@BY_NAME
def test_boxes_from_boxes_hold_the_steps_of_their_members(fmt):
    rng = np.random.default_rng(45)
    b = random_batch(fmt, rng, 150)
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        x, s, g = (float(v[i]) for v in (b.theta, b.state_sum, b.gradient))
        theta = [x, *(fmt.next_up(fmt.next_up(x)) for _ in "a")]
        total = [s, fmt.next_up(s)]
        box = norm_step(
            fmt, LAWFUL, Interval.point(*theta), Interval.point(*total), g, t, o
        )
        for start in ((x, s), (fmt.next_up(x), s), (theta[1], total[1])):
            inner = norm_step(fmt, LAWFUL, *map(Interval.point, start), g, t, o)
            for small, large in zip(inner, box, strict=True):
                assert large.lo <= small.lo <= small.hi <= large.hi
                assert large.nan or not small.nan


# -- the scalars -------------------------------------------------------------------


@pytest.mark.parametrize("fmt", NARROW, ids=lambda fmt: fmt.name)
def test_scalar_boxes_hold_every_legal_scalar(fmt):
    for t, o in settings_for(fmt):
        c = scalar_boxes(fmt, LAWFUL, t, o)
        exact = o.lr / (1 + (t - 1) * o.lr_decay)
        for value, box in ((exact, c.clr), (o.eps, c.eps)):
            assert box.lo <= value <= box.hi
            assert box.lo <= float(nearest(fmt, value)) <= box.hi
        assert (c.weight_decay is None) == (o.weight_decay == 0)


def test_the_first_step_uses_lr_itself():
    c = scalar_boxes(BINARY64, LAWFUL, 1, Options(lr=0.1, lr_decay=0.7))
    assert (c.clr.lo, c.clr.hi) == (0.1, 0.1)


@pytest.mark.parametrize("fmt", [BINARY16, BFLOAT16], ids=lambda fmt: fmt.name)
def test_the_tight_class_does_not_evaluate_scalars_in_the_format(fmt):
    o = Options(lr=63.7, lr_decay=0.1)
    tight, lawful = (scalar_boxes(fmt, cls, 1000, o).clr for cls in (TIGHT, LAWFUL))
    assert lawful.lo <= tight.lo <= tight.hi <= lawful.hi
    assert lawful.hi - lawful.lo > tight.hi - tight.lo


def test_the_formats_by_name_are_those_of_the_norm():
    for name, fmt in FORMATS.items():
        box, _ = norm_step(
            fmt, LAWFUL, Interval.point(1.0), Interval.point(0.0), 1.0, 1, Options()
        )
        assert fmt.contains(float(box.lo)), name
        assert fmt.contains(float(box.hi)), name
