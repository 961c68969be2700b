"""FBGEMM's table batched embeddings on the CPU, whose backward pass takes the step.

A param is a table with a row for each index of its first dimension, and a gradient is
that of a lookup of all rows, or of the rows of a sparse gradient.  The width of a table
must be a multiple of 4.  `EXACT_ADAGRAD` gets further columns of zeros.  The rows of
`EXACT_ROWWISE_ADAGRAD` share the mean of their squares, so there every element stands
in several columns instead.  Accumulators begin at 0 and, like the tables here, are
binary32.

By the documentation a table has a number of rows and a width.  One without rows is not
mentioned: the kernel takes it for another view of the table behind it, and writes rows
of its own width there, beyond the end of that table.  So a param without rows has no
table, and no step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import fbgemm_gpu
import numpy as np
import torch
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    EmbeddingLocation,
    OptimType,
    SplitTableBatchedEmbeddingBagsCodegen,
    WeightDecayMode,
)

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays
from adagrad_conformance.adapters.base import Sparse

__all__ = ["ExactAdapter", "RowWiseAdapter"]

_WIDTH = 4


class _Module:
    """The tables of an optimizer, by the names of their params, all of which have rows.

    There is no `module` without any table.
    """

    def __init__(self, params: Arrays, tables: Arrays, **options: Any) -> None:
        self.names, self.shapes = list(tables), {n: p.shape for n, p in params.items()}
        specs = [
            (*table.shape, EmbeddingLocation.HOST, ComputeDevice.CPU)
            for table in tables.values()
        ]
        if specs:
            self.module = SplitTableBatchedEmbeddingBagsCodegen(
                specs, stochastic_rounding=False, **options
            )

    def weights(self, name: str) -> torch.Tensor:
        """The table of a param."""
        found: torch.Tensor = self.module.split_embedding_weights()[self._place(name)]
        return found

    def sums(self, name: str) -> torch.Tensor:
        """The accumulators of a param."""
        [found] = self.module.split_optimizer_states()[self._place(name)]
        assert isinstance(found, torch.Tensor)
        return found

    def _place(self, name: str) -> int:
        return self.names.index(name)


class ExactAdapter(ArrayAdapter):
    """EXACT_ADAGRAD: an accumulator for each element."""

    name, version = "fbgemm/exact", fbgemm_gpu.__version__
    dialect = "fbgemm"
    language = "Python (torch)"
    claims = (ArrayAdapter.PLAIN - {"binary64"}) | {
        *("sparse", "zero-eps", "zero-accumulator", "state-write", "many-steps"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }
    constants: Mapping[str, float] = MappingProxyType(
        {"initial_accumulator_value": 0.0}
    )
    names: Mapping[str, str] = MappingProxyType({"lr": "learning_rate"})
    optimizer = OptimType.EXACT_ADAGRAD

    def make(self, params: Arrays, options: dict[str, Any]) -> _Module:
        """One module with a table for each param that has rows."""
        tables = {
            name: self._table(array)
            for name, array in params.items()
            if len(_rows(array))
        }
        return _Module(params, tables, optimizer=self.optimizer, **options)

    def update(self, port: _Module, params: Arrays, gradients: Arrays) -> Arrays:
        """A lookup of one row in each bag, and its backward pass."""
        if not port.names:
            return {}
        lookups = {name: self._lookup(gradients[name]) for name in port.names}
        for name in port.names:
            port.weights(name).copy_(self._table(params[name]))
        bags = max(1, *(len(rows) for rows, _ in lookups.values()))
        indices, ends, wide = list[int](), [0], []
        for name, (rows, values) in lookups.items():
            start, width = len(indices), port.weights(name).shape[1]
            indices += rows
            ends += [start + min(bag + 1, len(rows)) for bag in range(bags)]
            part = torch.zeros(bags, width)
            part[: len(rows)] = values
            wide.append(part)
        seen = port.module(torch.tensor(indices, dtype=torch.int64), torch.tensor(ends))
        seen.backward(torch.cat(wide, dim=1))
        return {
            name: self._array(port.weights(name), port.shapes[name])
            for name in port.names
        }

    def _lookup(self, gradient: Any) -> tuple[list[int], torch.Tensor]:
        """The rows that a step looks up, and a gradient for each."""
        if gradient is None:
            return [], torch.zeros(0, 1)
        rows, values = gradient
        return rows, self._table(values)

    def _table(self, array: Any) -> torch.Tensor:
        """The rows of the first dimension, with further columns of zeros."""
        table = torch.from_numpy(_rows(array))
        more = -table.shape[1] % _WIDTH or (0 if table.shape[1] else _WIDTH)
        return torch.nn.functional.pad(table, (0, more))

    def _array(self, table: torch.Tensor, shape: tuple[int, ...]) -> Any:
        """The elements of a param, without the further columns."""
        width = _row_size(shape)
        return table[:, :width].detach().numpy().reshape(shape).copy()

    def accumulator(self, port: _Module, name: str) -> Any:
        """The accumulator in the module; without rows there are none."""
        if name not in port.names:
            return np.zeros(port.shapes[name], np.float32)
        return self._array(port.sums(name), port.shapes[name])

    def write(self, port: _Module, name: str, accumulator: Any, t: int) -> None:
        """The accumulator in the module, which has no counter."""
        if name not in port.names:
            return
        port.sums(name).copy_(self._table(accumulator))

    def state(self, port: _Module) -> Any:
        """The accumulators of split_optimizer_states."""
        return [port.sums(name) for name in port.names]

    def restore(self, port: _Module, state: Any) -> None:
        """The accumulators, copied into those of the module."""
        for name, sums in zip(port.names, state, strict=True):
            port.sums(name).copy_(sums)

    def give(self, gradient: Any, like: Any) -> Any:
        """The numbers of all rows, and the gradient."""
        return list(range(len(_rows(gradient)))), gradient

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """The numbers of the gradient's rows, repeated ones too, and their values."""
        return list(gradient.indices), values


