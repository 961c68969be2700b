"""Any torch.optim.Optimizer with Adagrad's constructor is judged without an adapter.

Right ports that keep their state elsewhere, or lack an option, must not be accused;
what they lack is not claimed.
"""

import functools

import pytest
import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter, evidently_lacks
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import needed_claims
from adagrad_conformance.checks.projection.fitting import fit
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient


class Hidden(SingleTensorAdagrad):
    """Shows its state under names of its own."""

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
    ):
        tau = initial_accumulator_value
        super().__init__(params, lr, lr_decay, weight_decay, tau, eps)

    def step(self, closure=None):
        self._rename("accumulator", "sum", "t", "step")
        loss = super().step(closure)
        self._rename("sum", "accumulator", "step", "t")
        return loss

    def load_state_dict(self, state_dict):
        names = {"accumulator": "sum", "t": "step"}
        state = {
            key: {names.get(name, name): value for name, value in entry.items()}
            for key, entry in state_dict["state"].items()
        }
        super().load_state_dict({**state_dict, "state": state})

    def _rename(self, *names):
        for state in self.state.values():
            for old, new in zip(names[::2], names[1::2], strict=True):
                if old in state:
                    state[new] = state.pop(old)


class HiddenWrong(Hidden):
    """The same, with a rate that grows from step to step."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= 1.01
        return super().step(closure)


class Explodes(torch.optim.Optimizer):
    """A constructor that raises whatever it is given."""

    def __init__(self, params, lr=1e-2):
        raise RuntimeError("no")


@functools.cache
def verdicts(port):
    library = Library.read()
    chosen = [*library.scenarios(), *fresh_scenarios(11, 3)]
    adapter = TorchAdapter("generic", port, without=evidently_lacks(port))
    result = evaluate_client(
        "generic", InProcessClient(lambda: adapter), chosen, library.expectations
    )
    assert result.problem is None
    return result.verdicts


def test_what_is_lacking_is_seen():
    assert evidently_lacks(SingleTensorAdagrad) == set()
    assert evidently_lacks(torch.optim.Adagrad) == set()
    hidden = {"maximize", "state", "state-write"}
    assert evidently_lacks(Hidden) == hidden
    assert evidently_lacks(Explodes) >= {"eps", "maximize"}


def test_a_right_port_with_hidden_state_is_not_accused():
    judged = [v for v in verdicts(Hidden) if v.status != "not-claimed"]
    assert len(judged) > 250
    assert [v.scenario for v in judged if v.status != "pass"] == []
    assert {v.grade for v in judged} <= {"box", None}
    assert any(v.scenario.startswith("state-dict/new-process") for v in judged)


@pytest.mark.parametrize("theme", ["algorithm", "state-dict", "fresh"])
def test_a_wrong_port_with_hidden_state_is_caught(theme):
    found = [v for v in verdicts(HiddenWrong) if v.scenario.startswith(theme)]
    assert any(v.level == "MUST" and v.status == "fail" for v in found)


class Renamed(torch.optim.Optimizer):
    """A right port with names of its own: the example of conformance/README.md."""

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
        if not state:  # made at the first step, with a counter that is a tensor
            state["t"], state["accumulator"] = torch.tensor(0.0), torch.zeros_like(p)
        state["t"].add_(1)
        g = p.grad + group["l2"] * p if group["l2"] else p.grad
        state["accumulator"].add_(g * g)
        p.sub_(
            group["learning_rate"]
            * g
            / (state["accumulator"].sqrt() + group["epsilon"])
        )


def test_the_example_of_the_readme():
    adapter = TorchAdapter(
        "my-port",
        Renamed,
        names={"lr": "learning_rate", "eps": "epsilon", "weight_decay": "l2"},
        keys=("accumulator", "t"),
        without={
            "lr-decay",
            "maximize",
            "initial-accumulator-value",
            "sparse",
            "complex",
        },
    )
    library = Library.read()
    chosen = [*library.scenarios(), *fresh_scenarios(3)]
    port = InProcessClient(lambda: adapter)
    found = evaluate_client("my-port", port, chosen, library.expectations).verdicts
    judged = [v for v in found if v.level == "MUST" and v.status != "not-claimed"]
    assert len(judged) > 200
    assert [v.scenario for v in judged if v.status != "pass"] == []


def test_a_claim_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="lr_decay"):
        TorchAdapter("my-port", Renamed, without={"lr_decay"})


class WithoutGroups(torch.optim.Adagrad):
    """Takes tensors alone, as a constructor without groups does."""

    def __init__(self, params, **options):
        params = list(params)
        if any(isinstance(p, dict) for p in params):
            raise TypeError("params must be tensors")
        super().__init__(params, **options)


def test_a_port_without_groups_is_given_plain_params():
    """A load in a new process makes an optimizer with the options that are saved."""
    lacks = {"groups", "add-group", "torch"}

    def make():
        return TorchAdapter("x", WithoutGroups, without=lacks)

    fitted = fit(Library.read().scenarios(), make().claims, {})
    moving = [
        check
        for check in fitted
        if not missing_claims(check, make().claims, {})
        and "load-new-process" in needed_claims(check)
    ]
    assert len(moving) > 5
    expect = Library.read().expectations
    found = evaluate_client("x", InProcessClient(make), moving, expect)
    assert [v.scenario for v in found.failures] == []
    assert sum(v.status == "pass" for v in found.verdicts) > 5
