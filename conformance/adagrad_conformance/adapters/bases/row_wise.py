"""The bases of adapters whose torch optimizer keeps one accumulator for each row.

A row is all elements with one index of the first dimension.  A reading shows the
accumulator of a row for each element of the row.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from adagrad_conformance.adapters.base import Gradient, Reading, Sparse, Tensor
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["RowWiseAdapter", "TableAdapter"]


class RowWiseAdapter(TorchAdapter):
    """Shows the accumulator of a row for each of its elements."""

    dialect = "row-wise"
    refusals = (*TorchAdapter.refusals, IndexError)

    def make_sum(self, state_sum: Tensor) -> Any:
        """The accumulator as a column, one number for each row."""
        whole = self.make_tensor(state_sum)
        return whole.reshape(len(whole), -1)[:, :1].clone()

    def show_sum(self, param: Any, state: Any) -> Any:
        """The accumulator in the shape of the param, or None."""
        total = super().show_sum(param, state)
        if total is None:
            return None
        rows = total.reshape(-1, *[1] * (param.dim() - 1))
        return rows.expand(param.shape).contiguous()


class TableAdapter(RowWiseAdapter):
    """Gives params to the port as tables: of shape (n, 1) for shape (n,)."""

    def make_tensor(self, tensor: Tensor) -> Any:
        """The tensor as a table."""
        return super().make_tensor(replace(tensor, shape=_table(tensor.shape)))

    def make_rows(self, gradient: Sparse) -> Any:
        """The sparse gradient as that of a table."""
        return super().make_rows(replace(gradient, shape=_table(gradient.shape)))

    def show_param(self, param: Any) -> Tensor:
        """The bits of a param, in the shape of the scenario."""
        name = next(name for name, p in self.params.items() if p is param)
        shape = self.tensors[name].shape
        return replace(super().show_param(param), shape=shape)

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Param, gradient and accumulator, in the shape of the scenario."""
        seen = super().reading(name, optimizer)
        shape = self.tensors[name].shape
        return Reading(
            replace(seen.theta, shape=shape),
            _shaped(seen.gradient, shape),
            seen.state_sum and replace(seen.state_sum, shape=shape),
            seen.t,
        )


def _table(shape: tuple[int, ...]) -> tuple[int, int]:
    first, *others = shape or (1,)
    return first, prod(others)


def _shaped(gradient: Gradient, shape: tuple[int, ...]) -> Gradient:
    """The gradient of a table as that of a param of `shape`."""
    if isinstance(gradient, Sparse):
        rows = (len(gradient.indices), *shape[1:])
        return replace(
            gradient, shape=shape, values=replace(gradient.values, shape=rows)
        )
    return gradient and replace(gradient, shape=shape)
