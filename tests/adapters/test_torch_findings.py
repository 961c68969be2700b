"""What the suite says of torch.optim.Adagrad, confirmed in plain torch.

Each finding is confirmed by a few lines that use nothing of the suite but its verdict.
The two must agree in both directions, so a finding that a newer torch has mended has to
vanish from the verdicts too.  That of the compiled step is in test_compiled.py.
"""

import copy
import math
import pickle

import pytest
import torch
from kind_findings import BY_HAND

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient

PATHS = {
    "single": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "differentiable": {"differentiable": True},
}
#: Statuses of checks that were not performed on a path.
NOT_JUDGED = {"pass", "not-claimed", "skipped"}


def compiles(check):
    return isinstance(check, NativeCheck) and check.entry.slow


@pytest.fixture(scope="module")
def failed():
    """The requirements that each path fails, by the suite."""
    library = Library.read()
    chosen = [check for check in known_checks(library) if not compiles(check)]
    failures = {}
    for name in PATHS:
        port = InProcessClient(getattr(torch_optim, name))
        result = evaluate_client(name, port, chosen, library.expectations)
        assert result.problem is None
        failures[name] = {
            v.requirements[0] for v in result.verdicts if v.status not in NOT_JUDGED
        }
    return failures


def adagrad(params, path, **options):
    return torch.optim.Adagrad(params, **options, **PATHS[path])


def stepped(p, g, path, **options):
    """An optimizer that has taken a step with this gradient."""
    p.grad = g
    opt = adagrad([p], path, **options)
    opt.step()
    return opt


def raises(call):
    try:
        call()
    except (RuntimeError, ValueError, TypeError, KeyError):
        return True
    return False


# -- where elements lie ----------------------------------------------------------------


def dense_result(path, theta, g):
    """The step on contiguous copies: what any layout must give."""
    p = theta.detach().clone().contiguous().requires_grad_(path != "differentiable")
    p.grad = g.clone().contiguous()
    adagrad([p], path, lr=0.7).step()
    return p.detach()


def writes_outside_a_view(path, saved=None):
    base = torch.arange(1.0, 43.0)
    before = base.clone()
    p = base[::2]
    p.grad = torch.linspace(0.5, 2.5, 21)
    opt = adagrad([p], path, lr=0.7)
    if saved:
        opt.load_state_dict(saved)
    opt.step()
    return not torch.equal(base[1::2], before[1::2])


def writes_outside_a_view_after_loading(path):
    saved = adagrad([torch.arange(1.0, 43.0)[::2]], path, lr=0.7).state_dict()
    return writes_outside_a_view(path, saved)


def ignores_strides(path):
    theta = torch.arange(1.0, 36.0).reshape(5, 7)
    g = torch.linspace(-2.5, 2.6, 35).reshape(5, 7)
    due = dense_result(path, theta, g)
    p = theta.t().contiguous().t()
    p.grad = g
    adagrad([p], path, lr=0.7).step()
    return not torch.equal(p.detach(), due)


def ignores_strides_of_a_loaded_sum(path):
    theta, g = torch.zeros(5, 7), torch.linspace(-2.5, 2.6, 35).reshape(5, 7)
    results = []
    for turn in (lambda s: s, lambda s: s.t().contiguous().t()):
        opt = stepped(theta.clone(), g, path)
        saved = copy.deepcopy(opt.state_dict())
        saved["state"][0]["sum"] = turn(saved["state"][0]["sum"])
        p = theta.clone()
        opt = adagrad([p], path)
        opt.load_state_dict(saved)
        p.grad = g
        opt.step()
        results.append(p)
    return not torch.equal(*results)


def bits_depend_on_the_place(path, *dtypes):
    """Elements in reverse order must have reverse results, bit for bit."""
    for dtype in dtypes:
        source = torch.Generator().manual_seed(5)
        p, g = torch.randn(2, 531, generator=source).to(dtype)
        q, options = p.flip(0), {"lr": 0.7, "weight_decay": 0.21, "eps": 1e-3}
        one, other = adagrad([p], path, **options), adagrad([q], path, **options)
        p.grad, q.grad = g, g.flip(0)
        for _ in range(3):
            one.step()
            other.step()
        sums = one.state[p]["sum"], other.state[q]["sum"]
        if not (torch.equal(p, q.flip(0)) and torch.equal(sums[0], sums[1].flip(0))):
            return True
    return False


def bits_depend_in_wide_formats(path):
    wide = bits_depend_on_the_place(path, torch.float64, torch.float32)
    return wide or ignores_strides(path)


def bits_depend_in_narrow_formats(path):
    return bits_depend_on_the_place(path, torch.bfloat16, torch.float16)


# -- options ---------------------------------------------------------------------------


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


def accepts_infinite_options(path):
    return not raises(lambda: adagrad([torch.ones(3)], path, lr=math.inf))


def paths_give_other_bits(path):
    g = torch.randn(1000, generator=torch.Generator().manual_seed(5))
    results = [torch.zeros(1000) for _ in PATHS]
    for p, other in zip(results, PATHS, strict=True):
        stepped(p, g, other, lr=0.7, weight_decay=0.21).step()
    return not all(torch.equal(p, results[0]) for p in results)


def steps_a_duplicate_otherwise_than_twice(path):
    g, options = torch.tensor([0.5]), {"lr": 0.7, "lr_decay": 0.3}
    p, q = torch.zeros(1), torch.zeros(1)
    p.grad = q.grad = g
    adagrad([p, p], path, **options).step()
    once = adagrad([q], path, **options)
    once.step()
    once.step()
    return not torch.equal(p, q)


# -- state -----------------------------------------------------------------------------


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


