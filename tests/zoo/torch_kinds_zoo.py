"""Right torch ports that hold scalars, state or gradients in forms of their own."""

from __future__ import annotations

import numpy as np
import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["TORCH_KINDS"]


class RateInBinary64(SingleTensorAdagrad):
    """Rate, decay and eps are binary64 tensors without dimensions."""

    def _update(self, slots, weight_decay, eps, maximize):
        decay, small = (
            torch.tensor(x, dtype=torch.float64) for x in (weight_decay, eps)
        )
        for theta, g, s, clr in slots:
            g = -g if maximize else g
            g = g + decay * theta if weight_decay else g
            s.add_(g * g)
            rate = torch.tensor(clr, dtype=torch.float64)
            theta.sub_((rate * g) / (s.sqrt() + small))


class GroupedByFormat(SingleTensorAdagrad):
    """Calls for lists of tensors, one list for each format."""

    def _update(self, slots, weight_decay, eps, maximize):
        by_kind = {}
        for slot in slots:
            by_kind.setdefault(slot.theta.dtype, []).append(slot)
        for listed in by_kind.values():
            thetas, gs, sums = ([slot[i] for slot in listed] for i in range(3))
            if maximize:
                gs = torch._foreach_neg(gs)
            if weight_decay:
                gs = torch._foreach_add(gs, thetas, alpha=weight_decay)
            torch._foreach_addcmul_(sums, gs, gs)
            roots = torch._foreach_add(torch._foreach_sqrt(sums), eps)
            updates = torch._foreach_div(gs, roots)
            torch._foreach_mul_(updates, [slot.clr for slot in listed])
            torch._foreach_sub_(thetas, updates)


class ThroughNumpy(SingleTensorAdagrad):
    """NumPy steps the memory of the tensors."""

    def _update(self, slots, weight_decay, eps, maximize):
        with np.errstate(all="ignore"):
            for slot in slots:
                theta, g, s = (x.detach().numpy() for x in slot[:3])
                g = -g if maximize else g
                g = g + weight_decay * theta if weight_decay else g
                s += g * g
                theta -= slot.clr * (g / (np.sqrt(s) + eps))


class InPieces(SingleTensorAdagrad):
    """Flat pieces of 33 elements; the last of each is stepped by another formula."""

    def _update(self, slots, weight_decay, eps, maximize):
        for slot in slots:
            flat = [x.reshape(-1) for x in slot[:3]]
            for part in zip(*(x.split(33) for x in flat), strict=True):
                theta, g, s = part
                short = theta.numel() < 33
                g = -g if maximize else g
                g = torch.add(g, theta, alpha=weight_decay) if weight_decay else g
                s.add_(g * g) if short else s.addcmul_(g, g)
                d = s.sqrt().add_(eps)
                if short:
                    theta.sub_(slot.clr * g * d.reciprocal())
                else:
                    theta.addcdiv_(g, d, value=-slot.clr)
            for whole, one in zip(slot[:3:2], flat[::2], strict=True):
                whole.copy_(one.reshape(whole.shape))


class RowByRow(SingleTensorAdagrad):
    """Rows one after another, the odd ones by quotients and the even by products."""

    def _update(self, slots, weight_decay, eps, maximize):
        for slot in slots:
            rows = [x if x.dim() else x.reshape(1) for x in slot[:3]]
            for number, (theta, g, s) in enumerate(zip(*rows, strict=True)):
                g = -g if maximize else g
                g = g + weight_decay * theta if weight_decay else g
                s.copy_(s + g.square())
                d = torch.sqrt(s) + eps
                odd = number % 2
                theta.sub_(slot.clr * (g / d) if odd else g * (slot.clr / d))


class DecayOfNone(SingleTensorAdagrad):
    """weight_decay may be None, which is off too, and is what is left out."""

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=None, **others):
        super().__init__(params, lr, lr_decay, weight_decay or 0, **others)


class CountsInLongs(SingleTensorAdagrad):
    """t is an int64 tensor without dimensions, read where it is used."""

    shape: tuple = ()

    def _count(self, p):
        t = int(self.state[p]["step"])
        self.state[p]["step"] = torch.full(self.shape, t, dtype=torch.int64)

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self._count(p)

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            self.state[p]["step"] = int(self.state[p]["step"])
        super()._step_group(group, pairs)
        for p, _ in pairs:
            self._count(p)


class CountsInOneElement(CountsInLongs):
    """t is a tensor of one element, as some programs have it."""

    shape = (1,)


class ByMaskedRows(SingleTensorAdagrad):
    """A sparse gradient is made dense; rows that it lacks are left by a mask."""

    def _step_group(self, group, pairs):
        dense, kept = [], []
        for p, grad in pairs:
            if grad.is_sparse and not p.is_complex():
                rows = torch.ones(p.shape[:1], dtype=torch.bool)
                rows[grad.coalesce().indices()[0]] = False
                state = self.state[p]
                kept.append((p, state, rows, p[rows], state["sum"][rows]))
                grad = self._dense(grad)
            dense.append((p, grad))
        super()._step_group(group, dense)
        for p, state, rows, theta, total in kept:
            p[rows] = theta
            state["sum"][rows] = total

    @staticmethod
    def _dense(grad):
        # duplicates are summed in binary32 where the format has 16 bits
        return grad.coalesce().to_dense()


class OnTheTensor(SingleTensorAdagrad):
    """What a param's step leaves is an attribute of the tensor; `state` shows it."""

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        for p, _ in pairs:
            p.adagrad = self.state[p]


def _port(factory, **more):
    return lambda: TorchAdapter(factory.__name__, factory, **more)


#: Ports that can do everything.
TORCH_KINDS = {
    factory.__name__: _port(factory)
    for factory in (
        RateInBinary64,
        GroupedByFormat,
        ThroughNumpy,
        InPieces,
        RowByRow,
        DecayOfNone,
        CountsInLongs,
        CountsInOneElement,
        ByMaskedRows,
        OnTheTensor,
    )
}
