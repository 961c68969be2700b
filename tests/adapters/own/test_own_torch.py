"""What only the suite's ports on torch have: sparse gradients, hooks, names."""

from __future__ import annotations

import math

import pytest
import torch
from own_kit import PLAIN, snapshot, steps


def sparse(indices, values, shape):
    with torch.sparse.check_sparse_tensor_invariants(True):
        return torch.sparse_coo_tensor(indices, torch.as_tensor(values), shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("options", [PLAIN, {"maximize": True, "lr_decay": 1}], ids=str)
def test_sparse_rows_move_as_dense_ones(torch_kit, dtype, options):
    start = torch.arange(1, 11).reshape(5, 2).to(dtype)
    values = torch.tensor([[1, 2], [3, -4], [0.5, 6]]).to(dtype)
    if dtype.is_complex:
        start, values = start * (1 + 2j), values * (3 + 4j)
    p, q = start.clone().requires_grad_(), start.clone().requires_grad_()
    opt, twin = (torch_kit.cls([x], lr=0.5, **options) for x in (p, q))
    for indices in ([3, 1, 3], [0, 1, 0]):
        p.grad = sparse([indices], values, p.shape)
        kept = p.grad.clone()
        q.grad = p.grad.to_dense()
        opt.step()
        twin.step()
        assert torch.equal(p.grad._values(), kept._values())
    assert torch.equal(p, q)
    assert torch.equal(p[[2, 4]], start[[2, 4]])
    assert torch.equal(opt.state[p]["sum"], twin.state[q]["sum"])


def test_empty_sparse_gradient_advances_t_only(torch_kit):
    p = torch.ones(4, 3, requires_grad=True)
    opt = torch_kit.cls([p], eps=0)
    p.grad = sparse(torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, 3), (4, 3))
    opt.step()
    assert torch.all(p == 1)
    assert steps(opt) == [1]


def test_sparse_with_weight_decay_changes_nothing(torch_kit):
    p, q, r = (torch.ones(3, requires_grad=True) for _ in range(3))
    opt = torch_kit.cls([{"params": [p]}, {"params": [q, r], "weight_decay": 0.1}])
    p.grad = q.grad = torch.ones(3)
    r.grad = sparse([[1]], [2.0], (3,))
    before = snapshot(opt)
    with pytest.raises(RuntimeError, match="sparse"):
        opt.step()
    assert snapshot(opt) == before
    r.grad = torch.ones(3)
    opt.step()
    assert steps(opt) == [1, 1, 1]


def test_params_keep_their_identity_and_storage(torch_kit):
    model = torch.nn.Linear(3, 2).to(torch.float16)
    opt = torch_kit.cls(model.parameters())
    addresses = [p.data_ptr() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    opt.step()
    assert [p.data_ptr() for p in model.parameters()] == addresses
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())
    assert all(opt.state[p]["sum"].dtype == torch.float16 for p in model.parameters())


def test_hooks_scheduler_and_names(torch_kit):
    calls, p = [], torch.zeros(1, dtype=torch.float64, requires_grad=True)
    opt = torch_kit.cls([("w", p)], lr=1, eps=0)
    opt.register_step_pre_hook(lambda *_: calls.append("pre"))
    opt.register_step_post_hook(lambda *_: calls.append("post"))
    opt.register_load_state_dict_pre_hook(lambda o, d: calls.append("load"))
    scheduler = torch.optim.lr_scheduler.StepLR(opt, step_size=1, gamma=0.5)
    p.grad = torch.ones_like(p)
    opt.step()
    scheduler.step()
    saved = opt.state_dict()
    del saved["param_groups"][0]["param_names"]
    opt.load_state_dict(saved)
    opt.step()
    assert p.item() == pytest.approx(-1 - 0.5 / math.sqrt(2))
    assert calls == ["pre", "post", "load", "pre", "post"]
    assert opt.param_groups[0]["param_names"] == ["w"]
