"""Adagrad on NumPy arrays, with the groups and state of `torch.optim.Adagrad`.

Rules of this file:

1. Arrays are written in place and only within their own elements.
2. What can be refused is refused before anything is written.
3. binary32 and binary64 are computed in their own format. Narrower formats are
   computed in binary32 and rounded once, when the result is stored.
4. Only `+ - * /` and the square root touch an element, each correctly rounded, so
   no result depends on an element's position, strides or block.
5. A step by `Rows` is that of a dense gradient on copies of these rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .validation import (
    OPTIONS,
    check_counter,
    check_options,
    check_sizes,
    entry,
)

__all__ = ["Adagrad", "Param", "Rows", "adagrad_"]

Array = NDArray[Any]
Group = dict[str, Any]

BLOCK = 16_384  # elements: five binary32 blocks of this size stay in a 1 MiB cache


class Rows:
    """A gradient of `shape` by rows: row indices[k] gets values[k].

    `indices` are integers of shape (n,), in any order; equal ones add up. `values` is
    an array of shape (n, *shape[1:]). Raises ValueError where these do not fit.
    """

    def __init__(self, shape: tuple[int, ...], indices: Any, values: Array) -> None:
        rows = np.asarray(indices, np.intp)
        if rows.ndim != 1 or values.shape != (len(rows), *shape[1:]) or not shape:
            raise ValueError(f"values of shape {values.shape} are not rows of {shape}")
        if len(rows) and not 0 <= rows.min() <= rows.max() < shape[0]:
            raise ValueError(f"an index is not a row of {shape}")
        self.shape, self.dtype = tuple(shape), values.dtype
        self.indices, self.values = rows, values

    def summed(self) -> tuple[Array, Array]:
        """Each row's index, once, and its sum, which is rounded once in 16 bits."""
        rows, place = np.unique(self.indices, return_inverse=True)
        wide = self.dtype if self.dtype.itemsize > 2 else np.dtype(np.float32)
        total = np.zeros((len(rows), *self.shape[1:]), wide)
        np.add.at(total, place, self.values)
        return rows, total


class Param:
    """An array to optimize and its gradient.

    `data` has any shape and strides and is updated in place. `grad`, an array or
    `Rows`, has the shape and dtype of `data`, or is None, which means that a step skips
    this param. It is only read. Raises TypeError for anything but a writable array of
    floats.
    """

    def __init__(
        self, data: Array, grad: Array | Rows | None = None, name: str | None = None
    ) -> None:
        if not isinstance(data, np.ndarray) or not _is_float(data.dtype):
            raise TypeError(f"Param needs an array of floats, got {_kind(data)}")
        if not data.flags.writeable:
            raise TypeError("Param needs a writable array: it is updated in place")
        self.data, self.grad, self.name = data, grad, name


def adagrad_(
    theta: Array,
    g: Array,
    s: Array,
    scratch: tuple[Array, Array],
    clr: float,
    weight_decay: float,
    eps: float,
    maximize: bool,
) -> None:
    """Take one step on real blocks of shape (n,): `theta` and `s` change, `g` not.

    `scratch` is two more blocks of that shape, which are overwritten.
    """
    a, b = scratch
    if maximize:
        g = np.negative(g, out=a)  # ALG-9
    if weight_decay != 0:  # no product with 0: an infinite theta would make it NaN
        g = np.add(g, np.multiply(theta, weight_decay, out=b), out=a)  # ALG-5
    np.add(s, np.multiply(g, g, out=b), out=s)  # ALG-6
    std = np.add(np.sqrt(s, out=b), eps, out=b)  # eps stays outside the root
    update = np.divide(np.multiply(g, clr, out=a), std, out=a)
    np.subtract(theta, update, out=theta)  # ALG-7


