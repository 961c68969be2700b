"""torch's Adagrad over two processes: ZeroRedundancyOptimizer, and DTensor params.

ZeroRedundancyOptimizer gives each rank some of the params to step; DTensors have half
of their rows on each rank.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from adagrad_conformance.adapters.base import OptionValues, Reading, Tensor
from adagrad_conformance.adapters.bases.two_ranks import TwoRanksAdapter
from adagrad_conformance.adapters.torch_optim import TorchAdapter, from_torch

__all__ = ["DTensorRank", "ZeroRank", "dtensor", "zero_redundancy"]


class _Rank(TorchAdapter):
    """The adapter on one of the two ranks."""

    def meet(self) -> None:
        """Wait for the other rank."""
        dist.barrier()

    def load_of(
        self, optimizer: str, name: str, via: str, raws: list[bytes] | None
    ) -> None:
        """Load the save of this rank, or its part of the bytes of both ranks."""
        payload = None if raws is None else raws[dist.get_rank()]
        self.load(optimizer, name, via, payload)


#: Its documentation: "supports using the same dense type for all parameters".
#: What native checks need.
_NATIVE = ("torch", "pickle", "compile")
_ONE_DENSE_TYPE = ("mixed-formats", "complex", "sparse")


class ZeroRank(_Rank):
    """ZeroRedundancyOptimizer over torch.optim.Adagrad."""

    def __init__(self) -> None:
        fixed = {"optimizer_class": torch.optim.Adagrad}
        lacks = {*_NATIVE, "many-steps", "state-write", *_ONE_DENSE_TYPE}
        super().__init__("torch/zero-redundancy", ZeroRedundancyOptimizer, fixed, lacks)

    def reading(self, name: str, optimizer: Any) -> Reading:
        """The state of the optimizer that this rank has for its own params."""
        return super().reading(name, optimizer.optim)

    def save(self, optimizer: str, name: str) -> bytes:
        """The state dict, which consolidate_state_dict brings to rank 0."""
        port = self.optimizers[optimizer]
        port.consolidate_state_dict(to=0)
        return super().save(optimizer, name) if dist.get_rank() == 0 else b""

    def load_of(
        self, optimizer: str, name: str, via: str, raws: list[bytes] | None
    ) -> None:
        """A broadcast of the state dict from rank 0."""
        port = self.optimizers[optimizer]
        given: list[Any] = [None]
        if dist.get_rank() == 0:
            if via == "same-object":
                given = [self.saves[name][0]]
            elif via == "deepcopy":
                given = [copy.deepcopy(self.saves[name][1])]
            else:
                raw = self.saves[name][2] if raws is None else raws[0]
                given = [self.from_bytes(raw)]
        mine = given[0]
        dist.broadcast_object_list(given, src=0)
        port.load_state_dict(given[0] if mine is None else mine)


class DTensorRank(_Rank):
    """torch.optim.Adagrad over params whose rows are shared out."""

    def __init__(self) -> None:
        lacks = {*_NATIVE, "many-steps", "sparse", "layout"}
        super().__init__("torch/dtensor", torch.optim.Adagrad, None, lacks)
        self.mesh: Any = None

    def make_tensor(self, tensor: Tensor) -> Any:
        """A tensor whose rows are shared out; a scalar is on both ranks."""
        self.mesh = self.mesh or init_device_mesh("cpu", (2,))
        placed = [Shard(0) if tensor.shape else Replicate()]
        return distribute_tensor(super().make_tensor(tensor), self.mesh, placed)

    def show_param(self, param: Any) -> Tensor:
        """The whole param, which both ranks gather."""
        return from_torch(_whole(param))

    def reading(self, name: str, optimizer: Any) -> Reading:
        """The whole param, gradient and accumulator, and the counter."""
        p = self.params[name]
        state = optimizer.state.get(p, {})
        total, step = (state.get(key) for key in self.keys)
        return Reading(
            from_torch(_whole(p)),
            None if p.grad is None else from_torch(_whole(p.grad)),
            None if total is None else from_torch(_whole(total)),
            None if step is None else int(step.item()),
        )

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """The constructor; no argument is fixed."""
        return self.factory(params, **options)


def _whole(tensor: Any) -> torch.Tensor:
    found: torch.Tensor = tensor.detach()
    return found.full_tensor() if isinstance(found, DTensor) else found


_HERE = __name__


def zero_redundancy() -> TwoRanksAdapter:
    """ZeroRedundancyOptimizer on two ranks."""
    return TwoRanksAdapter(f"{_HERE}:ZeroRank", ZeroRank)


def dtensor() -> TwoRanksAdapter:
    """torch.optim.Adagrad over DTensors on two ranks."""
    return TwoRanksAdapter(f"{_HERE}:DTensorRank", DTensorRank)
