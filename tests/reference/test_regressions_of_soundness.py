"""Every way in which a first enclosure accused a right program, by name.

Each test holds results of right programs, frozen or made by an emulated program, inside
the lawful box, and shows that the box of a narrower view, `naive`, would have accused
some of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from programs import ArrayProgram, FractionProgram, nearest, random_batch

from adagrad_reference.array_enclosure import StepBatch, fast_boxes
from adagrad_reference.boxes import Boxes
from adagrad_reference.dialects import DOCUMENT
from adagrad_reference.enclosure import GivenScalars, form_scalars, step_box
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.interval import Interval, NormArithmetic
from adagrad_reference.numeric_class import LAWFUL, TIGHT, NumericClass
from adagrad_reference.options import Options
from adagrad_reference.switches import APART

FAITHFUL = NumericClass("no rate in format", True, scalars_in_format=False)


class RoundsAlways(NormArithmetic):
    """Every result is rounded to the format; nothing is fused or kept wider."""

    def opt(self, a):
        return self._rounded(a, "nearest", "nearest")

    def store(self, a):
        return self.opt(a)


class KeepsScalars(RoundsAlways):
    """The same, but scalars are binary64 and never rounded to the format."""

    def scalar(self, a):
        return a


class NoWiderFormat(NormArithmetic):
    """No earlier rounding in a wider format: no double rounding."""

    def widen(self, a):
        return self.flush(a)


class NoEta(NormArithmetic):
    """The error of a rounding is relative alone."""

    def __init__(self, fmt, cls):
        super().__init__(fmt, cls)
        self._half_eta = 0


class OneOrder(RoundsAlways):
    """The same, in one order of the update: (clr g) / d."""

    def hull(self, *parts):
        return parts[0] if len(parts) == 6 else super().hull(*parts)


def boxes_by(ar, b: StepBatch):
    """Boxes of theta' and S' by an arithmetic of the norm's kind."""
    n = len(b)
    found = Boxes.blank(n), Boxes.blank(n)
    for i in range(n):
        t, o = b.settings[b.which[i]]
        decay = ar.point(o.weight_decay) if o.weight_decay else None
        numbers = map(ar.point, (1.0, t - 1.0, o.lr, o.lr_decay, o.eps))
        one, before, lr, lr_decay, eps = numbers
        given = GivenScalars(one, before, lr, lr_decay, decay, eps)
        c = form_scalars(_scalar_arithmetic(ar), given)
        start = (ar.point(float(x[i])) for x in (b.theta, b.state_sum))
        g = ar.point(float(-b.gradient[i] if o.maximize else b.gradient[i]))
        for boxes, box in zip(found, step_box(ar, *start, g, c), strict=True):
            boxes.put(i, box.box())
    return found


def _scalar_arithmetic(ar):
    """The same, but for one whose scalars differ from its other numbers."""
    if not hasattr(ar, "scalar"):
        return ar
    other = NormArithmetic(ar.format, ar.cls)
    other.opt = ar.scalar
    return other


def batch(fmt, n=300, seed=1, theta=None, t=1, **options):
    """Random elements with one setting."""
    b = random_batch(fmt, np.random.default_rng(seed), n, ((t, Options(**options)),))
    if theta is not None:
        b.theta[:] = theta
    return b


def accused(naive, lawful, results):
    """How many results the naive boxes reject; the lawful ones must reject none."""
    held = [box.holds(x) for box, x in zip(lawful, results, strict=True)]
    assert all(part.all() for part in held)
    rejected = [~box.holds(x) for box, x in zip(naive, results, strict=True)]
    return int(sum(part.sum() for part in rejected))


def single(fmt, theta, state_sum, g, t=1, **options):
    """One element."""
    start = (np.array([x]) for x in (theta, state_sum, g))
    return StepBatch(fmt, *start, ((t, Options(**options)),), np.zeros(1, int))


