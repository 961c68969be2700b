"""Right torch ports that work in unusual ways; none may be accused."""

from __future__ import annotations

import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad


class Pure(SingleTensorAdagrad):
    """New tensors from `torch.addcmul` and `torch.addcdiv`, copied back."""

    def _update(self, slots, weight_decay, eps, maximize):
        for theta, g, s, clr in slots:
            g = -g if maximize else g
            g = torch.add(g, theta, alpha=weight_decay) if weight_decay else g
            total = torch.addcmul(s, g, g)
            s.copy_(total)
            theta.copy_(torch.addcdiv(theta, g, total.sqrt() + eps, value=-clr))


class Mapped(SingleTensorAdagrad):
    """A scalar formula, mapped over the elements by `torch.vmap`."""

    def _update(self, slots, weight_decay, eps, maximize):
        for theta, g, s, clr in slots:
            if theta.numel() == 0:
                continue

            def step(x, g, s, clr=clr):
                g = -g if maximize else g
                g = g + weight_decay * x if weight_decay else g
                s = s + g * g
                return x - clr * g / (s.sqrt() + eps), s

            flat = (x.reshape(-1) for x in (theta, g, s))
            new_theta, new_s = torch.vmap(step)(*flat)
            theta.copy_(new_theta.reshape(theta.shape))
            s.copy_(new_s.reshape(s.shape))


class RateAsTensor(SingleTensorAdagrad):
    """The scalars are tensors of the format, without dimensions."""

    def _update(self, slots, weight_decay, eps, maximize):
        for theta, g, s, clr in slots:
            held = [theta.new_tensor(x) for x in (clr, weight_decay, eps)]
            g = -g if maximize else g
            g = g + held[1] * theta if weight_decay else g
            s.add_(g * g)
            theta.sub_(held[0] * (g / (s.sqrt() + held[2])))


class InBinary64(SingleTensorAdagrad):
    """binary32 is computed in binary64 and rounded when it is stored."""

    def _update(self, slots, weight_decay, eps, maximize):
        wide = [
            slot._replace(theta=slot.theta.double(), s=slot.s.double())
            for slot in slots
        ]
        for slot, new in zip(slots, wide, strict=True):
            new = new._replace(g=slot.g.double())
            super()._update([new], weight_decay, eps, maximize)
            slot.theta.copy_(new.theta)
            slot.s.copy_(new.s)


class CountsInTensor(SingleTensorAdagrad):
    """t is a binary64 tensor without dimensions."""

    kind = torch.float64

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["step"] = torch.tensor(0.0, dtype=self.kind)


class CountsInBinary32(CountsInTensor):
    """t is torch's own kind of tensor; the rate is formed in binary32."""

    kind = torch.float32


class LateState(SingleTensorAdagrad):
    """Accumulator and counter are made by a param's first step, and nothing sooner."""

    def __init__(self, params, lr=1e-2, weight_decay=0.0, eps=1e-10, *, maximize=False):
        super().__init__(
            params, lr, weight_decay=weight_decay, eps=eps, maximize=maximize
        )

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            del self.state[p]

    def load_state_dict(self, state_dict):
        torch.optim.Optimizer.load_state_dict(self, state_dict)

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            if p not in self.state:
                self.state[p] = {"step": 0, "sum": torch.zeros_like(p)}
        super()._step_group(group, pairs)


#: Ports that can do everything.
TORCH_ZOO = (Pure, Mapped, RateAsTensor, InBinary64)
