"""The enclosure is sound and sharp.

Sound: every legal program emulated here (540 per 16-bit format, random choices at
every operation in rationals, exhaustive choices in toy formats, NumPy, torch) stays in
the lawful box.  Sharp: each named wrong program leaves it.  Programs that flush
subnormal numbers to zero stay in the flushed box, and in no narrower one.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from programs import (
    ALL_FORMATS,
    NARROW,
    SETTINGS,
    FractionProgram,
    adversarial_batch,
    array_programs,
    every_program,
    finite_numbers,
    nearest,
    random_batch,
    roots,
    settings_for,
    toward_zero,
)

from adagrad_reference.enclosure import (
    CLASSES,
    FLUSHED,
    LAWFUL,
    TIGHT,
    norm_step,
    scalar_boxes,
)
from adagrad_reference.fast import StepBatch, fast_boxes
from adagrad_reference.fast_exact import exact_steps
from adagrad_reference.formats import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    FORMATS,
    Format,
)
from adagrad_reference.interval import Interval
from adagrad_reference.options import Options
from adagrad_reference.rounding import round_step

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
DTYPES = {
    "binary64": torch.float64,
    "binary32": torch.float32,
    "bfloat16": torch.bfloat16,
    "binary16": torch.float16,
}
TOYS = (Format("toy6", 6, 3, 3), Format("toy8", 8, 3, 15))


def both_batches(fmt, seed, ordinary=4000, adverse=800):
    """Random and adversarial elements."""
    rng = np.random.default_rng(seed)
    return [random_batch(fmt, rng, ordinary), adversarial_batch(fmt, rng, adverse)]


def escapes(boxes, x, b):
    """Describe the first elements outside their boxes, for the message."""
    return [
        (b.theta[i], b.state_sum[i], b.gradient[i], *b.settings[b.which[i]], x[i])
        for i in np.flatnonzero(~boxes.hold(x))[:3]
    ]


# -- soundness ---------------------------------------------------------------------


@BY_NAME
def test_every_emulated_program_stays_inside(fmt):
    for b in both_batches(fmt, 1):
        theta, total = fast_boxes(b, LAWFUL)
        for program in array_programs(fmt):
            new_theta, new_sum = program.run(b)
            assert theta.hold(new_theta).all(), (program, escapes(theta, new_theta, b))
            assert total.hold(new_sum).all(), (program, escapes(total, new_sum, b))


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


@pytest.fixture
def one_thread():
    """A torch whose results cannot depend on how it shares out the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def torch_steps(fmt, b, **path):
    """What torch.optim.Adagrad stores, one optimizer for each setting."""
    dtype = DTYPES[fmt.name]
    theta, total = np.empty(len(b)), np.empty(len(b))
    for k, (t, o) in enumerate(b.settings):
        mine = b.which == k
        if not mine.any():
            continue
        p = torch.tensor(b.theta[mine]).to(dtype).requires_grad_()
        p.grad = torch.tensor(b.gradient[mine]).to(dtype)
        optimizer = torch.optim.Adagrad(
            [p],
            lr=o.lr,
            lr_decay=o.lr_decay,
            weight_decay=o.weight_decay,
            eps=o.eps,
            maximize=o.maximize,
            **path,
        )
        state = optimizer.state[p]
        state["sum"].copy_(torch.tensor(b.state_sum[mine]).to(dtype))
        state["step"].fill_(float(t - 1))
        optimizer.step()
        theta[mine] = p.detach().double().numpy()
        total[mine] = state["sum"].double().numpy()
    return theta, total


@BY_NAME
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "path", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str
)
def test_torch_stays_inside(fmt, path):
    for b in both_batches(fmt, 4, 12000, 800):
        theta, total = fast_boxes(b, LAWFUL)
        new_theta, new_sum = torch_steps(fmt, b, **path)
        assert theta.hold(new_theta).all(), escapes(theta, new_theta, b)
        assert total.hold(new_sum).all(), escapes(total, new_sum, b)