# -- the pitfalls ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "seen"),
    [("3f866bec", "bb79ceff"), ("402a7ee1", "bb1cd874"), ("400edc20", "bb2b5884")],
)
def test_the_root_of_a_vector_library_is_not_correctly_rounded(total, seen):
    """Seen of torch.optim.Adagrad on an x86-64 CPU; theta = 0 and eps = 0."""
    fmt = BINARY32
    b = single(fmt, 0.0, fmt.from_hex(total), 2.0**-8, lr=1.0, eps=0.0)
    x = np.array([fmt.from_hex(seen)])
    assert fast_boxes(b, LAWFUL)[0].holds(x).all()
    assert not fast_boxes(b, TIGHT)[0].holds(x).any()


def test_a_fused_sum_goes_unrounded_under_the_root():
    b = batch(BINARY32, theta=0.0, lr=1.0, eps=0.0)
    fused = ArrayProgram(BINARY32, BINARY32, True, 0, "rounded", "nearest", False)
    naive = boxes_by(RoundsAlways(BINARY32, TIGHT), b)
    assert accused(naive, fast_boxes(b, LAWFUL), fused.run(b)) > 10


def test_scalars_are_cast_to_the_format_of_the_param():
    b = batch(BINARY32, theta=0.0, t=3, lr=0.1, lr_decay=0.7, eps=1e-3)
    cast = ArrayProgram(BINARY32, BINARY64, False, 0, "rounded", "nearest", False)
    naive = boxes_by(KeepsScalars(BINARY32, TIGHT), b)
    assert accused(naive, fast_boxes(b, LAWFUL), cast.run(b)) > 10


@pytest.mark.parametrize("fmt", [BFLOAT16, BINARY16], ids=lambda fmt: fmt.name)
def test_sixteen_bits_are_rounded_twice_by_way_of_binary32(fmt):
    """The update lies just beside a tie, on which binary32 puts it."""
    update = 1 + 3 * fmt.unit_roundoff - 2.0**-40
    once = nearest(fmt, np.array([update]))
    twice = nearest(fmt, nearest(BINARY32, np.array([update])))
    assert twice[0] - once[0] == 2 * fmt.unit_roundoff
    b = single(fmt, 0.0, 0.0, -1.0, lr=update, eps=0.0)
    lawful, naive = fast_boxes(b, LAWFUL)[0], boxes_by(NoWiderFormat(fmt), b)[0]
    for x in (once, twice):
        assert lawful.holds(x).all()
    assert naive.holds(once).all()
    assert not naive.holds(twice).any()


def test_a_rounding_to_a_subnormal_number_errs_by_more_than_its_share():
    """The same where binary32 has fewer bits: half of its least number, eta."""
    fmt = BFLOAT16
    update = 1.5 * fmt.eta - BINARY32.eta / 8
    once = nearest(fmt, np.array([update]))
    twice = nearest(fmt, nearest(BINARY32, np.array([update])))
    assert twice[0] - once[0] == fmt.eta
    b = single(fmt, 0.0, 0.0, -1.0, lr=update, eps=0.0)
    lawful, naive = fast_boxes(b, LAWFUL)[0], boxes_by(NoEta(fmt, TIGHT), b)[0]
    for x in (once, twice):
        assert lawful.holds(x).all()
    assert naive.holds(once).all()
    assert not naive.holds(twice).any()


def test_binary16_with_the_default_eps_divides_zero_by_zero():
    """1e-10 is 0 in binary16: NaN is legal, and so is a guarded 0; nowhere else."""
    b = single(BINARY16, 1.0, 0.0, 0.0, eps=1e-10)
    theta = fast_boxes(b, LAWFUL)[0]
    assert theta.holds(np.array([np.nan])).all()
    assert theta.holds(np.array([1.0])).all()
    finite = theta._replace(nan=np.array([False]))
    assert not finite.holds(np.array([np.nan])).any()
    wide = single(BINARY32, 1.0, 0.0, 0.0, eps=1e-10)
    assert not fast_boxes(wide, LAWFUL)[0].holds(np.array([np.nan])).any()


