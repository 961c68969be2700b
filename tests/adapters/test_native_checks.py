"""Native checks of torch optimizers: right ports of every shape are not accused.

That each check catches what it is for is shown by tests/mutants/native_ports.py; here
stand the ports that call things otherwise, hide their state or lack a claim, what is
skipped and why, and what a check leaves behind.
"""

import functools
import warnings

import pytest
import torch

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import CLAIMS, Malformed, NativeAnswer
from adagrad_conformance.adapters.native import (
    run_native,
    torch_compiled,
    torch_derivative,
    torch_device,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.adapters.native.torch_bench import Bench
from adagrad_conformance.adapters.native.torch_device import on_device
from adagrad_conformance.adapters.native.torch_kit import numbers, same_bits
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter, evidently_lacks
from adagrad_conformance.checks.kinds import native_checks
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient

QUICK = [check for check in native_checks() if not check.entry.slow]
NO_GPU = not torch.cuda.is_available()


class Named(torch.optim.Optimizer):
    """Right, with names of its own; its state is made at the first step."""

    def __init__(self, params, learning_rate=1e-2, epsilon=1e-10, l2=0.0):
        for value in (learning_rate, epsilon, l2):
            assert value >= 0, f"negative or NaN: {value}"
        options = {"learning_rate": learning_rate, "epsilon": epsilon, "l2": l2}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, self.state[p], group)
        return loss

    def _move(self, p, state, group):
        if not state:
            state["t"], state["accumulator"] = torch.tensor(0.0), torch.zeros_like(p)
        state["t"].add_(1)
        g = p.grad + group["l2"] * p if group["l2"] else p.grad
        state["accumulator"].add_(g * g)
        root = state["accumulator"].sqrt() + group["epsilon"]
        p.sub_(group["learning_rate"] * g / root)


