"""Sparse gradients: what they sum to, and play against dense gradients of the sums."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.effects import Effect
from adagrad_reference.expectations import play
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, FORMATS
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetState,
    Sparse,
    Step,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.sparse import InexactSum, exact_elements, touched

EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)
NARROW = ("bfloat16", "binary16")


def tensor(fmt, values, shape=None, **more):
    bits = tuple(FORMATS[fmt].encode(value) for value in values)
    return Tensor(fmt, (len(bits),) if shape is None else shape, bits, **more)


def rows(shape, indices, values, fmt="binary64", **more):
    width = (len(indices), *shape[1:])
    return Sparse(shape, tuple(indices), tensor(fmt, values, width, **more))


def scenario(tensors, *events):
    return Scenario("test/sparse", ("sparse/update",), "MUST", tensors, events)


def new(*params, **options):
    return New("opt", (Group(params),), {"lr": 0.5, "eps": 0.125, **options})


def step(**gradients):
    return Step("opt", gradients)


# -- what is touched -------------------------------------------------------------------


def given_by(gradient):
    """Positions and values."""
    places, flat = touched(gradient)
    assert flat.shape == (len(places),)
    return dict(zip(places, flat.values(), strict=True))


def test_rows_in_any_order():
    gradient = rows((4, 2), (3, 0), (1.5, 2.5, -3.0, 4.0))
    assert given_by(gradient) == {6: 1.5, 7: 2.5, 0: -3.0, 1: 4.0}
    assert touched(gradient)[0] == (0, 1, 6, 7)


def test_duplicates_are_summed_and_zero_sums_are_touched():
    gradient = rows((3,), (1, 2, 1, 2, 1), (1.25, 0.5, 2.5, -0.5, -0.75))
    assert given_by(gradient) == {1: 3.0, 2: 0.0}


def test_three_dimensions():
    gradient = rows((2, 1, 2), (1, 1), (1.0, 2.0, 0.5, -0.25))
    assert given_by(gradient) == {2: 1.5, 3: 1.75}


def test_complex_rows_are_pairs():
    gradient = rows((2,), (1, 1), (3.0, 4.0, 0.5, -0.5), complex=True)
    assert given_by(gradient) == {2: 3.5, 3: 3.5}


def test_no_rows_touch_nothing():
    for shape in ((3,), (2, 1, 2), (0, 3)):
        assert touched(rows(shape, (), ())) == ((), tensor("binary64", ()))


@pytest.mark.parametrize("bits", [0x7FC1, 0xFF80, 0x8000])
def test_a_row_that_stands_alone_keeps_its_bits(bits):
    one = Tensor("bfloat16", (1,), (bits,))
    assert touched(Sparse((3,), (2,), one)) == ((2,), one)


INEXACT = {
    "a sum between two numbers": ("bfloat16", (256.0, 1.0)),
    "a sum of parts that round": ("bfloat16", (256.0, 1.0, -256.0)),
    "parts that round in one order only": ("bfloat16", (1.0, 256.0, -1.0, -255.0)),
    "a sum that overflows": ("binary16", (65504.0, 32.0)),
    "parts that overflow": ("binary16", (65504.0, -65504.0, 65504.0)),
    "infinities": ("binary32", (math.inf, -math.inf)),
    "not a number": ("binary32", (math.nan, 1.0)),
}


@pytest.mark.parametrize("name", INEXACT)
def test_sums_that_depend_on_the_way_are_refused(name):
    fmt, values = INEXACT[name]
    gradient = rows((1,), (0,) * len(values), values, fmt)
    with pytest.raises(InexactSum, match="position 0"):
        touched(gradient)
    event = new("a")
    with pytest.raises(ScenarioError, match=r"test/sparse: for a: .*position 0"):
        play(scenario({"a": tensor(fmt, (1.5,))}, event, step(a=gradient)))


def any_number(fmt):
    """Numbers of a narrow format, many of them near each other in size."""
    near = st.integers(-300, 300).flatmap(
        lambda n: st.integers(-3, 3).map(lambda k: math.ldexp(n, k))
    )
    return near.map(lambda x: fmt.round(Fraction(x)))


@EXAMPLES
@given(st.sampled_from(NARROW), st.data())
def test_a_sum_that_is_not_refused_is_that_of_every_order(name, data):
    fmt = FORMATS[name]
    values = data.draw(st.lists(any_number(fmt), min_size=2, max_size=4))
    try:
        (_, flat) = touched(rows((1,), (0,) * len(values), values, name))
    except InexactSum:
        return
    for order in itertools.permutations(values):
        total = 0.0
        for value in order:
            total = fmt.round(Fraction(total) + Fraction(value))
        assert flat.values() == [total]


@EXAMPLES
@given(st.sampled_from(NARROW), st.data())
def test_a_sum_of_two_that_is_exact_is_not_refused(name, data):
    fmt = FORMATS[name]
    a, b = data.draw(st.tuples(any_number(fmt), any_number(fmt)))
    assume(fmt.contains(a + b))
    assert given_by(rows((1,), (0, 0), (a, b), name)) == {0: a + b}


# -- one gradient, held in many ways ---------------------------------------------------


def test_the_same_elements_however_they_are_held():
    held = [
        rows((3, 2), (2, 0, 2), (1.5, -2.0, 0.25, 0.5, 1.0, 2.0)),
        rows((3, 2), (0, 2), (0.25, 0.5, 2.5, 0.0)),
        tensor("binary64", (0.25, 0.5, 0.0, -0.0, 2.5, 0.0), (3, 2)),
    ]
    for gradient in held:
        assert exact_elements(gradient) == {0: 0.25, 1: 0.5, 4: 2.5}
    other = rows((3, 2), (0, 2), (0.25, 0.5, 2.5, 2.0**-1074))
    assert exact_elements(other) != exact_elements(held[0])


def test_elements_without_an_exact_sum_are_told_all_the_same():
    wide = rows((1,), (0, 0), (256.0, 1.0), "bfloat16")
    assert exact_elements(wide) == {0: 257}
    odd = rows((3,), (0, 1, 2, 2), (math.nan, math.inf, -math.inf, 1.0))
    assert exact_elements(odd) == {0: "nan", 1: "inf", 2: "-inf"}
    assert exact_elements(odd) == exact_elements(odd)


# -- play ------------------------------------------------------------------------------

dyadic = st.integers(-24, 24).map(lambda n: n / 8)  # sums of a few fit every format


@st.composite
def sparse_runs(draw):
    """A format, a shape and gradients with duplicates, in any order or empty."""
    name = draw(st.sampled_from(list(FORMATS)))
    shape = (draw(st.integers(1, 4)), *draw(st.sampled_from([(), (1,), (2,), (1, 2)])))
    gradients = []
    for _ in range(draw(st.integers(1, 3))):
        indices = draw(st.lists(st.integers(0, shape[0] - 1), max_size=4))
        count = len(indices) * math.prod(shape[1:])
        values = draw(st.lists(dyadic, min_size=count, max_size=count))
        gradients.append(rows(shape, indices, values, name))
    return name, shape, gradients


OPTIONS = (
    {},
    {"maximize": True, "initial_accumulator_value": 0.3},
    {"lr_decay": 0.7, "weight_decay": 0.0},
)


def numbers(name, size):
    """Different numbers of a format."""
    return [FORMATS[name].round(Fraction(3 * i - 5, 7)) for i in range(size)]


def after(result, param):
    """The last expectation of a param, and the last one in which it moved."""
    found = [e.params[param] for e in result if param in e.params]
    moved = [p for p in found if p.theta is not None]
    return found[-1], moved[-1] if moved else None


@EXAMPLES
@given(sparse_runs(), st.sampled_from(OPTIONS))
def test_the_one_step_of_an_element_is_a_dense_step_with_the_param_s_t(run, options):
    """Of an element that moves once, alone, from a written state."""
    name, shape, gradients = run
    start = numbers(name, math.prod(shape))
    whole = {"p": tensor(name, start, shape)}
    result = play(scenario(whole, new("p", **options), *(step(p=g) for g in gradients)))
    tau = FORMATS[name].round(Fraction(options.get("initial_accumulator_value", 0)))
    assert [e.params["p"].t for e in result] == list(range(len(gradients) + 1))
    for i, theta in enumerate(start):
        sums = {t: s[i] for t, s in enumerate(map(given_by, gradients), 1) if i in s}
        if len(sums) != 1:
            continue
        ((t, value),) = sums.items()
        before = SetState("opt", "e", tensor(name, (tau,)), t - 1)
        dense = step(e=tensor(name, (value,)))
        alone = {"e": tensor(name, (theta,))}
        due = play(scenario(alone, new("e", **options), before, dense))[-1].params["e"]
        last = result[-1].params["p"]
        for kind in ("lawful", "tight"):
            assert last.theta[kind][i] == due.theta[kind][0]
            assert last.state_sum[kind][i] == due.state_sum[kind][0]


@EXAMPLES
@given(sparse_runs(), st.sampled_from(OPTIONS[:2]))
def test_without_decay_an_absent_row_is_as_one_without_gradient(run, options):
    """The same for any number of steps: boxes and exact trajectories alike."""
    name, shape, gradients = run
    start = numbers(name, math.prod(shape))
    whole = {"p": tensor(name, start, shape)}
    result = play(scenario(whole, new("p", **options), *(step(p=g) for g in gradients)))
    names = [f"e{i}" for i in range(len(start))]
    alone = {n: tensor(name, (x,)) for n, x in zip(names, start, strict=True)}
    events = [
        step(**{
            n: tensor(name, (sums[i],)) if i in sums else None
            for i, n in enumerate(names)
        })
        for sums in map(given_by, gradients)
    ]  # fmt: skip
    apart = play(scenario(alone, new(*names, **options), *events))
    whole_end = result[-1].params["p"]
    for i, element in enumerate(names):
        end, moved = after(apart, element)
        assert whole_end.state_sum["lawful"][i] == end.state_sum["lawful"][0]
        if moved is None:
            assert whole_end.theta["lawful"][i] == (start[i], start[i], False)
        else:
            assert whole_end.theta["lawful"][i] == moved.theta["lawful"][0]
            if name == "binary64":
                assert whole_end.exact_theta[i] == moved.exact_theta[0]
                assert whole_end.exact_sum[i] == end.exact_sum[0]


def test_all_rows_at_once_are_a_dense_gradient():
    p = {"p": tensor("binary32", (1.5, -0.75, 2.0, 3.25), (2, 2))}
    options = {"lr_decay": 0.75, "maximize": True, "initial_accumulator_value": 0.25}
    sums = tensor("binary32", (0.5, -1.25, 3.5, 0.75), (2, 2))
    doubled = rows(
        (2, 2), (1, 0, 1), (1.5, 0.5, 0.5, -1.25, 2.0, 0.25), "binary32"
    )  # fmt: skip
    as_rows = play(scenario(p, new("p", **options), step(p=doubled), step(p=doubled)))
    dense = play(scenario(p, new("p", **options), step(p=sums), step(p=sums)))
    assert as_rows == dense


def test_absent_rows_keep_every_bit_and_t_advances():
    p = {"p": tensor("binary16", (1.5, -0.75))}
    first, second = (rows((2,), (i,), (0.5,), "binary16") for i in (0, 1))
    result = play(scenario(p, new("p", lr_decay=2.0), step(p=first), step(p=second)))
    one, two = result[1].params["p"], result[2].params["p"]
    assert one.theta["lawful"][1] == (-0.75, -0.75, False)
    assert two.theta["lawful"][0] == one.theta["lawful"][0]
    assert two.state_sum["lawful"][0] == one.state_sum["lawful"][0]
    moved = two.theta["lawful"][1]  # at t = 2 the rate is 0.5 / 3
    exact = -0.75 - 0.5 / 3 * 0.5 / (0.5 + 0.125)
    assert moved.lo == moved.hi == BINARY16.round(Fraction(exact))


@pytest.mark.parametrize("shape", [(2,), (2, 1, 1), (2, 0)])
@pytest.mark.parametrize("fast", [False, True])
def test_no_rows_are_a_step(shape, fast):
    start = [1.5, -0.75][: math.prod(shape)]
    p = {"p": tensor("binary32", start, shape)}
    empty = rows(shape, (), (), "binary32")
    result = play(scenario(p, new("p"), step(p=empty)), fast=fast)
    last = result[1].params["p"]
    assert last.t == 1
    assert last.theta["lawful"] == [(x, x, False) for x in start]
    assert last.state_sum["lawful"] == [(0.0, 0.0, False)] * len(start)


def test_complex_rows_are_played_as_rows_of_pairs():
    z = tensor("binary64", (1.5, -0.75, 2.0, 3.25), (2,), complex=True)
    x = tensor("binary64", (1.5, -0.75, 2.0, 3.25), (2, 2))
    of_z = rows((2,), (1, 1), (3.0, 4.0, 0.5, 0.25), complex=True)
    of_x = rows((2, 2), (1, 1), (3.0, 4.0, 0.5, 0.25))
    assert play(scenario({"p": z}, new("p"), step(p=of_z))) == play(
        scenario({"p": x}, new("p"), step(p=of_x))
    )


# -- bookkeeping -----------------------------------------------------------------------

P = {"a": tensor("binary64", (1.5,)), "e": tensor("binary64", (0.5, 2.0, 3.0))}
ROW = rows((3,), (1,), (0.75,))
DENSE = tensor("binary64", (0.25,))


def played(*events):
    books = Bookkeeper(scenario(P, *events))
    return books, [books.apply(event) for event in events]


def test_weight_decay_is_refused_and_only_the_gradients_stay():
    books, effects = played(new("a", "e", weight_decay=0.5), step(a=DENSE, e=ROW))
    assert effects[1] == Effect(refusal="weight_decay with a sparse gradient")
    assert (books.counter("opt", "a"), books.counter("opt", "e")) == (0, 0)
    assert books.gradients == {"a": DENSE, "e": ROW}


def test_weight_decay_of_another_group_or_of_a_dense_step_is_legal():
    groups = (Group(("e",)), Group(("a",), {"weight_decay": 0.5}))
    _, effects = played(New("opt", groups), step(a=DENSE, e=ROW))
    assert [u.param for u in effects[1].updates] == ["e", "a"]
    _, effects = played(new("a", "e", weight_decay=0.5), step(a=DENSE, e=None))
    assert [u.param for u in effects[1].updates] == ["a"]


def test_zeroed_rows_are_dense_zeros():
    books, effects = played(
        new("e"), step(e=ROW), ZeroGrad("opt", set_to_none=False), step()
    )
    assert books.gradients["e"] == Tensor("binary64", (3,), (0, 0, 0))
    assert (effects[3].updates[0].t, effects[3].updates[0].elements) == (2, None)


def test_rows_after_a_load():
    again = (new("e"), Load("opt", "s", "bytes"), step())
    _, effects = played(new("e"), step(e=ROW), Save("opt", "s"), *again)
    update = effects[5].updates[0]
    assert (update.t, update.elements) == (2, (1,))


IMPOSSIBLE = {
    "an index outside": rows((3,), (3,), (0.5,)),
    "an index below": rows((3,), (-1,), (0.5,)),
    "another shape": rows((4,), (1,), (0.5,)),
    "another format": rows((3,), (1,), (0.5,), "binary32"),
    "a complex row of a real param": rows((3,), (1,), (0.5, 0.5), complex=True),
    "no dimension": Sparse((), (), tensor("binary64", ())),
    "more rows than indices": Sparse((3,), (1,), tensor("binary64", (1.0, 2.0))),
    "rows of another width": Sparse((3,), (1,), tensor("binary64", (1.0,), (1, 1))),
    "too few numbers": Sparse((3,), (1,), Tensor("binary64", (1,), ())),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_rows(name):
    with pytest.raises(ScenarioError, match="test/sparse"):
        played(new("e"), step(e=IMPOSSIBLE[name]))


@pytest.mark.parametrize("fmt", [BINARY64, BINARY32, BFLOAT16, BINARY16], ids=str)
def test_the_worked_example_in_every_format(fmt):
    """[1, 2] on one row, lr 1: summed -1 and S = 9; sequential -1.8944 and 5;
    squared apart -1.3416 and 5; averaged -1 and 2.25."""
    p = {"p": tensor(fmt.name, (0.0,))}
    gradient = rows((1,), (0, 0), (1.0, 2.0), fmt.name)
    result = play(scenario(p, new("p", lr=1.0, eps=0.0), step(p=gradient)))
    last = result[1].params["p"]
    assert (last.exact_theta, last.exact_sum) == ([-1.0], [9.0])
    assert last.state_sum["lawful"] == [(9.0, 9.0, False)]
    (box,) = last.theta["lawful"]
    assert box.lo <= -1.0 <= box.hi
    assert box.hi - box.lo < 0.1
