"""Native checks of odd states: right ports of every shape, and what they leave behind.

That each check catches what it is for is shown by tests/mutants/native_*_ports.py, and
that its findings on torch are real by test_torch_findings.py.
"""

import functools
import importlib
import os
import sys
import threading

import pytest
import torch
from kind_findings import refuses_late_added_groups
from test_native_checks import PORTS as KNOWN
from test_native_checks import Named, generic

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native import run_native
from adagrad_conformance.adapters.native.kinds import (
    distributed,
    host,
    process,
    schedules,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.requirements.table import REQUIREMENTS


class Minimal(torch.optim.Optimizer):
    """Right, with lr and eps alone; its state is made at the first step."""

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
                    state = self.state[p]
                    total = state.setdefault("sum", torch.zeros_like(p))
                    state["step"] = state.get("step", 0) + 1
                    total.addcmul_(p.grad, p.grad)
                    root = total.sqrt().add_(group["eps"])
                    p.addcdiv_(p.grad, root, value=-group["lr"])
        return loss


class MinimalWithoutState(Minimal):
    """The same with its state in a list, out of sight."""

    def step(self, closure=None):
        for hidden, seen in self.hidden():
            seen.update(hidden)
        loss = super().step(closure)
        for hidden, seen in self.hidden():
            hidden.update(seen)
            seen.clear()
        return loss

    def hidden(self):
        """Pairs of what a param hides and what it shows."""
        kept = vars(self).setdefault("kept", {})
        params = (p for group in self.param_groups for p in group["params"])
        return [(kept.setdefault(p, {}), self.state[p]) for p in params]


MORE = {
    "minimal": lambda: generic(Minimal, "complex"),
    "without state": lambda: generic(MinimalWithoutState, "complex", *_LOADS),
}
PORTS = {**KNOWN, **MORE}
_LOADS = ("save", "load-deepcopy", "load-bytes", "load-new-process", "load-same-object")
KINDS = [name for name, entry in NATIVE.items() if ".kinds." in entry.place]
OWN = ["own/torch-single", "own/torch-foreach"]


@functools.cache
def found(port, check):
    adapter, name = PORTS[port](), f"torch/{check}"
    if lacking := NATIVE[name].needed_claims - adapter.claims:
        return NativeAnswer(skipped=f"not claimed: {lacking}")
    return run_native(adapter, name)


def test_every_theme_is_in_the_table():
    modules = {NATIVE[name].place.split(":")[0].split(".")[-1] for name in KINDS}
    assert len(modules) == 15
    assert len(KINDS) >= 45


@pytest.mark.parametrize("port", ["torch/single", "hidden", "named", *MORE, *OWN])
@pytest.mark.parametrize("name", KINDS)
def test_a_right_port_has_no_problem_at_must(port, name):
    (requirement,) = NATIVE[name].requirements
    answer = found(port, name.removeprefix("torch/"))
    if REQUIREMENTS[requirement].level == "MUST" or port in OWN:
        assert answer.problem is None


# -- checkpoints in files --------------------------------------------------------------


class NamesItsArgumentOtherwise(SingleTensorAdagrad):
    """load_state_dict calls its argument otherwise than torch does."""

    def load_state_dict(self, saved):
        super().load_state_dict(saved)


class ForgetsUnsteppedParams(SingleTensorAdagrad):
    """What has not stepped is not saved, and starts anew."""

    def state_dict(self):
        saved = super().state_dict()
        stepped = {i: e for i, e in saved["state"].items() if e["step"]}
        return {**saved, "state": stepped}


@pytest.mark.parametrize("port", OWN)
def test_a_port_whose_state_is_there_early_is_brought_back_whole(port):
    answer = found(port, "distributed-checkpoint")
    assert (answer.problem, answer.skipped) == (None, None)


@pytest.mark.parametrize("path", ["single", "foreach", "fused"])
def test_the_finding_on_checkpoints_is_real(path):
    problem = found(f"torch/{path}", "distributed-checkpoint").problem or ""
    assert problem.startswith("a later group after 2 steps, by name")
    assert refuses_late_added_groups(path)


@pytest.mark.parametrize("port", [NamesItsArgumentOtherwise, ForgetsUnsteppedParams])
def test_what_checkpoints_lose_is_found(port):
    assert distributed.distributed_checkpoint(TorchAdapter("wrong", port)).problem


def test_lazy_states_are_compared_with_those_of_adam():
    """Of Adam torch brings back no group that was added: the port is not accused."""
    answer = found("hidden", "distributed-checkpoint")
    assert (answer.problem, answer.skipped) == (None, None)


def test_a_rate_under_another_name_is_no_fault():
    port = TorchAdapter("named", Named, names={"lr": "learning_rate"})
    answer = distributed.distributed_checkpoint(port)
    assert "does not stand under lr" in answer.skipped


# -- what is refused is left out -------------------------------------------------------


class Strict(SingleTensorAdagrad):
    """Right, and takes plain floats and groups with trainable params only."""

    def __init__(self, params, *args, **options):
        if any(type(v) is not float for v in (*args, *options.values())):
            raise TypeError("options are floats")
        super().__init__(params, *args, **options)

    def add_param_group(self, param_group):
        params = param_group["params"]
        if isinstance(params, list):
            if not params:
                raise ValueError("a group has no params")
            if not all(isinstance(p, tuple) or p.requires_grad for p in params):
                raise ValueError("a param is frozen")
        super().add_param_group(param_group)


@pytest.mark.parametrize(
    "check",
    ["empty-groups", "frozen-params", "options-that-are-bools", "options-of-numpy"],
)
def test_a_state_that_is_refused_at_once_is_not_judged(check):
    answer = run_native(TorchAdapter("strict", Strict), f"torch/{check}")
    assert answer.problem is None
    assert "refuse" in answer.skipped


# -- schedules -------------------------------------------------------------------------


def test_every_scheduler_of_torch_is_tried():
    there = {
        name
        for name, thing in vars(torch.optim.lr_scheduler).items()
        if isinstance(thing, type) and not name.startswith("_")
        if issubclass(thing, torch.optim.lr_scheduler.LRScheduler)
    }
    there -= {"LRScheduler", "StepLR", "ExponentialLR"}  # torch_rates.py has the two
    assert set(schedules._SCHEDULES) == there | {"SWALR"}


def test_some_schedules_go_on_over_an_added_group():
    answer = schedules.schedulers_of_later_groups(torch_own.single())
    assert len(answer.steps) > 40


# -- the host --------------------------------------------------------------------------


def state_of_the_host():
    probes = {**process.TORCH_PROBES, **process.PROCESS_PROBES}
    return {what: probe() for what, probe in probes.items()}


def test_the_checks_leave_the_host_as_it_was():
    before, threads = state_of_the_host(), threading.active_count()
    for name in KINDS:
        if not NATIVE[name].slow:
            run_native(torch_optim.single(), name)
    assert state_of_the_host() == before
    assert threading.active_count() == threads


class Touches(SingleTensorAdagrad):
    """It changes one setting of the process in each step."""

    touch = None

    def step(self, closure=None):
        type(self).touch()
        return super().step(closure)


TOUCHES = {
    "the default dtype": lambda: torch.set_default_dtype(torch.float16),
    "the number of threads": lambda: torch.set_num_threads(1),
    "torch's generator": lambda: torch.manual_seed(0),
    "the limit of recursion": lambda: __import__("sys").setrecursionlimit(2_345),
    "NumPy's treatment of errors": lambda: __import__("numpy").seterr(over="raise"),
    "Python's generator": lambda: __import__("random").random(),
    "NumPy's generator": lambda: __import__("numpy").random.seed(3),
    "how subnormal numbers are treated": lambda: torch.set_flush_denormal(True),
    "the environment": lambda: os.environ.update(ADAGRAD_TOUCHED="1"),
    "whether gradients are enabled": lambda: torch.set_grad_enabled(
        not torch.is_grad_enabled()
    ),
}


@pytest.mark.parametrize("what", TOUCHES)
def test_a_touched_setting_is_named_and_put_back(what, monkeypatch):
    monkeypatch.setattr(Touches, "touch", staticmethod(TOUCHES[what]))
    before = state_of_the_host()
    answer = host.host_untouched(TorchAdapter("touches", Touches))
    assert state_of_the_host() == before
    if what == "whether gradients are enabled":  # no_grad of the step puts it back
        assert answer.problem is None or what in answer.problem
    else:
        assert answer.problem.startswith(f"a step changed {what}")


def test_a_setting_that_was_the_same_before_is_seen_all_the_same(monkeypatch):
    touch = functools.partial(torch.set_num_threads, torch.get_num_threads())
    monkeypatch.setattr(Touches, "touch", staticmethod(touch))
    answer = host.host_untouched(TorchAdapter("touches", Touches))
    assert answer.problem.startswith("a step changed the number of threads")


class ImportsLate(SingleTensorAdagrad):
    """A step in the second host imports a module that sets a variable."""

    def step(self, closure=None):
        altered = torch.get_default_dtype() is torch.float64
        if altered and "colorsys" not in sys.modules:
            importlib.import_module("colorsys")
            os.environ["ADAGRAD_IMPORTED"] = "1"
        return super().step(closure)


def test_what_an_import_may_have_changed_is_not_held_against_the_port(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    answer = host.host_untouched(TorchAdapter("imports", ImportsLate))
    assert answer.problem is None
    assert "ADAGRAD_IMPORTED" not in os.environ


# -- ports that show no state ----------------------------------------------------------


class GraphsCountTwice(MinimalWithoutState):
    """A gradient with a graph is taken twice."""

    def step(self, closure=None):
        held = {}
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.grad is not None and p.grad.grad_fn is not None:
                held[p], p.grad = p.grad, 2 * p.grad.detach()
        loss = super().step(closure)
        for p, g in held.items():
            p.grad = g
        return loss


class StandsStillUnderNoGrad(MinimalWithoutState):
    """A step that is called under no_grad does nothing."""

    def step(self, closure=None):
        return super().step(closure) if torch.is_grad_enabled() else None


@pytest.mark.parametrize(
    ("port", "check"),
    [
        (GraphsCountTwice, "gradients-with-graph"),
        (StandsStillUnderNoGrad, "grad-modes"),
    ],
)
def test_a_wrong_port_that_shows_no_state_is_found_by_its_params(port, check):
    adapter = generic(port, "complex", *_LOADS)
    assert "state" not in adapter.claims
    assert run_native(adapter, f"torch/{check}").problem