@BY_NAME
def test_plain_numpy_of_the_native_type_stays_inside(fmt):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = {"binary64": "f8", "binary32": "f4", "binary16": "f2"}.get(
        fmt.name, ml_dtypes.bfloat16
    )
    for b in both_batches(fmt, 5):
        theta, total = fast_boxes(b, LAWFUL)
        for k, (t, o) in enumerate(b.settings):
            mine = b.which == k
            x, s, g = (
                v[mine].astype(dtype) for v in (b.theta, b.state_sum, b.gradient)
            )
            cast = x.dtype.type
            with np.errstate(all="ignore"):
                g = -g if o.maximize else g
                g = g + cast(o.weight_decay) * x if o.weight_decay else g
                s = s + g * g
                clr = cast(o.lr / (1 + (t - 1) * o.lr_decay))
                x = x - clr * g / (np.sqrt(s) + cast(o.eps))
            assert x.dtype == dtype
            for boxes, got in ((theta, x), (total, s)):
                part = type(boxes)(boxes.lo[mine], boxes.hi[mine], boxes.nan[mine])
                assert part.hold(got.astype(float)).all(), (t, o)


@BY_NAME
@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.name)
def test_the_exact_step_rounded_once_is_inside(fmt, cls):
    for b in both_batches(fmt, 6):
        exact = exact_steps(b)
        theta, total = fast_boxes(b, cls)
        assert theta.hold(exact.theta).all(), escapes(theta, exact.theta, b)
        assert total.hold(exact.state_sum).all()


@BY_NAME
def test_the_tight_class_is_sound_for_a_correct_root(fmt):
    for b in both_batches(fmt, 7, 3000, 600):
        theta, total = fast_boxes(b, TIGHT)
        for program in array_programs(fmt):
            if program.root == "nearest" and program.scalars != "clr in format":
                new_theta, new_sum = program.run(b)
                assert theta.hold(new_theta).all(), (
                    program,
                    escapes(theta, new_theta, b),
                )
                assert total.hold(new_sum).all()


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


# -- toy formats: every element, every choice of rounding --------------------------

TOY_SETTINGS = (
    (1, Options(lr=1.0, eps=0.25)),
    (3, Options(lr=3.3, lr_decay=0.3, eps=0.1)),
    (2, Options(lr=2.0, lr_decay=0.7, weight_decay=0.6, eps=0.2)),
)


def toy_batch(fmt, setting):
    """Every theta, and gradients and sums that do not overflow; g >= 0 by symmetry."""
    numbers = finite_numbers(fmt)
    small = numbers[(np.abs(numbers) <= 3.5) & (np.abs(numbers) >= 2.0**-4)]
    theta = np.append(small[::3], 0.0)
    g, s = small[small > 0], np.append(small[small > 0], 0.0)
    grid = np.meshgrid(theta, s[:: 1 if fmt.width == 6 else 2], g, indexing="ij")
    theta, s, g = (x.ravel().copy() for x in grid)
    return StepBatch(fmt, theta, s, g, (setting,), np.zeros(len(g), int))


@pytest.mark.parametrize("fmt", TOYS, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("setting", TOY_SETTINGS, ids=("plain", "decay", "all"))
def test_toy_formats_exhaustively(fmt, setting):
    b = toy_batch(fmt, setting)
    boxes = fast_boxes(b, LAWFUL)[0]
    low, high = np.full(len(b), np.inf), np.full(len(b), -np.inf)
    count = 0
    with np.errstate(all="ignore"):
        for x in every_program(fmt, b):
            low, high, count = np.fmin(low, x), np.fmax(high, x), count + 1
    assert count >= 2000
    assert boxes.hold(low).all(), escapes(boxes, low, b)
    assert boxes.hold(high).all(), escapes(boxes, high, b)
    # and the boxes are not idle: most are reached on at least one side
    reached = (low == boxes.lo) | (high == boxes.hi)
    assert reached.mean() > 0.5


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.name)
def test_toy_exact_steps_are_inside(cls):
    fmt = TOYS[0]
    numbers = finite_numbers(fmt)
    t, o = TOY_SETTINGS[2]
    for theta in numbers[::5]:
        for s in numbers[numbers >= 0][::5]:
            for g in numbers[::7]:
                start = float(theta), float(g), float(s)
                want = round_step(fmt, *start, t, o)
                point = Interval.point
                boxes = norm_step(fmt, cls, point(start[0]), point(start[2]), g, t, o)
                for x, box in zip(want, boxes, strict=True):
                    assert box.lo <= x <= box.hi, start


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
    return (~fast_boxes(b, LAWFUL)[0].hold(nearest(b.format, x))).mean()


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
    assert not lawful.hold(formula(flushed, result=lambda *_: np.full(200, 0.5))).any()


