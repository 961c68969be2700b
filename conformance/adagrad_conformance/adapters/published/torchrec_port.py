"""torchrec.optim.rowwise_adagrad.RowWiseAdagrad: one accumulator for each row.

By its documentation it is for the params of an EmbeddingBag: every param is a table
here, with a row for each index of the first dimension.  The state has one number a row,
which is shown for each element of the row.  Sparse gradients are documented as not
supported; complex params are not documented, and an embedding has none.
"""

from __future__ import annotations

import torchrec
from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

from adagrad_conformance.adapters.bases.row_wise import TableAdapter

__all__ = ["tables"]

_LACKS = frozenset(["sparse", "complex", "layout", "pickle", "compile"])


def tables() -> TableAdapter:
    """Params are embedding tables, each in a storage of its own."""
    return TableAdapter(
        "torchrec/row-wise",
        RowWiseAdagrad,
        without=_LACKS,
        version=torchrec.__version__,
    )
