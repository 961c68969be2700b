"""The regret bound: computed rightly, kept by the reference, broken by wrong ports."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.regret_bound import ConvexProblem, convex_problems
from adagrad_conformance.execution.runner import perform
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.algorithm import adagrad_step, context
from adagrad_reference.options import Options

PROBLEMS = list(convex_problems())


def exact_run(problem):
    """x_1, x_2, ... by the document at 200 bits, as fractions."""
    ctx, o = context(), Options().override(problem.options)
    x = [ctx.mpf(v) for v in problem.start]
    total = [ctx.mpf(o.initial_accumulator_value) for _ in x]
    points = [tuple(map(fraction, x))]
    for t in range(len(problem.rows)):
        gradient = problem.gradient(t, points[-1])
        moved = [
            adagrad_step(ctx, v, ctx.mpf(g), s, t + 1, o)
            for v, g, s in zip(x, gradient, total, strict=True)
        ]
        x, total = [step.theta for step in moved], [step.state_sum for step in moved]
        points.append(tuple(map(fraction, x)))
    return points


def fraction(x):
    mantissa, exponent = x.man_exp
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_the_reference_keeps_the_bound(problem):
    points = exact_run(problem)
    regret, bound = problem.regret(points), problem.bound(points)
    assert 0 < regret < bound


small = st.floats(-3, 3).map(lambda x: round(x * 64) / 64)


@st.composite
def problems(draw):
    n, steps = draw(st.integers(1, 3)), draw(st.integers(1, 25))
    vector = st.tuples(*[small] * n)
    return ConvexProblem(
        "drawn",
        draw(vector),
        draw(vector),
        [(draw(vector), draw(small)) for _ in range(steps)],
        {
            "lr": draw(st.sampled_from((0.03, 0.7, 5.3))),
            "eps": draw(st.sampled_from((1e-10, 0.21))),
            "initial_accumulator_value": draw(st.sampled_from((0.0, 0.3, 7.1))),
        },
        draw(st.booleans()),
    )


@given(problems())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_theorem_holds_for_any_comparator_and_tau(problem):
    points = exact_run(problem)
    assert problem.regret(points) <= problem.bound(points)


@given(problems(), st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_gradients_are_subgradients(problem, data):
    point = st.tuples(*[small] * len(problem.start))
    x, y = data.draw(point), data.draw(point)
    for t in range(len(problem.rows)):
        gradient = problem.gradient(t, x)
        rise = sum(
            Fraction(g) * (Fraction(b) - Fraction(a))
            for g, a, b in zip(gradient, x, y, strict=True)
        )
        assert problem.loss(t, y) >= problem.loss(t, x) + rise


def test_the_bound_by_hand():
    """One step of |2 x - 3| from 0, x* = 1.5: g = -2, |g| = 2, D = 1.5."""
    problem = ConvexProblem(
        "hand", (0.0,), (1.5,), [((2.0,), 3.0)], {"lr": 0.5, "eps": 0.25}
    )
    points = [(0.0,), (0.4,)]
    assert problem.gradient(0, points[0]) == (-2.0,)
    assert problem.regret(points) == 3
    assert problem.bound(points) == Fraction(9, 2) + 1 + Fraction(9, 16)


class _Slow(Adagrad):
    """Steps a hundredth of what it should: its regret grows with T."""

    def _step_param(self, p, group):
        super()._step_param(p, {**group, "lr": group["lr"] / 100})


class _Forgets(Adagrad):
    """Begins with an empty accumulator each time: the rate never falls."""

    def _step_param(self, p, group):
        self.state[p]["sum"][...] = 0
        super()._step_param(p, group)


class _Nan(Adagrad):
    """Answers NaN."""

    def _step_param(self, p, group):
        super()._step_param(p, group)
        p.data[...] = float("nan")


def verdict(port, problem):
    class Driver(NumpyAdapter):
        def make_optimizer(self, params, options):
            return port(params, **options)

    candidate = InProcessClient(Driver)
    candidate.start()
    return judge([perform(candidate, problem)], Terms(Driver.claims, None))[0]


def law(port, problem):
    """What is said of the bound alone, without the enclosure."""

    class Driver(NumpyAdapter):
        def make_optimizer(self, params, options):
            return port(params, **options)

    candidate = InProcessClient(Driver)
    candidate.start()
    seen = perform(candidate, problem).observation
    thetas = [r.theta for event in seen.events for r in event.readings.values()]
    return problem.problem(thetas)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_the_right_port_passes(problem):
    assert law(Adagrad, problem) is None
    assert verdict(Adagrad, problem).status == "pass"


@pytest.mark.parametrize("port", [_Slow, _Forgets])
def test_a_port_that_does_not_learn_breaks_the_bound(port):
    said = [law(port, problem) for problem in PROBLEMS]
    assert any(text and "its bound" in text for text in said)
    assert [verdict(port, problem).status for problem in PROBLEMS] == ["fail"] * 3


def test_nan_ends_the_run_with_one_line():
    assert law(_Nan, PROBLEMS[0]) == "theta is not finite on a convex problem"
    assert verdict(_Nan, PROBLEMS[0]).status == "fail"