def test_a_root_beyond_one_ulp_can_fall_outside():
    fmt = BINARY64
    b = batch_with(fmt, 44, lr=0.1, eps=0.0, theta_zero=True)
    off = formula(b, denominator=lambda d, used, eps: np.sqrt(used) * (1 + 2.0**-49))
    assert rejected(b, off) > 0.9
    legal = formula(b, denominator=lambda d, used, eps: roots(fmt, used, "up"))
    assert rejected(b, legal) == 0


# -- flush to zero -----------------------------------------------------------------

FTZ_SETTINGS = (
    (1, Options(lr=1.0, eps=0.0)),
    (1, Options(lr=0.7, eps=1e-10)),
    (3, Options(lr=0.1, lr_decay=0.3, weight_decay=2.0**-9, eps=1e-3)),
)


def settings_at_the_edge(fmt):
    """As above, and with each scalar subnormal in the format."""
    tiny = fmt.smallest_normal * 0.7
    return (
        *FTZ_SETTINGS,
        (1, Options(lr=0.5, eps=tiny)),
        (2, Options(lr=tiny, lr_decay=0.7, eps=tiny, maximize=True)),
        (2, Options(lr=3.0, lr_decay=tiny, weight_decay=tiny, eps=tiny)),
    )


def edge_batch(fmt, rng, n):
    """Numbers around the smallest normal one, and squares around it."""
    small, root = float(fmt.emin), fmt.emin / 2

    def numbers(*centres):
        size = np.exp2(rng.choice(centres, n) + rng.uniform(-4, 3, n))
        x = nearest(fmt, rng.choice([-1.0, 1.0], n) * size)
        x[rng.random(n) < 0.1] = 0.0
        return x

    theta, g = numbers(small, small, 0.0), numbers(small, root, root)
    s = np.abs(numbers(small, small, root))
    chosen = settings_at_the_edge(fmt)
    return StepBatch(fmt, theta, s, g, chosen, rng.integers(0, len(chosen), n))


class FlushingProgram:
    """Every operation rounded in the format, its subnormal operands and results zero.

    `early` looks for subnormal results before it rounds; `signs` is whether zeros
    keep their sign or take any; `below` is what counts as subnormal.
    """

    def __init__(self, fmt, order, early=False, signs=None, below=None):
        self.fmt, self.order, self.early, self.signs = fmt, order, early, signs
        self.below = below or fmt.smallest_normal

    def flush(self, x):
        """Subnormal numbers as zeros."""
        x = np.asarray(x, float)
        zero = np.copysign(0.0, x)
        if self.signs is not None:
            zero = np.copysign(0.0, self.signs.choice([-1.0, 1.0], x.shape))
        return np.where((np.abs(x) < self.below) & (x != 0), zero, x)

    def r(self, x):
        """One result."""
        return self.flush(nearest(self.fmt, self.flush(x) if self.early else x))

    def scalars(self, b):
        """The decayed rate, weight_decay and eps of every element."""
        rows = []
        for t, o in b.settings:
            lr, decay, wd, eps = (
                float(self.r(x)) for x in (o.lr, o.lr_decay, o.weight_decay, o.eps)
            )
            grown = self.r(1 + float(self.r((t - 1) * decay)))
            rows.append((float(self.r(lr / grown)), wd, eps))
        return np.array(rows).T[:, b.which]

    def run(self, b):
        """The stored theta' and S' of every element."""
        r = self.r
        clr, wd, eps = self.scalars(b)
        ups = np.array([o.maximize for _, o in b.settings])[b.which]
        theta, s, g = map(self.flush, (b.theta, b.state_sum, b.gradient))
        with np.errstate(all="ignore"):
            g = np.where(ups, -g, g)
            g = np.where(wd != 0, r(g + r(theta * wd)), g)
            s = r(s + r(g * g))
            d = r(r(np.sqrt(s)) + eps)
            update = {
                0: lambda: r(r(clr * g) / d),
                1: lambda: r(r(g / d) * clr),
                2: lambda: r(g * r(clr / d)),
                3: lambda: r(r(clr * g) * r(1.0 / d)),
                4: lambda: r(g * r(clr * r(1.0 / d))),
            }[self.order]()
            return r(theta - update), s


