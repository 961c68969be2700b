"""`Kit` drives the suite's own ports alike, so that one test is for all of them.

A param of a kit shares its memory with the NumPy array it was made from, so that every
test can look at plain arrays.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

BF16 = np.dtype(ml_dtypes.bfloat16)
WIDE = [np.dtype(np.float64), np.dtype(np.float32)]
NARROW = [np.dtype(np.float16), BF16]
CLASSES = {"numpy": Adagrad, "single": SingleTensorAdagrad, "foreach": ForeachAdagrad}
OPTIONS = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
PLAIN: dict = {}
DECAYED = {"lr": 0.3, "lr_decay": 0.7, "weight_decay": 0.05, "eps": 1e-3}
FULL = {**DECAYED, "initial_accumulator_value": 0.2, "maximize": True}


def as_tensor(x):
    """View an array as a tensor on the same memory, strides and all."""
    if x.dtype == BF16:
        return torch.from_numpy(x.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(x)


def as_array(x):
    """View a tensor, or an array, as an array on the same memory."""
    if not isinstance(x, torch.Tensor):
        return x
    x = x.detach()
    if x.dtype == torch.bfloat16:
        return x.view(torch.uint16).numpy().view(BF16)
    return x.numpy()


class Kit:
    """One of the ports, by name."""

    def __init__(self, name):
        self.name, self.cls = name, CLASSES[name]

    def param(self, x, grad=None):
        if self.name == "numpy":
            return Param(x, grad)
        p = as_tensor(x).requires_grad_()
        self.give(p, grad)
        return p

    def give(self, p, grad):
        torch_grad = self.name != "numpy" and grad is not None
        p.grad = as_tensor(grad) if torch_grad else grad

    def run(self, opt, params, gradients):
        """Step through gradients: a list of lists with an array or None per param."""
        for row in gradients:
            for p, g in zip(params, row, strict=True):
                self.give(p, None if g is None else g.copy())
            opt.step()

    def start(self, arrays, **options):
        params = [self.param(x) for x in arrays]
        return params, self.cls(params, **options)


each_width = pytest.mark.parametrize("dtype", WIDE + NARROW, ids=str)
each_wide = pytest.mark.parametrize("dtype", WIDE, ids=str)
each_narrow = pytest.mark.parametrize("dtype", NARROW, ids=str)


def normal(seed, *shape, dtype=np.float64):
    return np.asarray(np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def bits(x):
    return as_array(x).tobytes()


def snapshot(opt):
    """Everything an optimizer holds, as comparable values."""
    groups = [
        {k: v for k, v in group.items() if k != "params"} for group in opt.param_groups
    ]
    params = [p for group in opt.param_groups for p in group["params"]]
    state = [(opt.state[p]["step"], bits(opt.state[p]["sum"])) for p in params]
    return groups, [bits(getattr(p, "data", p)) for p in params], state


def steps(opt):
    return [opt.state[p]["step"] for g in opt.param_groups for p in g["params"]]


PATTERN = ["g.g", ".gg", "...", "gz.", "zg.", "gg."]


def pattern(shapes, dtype=np.float64):
    """Gradients by PATTERN: one per param and step, `.` is None and z is zero."""
    kinds = {
        ".": lambda k, shape: None,
        "z": lambda k, shape: np.zeros(shape, dtype),
        "g": lambda k, shape: normal(k, *shape, dtype=dtype),
    }
    return [
        [kinds[c](10 * k + i, shapes[i]) for i, c in enumerate(row)]
        for k, row in enumerate(PATTERN)
    ]
