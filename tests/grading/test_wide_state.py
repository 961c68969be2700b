"""State that is wider than its param, in 8 bits, or elsewhere: judged, and no hole."""

from __future__ import annotations

import functools

import pytest
import torch

from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient

LACKS = {"sparse", "complex", "torch", "refusals", "layout", "closure"}
SAVING = {"save", "load-bytes", "load-deepcopy", "load-same-object", "load-new-process"}


class Port(torch.optim.Optimizer):
    """All arithmetic in binary64; `keep` says how S is kept."""

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0.0,
        weight_decay=0.0,
        initial_accumulator_value=0.0,
        eps=1e-10,
        maximize=False,
    ):
        names = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value")
        values = (lr, lr_decay, weight_decay, initial_accumulator_value)
        defaults = dict(zip(names, values, strict=True))
        super().__init__(params, defaults | {"eps": eps, "maximize": maximize})

    def entry(self, p):
        """The state of a param, where this port keeps it."""
        return self.state[p]

    def keep(self, total, p):
        """S as it is kept."""
        return total.clone()

    def shown(self, entry):
        """S as the next step finds it."""
        return entry["sum"]

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        tau = self.param_groups[-1]["initial_accumulator_value"]
        for p in self.param_groups[-1]["params"]:
            start = torch.full_like(p, tau, dtype=torch.float64)
            self.entry(p).update(step=0, sum=self.keep(start, p))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, self.entry(p), group)

    def move(self, p, entry, o):
        entry["step"] += 1
        g = p.grad.double() * (-1 if o["maximize"] else 1)
        if o["weight_decay"]:
            g = g + o["weight_decay"] * p.double()
        total = entry["sum"].double() + g * g
        clr = o["lr"] / (1 + (entry["step"] - 1) * o["lr_decay"])
        p.copy_(p.double() - clr * g / (total.sqrt() + o["eps"]))
        entry["sum"] = self.keep(total, p)


class Grows(Port):
    """S grows by 3e-7 of itself at each step, which binary32 would show."""

    def keep(self, total, p):
        return total * (1 + 3e-7)


class InBinary32(Port):
    """S of 16-bit params is binary32; others have S in their own format."""

    def keep(self, total, p):
        return total.to(torch.float64 if p.dtype == torch.float64 else torch.float32)


class InEightBits(Port):
    """S is one of 257 levels of its largest element."""

    levels = 256

    def keep(self, total, p):
        top = total.max() if total.numel() else total.sum()
        if not torch.isfinite(top) or top == 0:
            return total.to(p.dtype)
        return (torch.round(total / top * self.levels) / self.levels * top).to(p.dtype)


class InFourBits(InEightBits):
    levels = 16


class OnTheParam(Port):
    """The state is an attribute of the param."""

    def entry(self, p):
        return vars(p).setdefault("adagrad", {})

    def keep(self, total, p):
        return total.to(p.dtype)


class OnTheParamGrows(OnTheParam):
    def keep(self, total, p):
        return (total * (1 + 3e-6)).to(p.dtype)


@functools.cache
def checks(every):
    listed = checks_of_a_run(Library.read(), 5, 2)
    return [c for c in listed if not isinstance(c, NativeCheck)][::every]


def result(port, also=(), without=(), every=9, only="", **more):
    def make():
        lacks = LACKS | set(without)
        return TorchAdapter(port.__name__, port, also=set(also), without=lacks, **more)

    expect = Library.read().expectations
    client = InProcessClient(make)
    chosen = [c for c in checks(every) if c.id.startswith(only)]
    return evaluate_client("port", client, chosen, expect, explain=False)


def failed(found):
    assert found.problem is None
    return {(v.scenario, v.message, v.failure) for v in found.failures}


HIDDEN = {"state", "state-write", "many-steps"}


@pytest.mark.parametrize("port", [Port, InBinary32])
@pytest.mark.parametrize("without", [set(), HIDDEN], ids=["shown", "hidden"])
def test_wide_state_is_judged(port, without):
    found = result(
        port, {"wide-state"}, without | SAVING
    )  # torch narrows what it loads
    assert failed(found) == set()
    assert sum(v.status == "pass" for v in found.verdicts) > 80


def test_what_is_wrong_with_wide_state_is_found():
    found = result(Grows, {"wide-state"}, SAVING)
    kinds = {str(v.failure.kind) for v in found.failures}
    assert "accumulator" in kinds
    formats = {v.scenario.rsplit("/")[-1] for v in found.failures}
    assert {"binary64", "binary32"} <= formats


@pytest.mark.parametrize("port", [Port, InBinary32])
def test_wide_state_has_to_be_claimed(port):
    problem = result(port).problem
    assert "claim wide-state for state that is wider" in problem


def test_state_in_eight_bits_is_judged():
    lacks = SAVING | {"state-write", "many-steps"}
    assert failed(result(InEightBits, {"quantised-state"}, lacks)) == set()
    assert failed(result(InFourBits, {"quantised-state"}, lacks))
    assert failed(result(InEightBits, (), lacks))


def test_state_on_the_param_is_judged():
    """Found by `state_of`; two optimizers share it, so it is not played in full."""

    def state_of(optimizer, p):
        return optimizer.entry(p)

    found = result(OnTheParam, only="numerics/", every=3, state_of=state_of)
    assert failed(found) == set()
    found = result(OnTheParamGrows, only="numerics/", every=3, state_of=state_of)
    assert any(v.failure.kind == "accumulator" for v in found.failures)
    # without it, the port seems to have no state, and is told so
    found = result(OnTheParam, only="numerics/", every=3)
    assert any(v.failure.kind == "state-missing" for v in found.failures)