def native_flushing_step(b):
    """The same in NumPy's own binary32, zeros keeping their sign."""
    tiny = np.finfo(np.float32).tiny

    def flush(x):
        return np.where(np.abs(x) < tiny, np.copysign(np.float32(0), x), x)

    theta, s, g = (
        flush(x.astype(np.float32)) for x in (b.theta, b.state_sum, b.gradient)
    )
    rows = [(o.lr / (1 + (t - 1) * o.lr_decay), o.eps) for t, o in b.settings]
    clr, eps = flush(np.array(rows, np.float32).T)[:, b.which]
    with np.errstate(all="ignore"):
        s = flush(s + flush(g * g))
        d = flush(np.sqrt(s) + eps)
        x = flush(theta - flush(flush(clr * g) / d))
    assert x.dtype == np.float32
    return x.astype(float), s.astype(float)


def both_hold(boxes, results):
    """Whether theta' and S' both lie inside, element by element."""
    return boxes[0].hold(results[0]) & boxes[1].hold(results[1])


@BY_NAME
def test_programs_that_flush_stay_in_the_flushed_box(fmt):
    rng = np.random.default_rng(50)
    b = edge_batch(fmt, rng, 400)
    lawful, flushed = fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED)
    for order, early, signs in itertools.product(
        range(5), (False, True), (None, np.random.default_rng(51))
    ):
        got = FlushingProgram(fmt, order, early, signs).run(b)
        assert flushed[0].hold(got[0]).all(), escapes(flushed[0], got[0], b)
        assert flushed[1].hold(got[1]).all(), escapes(flushed[1], got[1], b)
        assert not both_hold(lawful, got).all()


def test_native_binary32_that_flushes_stays_in_the_flushed_box():
    o = [Options(lr=0.5, eps=0.0), Options(lr=1e-39, eps=1e-39), Options(eps=1e-3)]
    b = edge_batch(BINARY32, np.random.default_rng(52), 400)
    chosen = [(3, x) for x in o]
    b = StepBatch(BINARY32, b.theta, b.state_sum, b.gradient, chosen, b.which % 3)
    got = native_flushing_step(b)
    assert both_hold(fast_boxes(b, FLUSHED), got).all()
    assert (~both_hold(fast_boxes(b, LAWFUL), got)).mean() > 0.2


class FlushingChoices(FractionProgram):
    """Random legal choices in rationals, flushing included; zeros are positive."""

    def flush(self, x: Fraction) -> Fraction:
        tiny = abs(x) < Fraction(self.fmt.smallest_normal)
        return Fraction(0) if tiny and self.rng.random() < 0.3 else x

    def op(self, x: Fraction) -> Fraction:
        return self.flush(super().op(self.flush(x)))

    def double(self, x: Fraction) -> Fraction:
        return self.flush(super().double(self.flush(x)))

    def root(self, x: Fraction) -> Fraction:
        return self.flush(super().root(self.flush(x)))

    def _store(self, x: Fraction) -> float:
        stored = super()._store(self.flush(x))
        return float(self.flush(Fraction(stored))) if np.isfinite(stored) else stored

    def run(self, theta, state_sum, g, t, o):
        start = (float(self.flush(Fraction(x))) for x in (theta, state_sum, g))
        return super().run(*start, t, o)


