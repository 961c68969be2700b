"""torchbiggraph.row_adagrad.RowAdagrad: one accumulator for each row of a table.

It is documented for params of two dimensions, with lr, lr_decay and weight_decay; rows
of one element are those of params with one dimension.  S begins at 0 and eps is 1e-10.
It says nothing of complex params, and nothing of options that it would refuse.
"""

from __future__ import annotations

from typing import Any

import torchbiggraph
from torchbiggraph.row_adagrad import RowAdagrad

from adagrad_conformance.adapters.base import Tensor
from adagrad_conformance.adapters.bases.row_wise import TableAdapter

__all__ = ["row_wise"]


class _Adapter(TableAdapter):
    def make_sum(self, state_sum: Tensor) -> Any:
        """One dimension."""
        return super().make_sum(state_sum).reshape(-1)


def row_wise() -> TableAdapter:
    """Params as tables, in a storage of their own."""
    lacks = {"complex", "layout", "refusals"}
    lacks |= {"eps", "initial-accumulator-value", "maximize"}
    made = _Adapter(
        "biggraph/row-wise",
        RowAdagrad,
        without=lacks,
        version=torchbiggraph.__version__,
    )
    made.constants = {"eps": 1e-10, "initial_accumulator_value": 0.0}
    return made
