"""torchrec.optim.rowwise_adagrad.RowWiseAdagrad: one accumulator for each row.

It is documented for embedding tables: `tables` gives it every param as one, a row for
each index of the first dimension; `any_shape` gives params as they are.  Its state has
one number a row, which is shown for each element of the row.  Sparse gradients are not
supported, says its documentation.
"""

from __future__ import annotations

from typing import Any

import torchrec
from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

from adagrad_conformance.adapters.bases.row_wise import RowWiseAdapter, TableAdapter

__all__ = ["any_shape", "tables"]


def tables() -> RowWiseAdapter:
    """Params as embedding tables, in a storage of their own."""
    return TableAdapter("torchrec/row-wise", *_made("sparse", "layout"))


def any_shape() -> RowWiseAdapter:
    """Params as they are."""
    return RowWiseAdapter("torchrec/any-shape", *_made("sparse"))


def _made(*without: str) -> tuple[Any, ...]:
    return RowWiseAdagrad, None, frozenset(without), torchrec.__version__