@pytest.mark.parametrize("fmt", [*ALL_FORMATS, TOYS[0]], ids=lambda fmt: fmt.name)
def test_random_choices_to_flush_stay_inside(fmt):
    rng = np.random.default_rng(53)
    b = edge_batch(fmt, rng, 200)
    theta, total = fast_boxes(b, FLUSHED)
    lawful = fast_boxes(b, LAWFUL)[0]
    checked = outside = 0
    for i in range(len(b)):
        t, o = b.settings[b.which[i]]
        start = float(b.theta[i]), float(b.state_sum[i]), float(b.gradient[i])
        if not is_ordinary(fmt, *start, o):
            continue
        for _ in range(8):
            stored = FlushingChoices(fmt, rng).run(*start, t, o)
            if stored is None:
                continue
            checked += 1
            outside += not lawful.lo[i] <= stored[0] <= lawful.hi[i]
            assert theta.lo[i] <= stored[0] <= theta.hi[i], (start, t, o)
            assert total.lo[i] <= stored[1] <= total.hi[i], (start, t, o)
    assert checked > 100
    assert outside > 10


@BY_NAME
@pytest.mark.parametrize("make", [random_batch, adversarial_batch, edge_batch])
def test_the_lawful_box_lies_in_the_flushed_box(fmt, make):
    b = make(fmt, np.random.default_rng(54), 400)
    for lawful, flushed in zip(
        fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED), strict=True
    ):
        some = lawful.lo <= lawful.hi
        assert (flushed.lo <= lawful.lo)[some].all()
        assert (lawful.hi <= flushed.hi)[some].all()
        assert (flushed.nan | ~lawful.nan).all()


def test_the_lawful_box_lies_in_the_flushed_box_at_the_edges_of_a_format():
    fmt = TOYS[0]
    numbers = [*finite_numbers(fmt)[::7].tolist(), np.inf, -np.inf, np.nan]
    for theta, s, g in itertools.product(numbers, numbers, numbers[::2]):
        if s < 0:
            continue
        for t, o in ((1, Options(eps=0.0)), TOY_SETTINGS[2]):
            start = Interval.point(theta), Interval.point(s)
            inner, outer = (
                norm_step(fmt, c, *start, g, t, o) for c in (LAWFUL, FLUSHED)
            )
            for small, large in zip(inner, outer, strict=True):
                assert large.nan >= small.nan
                assert small.empty or large.lo <= small.lo <= small.hi <= large.hi


def far_batch(fmt):
    """Elements no quantity of which comes near the subnormal range."""
    o = Options(lr=0.75, lr_decay=0.5, weight_decay=0.25, eps=0.01)
    rng = np.random.default_rng(55)
    b = random_batch(fmt, rng, 1000, ((3, o),))
    b.theta[:] = nearest(fmt, 1 + rng.random(len(b))) * 64
    b.gradient[:] = nearest(fmt, np.abs(b.gradient) + 1)
    return b


@BY_NAME
def test_far_from_the_subnormal_range_flushing_changes_nothing(fmt):
    b = far_batch(fmt)
    for lawful, flushed in zip(
        fast_boxes(b, LAWFUL), fast_boxes(b, FLUSHED), strict=True
    ):
        for x, y in zip(lawful, flushed, strict=True):
            np.testing.assert_array_equal(x, y)


@BY_NAME
def test_the_flushed_class_excuses_nothing_else(fmt):
    """Flushing of normal numbers, and a wrong rounding, are outside both boxes."""
    b = edge_batch(fmt, np.random.default_rng(57), 400)
    b = StepBatch(fmt, b.theta, b.state_sum, b.gradient, FTZ_SETTINGS, b.which % 3)
    got = FlushingProgram(fmt, 0, below=16 * fmt.smallest_normal).run(b)
    for cls in (LAWFUL, FLUSHED):
        assert (~both_hold(fast_boxes(b, cls), got)).mean() > 0.1
    b = far_batch(fmt)
    x = FlushingProgram(fmt, 0).run(b)[0]
    off = np.array([fmt.next_up(fmt.next_up(v)) for v in x.tolist()])
    for cls in (LAWFUL, FLUSHED):
        assert fast_boxes(b, cls)[0].hold(x).all()
        assert not fast_boxes(b, cls)[0].hold(off).any()


def test_vectors_do_not_carry_the_flushed_class():
    assert list(CLASSES) == ["tight", "lawful"]
    assert FLUSHED.name == "flushed"


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