def test_an_ulp_below_a_power_of_two_is_half_of_that_above():
    """x - ulp(x) at the ends of an interval misses what the power in it can become."""
    for fmt in (BINARY64, BINARY32, BFLOAT16, BINARY16, Format("toy", 6, 3, 3)):
        below, above = fmt.next_down(1.0), fmt.next_up(1.0)
        box = NormArithmetic(fmt).faithful(Interval.point(below, above))
        for x in (below, 1.0, above):
            inner = NormArithmetic(fmt).faithful(Interval.point(x))
            assert box.lo <= inner.lo <= inner.hi <= box.hi
        assert below - 2 * fmt.ulp(below) > 1.0 - 2 * fmt.ulp(1.0)  # naive lower ends


def test_vector_lanes_and_the_scalar_tail_differ():
    """torch's fused kernel, bfloat16: 19 equal elements, two results."""
    fmt, o = BFLOAT16, {"lr": 0.3, "eps": 1e-3, "weight_decay": 0.05}
    for start, seen in (
        (("b861", "421a", "bc29"), ("39e9", "39ea")),
        (("3922", "3910", "3701"), ("b95c", "b95b")),
        (("bc49", "3d5f", "c145"), ("3e93", "3e94")),
    ):
        b = single(fmt, *map(fmt.from_hex, start), **o)
        box = fast_boxes(b, LAWFUL)[0]
        for bits in seen:
            assert box.holds(np.array([fmt.from_hex(bits)])).all()
        one = boxes_by(OneOrder(fmt, TIGHT), b)[0]
        assert not all(one.holds(np.array([fmt.from_hex(x)])).all() for x in seen)


def test_unlucky_hyperparameters_hide_a_rate_in_binary32():
    """63.7 / 1.4 is a number of binary32: the box cannot tell, others can."""

    def outside(lr):
        b = batch(BINARY64, theta=0.0, t=2, lr=lr, lr_decay=0.4, eps=1e-3)
        clr = float(np.float32(lr / (1 + 0.4)))
        x = -clr * b.gradient / (np.sqrt(b.state_sum + b.gradient**2) + 1e-3)
        return (~fast_boxes(b, LAWFUL)[0].holds(x)).mean()

    assert outside(63.7) == 0
    assert outside(64.0) > 0.9


def test_steps_past_binary16_make_a_rate_of_zero():
    """t - 1 overflows beyond 65,504: a port that forms the rate in it stands still."""
    b = batch(BINARY16, t=70_000, lr=1.0, lr_decay=1e-3, eps=1e-3)
    formed = ArrayProgram(
        BINARY16, BINARY16, False, 0, "clr in format", "nearest", True
    )
    naive = fast_boxes(b, FAITHFUL)
    results = formed.run(b)
    assert (results[0] == b.theta).all()
    assert accused(naive, fast_boxes(b, LAWFUL), results) > 10


def test_the_rate_is_formed_in_binary16():
    formed = ArrayProgram(
        BINARY16, BINARY16, False, 0, "clr in format", "nearest", True
    )
    rejected = 0
    for t in range(100, 2000, 100):
        b = batch(BINARY16, 100, theta=0.0, t=t, lr=63.7, lr_decay=0.7, eps=1e-3)
        results = formed.run(b)
        rejected += accused(fast_boxes(b, TIGHT), fast_boxes(b, LAWFUL), results)
    assert rejected > 100


# -- what else a narrower view leaves out ----------------------------------------------


@pytest.mark.parametrize("order", range(1, 6))
def test_the_update_is_formed_in_another_order(order):
    b = batch(BINARY32, theta=0.0, lr=0.3, eps=0.0)
    other = ArrayProgram(BINARY32, BINARY32, False, order, "rounded", "nearest", True)
    naive = boxes_by(OneOrder(BINARY32, TIGHT), b)
    assert accused(naive, fast_boxes(b, LAWFUL), other.run(b)) > 10


