"""torchbiggraph.row_adagrad.RowAdagrad: one accumulator for each row of a table.

Its documentation has params of two dimensions, lr, lr_decay and weight_decay; a param
of one dimension is a table of one column.  S begins at 0 and eps is 1e-10.  Complex
params and the refusal of options are not documented, so neither is claimed; nor is
state-write, since scenarios write a number for each element.
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
        """The accumulators of all rows, in one dimension."""
        return super().make_sum(state_sum).reshape(-1)


def row_wise() -> TableAdapter:
    """RowAdagrad with params as tables, each in a storage of its own."""
    lacks = {"complex", "layout", "refusals", "state-write", "pickle", "compile"}
    lacks |= {"eps", "initial-accumulator-value", "maximize"}
    made = _Adapter(
        "biggraph/row-wise",
        RowAdagrad,
        without=lacks,
        version=torchbiggraph.__version__,
    )
    made.constants = {"eps": 1e-10, "initial_accumulator_value": 0.0}
    return made
