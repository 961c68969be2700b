"""Sparse gradients and complex params through the ports' adapters, bit for bit."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import Adapter, Malformed
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.own.torch_adapter import foreach, single
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter, evidently_lacks
from adagrad_conformance.checks.scenarios import complex as complex_family
from adagrad_conformance.checks.scenarios import sparse as sparse_family
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.expectations import play
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Group, New, SetState, Sparse, Step, Steps, Tensor

SCENARIOS = (*sparse_family.scenarios(), *complex_family.scenarios())
RIGHT = {
    "numpy": NumpyAdapter,
    "own/torch-single": single,
    "own/torch-foreach": foreach,
}
ODD = (0x7FF0000000000001, 0xFFF8000000000002, 1 << 63, 1)  # NaN, NaN, -0, subnormal


def encodings(fmt, shape, seed=0, is_complex=False):
    """A tensor of any encodings: NaN with payloads, infinities, subnormals."""
    source, count = random.Random(f"{fmt}{shape}{seed}"), math.prod(shape)
    bits = [source.getrandbits(FORMATS[fmt].width) for _ in range(count << is_complex)]
    return Tensor(fmt, shape, tuple(bits), is_complex)


def begun(adapter, **tensors):
    adapter.begin(tensors)
    adapter.perform(New("A", (Group(tuple(tensors)),), {"lr": 0.5, "eps": 0.125}))
    return adapter


# -- what is given is what is read -----------------------------------------------------


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("fmt", ["binary64", "binary32"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0, 2)], ids=str)
def test_complex_bits_are_kept(make, fmt, shape):
    z, g = (encodings(fmt, shape, seed, is_complex=True) for seed in (1, 2))
    total = Tensor(fmt, shape, tuple(b >> 1 for b in g.bits), True)
    adapter = begun(make(), z=z)
    adapter.set_gradient("z", g)
    adapter.perform(SetState("A", "z", total, 7))
    shown = adapter.read("A")["z"]
    assert (shown.theta, shown.gradient, shown.state_sum, shown.t) == (z, g, total, 7)


TAKING_ROWS = {n: make for n, make in RIGHT.items() if "sparse" in make().claims}
ROWS = {
    "out of order, twice": ((4, 2), (3, 0, 3)),
    "of numbers": ((5,), (4, 2, 4, 0)),
    "three dimensions": ((2, 2, 3), (1,)),
    "none": ((3,), ()),
    "none of several dimensions": ((2, 1, 3), ()),
    "of nothing": ((2, 0), (1, 0)),
}


@pytest.mark.parametrize("make", TAKING_ROWS.values(), ids=TAKING_ROWS)
@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", ROWS)
def test_rows_are_kept_as_given(make, fmt, name):
    shape, indices = ROWS[name]
    g = Sparse(shape, indices, encodings(fmt, (len(indices), *shape[1:])))
    adapter = begun(make(), p=encodings(fmt, shape, 1))
    adapter.set_gradient("p", g)
    assert adapter.read("A")["p"].gradient == g


def test_complex_rows_are_kept_too():
    g = Sparse((3, 2), (2, 2), encodings("binary32", (2, 2), is_complex=True))
    adapter = begun(single(), p=encodings("binary32", (3, 2), 1, is_complex=True))
    adapter.set_gradient("p", g)
    assert adapter.read("A")["p"].gradient == g


def test_odd_numbers_survive():
    adapter = begun(single(), p=Tensor("binary64", (4,), ODD))
    adapter.set_gradient("p", Sparse((4,), (1, 1, 0, 3), Tensor("binary64", (4,), ODD)))
    shown = adapter.read("A")["p"]
    assert shown.theta.bits == shown.gradient.values.bits == ODD


def test_views_of_complex_tensors_are_resolved():
    """A conjugate and a negative are flags in torch, until someone looks."""
    z = torch.tensor([1 + 2j, 3 - 4j])
    plain = torch_optim.from_torch(torch.tensor([1 - 2j, 3 + 4j]))
    assert torch_optim.from_torch(z.conj()) == plain
    negative = torch._neg_view(torch.tensor([-1 + 2j, -3 - 4j]))
    assert torch_optim.from_torch(negative) == plain


def test_other_kinds_of_gradients_are_malformed():
    adapter = begun(single(), p=encodings("binary32", (2, 2)))
    adapter.params["p"].grad = torch.eye(2).to_sparse()
    with pytest.raises(Malformed, match="2 sparse dimensions"):
        adapter.read("A")


def test_a_sparse_accumulator_is_malformed():
    adapter = begun(single(), p=encodings("binary32", (2, 2)))
    state = adapter.optimizers["A"].state[adapter.params["p"]]
    state["sum"] = torch.eye(2).to_sparse()
    with pytest.raises(Malformed, match="not dense"):
        adapter.read("A")


# -- many steps ------------------------------------------------------------------------


def cycle(fmt, *kinds):
    """Gradients for p, by kind."""
    one = FORMATS[fmt].encode
    made = {
        "dense": Tensor(fmt, (3,), (one(0.5), one(-1.5), one(2.25))),
        "sparse": Sparse(
            (3,), (2, 0, 2), Tensor(fmt, (3,), tuple(map(one, (1.5,) * 3)))
        ),
        "none": None,
        "kept": "kept",
    }
    return tuple({} if k == "kept" else {"p": made[k]} for k in kinds)


PORTS = {
    **{f"{n} {fmt}": (make, fmt) for n, make in RIGHT.items() for fmt in FORMATS},
    "torch/single": (torch_optim.single, "binary32"),
    "torch/foreach": (torch_optim.foreach, "bfloat16"),
}


@pytest.mark.parametrize("name", PORTS)
def test_many_steps_are_steps(name):
    make, fmt = PORTS[name]
    sparse = ["sparse"] if "sparse" in make().claims else []
    gradients = cycle(fmt, "dense", "none", *sparse, "kept")
    traces = []
    for many in (type(make()).many_steps, Adapter.many_steps):
        q = encodings(fmt, (2,))
        adapter = begun(make(), p=cycle(fmt, "dense")[0]["p"], q=q)
        traces.append(many(adapter, "A", gradients, 11))
    assert traces[0] == traces[1]
    assert traces[0]["q"].t == (0,) * 11
    assert traces[0]["p"].t[-1] == (8 if sparse else 4)


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_many_steps_of_pairs(make):
    z = Tensor(
        "binary64", (1,), tuple(map(FORMATS["binary64"].encode, (1.5, 2.5))), True
    )
    event = Steps("A", ({"z": z},), 5)
    trace = begun(make(), z=z).perform(event).trace["z"]
    steps = begun(make(), z=z)
    for number in range(5):
        steps.perform(Step("A", {"z": z}))
        shown = steps.read("A")["z"]
        part = slice(2 * number, 2 * number + 2)
        assert trace.theta[part] == shown.theta.bits
        assert trace.state_sum[part] == shown.state_sum.bits
    assert (trace.t, len(trace.theta)) == ((1, 2, 3, 4, 5), 10)


# -- who is judged ---------------------------------------------------------------------


def verdicts(adapter):
    def expect(scenario):
        return tuple(play(scenario, fast=True))

    result = evaluate_client(
        "port", InProcessClient(lambda: adapter), SCENARIOS, expect
    )
    assert result.problem is None
    return result.verdicts


def judged(adapter):
    """The scenarios that were judged, and what came of them."""
    found = verdicts(adapter)
    return {v.scenario: v.status for v in found if v.status != "not-claimed"}


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_right_ports_pass_what_they_claim(make):
    found = judged(make())
    assert set(found.values()) == {"pass"}
    assert len(found) == len(SCENARIOS) or "sparse" not in make().claims


class Averages(SingleTensorAdagrad):
    """Rows of one index are averaged, real and complex ones."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.is_sparse:
                    p.grad = self._averaged(p.grad)
        return super().step(closure)

    def _averaged(self, grad):
        ones = torch.sparse_coo_tensor(
            grad._indices(), torch.ones_like(grad._values()), grad.shape
        )
        whole, counts = grad.coalesce(), ones.coalesce()
        values = whole.values() / counts.values()
        return torch.sparse_coo_tensor(whole.indices(), values, grad.shape)