def test_intermediates_are_kept_in_binary64():
    b = batch(BINARY32, theta=0.0, lr=0.3, eps=0.0)
    wide = ArrayProgram(BINARY32, BINARY64, False, 0, "binary64", "nearest", False)
    naive = boxes_by(RoundsAlways(BINARY32, TIGHT), b)
    assert accused(naive, fast_boxes(b, LAWFUL), wide.run(b)) > 10


def test_what_is_stored_can_differ_from_what_is_used():
    """The root may be that of the sum before it is stored, or of the stored one."""
    b = batch(BFLOAT16, theta=0.0, lr=0.3, eps=0.0)
    kept, reread = (
        ArrayProgram(BFLOAT16, BINARY32, False, 0, "rounded", "nearest", again)
        for again in (False, True)
    )
    lawful = fast_boxes(b, LAWFUL)
    naive = boxes_by(RoundsAlways(BFLOAT16, TIGHT), b)
    assert (kept.run(b)[0] != reread.run(b)[0]).any()
    assert accused(naive, lawful, kept.run(b)) > accused(naive, lawful, reread.run(b))


def test_every_choice_at_every_operation():
    b = batch(BINARY16, n=100, t=2, lr=0.3, lr_decay=0.7, weight_decay=0.05, eps=1e-3)
    source = np.random.default_rng(4)
    naive, lawful = boxes_by(RoundsAlways(BINARY16), b), fast_boxes(b, LAWFUL)
    t, o = b.settings[0]
    rejected = 0
    for i in range(len(b)):
        start = (float(x[i]) for x in (b.theta, b.state_sum, b.gradient))
        stored = FractionProgram(BINARY16, source).run(*start, t, o)
        for box, old, x in zip(lawful, naive, stored, strict=True):
            assert box.lo[i] <= x <= box.hi[i]
            rejected += not old.lo[i] <= x <= old.hi[i]
    assert rejected > 5


def test_an_infinite_sum_stops_theta_wherever_it_is():
    """Between two infinities an interval keeps its finite members."""
    line, endless = Interval.point(-np.inf, np.inf), Interval.point(np.inf)
    ar = NormArithmetic(BINARY32)
    quotient = ar.div(line, endless)
    assert quotient.lo == quotient.hi == 0
    assert quotient.nan


@pytest.mark.parametrize(
    ("fmt", "t", "lr", "lr_decay", "start", "seen"),
    [
        (BINARY32, 5, 0.7, 0.0013, ("36f5c4e7", "3d901d9c"), "bf322429"),
        (BINARY32, 29, 0.1, 0.1, ("40bad3ad", "c41493e8"), "3cd793c3"),
        (
            BINARY64,
            15,
            0.7,
            0.3,
            ("40111c5b59965712", "bfd8a02276b6126e"),
            "3f993644d753063f",
        ),
    ],
)
def test_the_rate_is_formed_by_a_reciprocal(fmt, t, lr, lr_decay, start, seen):
    """A number by a torch tensor is its reciprocal times the number: two roundings.

    Seen of lr / (1 + (step - 1) * lr_decay) where step is a tensor of the format.
    """
    b = single(
        fmt, 0.0, *map(fmt.from_hex, start), t=t, lr=lr, lr_decay=lr_decay, eps=0.0
    )
    x = np.array([fmt.from_hex(seen)])
    assert not fast_boxes(b, TIGHT)[0].holds(x).any()
    assert fast_boxes(b, LAWFUL)[0].holds(x).all()


@pytest.mark.parametrize("decay", APART)
@pytest.mark.parametrize("fmt", [BINARY64, BINARY16])
def test_decay_that_stands_apart_may_scale_theta(fmt, decay):
    """theta (1 - rate) of an infinite theta is infinite, theta - rate theta is NaN."""
    b = single(fmt, np.inf, 1.0, 0.5, lr=2.0, weight_decay=3.0)
    theta, _ = fast_boxes(b, LAWFUL, DOCUMENT.also("decay", decay))
    assert theta.holds(np.array([-np.inf])).all()
    assert theta.holds(np.array([np.nan])).all()
    assert not theta.holds(np.array([1.0])).any()