class RowWiseAdapter(ExactAdapter):
    """EXACT_ROWWISE_ADAGRAD, with the documented L2 weight decay."""

    name, dialect = "fbgemm/row-wise", "fbgemm-row-wise"
    claims = ExactAdapter.claims | {"weight-decay"}
    optimizer = OptimType.EXACT_ROWWISE_ADAGRAD

    def make(self, params: Arrays, options: dict[str, Any]) -> _Module:
        """One module; weight decay needs a mode."""
        if "weight_decay" in options:
            options["weight_decay_mode"] = WeightDecayMode.L2
        return super().make(params, options)

    def _table(self, array: Any) -> torch.Tensor:
        table = torch.from_numpy(_rows(array))
        return table.repeat_interleave(_copies(table.shape[1]), dim=1)

    def _array(self, table: torch.Tensor, shape: tuple[int, ...]) -> Any:
        copies = _copies(_row_size(shape))
        return table[:, ::copies].detach().numpy().reshape(shape).copy()

    def accumulator(self, port: _Module, name: str) -> Any:
        """The number of each row, for each element of the row."""
        if name not in port.names:
            return super().accumulator(port, name)
        shape = port.shapes[name]
        column = port.sums(name).detach().numpy().reshape(-1, 1)
        return column.repeat(_row_size(shape), axis=1).reshape(shape)

    def write(self, port: _Module, name: str, accumulator: Any, t: int) -> None:
        """The first number of each row."""
        if name not in port.names:
            return
        port.sums(name).copy_(torch.from_numpy(_rows(accumulator))[:, 0])


def _row_size(shape: tuple[int, ...]) -> int:
    return math.prod(shape[1:])


def _rows(array: Any) -> Any:
    shape = array.shape or (1,)
    return np.ascontiguousarray(array).reshape(shape[0], _row_size(shape))


def _copies(width: int) -> int:
    return _WIDTH // math.gcd(width, _WIDTH)
