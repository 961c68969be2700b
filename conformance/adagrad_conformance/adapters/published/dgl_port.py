"""DGL's SparseAdagrad over node embeddings, in one process and on its key-value store.

Its documentation: sparse, so that only embeddings with a gradient are updated; eps is
"the term added to the denominator"; binary32.  A param is the table of an embedding
with a row for each index of the first dimension, and a gradient is that of a lookup of
all rows, or of the rows of a sparse gradient.

Each step begins with zero_grad, as with any optimizer of torch: the loops of the
documentation do not show it, but without it a step takes the lookups of all steps
before it too.  `documented` is judged by what is documented; `local` is the same with
eps inside the root, as in the code, so that this fault hides no others.

The accumulators lie in the embedding, where a new optimizer puts its own; the embedding
has `set_optm_state` for that.  Where two optimizers have one embedding, each gets its
own accumulators back before it is used.

The package's graphbolt was built for older versions of torch and cannot be loaded
beside this one.  The optimizers do not need it; an empty module stands in its place.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays
from adagrad_conformance.adapters.base import Sparse

os.environ.setdefault("DGLBACKEND", "pytorch")
os.environ.setdefault("DMLC_LOG_STACK_TRACE_DEPTH", "0")  # of its messages
sys.modules.setdefault("dgl.graphbolt", ModuleType("dgl.graphbolt"))

import dgl  # noqa: E402
from dgl.distributed.graph_partition_book import (  # noqa: E402
    NodePartitionPolicy,
    RangePartitionBook,
)

__all__ = ["DistributedAdapter", "LocalAdapter", "distributed", "documented", "local"]

_EDGE = ("_N", "_E", "_N")  # DGL's own names of the only types


@dataclass
class _Port:
    """An optimizer, and its accumulators by the names of its embeddings."""

    optimizer: Any
    embeddings: list[Any]
    sums: dict[str, Any]


@dataclass
class _Table:
    """A param: an embedding, and the shape that the param has."""

    embedding: Any
    shape: tuple[int, ...]

    @property
    def rows(self) -> torch.Tensor:
        """The numbers of all rows."""
        return torch.arange(self.embedding.num_embeddings)


class LocalAdapter(ArrayAdapter):
    """dgl.optim.SparseAdagrad, whose accumulators lie in the embeddings."""

    version, language = dgl.__version__, "Python (torch)"
    constants = MappingProxyType(
        {"lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0}
    )
    claims = (ArrayAdapter.PLAIN - {"binary64"}) | {
        *("sparse", "zero-eps", "zero-accumulator", "state-write", "many-steps"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
        "needs-elements",  # a table is shared memory, of which there is no empty one
    }
    refusals = (*ArrayAdapter.refusals, dgl.DGLError)

    def __init__(self, name: str, dialect: str) -> None:
        self.name, self.dialect = name, dialect
        self.made = itertools.count()

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The optimizer of the embeddings, with the accumulators that it made."""
        embeddings = [table.embedding for table in params.values()]
        made = self.factory(embeddings, **options)
        return _Port(made, embeddings, {e.name: e.optm_state for e in embeddings})

    def own(self, port: Any) -> Any:
        """The optimizer, its accumulators in their embeddings."""
        for embedding in port.embeddings:
            embedding.set_optm_state(port.sums[embedding.name])
        return port.optimizer

    @property
    def factory(self) -> Any:
        """The optimizer's class."""
        return dgl.optim.SparseAdagrad

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """A lookup of each embedding with a gradient, its backward pass, a step."""
        optimizer = self.own(port)
        optimizer.zero_grad()
        for name, table in params.items():
            if gradients[name] is not None:
                rows, values = gradients[name]
                table.embedding(rows).backward(values)
        optimizer.step()

    def hold(self, name: str, array: Any) -> Any:
        """An embedding, under a name that no other process uses."""
        number = next(self.made)
        unique = f"{name}-{os.getpid()}-{number}"
        values = _rows(array)
        init = partial(_filled, values)
        try:
            found = dgl.nn.NodeEmbedding(*values.shape, unique, init_func=init)
        except dgl.DGLError as error:
            words = re.sub(r"^\[[\d:]+\] ", "", str(error)).strip()  # without the time
            raise dgl.DGLError(words) from None
        return _Table(found, array.shape)

    def show(self, param: Any) -> Any:
        """A param, or an accumulator in the param's shape."""
        if isinstance(param, _Table):
            param = self.weight(param).reshape(param.shape)
        return param.numpy().copy()

    def weight(self, table: _Table) -> torch.Tensor:
        """The weight of the embedding."""
        found: torch.Tensor = table.embedding.weight
        return found

    def accumulator(self, port: Any, name: str) -> Any:
        """The accumulator of the embedding."""
        self.own(port)
        return self._sums(name).reshape(self.params[name].shape)

    def _sums(self, name: str) -> torch.Tensor:
        (found,) = self.params[name].embedding.optm_state
        assert isinstance(found, torch.Tensor)
        return found

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The accumulator of the embedding; the optimizer has no counter."""
        self.own(port)
        self._sums(name).copy_(_rows(accumulator))

    def state(self, port: Any) -> Any:
        """The state dict."""
        return self.own(port).state_dict()

    def restore(self, port: Any, state: Any) -> None:
        """A call of load_state_dict."""
        self.own(port).load_state_dict(state)

    def to_bytes(self, state: Any) -> bytes:
        """The bytes of torch.save."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        return buffer.getvalue()

    def from_bytes(self, raw: bytes) -> Any:
        """The state of torch.load, under this process's names of the embeddings."""
        state = torch.load(io.BytesIO(raw), weights_only=True)
        own = {_param(t.embedding.name): t.embedding.name for t in self.params.values()}
        state["state"] = {own[_param(n)]: kept for n, kept in state["state"].items()}
        return state

    def give(self, gradient: Any, like: Any) -> Any:
        """The numbers of all rows, and a gradient for each."""
        return like.rows, _rows(gradient)

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """The numbers of the gradient's rows, repeated ones too, and their values."""
        return torch.tensor(gradient.indices, dtype=torch.int64), _rows(values)