class Adagrad:
    """Adagrad over Params, or over dicts `{"params": [...], option: value}`.

    `param_groups` holds the groups with their options, which may be changed between
    steps. `state[param]` holds `step`, how many steps that param took, and `sum`,
    an array of the shape and dtype of its data.

    Raises ValueError for an option that is negative, infinite or NaN, for no params
    at all and for a param given twice; TypeError for what is not a Param.
    """

    def __init__(
        self,
        params: Iterable[Param] | Iterable[Group],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        values = (lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize)
        self.defaults: Group = dict(zip(OPTIONS, values, strict=True))
        check_options(self.defaults)
        self.param_groups: list[Group] = []
        self.state: dict[Param, dict[str, Any]] = {}
        given: list[Any] = list(params)
        if not given:
            raise ValueError("the optimizer got an empty list of params")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add params that start at the next step with t = 0 and their own S_0.

        Options that `param_group` leaves out are the constructor's. Raises what the
        constructor raises, and then adds nothing.
        """
        given = param_group["params"]
        params = [given] if isinstance(given, Param) else list(given)
        group = {**self.defaults, **param_group, "params": params}
        check_options(group)
        for p in params:
            if not isinstance(p, Param):
                raise TypeError(f"only a Param can be optimized, got {_kind(p)}")
        if len(set(params)) != len(params) or not self.state.keys().isdisjoint(params):
            raise ValueError("a param of the group is already being optimized")
        tau = group["initial_accumulator_value"]
        self.param_groups.append(group)
        self.state.update((p, {"step": 0, "sum": _filled(p.data, tau)}) for p in params)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Make every gradient None, or new zeros where there was one."""
        for p in self._params():
            zeros = None if set_to_none or p.grad is None else _zeros_like(p.grad)
            p.grad = zeros  # never written into: the array may be the caller's

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every param that has a gradient, and return the closure's loss.

        `closure` is called once, before the update. Raises ValueError for a gradient
        that has not its param's shape and dtype, and for `Rows` with weight decay, and
        then nothing has moved.
        """
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                _check_gradient(p, group["weight_decay"])
        with np.errstate(all="ignore"):  # inf and NaN follow IEEE arithmetic
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._step_param(p, group)
        return loss

    def _step_param(self, p: Param, group: Group) -> None:
        state = self.state[p]
        state["step"] += 1  # ALG-3: t counts the steps of this param
        clr = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])  # ALG-4
        options = (clr, group["weight_decay"], group["eps"], group["maximize"])
        if not isinstance(p.grad, Rows):
            _step_pairs(p.data, p.grad, state["sum"], options)
            return
        rows, g = p.grad.summed()
        theta, s = p.data[rows], state["sum"][rows]
        _step_pairs(theta, g, s, options)
        p.data[rows], state["sum"][rows] = theta, s

    def state_dict(self) -> Group:
        """Return a snapshot: `state` by the param's index, and `param_groups`."""
        index = {p: i for i, p in enumerate(self._params())}
        groups = [
            {**deepcopy(_options(group)), "params": [index[p] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {i: deepcopy(self.state[p]) for p, i in index.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Group) -> None:
        """Go on as the optimizer that gave `state_dict` would have.

        The dict is copied, its options win over the constructor's, and S keeps the
        dtype it was saved in. Raises ValueError where the dict does not fit in
        groups, params, options, shapes or counters, and then changes nothing.
        """
        saved = entry(state_dict, "param_groups")
        check_sizes(self.param_groups, saved)
        keys = [key for group in saved for key in group["params"]]
        entries = entry(state_dict, "state")
        if len(set(keys)) != len(keys) or set(entries) != set(keys):
            raise ValueError("the state dict does not have one state for each param")
        pairs = zip(self._params(), keys, strict=True)
        state = {p: _loaded(p, entries[key], key) for p, key in pairs}
        self.param_groups = [
            {**deepcopy(_options(new)), "params": group["params"]}
            for group, new in zip(self.param_groups, saved, strict=True)
        ]
        self.state = state

    def _params(self) -> Iterator[Param]:
        return (p for group in self.param_groups for p in group["params"])


def _step_pairs(theta: Array, g: Any, s: Array, options: tuple[Any, ...]) -> None:
    """Step the real parts, and the imaginary ones where there are any."""
    arrays: list[Any] = [theta, g, s]
    for x, y, z in zip(*map(_reals, arrays), strict=True):
        _step_array(x, y, z, options)


def _step_array(theta: Array, g: Array, s: Array, options: tuple[Any, ...]) -> None:
    """Cut arrays of any strides into blocks, in the format that is computed in."""
    work = np.result_type(*map(_working_dtype, (theta, s)))
    a, b = np.empty((2, min(BLOCK, theta.size)), work)
    with np.nditer(
        [theta, g, s],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readwrite"], ["readonly"], ["readwrite"]],
        op_dtypes=[work] * 3,
        casting="unsafe",  # S and theta are rounded to their own dtype when stored
        buffersize=BLOCK,
    ) as blocks:
        for x, y, z in blocks:
            n = x.size
            adagrad_(x, y, z, (a[:n], b[:n]), *options)


def _is_float(dtype: np.dtype[Any]) -> bool:
    # bfloat16 is known by its name: NumPy itself has no such type
    return dtype.kind in "fc" or dtype.name == "bfloat16"


def _kind(value: object) -> str:
    return str(getattr(value, "dtype", type(value).__name__))


def _reals(array: Array) -> tuple[Array, ...]:
    """View a complex array as its pair of reals."""
    return (array.real, array.imag) if array.dtype.kind == "c" else (array,)


def _working_dtype(array: Array) -> np.dtype[Any]:
    return np.dtype(np.float32 if array.itemsize <= 2 else array.dtype.type)


def _filled(data: Array, tau: float) -> Array:
    value = complex(tau, tau) if data.dtype.kind == "c" else tau
    with np.errstate(over="ignore"):
        return np.full_like(data, value, subok=False)


def _options(group: Group) -> Group:
    return {name: value for name, value in group.items() if name != "params"}


def _zeros_like(grad: Array | Rows) -> Array | Rows:
    if isinstance(grad, Rows):
        return Rows(grad.shape, (), grad.values[:0])
    return np.zeros_like(grad)


def _check_gradient(p: Param, weight_decay: float) -> None:
    data, grad = p.data, p.grad
    if isinstance(grad, Rows) and weight_decay != 0:
        raise ValueError("weight_decay cannot be used with a gradient of rows")
    if grad is not None and (grad.shape, grad.dtype) != (data.shape, data.dtype):
        raise ValueError(
            f"param {p.name or ''} of shape {data.shape} and dtype {data.dtype} has a "
            f"gradient of shape {grad.shape} and dtype {grad.dtype}"
        )


def _loaded(p: Param, saved: Group, key: object) -> dict[str, Any]:
    """Copy the saved state of one param, or raise ValueError."""
    s, t = entry(saved, "sum"), check_counter(entry(saved, "step"), key)
    if not (isinstance(s, np.ndarray) and _is_float(s.dtype)):
        raise ValueError(f"the sum of param {key} is not an array of floats")
    if s.shape != p.data.shape or len(_reals(s)) != len(_reals(p.data)):
        raise ValueError(f"the sum of param {key} does not fit shape {p.data.shape}")
    return {"step": t, "sum": s.copy(order="K")}