class Hidden(torch.optim.Optimizer):
    """Right, plain, with its state under names that the suite does not know."""

    def __init__(self, params, lr=1e-2, eps=1e-10):
        if not (lr >= 0 and eps >= 0):
            raise ValueError("negative or NaN")
        super().__init__(params, {"lr": lr, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    total = self.state[p].setdefault("total", torch.zeros_like(p))
                    total.add_(p.grad * p.grad)
                    p.sub_(group["lr"] * p.grad / (total.sqrt() + group["eps"]))
        return loss


def named():
    return TorchAdapter(
        "named",
        Named,
        names={"lr": "learning_rate", "eps": "epsilon", "weight_decay": "l2"},
        keys=("accumulator", "t"),
        without={"lr-decay", "maximize", "initial-accumulator-value", "sparse"},
    )


def generic(port, *lacking):
    return TorchAdapter(port.__name__, port, without=evidently_lacks(port) | {*lacking})


#: One group of params that all have gradients: no more is claimed.
NARROW = (
    set(CLAIMS)
    - {"torch", "binary32", "eps", "defaults", "save", "load-deepcopy", "load-bytes"}
    - {"state", "zero-grad", "set-option", "layout", "pickle"}
)
PORTS = {
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
    "torch/fused": torch_optim.fused,
    "torch/differentiable": torch_optim.differentiable,
    "named": named,
    "hidden": lambda: generic(Hidden),
    "narrow": lambda: TorchAdapter("narrow", SingleTensorAdagrad, without=NARROW),
}


@functools.cache
def verdicts(name):
    result = evaluate_client(name, InProcessClient(PORTS[name]), QUICK, None)
    assert result.problem is None
    return {v.scenario.removeprefix("torch/"): v for v in result.verdicts}


def failed(name, *levels):
    return {
        check
        for check, v in verdicts(name).items()
        if v.level in levels and v.status not in ("pass", "skipped", "not-claimed")
    }


def skipped(name):
    return {c: v.message for c, v in verdicts(name).items() if v.status == "skipped"}


# -- right ports -----------------------------------------------------------------------


@pytest.mark.parametrize("name", PORTS)
def test_right_ports_pass_every_must(name):
    known = {"strided-sum"} if name == "torch/fused" else set()  # it ignores strides
    assert failed(name, "MUST") == known


@pytest.mark.parametrize("name", ["own/torch-single", "own/torch-foreach"])
def test_own_ports_pass_everything(name):
    assert failed(name, "MUST", "SHOULD", "MAY") == set()
    reasons = set(skipped(name)) - {"cuda"}
    one_path = {"paths-agree", "paths-agree-on-overflow", "differentiable"}
    assert reasons == {*one_path, "lazy-params"}


def test_a_port_with_other_names_is_judged_under_them():
    judged = [v for v in verdicts("named").values() if v.status == "pass"]
    assert len(judged) >= 20
    assert sum(v.elements for v in judged) > 200
    assert "does not stand under lr" in skipped("named")["schedulers"]


def test_a_port_that_hides_its_state_is_judged_by_its_params():
    found = verdicts("hidden")
    assert found["strided-sum"].status == "not-claimed"
    for check in ("copied-optimizer", "file-at-every-cut", "in-place", "entries"):
        assert found[check].status == "pass"
    for check in ("schedulers", "default-dtype", "grad-scaler", "many-dtypes"):
        assert "shows no state" in skipped("hidden")[check]


def test_only_claimed_things_are_asked_of_a_port():
    unclaimed = {c for c, v in verdicts("narrow").items() if v.status == "not-claimed"}
    assert {"many-dtypes", "closure-with-gradients", "group-after-load"} <= unclaimed
    assert verdicts("narrow")["pickled-optimizer"].status == "pass"


@pytest.mark.skipif(not NO_GPU, reason="there is a CUDA device here")
@pytest.mark.parametrize("name", PORTS)
def test_without_a_device_cuda_is_skipped_with_its_reason(name):
    assert skipped(name)["cuda"] == "there is no CUDA device here"


def test_a_path_that_cannot_be_differentiated_is_skipped_with_its_reason():
    for name in ("torch/foreach", "torch/fused"):
        assert "is refused" in skipped(name)["differentiable"]
    assert verdicts("torch/differentiable")["differentiable"].status == "pass"


# -- the checks themselves -------------------------------------------------------------


def test_every_check_decides_a_requirement_that_exists():
    for entry in NATIVE.values():
        assert set(entry.requirements) <= set(REQUIREMENTS)
        assert entry.needed_claims <= set(CLAIMS)


def test_the_numbers_are_unlucky():
    for seed in (1, 7, 1_002):
        values = numbers(seed, (4_093,), torch.float64).abs()
        assert values.min() > 0
        assert not (values == 1).any()
    assert not same_bits(numbers(1, (5,)), numbers(2, (5,)))


def test_a_bench_hands_over_every_step():
    bench = Bench(torch_optim.single()).run(1, 2)
    assert [len(step.theta.bits) for step in bench.steps] == [6, 5, 6, 1]
    assert [step.t for step in bench.steps] == [1, 1, 2, 1]
    assert bench.steps[-1].options["lr"] == pytest.approx(0.43 * 0.7)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.tensor(0.0), torch.tensor(-0.0)),
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        (torch.ones(2, 1), torch.ones(1, 2)),
        ({"a": 1, "b": 2}, {"a": 1, "c": 2}),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ([1, 2], (1, 2)),
        ([1], [1, 2]),
        (1, 1.0),
    ],
)
def test_what_is_not_the_same(one, other):
    assert same_bits(one, one)
    assert not same_bits(one, other)


def test_nan_is_the_same_as_itself():
    assert same_bits(
        [torch.tensor(torch.nan), torch.nan], [torch.tensor(torch.nan), torch.nan]
    )


class Refuses(SingleTensorAdagrad):
    def step(self, closure=None):
        raise RuntimeError("not today\nnor tomorrow")


class Breaks(SingleTensorAdagrad):
    def step(self, closure=None):
        raise ZeroDivisionError


def test_a_refusal_is_a_problem_and_anything_else_a_crash():
    answer = run_native(generic(Refuses), "torch/entries")
    assert answer.problem == (
        "refused what is legal: RuntimeError: not today (in step)"
    )
    with pytest.raises(ZeroDivisionError):
        run_native(TorchAdapter("breaks", Breaks), "torch/entries")


