"""torchrec.optim.rowwise_adagrad.RowWiseAdagrad: one accumulator for each row.

Its documentation has embedding tables: under `tables` every param is one, with a row
for each index of the first dimension; under `any_shape` params keep their shapes.  The
state has one number a row, which is shown for each element of the row.  By the
documentation, sparse gradients are not supported.
"""

from __future__ import annotations

from typing import Any

import torchrec
from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

from adagrad_conformance.adapters.bases.row_wise import RowWiseAdapter, TableAdapter

__all__ = ["any_shape", "tables"]


def tables() -> RowWiseAdapter:
    """Params are embedding tables, each in a storage of its own."""
    return TableAdapter("torchrec/row-wise", *_made("sparse", "layout"))


def any_shape() -> RowWiseAdapter:
    """Params keep their shapes."""
    return RowWiseAdapter("torchrec/any-shape", *_made("sparse"))


def _made(*without: str) -> tuple[Any, ...]:
    return RowWiseAdagrad, None, frozenset(without), torchrec.__version__