def loads_malformed_dicts(path):
    def loads(spoil):
        saved = copy.deepcopy(adagrad([torch.ones(3)], path).state_dict())
        spoil(saved)
        opt = adagrad([torch.ones(3)], path)
        return not raises(lambda: opt.load_state_dict(saved))

    return any(
        loads(spoil)
        for spoil in (
            lambda saved: saved["state"][0].update(sum=torch.ones(2, 2)),
            lambda saved: saved["state"][0].pop("sum"),
            lambda saved: saved["param_groups"][0].pop("lr"),
        )
    )


def casts_a_loaded_sum(path):
    opt = adagrad([torch.ones(3, dtype=torch.bfloat16)], path)
    saved = copy.deepcopy(opt.state_dict())
    saved["state"][0]["sum"] = torch.full((3,), 1 / 3)
    opt.load_state_dict(saved)
    (state,) = opt.state.values()
    return state["sum"].double()[0] != saved["state"][0]["sum"].double()[0]


def refuses_an_integer_counter(path):
    p = torch.ones(3)
    opt = stepped(p, torch.full((3,), 0.5), path)
    saved = copy.deepcopy(opt.state_dict())
    saved["state"][0]["step"] = torch.tensor(1)
    opt.load_state_dict(saved)
    return raises(opt.step)


def needs_eps_in_an_old_pickle(path):
    p = torch.ones(3)
    opt = adagrad([p], path)
    del opt.param_groups[0]["eps"], opt.defaults["eps"]
    old = pickle.loads(pickle.dumps(opt))
    old.param_groups[0]["params"][0].grad = torch.full((3,), 0.5)
    return raises(old.step)


def cannot_share_an_added_group(path):
    opt = adagrad([torch.ones(3)], path)
    opt.add_param_group({"params": [torch.ones(2)]})
    return raises(opt.share_memory)


# -- special values, counters ----------------------------------------------------------


def default_eps_makes_nan_in_float16(path):
    p = torch.full((20,), 1.3, dtype=torch.float16)
    p.grad = torch.zeros_like(p)
    adagrad([p], path).step()
    return not torch.isfinite(p).all().item()


def stands_still_where_a_square_overflows(path):
    p, q = torch.ones(40, dtype=torch.float16), torch.ones(40)
    stepped(p, torch.full_like(p, 300.0), path, lr=0.5, eps=1e-3)
    stepped(q, torch.full_like(q, 1e30), path, lr=0.5, eps=1e-3)
    return (p == 1).any().item() or (q == 1).any().item()


def stops_counting_at_2_24(path):
    p = torch.ones(3)
    opt = adagrad([p], path)
    opt.state[p]["step"].fill_(2.0**24)
    p.grad = torch.full((3,), 0.5)
    opt.step()
    return opt.state[p]["step"].item() == 2.0**24


# -- sparse and complex ----------------------------------------------------------------


def one_row(value):
    return torch.sparse_coo_tensor(
        [[1]], torch.tensor([value]), (3,), check_invariants=True
    )


def refuses_sparse_decay_too_late(path):
    """The fused path takes no sparse gradient at all, and changes nothing."""
    p, q = torch.ones(3), torch.ones(3)
    opt = adagrad([p, q], path, weight_decay=0.5)
    before = copy.deepcopy(opt.state_dict()), p.clone()
    p.grad, q.grad = torch.full((3,), 0.5), one_row(0.5)
    assert raises(opt.step)
    counters = [opt.state[x]["step"].item() for x in (p, q)]
    old = [entry["step"].item() for entry in before[0]["state"].values()]
    return counters != old or not torch.equal(p, before[1])


def squares_sparse_complex_wrongly(path):
    """The fused path takes neither sparse nor complex."""
    p = torch.zeros(3, dtype=torch.complex64)
    p.grad = one_row(3 + 4j)
    opt = adagrad([p], path)
    return not raises(opt.step) and opt.state[p]["sum"][1].item() != 9 + 16j


CONFIRMED_BY = {
    "lr-decay/counts-beyond-2-24": stops_counting_at_2_24,
    "layout/strided-param": writes_outside_a_view,
    "layout/strides-differ": ignores_strides,
    "layout/after-load": writes_outside_a_view_after_loading,
    "layout/same-bits": bits_depend_in_wide_formats,
    "layout/same-bits-in-16-bit-formats": bits_depend_in_narrow_formats,
    "groups/own-initial-accumulator": ignores_tau_of_a_group,
    "groups/duplicate-in-one-list": steps_a_duplicate_otherwise_than_twice,
    "parameters/group-refuses-illegal": accepts_illegal_options_in_a_group,
    "parameters/refuses-infinite": accepts_infinite_options,
    "parameters/paths-agree": paths_give_other_bits,
    "state-dict/independent": shares_state_after_loading,
    "state-dict/strided-sum": ignores_strides_of_a_loaded_sum,
    "state-dict/malformed-refused": loads_malformed_dicts,
    "state-dict/keeps-precision": casts_a_loaded_sum,
    "state-dict/counter-kinds": refuses_an_integer_counter,
    "state-dict/old-checkpoint": needs_eps_in_an_old_pickle,
    "special-values/default-eps-in-binary16": default_eps_makes_nan_in_float16,
    "special-values/overflow-moves": stands_still_where_a_square_overflows,
    "sparse/refusal-changes-nothing": refuses_sparse_decay_too_late,
    "complex/sparse": squares_sparse_complex_wrongly,
    "torch/share-memory": cannot_share_an_added_group,
    "numerics/meetings": ignores_strides,  # in every row with strides of two kinds
    **BY_HAND,
}


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group")
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