class DistributedAdapter(LocalAdapter):
    """dgl.distributed.optim.SparseAdagrad, of one trainer with a store of its own."""

    claims = LocalAdapter.claims - {"needs-elements"}

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The optimizer of the embeddings, which keeps the accumulators itself."""
        embeddings = [table.embedding for table in params.values()]
        return _Port(self.factory(embeddings, **options), [], {})

    def begin(self, tensors: Mapping[str, Any]) -> None:
        """A process group of one, which distributed training needs."""
        if not torch.distributed.is_initialized():
            dgl.distributed.initialize(None)
            store = torch.distributed.HashStore()  # type: ignore[attr-defined]
            torch.distributed.init_process_group(
                "gloo", store=store, rank=0, world_size=1
            )
        super().begin(tensors)

    @property
    def factory(self) -> Any:
        """The optimizer's class."""
        return dgl.distributed.optim.SparseAdagrad

    def hold(self, name: str, array: Any) -> Any:
        """An embedding of the nodes of a graph with one part."""
        values, count = _rows(array), len(_rows(array))
        book = RangePartitionBook(
            *(0, 1, {"_N": np.array([[0, count]])}, {_EDGE: np.array([[0, 0]])}),
            *({"_N": 0}, {_EDGE: 0}),
        )
        made = dgl.distributed.DistEmbedding(
            *values.shape,
            f"{name}-{next(self.made)}",
            init_func=lambda shape, dtype: values.clone(),
            part_policy=NodePartitionPolicy(book),
        )
        return _Table(made, array.shape)

    def weight(self, table: _Table) -> torch.Tensor:
        """The weight, pulled from the store."""
        found: torch.Tensor = table.embedding.weight[table.rows]
        return found

    def accumulator(self, port: Any, name: str) -> Any:
        """The accumulator in the local state dict."""
        table = self.params[name]
        [found] = _sums_of(port.optimizer.local_state_dict(), table).values()
        return found.reshape(table.shape)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """A call of load_local_state_dict with another accumulator."""
        state, table = port.optimizer.local_state_dict(), self.params[name]
        sums = _sums_of(state, table)
        sums |= dict.fromkeys(sums, _rows(accumulator))
        port.optimizer.load_local_state_dict(state)

    def state(self, port: Any) -> Any:
        """The local state dict."""
        return port.optimizer.local_state_dict()

    def restore(self, port: Any, state: Any) -> None:
        """A call of load_local_state_dict."""
        port.optimizer.load_local_state_dict(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The state of torch.load, under this process's names of the embeddings."""
        state = torch.load(io.BytesIO(raw), weights_only=True)
        own = {_param(t.embedding.name): t.embedding.name for t in self.params.values()}
        named = {}
        for old, kept in state["emb_states"].items():
            new = own[_param(old)]
            sums = {n.replace(old, new, 1): s for n, s in kept["states"].items()}
            named[new] = {**kept, "states": sums}
        return {**state, "emb_states": named}


def _rows(array: Any) -> torch.Tensor:
    shape = array.shape or (1,)
    table = np.ascontiguousarray(array).reshape(shape[0], math.prod(shape[1:]))
    return torch.from_numpy(table)


def _filled(values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    return table.copy_(values)


def _param(name: str) -> str:
    """The name of the param that an embedding is named after."""
    return name.rsplit("-", 2)[0]


def _sums_of(state: Any, table: _Table) -> dict[str, torch.Tensor]:
    """The accumulators of an embedding in a local state dict, by their names."""
    found: dict[str, torch.Tensor] = state["emb_states"][table.embedding.name]["states"]
    return found


def documented() -> LocalAdapter:
    """The optimizer, judged by its documentation."""
    return LocalAdapter("dgl", "document")


def local() -> LocalAdapter:
    """The optimizer, judged with eps inside the root."""
    return LocalAdapter("dgl/zero-grad", "eps-inside")


def distributed() -> DistributedAdapter:
    """The optimizer for several trainers."""
    return DistributedAdapter("dgl/distributed", "document")
