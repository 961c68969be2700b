"""What the suite says of torch.optim.Adagrad, confirmed in plain torch.

Each finding is confirmed by a few lines that use nothing of the suite but its verdict.
The two must agree in both directions, so a finding that a newer torch has mended has to
vanish from the verdicts too.
"""

import copy
import math

import pytest
import torch

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.candidate import InProcess
from adagrad_conformance.engine import run_candidate
from adagrad_conformance.library import Library
from adagrad_conformance.requirements.table import REQUIREMENTS

PATHS = {
    "single": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "differentiable": {"differentiable": True},
}


@pytest.fixture(scope="module")
def failed():
    """The requirements that each path fails, by the suite."""
    library = Library.read()
    chosen = list(library.scenarios())
    failures = {}
    for name in PATHS:
        port = InProcess(getattr(torch_optim, name))
        result = run_candidate(name, port, chosen, library.expectations)
        assert result.problem is None
        failures[name] = {
            v.requirements[0] for v in result.verdicts if v.status != "pass"
        }
    return failures


def adagrad(params, path, **options):
    return torch.optim.Adagrad(params, **options, **PATHS[path])


def dense_result(path, theta, g):
    """The step on contiguous copies: what any layout must give."""
    p = theta.detach().clone().contiguous().requires_grad_(path != "differentiable")
    p.grad = g.clone().contiguous()
    adagrad([p], path, lr=0.7).step()
    return p.detach()


def writes_outside_a_view(path):
    base = torch.arange(1.0, 43.0)
    before = base.clone()
    p = base[::2]
    g = torch.linspace(0.5, 2.5, 21)
    p.grad = g
    adagrad([p], path, lr=0.7).step()
    return not torch.equal(base[1::2], before[1::2])


def ignores_strides(path):
    theta = torch.arange(1.0, 36.0).reshape(5, 7)
    g = torch.linspace(-2.5, 2.6, 35).reshape(5, 7)
    due = dense_result(path, theta, g)
    p = theta.t().contiguous().t()
    p.grad = g
    adagrad([p], path, lr=0.7).step()
    return not torch.equal(p.detach(), due)


def ignores_tau_of_a_group(path):
    p = torch.ones(3)
    opt = adagrad([{"params": [p], "initial_accumulator_value": 0.83}], path)
    return opt.state[p]["sum"][0].item() != pytest.approx(0.83)


def accepts_illegal_options_in_a_group(path):
    try:
        adagrad([{"params": [torch.ones(3)], "lr": -1.0, "eps": math.nan}], path)
    except ValueError:
        return False
    return True


def shares_state_after_loading(path):
    p, q = torch.ones(3), torch.ones(3)
    first, second = adagrad([p], path), adagrad([q], path)
    second.load_state_dict(first.state_dict())
    before = copy.deepcopy(first.state[p])
    q.grad = torch.full((3,), 0.5)
    second.step()
    after = first.state[p]
    return before["step"] != after["step"] or not torch.equal(
        before["sum"], after["sum"]
    )


def default_eps_makes_nan_in_float16(path):
    p = torch.full((20,), 1.3, dtype=torch.float16)
    p.grad = torch.zeros_like(p)
    adagrad([p], path).step()
    return not torch.isfinite(p).all().item()


def stops_counting_at_2_24(path):
    p = torch.ones(3)
    opt = adagrad([p], path)
    opt.state[p]["step"].fill_(2.0**24)
    p.grad = torch.full((3,), 0.5)
    opt.step()
    return opt.state[p]["step"].item() == 2.0**24


CONFIRMED_BY = {
    "lr-decay/counts-beyond-2-24": stops_counting_at_2_24,
    "layout/strided-param": writes_outside_a_view,
    "layout/strides-differ": ignores_strides,
    "groups/own-initial-accumulator": ignores_tau_of_a_group,
    "parameters/group-refuses-illegal": accepts_illegal_options_in_a_group,
    "state-dict/independent": shares_state_after_loading,
    "special-values/default-eps-in-binary16": default_eps_makes_nan_in_float16,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("requirement", CONFIRMED_BY)
def test_verdict_and_hand_check_agree(failed, requirement, path):
    by_hand = CONFIRMED_BY[requirement](path)
    assert (requirement in failed[path]) == by_hand


@pytest.mark.parametrize("path", PATHS)
def test_nothing_else_fails(failed, path):
    """Every failure of a torch path has a hand check."""
    assert failed[path] <= set(CONFIRMED_BY)


@pytest.mark.parametrize("path", ["single", "foreach", "differentiable"])
def test_only_the_fused_kernel_fails_a_must(failed, path):
    levels = {REQUIREMENTS[name].level for name in failed[path]}
    assert "MUST" not in levels


def test_float16_vector_body_and_tail_of_the_fused_kernel():
    """The verdict's "16 of 20 elements": full blocks are NaN, the tail is not."""
    p = torch.full((20,), 1.3, dtype=torch.float16)
    p.grad = torch.zeros_like(p)
    adagrad([p], "fused").step()
    nan = torch.isnan(p)
    assert nan.any() == nan[:16].all()
    assert not nan[16:].any()


@pytest.mark.parametrize("path", PATHS)
def test_overflowing_square_in_float16_is_judged_legal_either_way(failed, path):
    """g = 300: S is inf in float16; standing still and moving are both legal."""
    p = torch.ones(40, dtype=torch.float16)
    p.grad = torch.full_like(p, 300.0)
    adagrad([p], path, lr=0.5, eps=1e-3).step()
    assert set(p.tolist()) <= {1.0, 0.5}
    assert "numerics/overflow" not in failed[path]
