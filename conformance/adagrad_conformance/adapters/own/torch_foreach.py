"""Adagrad in torch, one call for many tensors of one device and format."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from .torch_base import AdagradBase, Slot

__all__ = ["ForeachAdagrad", "foreach_adagrad_"]

Tensors = tuple[Tensor, ...]


def foreach_adagrad_(
    thetas: Tensors,
    gs: Tensors,
    sums: Tensors,
    clrs: tuple[float, ...],
    weight_decay: float,
    eps: float,
    maximize: bool,
) -> None:
    """Take one step on tuples of real tensors: `thetas` and `sums` change, `gs` not.

    The i-th tensors have one shape, and all of them one device and dtype.
    """
    if maximize:
        gs = torch._foreach_neg(gs)  # ALG-9
    if weight_decay != 0:  # no product with 0: an infinite theta would make it NaN
        gs = torch._foreach_add(gs, thetas, alpha=weight_decay)  # ALG-5
    torch._foreach_addcmul_(sums, gs, gs)  # ALG-6
    stds = torch._foreach_sqrt(sums)
    torch._foreach_add_(stds, eps)  # eps outside the root
    torch._foreach_addcdiv_(thetas, gs, stds, [-clr for clr in clrs])  # ALG-7


class ForeachAdagrad(AdagradBase):
    """`AdagradBase` (arguments, state and errors are there), by lists of tensors."""

    def _update(
        self, slots: list[Slot], weight_decay: float, eps: float, maximize: bool
    ) -> None:
        batches: dict[Any, list[Slot]] = defaultdict(list)
        for slot in slots:
            batches[slot.theta.device, slot.theta.dtype].append(slot)
        for batch in batches.values():
            thetas, gs, sums, clrs = zip(*batch, strict=True)
            foreach_adagrad_(thetas, gs, sums, clrs, weight_decay, eps, maximize)