@pytest.mark.parametrize("shows", [True, False])
def test_a_port_without_visible_state_is_judged_by_its_params(shows):
    hidden = set() if shows else {"state", "state-write", "gradients"}
    right = TorchAdapter("right", SingleTensorAdagrad, without=hidden)
    assert set(judged(right).values()) == {"pass"}
    wrong = {
        scenario
        for scenario, status in judged(
            TorchAdapter("wrong", Averages, without=hidden)
        ).items()
        if status != "pass"
    }
    assert {s for s in wrong if s.startswith("sparse/duplicates")} == {
        f"sparse/duplicates/{fmt}" for fmt in FORMATS
    }


class RefusesRows(SingleTensorAdagrad):
    """Says no to sparse gradients."""

    def step(self, closure=None):
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        if any(g is not None and g.is_sparse for g in grads):
            raise RuntimeError("sparse gradients are not supported")
        return super().step(closure)


class RefusesPairs(SingleTensorAdagrad):
    """Fails on complex params, by an assertion of its own."""

    def step(self, closure=None):
        params = [p for group in self.param_groups for p in group["params"]]
        assert not any(p.is_complex() for p in params)
        return super().step(closure)


def test_what_a_port_refuses_is_not_claimed_and_what_it_takes_is_judged():
    assert evidently_lacks(SingleTensorAdagrad) == set()
    assert evidently_lacks(RefusesRows) == {"sparse"}
    assert evidently_lacks(RefusesPairs) == {"complex"}
    assert evidently_lacks(Averages) == set()
    port = TorchAdapter("p", RefusesRows, without=evidently_lacks(RefusesRows))
    as_they_are = [name for name in judged(port) if "~" not in name]
    assert all(name.startswith("complex") for name in as_they_are)
    assert set(judged(port).values()) == {"pass"}


