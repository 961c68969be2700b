"""Mutants by address: memory that is used again, or shared, is taken for its owner."""

from __future__ import annotations

from typing import ClassVar

from mutant_kit import Bent
from open_port import Open

KIND = "state"


class SumKeptByAddress(Bent):
    """S is kept for the process by the address of a param, which may be used again.

    A new model starts where one that is gone has ended.
    """

    home: ClassVar[dict] = {}

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            fresh = self.state[p]["sum"]
            kept = self.home.setdefault(id(p), fresh)
            if kept.shape == fresh.shape and kept.dtype == fresh.dtype:
                self.state[p]["sum"] = kept
            else:
                self.home[id(p)] = fresh


class SquareByPointer(Open):
    """The square of a gradient is kept by its address and shape.

    A gradient that is written anew in the same memory is squared as it was.
    """

    kind = "gradients"

    def move(self, p, g, s, o):
        self.key = g.data_ptr(), g.shape, g.dtype
        super().move(p, g, s, o)

    def squared(self, g):
        return self.__dict__.setdefault("squares", {}).setdefault(self.key, g * g)


class SumByStorage(Open):
    """S is kept by the storage of a param.

    Params that are pieces of one flat buffer, of one shape, share their S.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        sums = self.__dict__.setdefault("sums", {})
        for p in self.param_groups[-1]["params"]:
            key = p.untyped_storage().data_ptr(), p.shape, p.dtype
            if p.numel():
                self.state[p]["sum"] = sums.setdefault(key, self.state[p]["sum"])


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SumKeptByAddress: ("groups/add",),
    SquareByPointer: ("none-vs-zero/none-skips",),
    SumByStorage: ("algorithm/in-place",),
}
