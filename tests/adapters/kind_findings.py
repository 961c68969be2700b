"""Findings on torch.optim.Adagrad in odd states, confirmed in plain torch by path."""

from __future__ import annotations

import copy

import numpy as np
import torch

__all__ = ["BY_HAND", "refuses_late_added_groups", "trained"]

PATHS = {
    "single": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "differentiable": {"differentiable": True},
}


def adagrad(params, path, **options):
    return torch.optim.Adagrad(params, **options, **PATHS[path])


def trained(params, path, **options):
    """An optimizer that has taken one step, by gradients of a half."""
    opt = adagrad(params, path, **options)
    for p in params:
        p.grad = torch.full_like(p, 0.5)
    opt.step()
    return opt


def raises(call):
    try:
        call()
    except (RuntimeError, ValueError, TypeError, KeyError):
        return True
    return False


def leaves_a_retyped_sum_narrow(path):
    """S stays float32, or the step raises when t has advanced."""
    p = torch.ones(3)
    opt = trained([p], path)
    p.grad = None
    p.data = p.data.double()
    p.grad = torch.full_like(p, 0.5)
    if raises(opt.step):
        return opt.state[p]["step"].item() == 2
    return opt.state[p]["sum"].dtype is torch.float32


def takes_sets(path):
    return not raises(lambda: adagrad({torch.ones(3), torch.ones(2)}, path))


def cannot_be_saved_after_a_replacement(path):
    p, q = torch.ones(3), torch.ones(3)
    opt = trained([p], path)
    opt.param_groups[0]["params"][0] = q
    q.grad = torch.full((3,), 0.5)
    opt.step()
    return raises(opt.state_dict)


def fills_the_dicts_it_is_given(path):
    """A second optimizer from the same dicts has the rate and dicts of the first."""
    given = [{"params": [torch.ones(3)]}]
    first, second = adagrad(given, path, lr=0.7), adagrad(given, path, lr=0.2)
    assert (first.param_groups[0] is second.param_groups[0]) == (len(given[0]) > 1)
    return second.param_groups[0]["lr"] != 0.2


def forgets_tau_of_an_unstepped_group(path):
    """A group that was added and saved before its first step has no state to save."""
    p, q, g = torch.ones(3), torch.ones(2), torch.full((2,), 0.5)
    opt = trained([p], path, initial_accumulator_value=0.25)
    opt.add_param_group({"params": [q]})
    saved = copy.deepcopy(opt.state_dict())
    other = adagrad([{"params": [torch.ones(3)]}, {"params": [q]}], path)
    other.load_state_dict(saved)
    q.grad = g
    other.step()
    return other.state[q]["sum"][0].item() != 0.5


def rounds_rates_of_numpy(path):
    """lr and lr_decay in float16: the second rate is computed in float16."""
    results = []
    for kind in (np.float16, float):
        lr, decay = kind(np.float16(0.7)), kind(np.float16(0.3))
        p = torch.zeros(1)
        trained([p], path, lr=lr, lr_decay=decay).step()
        results.append(p.item())
    return results[0] != results[1]


def uses_other_dtypes_wrongly(path):
    """A bfloat16 gradient: a wrong theta, or an error when a neighbour has moved."""
    p, q = torch.ones(3), torch.ones(3)
    opt = adagrad([p, q], path, lr=0.7)
    p.grad = torch.full((3,), 0.5)
    q.grad_dtype = None
    q.grad = p.grad.to(torch.bfloat16)
    if raises(opt.step):
        return not torch.equal(p, torch.ones(3))
    return not torch.equal(p, q)


def refuses_lazy_views(path):
    """The conjugate of a complex gradient, or, for the fused path, a negative view."""
    pair = torch.tensor([0.5 + 0.7j])
    if path == "fused":
        p, g = torch.ones(1), pair.conj().imag
    else:
        p, g = torch.ones(1, dtype=torch.complex64), pair.conj()
    opt = adagrad([p], path)
    p.grad = g
    return raises(opt.step)


def cannot_be_made_under_inference(path):
    p = torch.ones(3)
    with torch.inference_mode():
        opt = adagrad([p], path)
    p.grad = torch.full((3,), 0.5)
    return raises(opt.step)


def puts_counters_on_the_default_device(path):
    p = torch.ones(3)
    p.grad = torch.full((3,), 0.5)
    with torch.device("meta"):
        opt = adagrad([p], path)
        failed = raises(opt.step)
    assert failed == (opt.state[p]["step"].device.type == "meta")
    return failed


def refuses_late_added_groups(path):
    """torch's tools save no state for a group that was added and has not stepped."""
    from torch.distributed.checkpoint import state_dict as tools

    model = torch.nn.Module()
    model.p = torch.nn.Parameter(torch.ones(3))
    model.q = torch.nn.Parameter(torch.ones(2))
    opt = trained([model.p], path)
    opt.add_param_group({"params": [model.q]})
    saved = copy.deepcopy(tools.get_optimizer_state_dict(model, opt))
    return raises(
        lambda: tools.set_optimizer_state_dict(model, opt, optim_state_dict=saved)
    )


#: By requirement; each takes the name of a path and is true where torch departs.
BY_HAND = {
    "torch/retyped-params": leaves_a_retyped_sum_narrow,
    "torch/sets-refused": takes_sets,
    "groups/given-dicts": fills_the_dicts_it_is_given,
    "groups/replaced-param": cannot_be_saved_after_a_replacement,
    "parameters/other-numbers": rounds_rates_of_numpy,
    "gradients/other-dtypes": uses_other_dtypes_wrongly,
    "gradients/lazy-views": refuses_lazy_views,
    "state-dict/unstepped-group": forgets_tau_of_an_unstepped_group,
    "torch/inference-mode": cannot_be_made_under_inference,
    "torch/default-device": puts_counters_on_the_default_device,
}