def test_an_unknown_check_is_malformed():
    with pytest.raises(Malformed, match="no native check 'torch/nothing'"):
        run_native(torch_optim.single(), "torch/nothing")


def test_a_class_without_a_place_is_not_accused_of_not_pickling():
    class Local(SingleTensorAdagrad):
        pass

    for check in ("pickled-optimizer", "old-checkpoint"):
        answer = run_native(TorchAdapter("local", Local), f"torch/{check}")
        assert "cannot be imported" in answer.skipped


class Disorderly(SingleTensorAdagrad):
    """It fails in the middle of everything."""

    def _update(self, slots, *options):
        torch.set_grad_enabled(True)
        if torch.get_default_dtype() == torch.float64:
            raise RuntimeError("float64")
        super()._update(slots, *options)


def test_checks_leave_torch_as_it_was():
    filters = list(warnings.filters)
    adapter = TorchAdapter("disorderly", Disorderly)
    for check in QUICK:
        with torch.no_grad():
            run_native(adapter, check.id)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert warnings.filters == filters


# -- devices ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["own/torch-foreach", "torch/fused", "hidden"])
def test_the_steps_of_the_cuda_check_can_be_judged_on_the_cpu_too(name):
    adapter = PORTS[name]()
    answer = on_device(adapter, "cpu")
    assert answer.problem is None
    formats = {step.theta.format for step in answer.steps}
    assert len(formats) == (4 if "state" in adapter.claims else 0)


class Capturable(ForeachAdagrad):
    seen = None

    def __init__(self, params, *args, capturable=False, **options):
        Capturable.seen = Capturable.seen or capturable
        super().__init__(params, *args, **options)


def test_a_capturable_path_is_tried_on_the_device():
    assert on_device(generic(Capturable), "cpu").problem is None
    assert Capturable.seen


def test_state_on_another_device_is_found(monkeypatch):
    stray = torch.empty(6, device="meta")
    monkeypatch.setattr(torch_device, "shown_state", lambda *_: (stray, None))
    answer = on_device(torch_own.single(), "cpu")
    assert answer.problem == "S of param 0 is on meta, not on cpu"


# -- single checks ---------------------------------------------------------------------


def test_the_derivatives_are_those_of_the_formula():
    """By differences of exact fractions, with nothing of torch."""
    from fractions import Fraction as F

    def step(theta, g, tau, lr, decay=F(0)):
        used = g + decay * theta
        total = tau + used * used
        return theta - lr * used / (root(total) + 4), total

    def root(x):  # Newton's iteration, to far more digits than are looked at
        r = F(float(x) ** 0.5)
        for _ in range(3):
            r = (r + x / r) / 2
            r = r.limit_denominator(10**40)
        return r

    h, lr = F(1, 10**9), F(1, 2)

    def slope(f, x):
        return float((f(x + h) - f(x - h)) / (2 * h))

    def later(g):
        _, total = step(F(3), g, F(11), F(0))
        return step(F(3), F(2), total, lr)[0]

    by_g = slope(lambda g: step(F(3), g, F(12), lr)[0], F(2))
    by_theta = slope(lambda x: step(x, F(1), F(12), lr, F(1, 4))[0], F(4))
    assert abs(by_g - torch_derivative._BY_GRADIENT) < 1e-12
    assert abs(by_theta - torch_derivative._BY_THETA) < 1e-12
    assert abs(slope(later, F(1)) - torch_derivative._THROUGH_SUM) < 1e-12


def test_schedulers_without_optimizer_steps_are_never_asked_for():
    """torch warns where a scheduler steps before its optimizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = run_native(torch_own.single(), "torch/schedulers")
    assert isinstance(answer, NativeAnswer)
    assert len(answer.steps) == 3 * 6


def test_where_torch_cannot_compile_the_check_is_skipped(monkeypatch):
    def broken(function):
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(torch, "compile", broken)
    answer = torch_compiled.compiled(torch_own.single())
    assert answer.skipped == "torch.compile does not work here: no compiler"
