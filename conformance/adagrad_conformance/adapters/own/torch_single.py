"""Adagrad in torch, one tensor after the other."""

from __future__ import annotations

from torch import Tensor

from .torch_base import AdagradBase, Slot

__all__ = ["SingleTensorAdagrad", "adagrad_"]


def adagrad_(
    theta: Tensor,
    g: Tensor,
    s: Tensor,
    clr: float,
    weight_decay: float,
    eps: float,
    maximize: bool,
) -> None:
    """Take one step on real tensors of one shape: `theta` and `s` change, `g` not."""
    if maximize:
        g = -g  # ALG-9
    if weight_decay != 0:  # no product with 0: an infinite theta would make it NaN
        g = g.add(theta, alpha=weight_decay)  # ALG-5
    s.addcmul_(g, g)  # ALG-6
    theta.addcdiv_(g, s.sqrt().add_(eps), value=-clr)  # ALG-7: eps outside the root


class SingleTensorAdagrad(AdagradBase):
    """`AdagradBase` (arguments, state and errors are there), tensor by tensor."""

    def _update(
        self, slots: list[Slot], weight_decay: float, eps: float, maximize: bool
    ) -> None:
        for slot in slots:
            adagrad_(*slot, weight_decay, eps, maximize)
