"""Right programs for one step that others wrote: torch, NumPy, and the suite's ports.

Each is run on elements with written state, one optimizer for each setting, in its own
arithmetic.  torch works on one thread: the vector library of its build can give wild
values in the first step that two threads share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import torch

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.formats import Format

__all__ = ["DTYPES", "PORTS", "Port", "one_thread", "torch_steps"]

DTYPES = {
    "binary64": torch.float64,
    "binary32": torch.float32,
    "bfloat16": torch.bfloat16,
    "binary16": torch.float16,
}
_NUMPY = {"binary64": "f8", "binary32": "f4", "binary16": "f2"}


@contextmanager
def one_thread() -> Iterator[None]:
    """A torch whose results cannot depend on how it shares out the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def by_setting(b: StepBatch, step: Callable[..., Any]) -> tuple[Any, Any]:
    """The results of `step(theta, S, g, t, options)` for each setting, joined."""
    theta, total = np.empty(len(b)), np.empty(len(b))
    for k, (t, o) in enumerate(b.settings):
        mine = b.which == k
        if mine.any():
            start = (x[mine] for x in (b.theta, b.state_sum, b.gradient))
            theta[mine], total[mine] = step(*start, t, o)
    return theta, total


def constructor_options(o) -> dict[str, float | bool]:
    """The options of a setting as a constructor takes them."""
    names = ("lr", "lr_decay", "weight_decay", "eps", "maximize")
    return {name: getattr(o, name) for name in names}


def torch_steps(fmt: Format, b: StepBatch, make=torch.optim.Adagrad, **path):
    """What a torch optimizer stores."""
    dtype = DTYPES[fmt.name]

    def step(theta, total, g, t, o):
        p = torch.tensor(theta).to(dtype).requires_grad_()
        p.grad = torch.tensor(g).to(dtype)
        optimizer = make([p], **constructor_options(o), **path)
        state = optimizer.state[p]
        state["sum"].copy_(torch.tensor(total).to(dtype))
        if isinstance(state["step"], torch.Tensor):
            state["step"].fill_(float(t - 1))
        else:
            state["step"] = t - 1
        optimizer.step()
        return p.detach().double().numpy(), state["sum"].double().numpy()

    with one_thread():
        return by_setting(b, step)


def numpy_dtype(fmt: Format) -> Any:
    """The native type."""
    return np.dtype(_NUMPY.get(fmt.name, ml_dtypes.bfloat16))


def own_numpy(fmt: Format, b: StepBatch):
    """The suite's NumPy port."""

    def step(theta, total, g, t, o):
        dtype = numpy_dtype(fmt)
        p = Param(theta.astype(dtype), g.astype(dtype))
        optimizer = Adagrad([p], **constructor_options(o))
        optimizer.state[p] = {"step": t - 1, "sum": total.astype(dtype)}
        optimizer.step()
        return p.data.astype(float), optimizer.state[p]["sum"].astype(float)

    return by_setting(b, step)


def plain_numpy(fmt: Format, b: StepBatch):
    """The formula on arrays of the native type, scalars rounded to it."""

    def step(x, s, g, t, o):
        x, s, g = (v.astype(numpy_dtype(fmt)) for v in (x, s, g))
        cast = x.dtype.type
        with np.errstate(all="ignore"):
            g = -g if o.maximize else g
            g = g + cast(o.weight_decay) * x if o.weight_decay else g
            s = s + g * g
            clr = cast(o.lr / (1 + (t - 1) * o.lr_decay))
            x = x - clr * g / (np.sqrt(s) + cast(o.eps))
        assert x.dtype == numpy_dtype(fmt)
        return x.astype(float), s.astype(float)

    return by_setting(b, step)


@dataclass(frozen=True)
class Port:
    """A program by its name in tables; `run(format, batch)` gives theta' and S'."""

    name: str
    run: Callable[[Format, StepBatch], tuple[Any, Any]]


PORTS = (
    Port("torch single", lambda f, b: torch_steps(f, b, foreach=False)),
    Port("torch foreach", lambda f, b: torch_steps(f, b, foreach=True)),
    Port("torch fused", lambda f, b: torch_steps(f, b, fused=True)),
    Port("NumPy, native type", plain_numpy),
    Port("own numpy", own_numpy),
    Port("own torch single", lambda f, b: torch_steps(f, b, SingleTensorAdagrad)),
    Port("own torch foreach", lambda f, b: torch_steps(f, b, ForeachAdagrad)),
)
