"""torchrec.optim.rowwise_adagrad.RowWiseAdagrad: one accumulator for each row.

It is documented for embedding tables: `tables` gives it every param as one, a row for
each index of the first dimension; `any_shape` gives params as they are.  Its state has
one number a row, which is shown for each element of the row.  Sparse gradients are not
supported, says its documentation.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import torchrec
from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

from .base import Reading, Tensor
from .torch_optim import TorchAdapter

__all__ = ["RowWiseAdapter", "TableAdapter", "any_shape", "tables"]


class RowWiseAdapter(TorchAdapter):
    """Shows the accumulator of a row for each of its elements."""

    dialect = "row-wise"
    refusals = (*TorchAdapter.refusals, IndexError)

    def make_sum(self, state_sum: Tensor) -> Any:
        """A column."""
        whole = self.make_tensor(state_sum)
        return whole.reshape(len(whole), -1)[:, :1].clone()

    def show_sum(self, param: Any, state: Any) -> Any:
        """A row for each number of the column."""
        total = super().show_sum(param, state)
        if total is None:
            return None
        rows = total.reshape(-1, *[1] * (param.dim() - 1))
        return rows.expand(param.shape).contiguous()


class TableAdapter(RowWiseAdapter):
    """Params as tables, of rows of one element where they have one dimension."""

    def make_tensor(self, tensor: Tensor) -> Any:
        """Two dimensions."""
        first, *others = tensor.shape or (1,)
        return super().make_tensor(replace(tensor, shape=(first, prod(others))))

    def show_param(self, param: Any) -> Tensor:
        """The bits of a param, in its own shape."""
        name = next(name for name, p in self.params.items() if p is param)
        shape = self.tensors[name].shape
        return replace(super().show_param(param), shape=shape)

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Everything in the param's own shape."""
        seen = super().reading(name, optimizer)
        return Reading(
            self._own(name, seen.theta),
            seen.gradient and self._own(name, seen.gradient),
            seen.state_sum and self._own(name, seen.state_sum),
            seen.t,
        )

    def _own(self, name: str, table: Any) -> Any:
        return replace(table, shape=self.tensors[name].shape)


def tables() -> RowWiseAdapter:
    """Params as embedding tables, in a storage of their own."""
    return TableAdapter("torchrec/row-wise", *_made("sparse", "layout"))


def any_shape() -> RowWiseAdapter:
    """Params as they are."""
    return RowWiseAdapter("torchrec/any-shape", *_made("sparse"))


def _made(*without: str) -> tuple[Any, ...]:
    return RowWiseAdagrad, None, frozenset(without), torchrec.__version__