def test_a_peculiarity_is_claimed_only_by_name():
    plain = TorchAdapter("plain", SingleTensorAdagrad)
    flushing = TorchAdapter("p", SingleTensorAdagrad, also={"flush-to-zero"})
    assert flushing.claims - plain.claims == {"flush-to-zero"}
    with pytest.raises(ValueError, match="flush_to_zero"):
        TorchAdapter("p", SingleTensorAdagrad, also={"flush_to_zero"})


def test_the_paths_of_torch_claim_what_its_documentation_says():
    documented = " ".join((torch.optim.Adagrad.__doc__ or "").split())
    assert "fused implementation does not support sparse or complex" in documented
    both = {"sparse", "complex"}
    assert not both & torch_optim.fused().claims
    for path in (torch_optim.single, torch_optim.foreach, torch_optim.differentiable):
        assert both <= path().claims


def test_only_findings_at_should_are_left_for_torch():
    for path in (torch_optim.single, torch_optim.foreach, torch_optim.differentiable):
        failed = {v.requirements[0] for v in verdicts(path()) if v.status == "fail"}
        assert failed <= {"sparse/refusal-changes-nothing", "complex/sparse"}


def test_numpy_pairs_are_contiguous_or_not():
    """Complex arrays with strides step as their copies do."""
    adapter = NumpyAdapter()
    whole = np.arange(8.0).astype(np.complex64).reshape(2, 4)
    shown = adapter.show_param(type("P", (), {"data": whole[:, ::2]})())
    assert (shown.shape, shown.complex) == ((2, 2), True)
    assert shown.values() == [0.0, 0.0, 2.0, 0.0, 4.0, 0.0, 6.0, 0.0]
